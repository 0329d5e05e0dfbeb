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

    from agent_exec.process.identity import ProcessStat

# Where there is no descriptor of a process: soon at first, then ever more seldom.
_LOOK_FIRST_S = 0.005
_LOOK_MOST_S = 0.25
_KEPT_DESCRIPTORS = 48  # for all else that a program opens
_LONGEST_S = 86400.0  # poll(2) takes no more than 24 days; whoever waits longer asks again


class ExitWatch:
    """Whether one process has ended; owns a descriptor of it until ``close``, if it gets one."""

    def __init__(self, pid: int, start_ticks: int | None = None) -> None:
        """Watch the process *pid*, and only if it is the one that started at *start_ticks*."""
        self.pid = pid
        self.fd = _open_handle(pid)
        self._has_ended = False
        stat = identity.read_stat(pid)
        self._start_ticks = stat.start_ticks if stat else start_ticks or 0
        if not self._may_live(stat) or start_ticks not in (None, 0, self._start_ticks):
            self._end()

    def _may_live(self, stat: ProcessStat | None) -> bool:
        if stat is None:
            return identity.exists(self.pid)  # one that /proc hides from us
        return stat.is_alive and stat.start_ticks == self._start_ticks

    @property
    def has_ended(self) -> bool:
        """Whether the process is over; never true before it is."""
        if self._has_ended:
            return True
        if self.fd >= 0:
            if _readable([self.fd], 0.0):
                self._end()
        elif not self._may_live(identity.read_stat(self.pid)):
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
    handles = [watch.fd for watch in living if watch.fd >= 0]
    pause_s = _LOOK_FIRST_S
    while (left_s := give_up_at - time.monotonic()) > 0:
        if any(watch.has_ended for watch in living):
            return
        if _readable(handles, min(left_s, pause_s) if living else left_s):
            return
        pause_s = min(2 * pause_s, _LOOK_MOST_S)


def _open_handle(pid: int) -> int:
    """A descriptor that becomes readable when a process ends; -1 where there is none to be had.

    The last descriptors of this program are left to it: it can do without these.
    """
    if not hasattr(os, "pidfd_open") or not 0 < pid < 2**31:
        return -1
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return -1
    if handle >= _most_descriptors() - _KEPT_DESCRIPTORS:
        os.close(handle)
        return -1
    return handle


def _most_descriptors() -> int:
    most = os.sysconf("SC_OPEN_MAX")
    return most if most > 0 else 2**31


def _readable(fds: list[int], timeout_s: float) -> bool:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return bool(poll.poll(min(max(0.0, timeout_s), _LONGEST_S) * 1000))
