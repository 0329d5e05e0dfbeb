"""Signals a job may be sent, by name or number."""

from __future__ import annotations

import signal

from agent_exec.errors import InvalidSignalError
from agent_exec.model.lazy_dataclass import dataclass

# What the program makes of them is its own business; one that is stopped is told as paused.
ALLOWED_NAMES = (
    "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "WINCH", "STOP", "TSTP", "ABRT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of this system; ``name`` is without ``SIG`` ("TERM")."""

    number: int
    name: str


_ALLOWED = {name: Signal(int(signal.Signals[f"SIG{name}"]), name) for name in ALLOWED_NAMES}
_BY_NUMBER = {allowed.number: allowed for allowed in _ALLOWED.values()}


def parse_signal(text: str, *, refused: tuple[str, ...] = ()) -> Signal:
    """Read ``TERM``, ``sigterm`` or ``15``; none of those *refused*.

    Raises:
        InvalidSignalError: unknown, or one that jobs are not sent.
    """
    word = text.strip().upper()
    if word.isascii() and word.isdigit():
        found = _BY_NUMBER.get(int(word)) if len(word) < 4 else None
    else:
        found = _ALLOWED.get(word.removeprefix("SIG"))
    if found is None or found.name in refused:
        names = ", ".join(name for name in ALLOWED_NAMES if name not in refused)
        raise InvalidSignalError(
            f"signal {text!r} is not one jobs are sent; use one of {names}, "
            "with or without SIG, or its number"
        )
    return found
