"""Selecting with the mouse: within the pane where the drag began, copied when the button is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from agent_exec_tui import clipboard
from agent_exec_tui.ansi import plain_lines
from agent_exec_tui.job_rows import clean

if TYPE_CHECKING:
    from textual.selection import Selection
    from textual.widget import Widget

Answer = TypeVar("Answer")


class SelectingScreen(Screen[Answer]):
    """A screen whose text can be selected and is then on the clipboard."""

    _copied: dict[Widget, Selection] | None = None

    def validate_selections(self, selections: dict[Widget, Selection]) -> dict[Widget, Selection]:
        """Keep to the widget where the button was pressed: what is beside it is another text."""
        start = self._select_state.start.content_widget if self._select_state else None
        if start is None:
            return {} if len(selections) > 1 else selections
        return {widget: part for widget, part in selections.items() if widget is start}

    def on_text_selected(self) -> None:
        """Copy what is selected, once: letting go of a scrollbar comes here, too."""
        if not self.selections or self.selections == self._copied:
            return
        self._copied = dict(self.selections)
        self.copy_selection()

    def copy_selection(self) -> bool:
        """Copy the selected text and say how much went which way; False if nothing is selected."""
        text = self.get_selected_text()
        if not text:
            return False
        told = clipboard.copy(self.app, "selection", plain_lines(text))
        self.app.notify(clean(told), markup=False)
        return True
