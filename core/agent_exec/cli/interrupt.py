"""^C while the program still loads itself: it leaves at once, for nothing was begun yet.

An exception there may fall into a callback of the import system, where Python prints it and
goes on as if nobody had asked.
"""

from __future__ import annotations

import os

from agent_exec.process.bare_signal import signal

EXIT_INTERRUPTED = 130  # what shells say of a program ended by Ctrl-C


def leave_at_once() -> None:
    """End the process at the next ^C, unless somebody else cares for it."""
    _replace(signal.default_int_handler, _leave)


def raise_again() -> None:
    """Let ^C be an exception from now on: there may be something to clean up."""
    _replace(_leave, signal.default_int_handler)


def _leave(_number: int, _frame: object) -> None:
    os._exit(EXIT_INTERRUPTED)


def _replace(present: object, wanted: object) -> None:
    if signal.getsignal(signal.SIGINT) is present:
        try:
            signal.signal(signal.SIGINT, wanted)  # type: ignore[arg-type]  # one of two handlers
        except ValueError:
            return  # only the main thread may, and only there is ^C an exception
