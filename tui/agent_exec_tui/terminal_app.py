"""The dashboard as a terminal's program: its failures go to the log, not to the screen."""

from __future__ import annotations

import logging
import select
import sys
from typing import TYPE_CHECKING

from textual import on

from agent_exec_tui.app import DashboardApp
from agent_exec_tui.messages import RowsRead

if TYPE_CHECKING:
    from rich.console import RenderableType

logger = logging.getLogger(__name__)

EXIT_FAILED = 1
HANG_UP_S = 3.0


class TerminalApp(DashboardApp):
    """The dashboard that does not show its failures to the user's terminal.

    Attributes:
        failure: what ended it.
    """

    failure: BaseException | None = None

    def on_mount(self) -> None:
        """Look now and then whether the terminal is still there."""
        if sys.platform == "linux":  # poll(2) knows no terminals on macOS
            self.set_interval(HANG_UP_S, self._look_for_hang_up)

    def _look_for_hang_up(self) -> None:
        """End with the terminal where no SIGHUP comes, as under nohup.

        The thread that reads the keys does not notice: it would read nothing, without a pause.
        """
        poll = select.poll()
        poll.register(0, 0)
        if any(mask & (select.POLLHUP | select.POLLERR) for _, mask in poll.poll(0)):
            self.panic()

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
        """End; the thread that reads the keys calls this when the terminal is gone."""
        if not self._exit:
            self._handle_exception(OSError("the terminal cannot be read any more"))
