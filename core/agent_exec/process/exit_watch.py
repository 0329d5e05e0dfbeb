"""Told when processes end, without asking again and again where the kernel can tell."""

from __future__ import annotations

import os
import select
import time

from agent_exec.process import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_LOOK_EVERY_S = 0.02  # where there is no descriptor of a process
_LONGEST_S = 86400.0  # poll(2) takes no more than 24 days; whoever waits longer asks again


class ExitWatch:
    """Whether one process has ended; owns a descriptor of it until ``close``."""

    def __init__(self, pid: int, start_ticks: int | None = None) -> None:
        """Watch the process *pid*, and only if it is the one that started at *start_ticks*."""
        self.pid = pid
        self.fd = -1
        self._has_ended = False
        if hasattr(os, "pidfd_open") and pid > 0:
            try:
                self.fd = os.pidfd_open(pid)
            except OSError:
                self.fd = -1
        stat = identity.read_stat(pid)
        self._start_ticks = stat.start_ticks if stat else 0
        if stat is None or not stat.is_alive or start_ticks not in (None, stat.start_ticks):
            self._end()

    @property
    def has_ended(self) -> bool:
        """Whether the process is over; never true before it is."""
        if self._has_ended:
            return True
        if self.fd >= 0:
            if _readable([self.fd], 0.0):
                self._end()
        else:
            stat = identity.read_stat(self.pid)
            if stat is None or not stat.is_alive or stat.start_ticks != self._start_ticks:
                self._end()
        return self._has_ended

    def _end(self) -> None:
        self._has_ended = True
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def await_exit(watches: Sequence[ExitWatch], timeout_s: float) -> None:
    """Return as soon as any of the processes has ended, or after *timeout_s* seconds.

    After a day it returns in any case.
    """
    timeout_s = min(timeout_s, _LONGEST_S)
    living = [watch for watch in watches if not watch.has_ended]
    if len(living) < len(watches):
        return
    if living and all(watch.fd >= 0 for watch in living):
        _readable([watch.fd for watch in living], timeout_s)
        return
    give_up_at = time.monotonic() + timeout_s
    while (left_s := give_up_at - time.monotonic()) > 0:
        if any(watch.has_ended for watch in living):
            return
        time.sleep(min(left_s, _LOOK_EVERY_S) if living else left_s)


def _readable(fds: list[int], timeout_s: float) -> bool:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return bool(poll.poll(min(max(0.0, timeout_s), _LONGEST_S) * 1000))
