"""What is told besides the answers; ``logging`` is loaded once there is something to tell."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

_preparations: list[Callable[[], None]] = []


def logger(name: str) -> Logger:
    """The logger of that name; loading it costs as much as most commands do in all (8 ms)."""
    import logging

    while _preparations:
        _preparations.pop()()
    return logging.getLogger(name)


def before_telling(prepare: Callable[[], None]) -> None:
    """Call *prepare* before the first logger is given out, instead of now."""
    _preparations[:] = [prepare]
