"""Signals that end a stream of documents between two of them, not within one."""

from __future__ import annotations

import contextlib
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAST_LINE_S = 1.0


class Ending:
    """Calls *stop* when a signal asks for the end.

    Attributes:
        status: what shells say of a program ended by that signal; 0 before it came.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        self.status = 0
        self._stop = stop
        for number in _ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._end)
        signal.signal(signal.SIGALRM, self._give_up)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.status = self.status or 128 + number
        self._stop()
        # Whoever should read the line may have stopped reading for good.
        with contextlib.suppress(OSError):  # refused by a sandbox: then there is no limit
            signal.setitimer(signal.ITIMER_REAL, _LAST_LINE_S)

    def _give_up(self, _number: int, _frame: FrameType | None) -> None:
        os._exit(self.status)
