"""The dashboard as a terminal's program: its failures go to the log, not to the screen."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from textual import on

from agent_exec_tui.app import DashboardApp
from agent_exec_tui.drawing import draw_anew
from agent_exec_tui.hang_up import EXIT_FAILED, HangUpWatch
from agent_exec_tui.messages import RowsRead

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from textual.driver import Driver

logger = logging.getLogger(__name__)


class TerminalApp(DashboardApp):
    """The dashboard that does not show its failures to the user's terminal.

    Attributes:
        failure: what ended it.
        hang_up: tells when the terminal is gone; its owner ends it.
    """

    failure: BaseException | None = None

    hang_up: HangUpWatch | None = None

    def get_driver_class(self) -> type[Driver]:
        """Take what comes from the terminal for what it is."""
        from agent_exec_tui.terminal_driver import TerminalDriver

        return TerminalDriver

    def shown_since(self) -> Callable[[], float | None]:
        """Give what tells when all that is drawn by now had reached the terminal."""
        from agent_exec_tui.terminal_driver import TerminalDriver

        driver = self._driver
        if not isinstance(driver, TerminalDriver):
            return super().shown_since()
        given = driver.given
        return lambda: driver.out_since(given)

    def on_mount(self) -> None:
        """End with the terminal; draw anew when it is given back."""
        self.app_resume_signal.subscribe(self, draw_anew)
        loop = asyncio.get_running_loop()
        if self.hang_up is not None:
            self.hang_up.start(lambda: loop.call_soon_threadsafe(self.panic))

    @on(RowsRead)
    def _warm_up(self, event: RowsRead) -> None:
        # Not sooner: the first picture comes first.
        if event.news.is_complete and not self.settings.read_only:
            self.main.session.warm_up()

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print the traceback with every local variable: values of environments,
        # raw output of jobs.
        logger.error("the dashboard failed", exc_info=error)
        if self._exit:
            return  # what fails in what is being taken down is of no concern any more
        self.failure = self.failure or error
        self._return_code = EXIT_FAILED
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End; called when the terminal is gone."""
        if not self._exit:
            self._handle_exception(OSError("the terminal cannot be read any more"))
