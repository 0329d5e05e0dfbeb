"""``--json`` and ``--json --watch``: what the dashboard would show, as documents."""

from __future__ import annotations

import os
import signal

from agent_exec.cli.call import STDOUT_FD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments
    from agent_exec.commands.watch_snapshot import DashboardWatch

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAST_LINE_S = 1.0


def answer_dashboard(arguments: Arguments, call: Call) -> int:
    """Write the snapshot, and with ``--watch`` what changes until somebody ends it."""
    filter_text = arguments.text("--filter")
    if not arguments.flag("--watch"):
        from agent_exec.commands.snapshot import dashboard_snapshot

        call.answer(dashboard_snapshot(call.store(), filter_text=filter_text, environ=call.environ))
        return 0
    from agent_exec.commands.watch_snapshot import DashboardWatch

    with DashboardWatch(
        call.store(), filter_text=filter_text, environ=call.environ, out_fd=STDOUT_FD
    ) as watch:
        end = _End(watch)
        for document in watch:
            call.answer(document)
        if not watch.has_reader:
            raise BrokenPipeError
        return end.status


class _End:
    """Lets a signal end the watch after the line that is being written.

    Attributes:
        status: what shells say of a program ended by that signal; 0 before it came.
    """

    def __init__(self, watch: DashboardWatch) -> None:
        self.status = 0
        self._watch = watch
        for number in _ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._end)
        signal.signal(signal.SIGALRM, self._give_up)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.status = self.status or 128 + number
        self._watch.stop()
        # Whoever should read the line may have stopped reading for good.
        signal.setitimer(signal.ITIMER_REAL, _LAST_LINE_S)

    def _give_up(self, _number: int, _frame: FrameType | None) -> None:
        os._exit(self.status)
