"""A job's processes by its cgroup, as a record names it."""

from __future__ import annotations

import os

from agent_exec.process import cgroup, identity
from agent_exec.process.descendants import is_supervisor
from agent_exec.process.mark import job_named_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.supervision import Supervision
    from agent_exec.process.identity import ProcessStat


def leaf_of(job_id: str, supervision: Supervision) -> str | None:
    """The cgroup of a run that still is there and proved to be its own; None without one."""
    path = supervision.cgroup
    if path is None or not cgroup.is_leaf_of(path, job_id, supervision.started_ns):
        return None
    return path


def members(path: str, job_id: str) -> list[ProcessStat]:
    """The living processes of the job itself, without jobs that were started from there."""
    return _sort_out(cgroup.pids_in(path), job_id)


def kill_at_once(path: str, job_id: str) -> bool:
    """Kill all of a cgroup in one stroke; False where that would hit another job or ourselves."""
    pids = cgroup.pids_in(path)
    if os.getpid() in pids:
        return False  # the job is a shell, say, and we were called from there
    own = {stat.pid for stat in _sort_out(pids, job_id)}
    return (
        bool(own) and not any(_lives(pid) for pid in pids if pid not in own) and cgroup.kill(path)
    )


def _lives(pid: int) -> bool:
    stat = identity.read_stat(pid)
    return stat is not None and stat.is_alive


def _sort_out(pids: list[int], job_id: str) -> list[ProcessStat]:
    supervisors = frozenset(pid for pid in pids if is_supervisor(pid))
    found = []
    for pid in pids:
        stat = identity.read_stat(pid)
        if stat is None or not stat.is_alive or pid in supervisors:
            continue
        if not _is_below(stat, supervisors) and _may_be_of(pid, job_id):
            found.append(stat)
    return found


def _is_below(stat: ProcessStat, supervisors: frozenset[int]) -> bool:
    parent: ProcessStat | None = stat
    while supervisors and parent is not None and parent.parent_pid > 1:
        if parent.parent_pid in supervisors:
            return True
        parent = identity.read_stat(parent.parent_pid)
    return False


def _may_be_of(pid: int, job_id: str) -> bool:
    """Whether a process does not say that it is another job's."""
    return job_named_by(pid) in (None, os.fsencode(job_id))
