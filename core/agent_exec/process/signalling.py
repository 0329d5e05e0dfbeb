"""Signals that cannot hit a stranger: the one place that sends any.

Whoever is signalled has been seen (``ProcessStat``), here and now and in this PID namespace; a
number that was only read from a record never gets here, but by ``process.recognition``. Kept
free of dataclasses: every supervisor loads this.
"""

from __future__ import annotations

import errno
import os

from agent_exec.process import identity
from agent_exec.process.bare_signal import signal
from agent_exec.process.descendants import children_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.process.identity import ProcessStat


def signal_process(target: ProcessStat, number: int) -> bool:
    """Send a signal to exactly that process; False when it is gone or may not be signalled."""

    def send(handle: int) -> None:
        if handle >= 0:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(target.pid, number)

    return _with_handle(target, send)


def signal_group(leader: ProcessStat, number: int) -> bool:
    """Signal the group that a process leads; False when it leads none, is gone or may not be.

    A group's number stays taken as long as its leader was not collected.
    """
    if leader.group != leader.pid:
        return False
    return _with_handle(leader, lambda _: os.killpg(leader.pid, number))


def signal_own_child(pid: int, number: int, *, group: bool = False) -> bool:
    """Signal a child of this process that was not collected: its pid cannot be another's.

    Args:
        pid: the child's.
        number: the signal.
        group: whether to signal the group that the child leads instead.
    """
    if pid <= 1:
        return False
    try:
        (os.killpg if group else os.kill)(pid, number)
    except OSError:
        return False  # collected a moment ago, or all of it changed its user
    return True


def _is_still(target: ProcessStat) -> bool:
    if target.is_hidden:
        return target.pid in children_of(target.parent_pid)
    stat = identity.read_stat(target.pid)
    return stat is not None and stat.start_ticks == target.start_ticks


def _with_handle(target: ProcessStat, send: Callable[[int], None]) -> bool:
    """Send while it is sure whose the pid is: behind a descriptor of the process if there is one.

    The kernel, or what a container lets through to it, may give none, for whatever reason it
    says; the window between look and signal is then microseconds.
    """
    if target.pid <= 1 or target.pid == os.getpid():
        return False
    handle = -1
    try:
        if hasattr(os, "pidfd_open"):
            handle = os.pidfd_open(target.pid)
    except OSError as error:
        if error.errno == errno.ESRCH:
            return False
    try:
        # Opened first, compared then: from here on the descriptor cannot come to mean another.
        if not _is_still(target):
            return False
        try:
            send(handle)
        except OSError as error:
            if handle < 0 or error.errno == errno.ESRCH:
                return False
            # A descriptor, yet no call to signal by it. A filter may say EPERM as the kernel does
            # of another user's process: that one then refuses this, too.
            send(-1)
    except OSError:
        return False
    finally:
        if handle >= 0:
            os.close(handle)
    return True
