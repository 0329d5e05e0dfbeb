"""What screens with logs share: a voice, what log views report, copying what the mouse selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual import on
from textual.screen import Screen

from agent_exec_tui import formatting
from agent_exec_tui.ansi import plain_lines
from agent_exec_tui.job_rows import clean
from agent_exec_tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from textual.selection import Selection
    from textual.widget import Widget

    from agent_exec_tui.widgets.bars import FooterBar

Answer = TypeVar("Answer")


class LogScreen(Screen[Answer], inherit_bindings=False):
    """A screen whose text can be selected and is then on the clipboard."""

    footer: FooterBar
    _copied: dict[Widget, Selection] | None = None

    def refresh_footer(self) -> None:
        """Draw the hints anew."""
        raise NotImplementedError

    def on_screen_suspend(self) -> None:
        """Something lies over this screen, and takes the keys."""
        self.footer.show([])

    def on_screen_resume(self) -> None:
        """The keys are ours again."""
        self.refresh_footer()

    def say(self, text: str, *, severity: str = "information", timeout_s: float = 4.0) -> None:
        """Show a toast; *text* is never markup."""
        level = severity if severity in ("warning", "error") else "information"
        self.app.notify(clean(text), severity=level, timeout=timeout_s, markup=False)  # type: ignore[arg-type]

    @on(LogView.Exported)
    def _exported(self, event: LogView.Exported) -> None:
        if event.problem:
            self.say(f"{event.path}: {event.problem}", severity="error")
        else:
            self.say(f"{event.lines:,} lines, {formatting.size(event.size_bytes)}: {event.path}")

    @on(LogView.SearchEnded)
    def _search_ended(self, event: LogView.SearchEnded) -> None:
        if event.outcome == "none":
            self.say(f"no {event.what} found", timeout_s=2)
        elif event.outcome == "wrapped":
            self.say("from the other end", timeout_s=2)

    # Selecting

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
        from agent_exec_tui import clipboard  # loads what the first picture needs not

        clipboard.copy(self.app, "selection", plain_lines(text))
        return True
