"""Signals end the dashboard as ``q`` does; the terminal is given back whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_LIMIT_S: Final = 3.0
"""A dashboard that cannot end by then is ended."""
# Every mode the dashboard sets, off: paste brackets, in-band sizes, mouse, keyboard protocol,
# alternate screen, focus reports; line wrap and the cursor on again, and no colour.
_RESTORE: Final = (
    b"\x1b[?2004l\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u"
    b"\x1b[?1049l\x1b[?1004l\x1b[?7h\x1b[?25h\x1b[0m"
)


@contextlib.contextmanager
def lent_terminal() -> Iterator[None]:
    """Leave the keys of INT and QUIT to another program, while that has the terminal."""

    def not_meant_for_us(_number: int, _frame: FrameType | None) -> None:
        # Not SIG_IGN: the other program would inherit that.
        pass

    keys = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, not_meant_for_us) for number in keys]
    try:
        yield
    finally:
        for number, handler in zip(keys, before, strict=True):
            signal.signal(number, handler)


class Ending:
    """Holds the signals that end programs for as long as it is entered.

    Attributes:
        status: what shells say of a program ended by that signal; 0 before one came.
    """

    def __init__(self) -> None:
        self.status = 0
        self._leave: Callable[[], object] | None = None
        self._is_deaf = False
        self._before: dict[int, object] = {}
        self._attributes: list[int | list[bytes | int]] | None = None
        with contextlib.suppress(termios.error, OSError, ValueError):
            self._attributes = termios.tcgetattr(sys.stdin)

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._end)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._give_up)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _end_within(0)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def leave_by(self, leave: Callable[[], object]) -> None:
        """From now on a signal calls *leave* in the event loop."""
        self._leave = leave

    def no_more(self) -> None:
        """What still has to be done is little and must be done: signals are noted only."""
        self._is_deaf = True
        _end_within(0)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.status = self.status or 128 + number
        if self._is_deaf:
            return
        import asyncio  # not at the top: a tenth of the way to the first picture

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise SystemExit(self.status) from None
        _end_within(_LIMIT_S)
        if self._leave is not None:
            loop.call_soon_threadsafe(self._leave)

    def _give_up(self, _number: int, _frame: FrameType | None) -> None:
        self.restore_terminal()
        os._exit(self.status)

    def restore_terminal(self) -> None:
        """Make the terminal what it was, past whatever broke."""
        with contextlib.suppress(OSError, ValueError, termios.error):
            if self._attributes is not None:
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._attributes)
        with contextlib.suppress(OSError, ValueError):
            if os.isatty(2):
                os.write(2, _RESTORE)


def _end_within(seconds: float) -> None:
    with contextlib.suppress(OSError):  # refused by a sandbox: then there is no limit
        signal.setitimer(signal.ITIMER_REAL, seconds)
