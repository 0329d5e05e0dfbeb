"""The line to type in, as all dialogs use it."""

from __future__ import annotations

from textual.widgets import Input


class LineInput(Input):
    """An input whose cursor stands still: over ssh every blink is a repaint."""

    def on_mount(self) -> None:
        """Switch the blinking off."""
        self.cursor_blink = False
