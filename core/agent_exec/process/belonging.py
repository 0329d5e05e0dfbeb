"""Which processes verifiably belong to a job's run, while it runs and after."""

from __future__ import annotations

import os

from agent_exec.model.timestamps import parse_timestamp
from agent_exec.process import cgroup, enclosed, identity
from agent_exec.process.descendants import (
    children_of,
    every_process,
    is_supervisor,
    living_descendants,
)
from agent_exec.process.liveness import is_possible_pid
from agent_exec.process.mark import job_named_by
from agent_exec.process.recognition import recognise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.job import JobState
    from agent_exec.model.supervision import Supervision
    from agent_exec.process.identity import ProcessStat
    from agent_exec.process.recognition import Sight
    from agent_exec.store.jobs import JobDir

_SECOND = 1.0  # what the records and the start of the system are rounded to


def leader_of(job: JobDir, state: JobState, supervision: Supervision | None) -> ProcessStat | None:
    """The job's own process, alive or not collected; None where it is not there, or not proved."""
    child = supervision.child if supervision is not None else None
    if child is not None:
        sight = recognise(child, job)
        stat = sight.stat or (_vouched_for(job, supervision) if sight.doubt else None)
    elif state.pid is not None and is_possible_pid(state.pid) and not state.is_terminal:
        stat = identity.read_stat(state.pid)  # another program's, of which this is all there is
    else:
        return None
    return stat if stat is not None and stat.group == stat.pid else None


def _vouched_for(job: JobDir, supervision: Supervision | None) -> ProcessStat | None:
    """The job's own process where /proc does not show it, but its supervisor has it as a child.

    A supervisor collects its child before it records an end, so the number is still that one's.
    """
    if supervision is None or supervision.child is None or not job.has_supervisor():
        return None
    pid, supervisor = supervision.child.pid, recognise(supervision.supervisor, job).stat
    if supervisor is None or pid not in children_of(supervisor.pid):
        return None
    return identity.read_below(pid, supervisor.pid)


def members_of(job: JobDir, state: JobState, supervision: Supervision | None) -> list[ProcessStat]:
    """Every living process of a job but this one, which may have been called from within it.

    A living supervisor of ours has all of them below it: it adopts what loses its parent. It is
    asked only if it is proved to be the one that the record names. Of a run in another PID
    namespace or on another machine nobody is found.
    """
    sight = _sight_of(job, supervision)
    if sight is not None and sight.elsewhere:
        return []
    if supervision is not None and job.has_supervisor():
        supervisor = recognise(supervision.supervisor, job).stat
        if supervisor is not None:
            below = living_descendants(supervisor.pid, _marks(job, state, supervision))
            return [stat for stat in below if stat.pid != os.getpid()]
    return _traced(job, state, supervision)


def _marks(job: JobDir, state: JobState, supervision: Supervision) -> tuple[bytes | None, ...]:
    """What the job's processes may say they are part of; one may run under a mark given to it."""
    leader = leader_of(job, state, supervision)
    given = job_named_by(leader.pid) if leader is not None else None
    return (None, os.fsencode(job.job_id), given)


def _sight_of(job: JobDir, supervision: Supervision | None) -> Sight | None:
    child = supervision.child if supervision is not None else None
    return recognise(child, job) if child is not None else None


def _traced(job: JobDir, state: JobState, supervision: Supervision | None) -> list[ProcessStat]:
    """What is found of a job without a supervisor: by descent, session, mark and cgroup."""
    leader = leader_of(job, state, supervision)
    marks = (None, os.fsencode(job.job_id), job_named_by(leader.pid)) if leader else ()
    found = {each.pid: each for each in living_descendants(leader.pid, marks)} if leader else {}
    every = every_process()
    number = leader.pid if leader is not None else _orphaned_session(job, state, supervision, every)
    name = os.fsencode(job.job_id)
    for stat in every:
        belongs = number > 0 and number in (stat.session, stat.group)
        if (belongs or job_named_by(stat.pid) == name) and not is_supervisor(stat.pid):
            found[stat.pid] = stat
    if leaf := leaf_of(job, supervision):
        found |= {stat.pid: stat for stat in enclosed.members(leaf, job.job_id)}
    found.pop(os.getpid(), None)
    return [stat for stat in found.values() if stat.is_alive]


def _orphaned_session(
    job: JobDir, state: JobState, supervision: Supervision | None, every: list[ProcessStat]
) -> int:
    """The number of a run's session whose leader is gone, if it is proved to be its own still.

    The kernel gives a number to nobody while a session has it. So it is that very session if
    one of its members was started while the leader was there: it can only have inherited it.
    """
    child = supervision.child if supervision is not None else None
    if child is None or state.pid != child.pid or not recognise(child, job).gone:
        return 0  # without a pid nobody saw when the end was
    ended_at = parse_timestamp(state.finished_at)
    began_s = supervision.started_ns / 1e9 if supervision is not None else 0.0
    if ended_at is None or not began_s:
        return 0
    for stat in every:
        if stat.session == child.pid and stat.pid != child.pid:
            started_s = identity.started_epoch_s(stat)
            if started_s is not None and began_s - _SECOND < started_s < ended_at.timestamp():
                return child.pid
    return 0


def leaf_of(job: JobDir, supervision: Supervision | None) -> str | None:
    """A run's cgroup, if it is there and proved to be its own."""
    return enclosed.leaf_of(job.job_id, supervision) if supervision is not None else None


def remove_leaf(job: JobDir, supervision: Supervision | None) -> None:
    """Remove a run's cgroup that its supervisor could not; it stays while anything lives there."""
    if leaf := leaf_of(job, supervision):
        cgroup.remove(leaf)
