"""Waiting for descriptors and for a moment, in one place."""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

READABLE = select.POLLIN
WRITABLE = select.POLLOUT

_LONGEST_MS = 2_000_000_000  # poll(2) counts in an int; 23 days, then one empty turn


class Loop:
    """Calls the handlers of descriptors that are ready; never wakes up for nothing."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._handlers: dict[int, tuple[Callable[..., None], tuple[object, ...]]] = {}

    def watch(self, fd: int, mask: int, handler: Callable[..., None], *arguments: object) -> None:
        """Have *handler* called whenever *fd* is ready for *mask*, has failed or has ended."""
        self._handlers[fd] = (handler, arguments)
        self._poll.register(fd, mask)

    def unwatch(self, fd: int) -> None:
        """Forget a descriptor; to be done before it is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def turn(self, moments: Iterable[float | None]) -> None:
        """Wait for a descriptor or the first of *moments* (monotonic seconds), then serve."""
        due = [moment for moment in moments if moment is not None]
        timeout_ms = None
        if due:
            # Rounded up: a timer looked at a fraction too early would mean one empty turn more.
            left_ms = (min(due) - time.monotonic()) * 1000 + 1
            timeout_ms = min(max(left_ms, 0.0), _LONGEST_MS)
        for fd, _ in self._poll.poll(timeout_ms):
            entry = self._handlers.get(fd)  # an earlier handler of this turn may have dropped it
            if entry is not None:
                handler, arguments = entry
                handler(*arguments)
