"""The processes below a process, and signals that cannot hit a stranger.

Kept free of dataclasses: every supervisor loads this.
"""

from __future__ import annotations

import errno
import os

from agent_exec.process import identity
from agent_exec.process.bare_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.process.identity import ProcessStat

# A supervisor's command line, in the form process.handover gives it. A job may start jobs; their
# supervisors become children of its own one, yet they are jobs of their own and not its tree.
# Helpers of a supervisor (sinks, matcher) are programs of the same directory.
_ISOLATED = b"-I"
_SUPERVISOR_DIRECTORY = b"/agent_exec/supervisor/"
_PEER_SUPERVISOR_WORD = b"_supervise"


def is_supervisor(pid: int) -> bool:
    """Whether a process supervises jobs or helps to, and so is no part of any job."""
    words = identity.command_line(pid)
    if words[1:2] == [_PEER_SUPERVISOR_WORD]:
        return True
    return words[1:2] == [_ISOLATED] and any(_SUPERVISOR_DIRECTORY in word for word in words[2:4])


def children_of(pid: int) -> list[int]:
    """The pids of a process's children, adopted ones included."""
    if pid <= 0:
        return []  # nobody's; the kernel calls itself the parent of the first processes
    if not identity.HAS_PROC:
        from agent_exec.process import darwin

        return darwin.children_of(pid)
    children: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            children += map(int, identity.read_file(f"/proc/{pid}/task/{task}/children").split())
    except FileNotFoundError:
        # The process or one of its threads went, or this kernel was built without that file.
        if not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):
            return [stat.pid for stat in every_process() if stat.parent_pid == pid]
    except OSError:
        pass
    return children


def every_process() -> list[ProcessStat]:
    """All processes this system shows; empty where it has no /proc."""
    if not identity.HAS_PROC:
        return []
    stats = (identity.read_stat(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [stat for stat in stats if stat is not None]


def living_descendants(pid: int) -> list[ProcessStat]:
    """Every living process below *pid*, without other jobs that were started from there."""
    found: list[ProcessStat] = []
    seen = {pid}
    waiting = children_of(pid)
    while waiting:
        child = waiting.pop()
        if child in seen:
            continue
        seen.add(child)
        stat = identity.read_stat(child)
        if stat is None or is_supervisor(child):
            continue
        if stat.is_alive:
            found.append(stat)
        waiting += children_of(child)
    return found


def signal_process(target: ProcessStat, number: int) -> bool:
    """Send a signal to exactly that process; False when it is gone or may not be signalled."""
    if target.pid <= 1 or target.pid == os.getpid():
        return False
    if not hasattr(os, "pidfd_open"):
        return _signal_by_pid(target, number)
    try:
        fd = os.pidfd_open(target.pid)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EMFILE, errno.ENFILE):
            return _signal_by_pid(target, number)
        return False
    try:
        # Opened first, compared then: from here on the descriptor cannot come to mean another.
        if not _is_still(target):
            return False
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _signal_by_pid(target: ProcessStat, number: int) -> bool:
    # No handle on processes here: the window between look and signal is microseconds.
    if not _is_still(target):
        return False
    try:
        os.kill(target.pid, number)
    except OSError:
        return False
    return True


def _is_still(target: ProcessStat) -> bool:
    stat = identity.read_stat(target.pid)
    return stat is not None and stat.start_ticks == target.start_ticks
