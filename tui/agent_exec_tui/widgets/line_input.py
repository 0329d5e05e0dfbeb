"""The line to type in, as all dialogs use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events


class LineInput(Input):
    """An input whose cursor stands still: over ssh every blink is a repaint."""

    passed_on: events.Key | None = None
    """The last key that was none of this line's business."""

    def on_key(self, event: events.Key) -> None:
        """Take note of what goes on to the screen."""
        self.passed_on = event

    def on_mount(self) -> None:
        """Switch the blinking off."""
        self.cursor_blink = False
