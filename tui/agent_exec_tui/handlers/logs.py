"""What the keys of a log pane do; the view itself does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.layout import Part
from agent_exec_tui.screens.menu import PromptDialog
from agent_exec_tui.screens.panes import SPLIT_STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.screens.main import MainScreen
    from agent_exec_tui.widgets.log_frame import LogFrame
    from agent_exec_tui.widgets.log_view import LogView


class LogHandlers:
    """Handlers of the group log, and the border between the panes."""

    def __init__(self, main: MainScreen, pane: Callable[[], LogFrame] | None = None) -> None:
        self._main = main
        self._find_pane = pane or (lambda: main.logs[main.panes.wish.stream])

    @property
    def _pane(self) -> LogFrame:
        return self._find_pane()

    @property
    def _view(self) -> LogView:
        return self._pane.view

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        return {
            **self.pane_handlers(),
            "log.stream": self._stream,
            "split.grow": lambda: self._main.panes.grow_logs(SPLIT_STEP),
            "split.shrink": lambda: self._main.panes.grow_logs(-SPLIT_STEP),
        }

    def pane_handlers(self) -> dict[str, Handler]:
        """By action id, what concerns the log pane alone."""
        return {
            "log.page_down": lambda: self._view.page(1),
            "log.page_up": lambda: self._view.page(-1),
            "log.left": lambda: self._view.pan(-8),
            "log.right": lambda: self._view.pan(8),
            "log.follow": lambda: self._view.toggle_follow(),
            "log.search": lambda: self._pane.open_search(),
            "log.next": lambda: self._view.next_hit(),
            "log.previous": lambda: self._view.previous_hit(),
            "log.only": lambda: self._view.toggle_only_matching(),
            "log.error_next": lambda: self._view.next_error(),
            "log.error_previous": lambda: self._view.previous_error(),
            "log.wrap": lambda: self._view.toggle_wrap(),
            "log.numbers": lambda: self._view.toggle_line_numbers(),
            "log.times": lambda: self._view.toggle_times(),
            "log.mark": lambda: self._view.add_mark(),
            "log.hide_before_mark": self._hide_before_mark,
            "log.goto": self._goto,
        }

    def _stream(self) -> None:
        """stdout, stderr, both: where one log is shown, the pane changes what it shows."""
        main = self._main
        shown = main.panes.shown() & {Part.STDOUT, Part.STDERR}
        pane = self._pane
        if len(shown) == 2:
            pane.toggle_both()
        elif pane.is_both:
            pane.toggle_both()
            main.panes.go(Part.STDOUT)
        elif main.panes.wish.stream is Part.STDOUT:
            main.panes.go(Part.STDERR)
        else:
            main.panes.go(Part.STDOUT)
            self._pane.toggle_both()
        main.job_changed()

    def _hide_before_mark(self) -> None:
        self._view.hide_before_mark()

    def _goto(self) -> None:
        def typed(answer: str | None) -> None:
            if answer and answer.strip().isdigit() and not self._view.go_line(int(answer)):
                self._main.say("no such line, or not counted yet", severity="warning")

        prompt = PromptDialog(
            "Go to line",
            does="go",
            check=lambda text: None if text.strip().isdigit() or not text else "a number",
        )
        self._main.app.push_screen(prompt, typed)
