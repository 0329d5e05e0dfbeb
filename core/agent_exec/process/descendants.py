"""The processes below a process.

Kept free of dataclasses: every supervisor loads this.
"""

from __future__ import annotations

import os

from agent_exec.process import identity
from agent_exec.process.mark import job_named_by

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


def living_descendants(pid: int, marks: tuple[bytes | None, ...] = ()) -> list[ProcessStat]:
    """Every living process below *pid*, without other jobs that were started from there.

    Args:
        pid: is not among them.
        marks: which jobs a process may say it is part of, None for one that says nothing. A job
            whose own supervisor died is known by nothing else. Empty lets them say anything.
    """
    found: list[ProcessStat] = []
    seen = {pid}
    waiting = [(child, pid) for child in children_of(pid)]
    while waiting:
        child, parent = waiting.pop()
        if child in seen:
            continue
        seen.add(child)
        stat = identity.read_below(child, parent)
        if stat is None or is_supervisor(child):
            continue
        if marks and job_named_by(child) not in marks:
            continue
        if stat.is_alive:
            found.append(stat)
        waiting += [(each, child) for each in children_of(child)]
    return found
