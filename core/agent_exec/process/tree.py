"""A job's processes as a whole: found, signalled, and named when they live on."""

from __future__ import annotations

import os
import signal
import time

from agent_exec.errors import UnverifiedProcessError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.process import cgroup, enclosed, identity
from agent_exec.process.descendants import (
    every_process,
    is_supervisor,
    living_descendants,
    signal_process,
)
from agent_exec.process.liveness import Verdict, assess, is_possible_pid
from agent_exec.process.mark import job_named_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.model.job import JobState
    from agent_exec.model.supervision import Supervision
    from agent_exec.process.identity import ProcessStat
    from agent_exec.store.jobs import JobDir

# These are for the program itself: a descendant in a session of its own did not ask for them.
_GROUP_ONLY = frozenset({signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH})
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
_SIGNALLED_VERDICTS = frozenset({Verdict.RUNNING, Verdict.RUNNING_FOREIGN, Verdict.CHILD_ALIVE})
_KILL_FOR_S = 1.0
_KILL_PAUSE_S = 0.005
_QUIET_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """Who got a signal: pids, the job's own process first."""

    signalled: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process of a job that still lives."""

    pid: int
    command: str


def signal_job(
    job: JobDir, state: JobState, supervision: Supervision | None, signal_number: int
) -> Delivery:
    """Send a signal to a job's whole tree; nobody else can get it.

    The group gets every signal, as with the peers; descendants outside it all but USR1, USR2
    and WINCH. A stopped process that is asked to end is continued, or it never would.

    Raises:
        UnverifiedProcessError: the recorded pid cannot be proved to be the job's.
    """
    if state.pid is None or not is_possible_pid(state.pid):
        raise UnverifiedProcessError(
            f"job {job.job_id} records pid {state.pid}, which cannot be its process; "
            "nothing was signalled"
        )
    liveness = assess(job, state, supervision)
    if liveness.verdict is Verdict.ENDED:
        return Delivery(())
    if liveness.verdict not in _SIGNALLED_VERDICTS:
        raise UnverifiedProcessError(
            f"job {job.job_id} is {liveness.verdict}: {liveness.evidence}; nothing was signalled"
        )
    signalled = _signal_once(job, state.pid, supervision, signal_number)
    if signal_number == signal.SIGKILL:
        signalled += _kill_the_rest(job, state.pid, supervision)
    return Delivery(tuple(dict.fromkeys(signalled)))


def _signal_once(job: JobDir, pid: int, supervision: Supervision | None, number: int) -> list[int]:
    leader = _verified_leader(pid, supervision)
    # Looked at before anything is sent: who loses its parent may not be found afterwards.
    others = [each for each in _members(job, supervision, pid) if each.pid != pid]
    signalled = []
    if leader is not None and _signal_group(leader, number):
        signalled.append(pid)
    for process in others:
        is_reached = leader is not None and process.group == pid
        if is_reached or (number not in _GROUP_ONLY and signal_process(process, number)):
            signalled.append(process.pid)
    if number in _ENDING:
        for process in [*others, *([leader] if leader else [])]:
            # As it is now: what was about to stop when we looked has stopped only since.
            now = identity.read_stat(process.pid)
            if now is not None and now.state == "T":
                signal_process(process, signal.SIGCONT)
    return signalled


def _verified_leader(pid: int, supervision: Supervision | None) -> ProcessStat | None:
    stat = identity.read_stat(pid)
    if stat is None or stat.group != pid:
        return None
    child = supervision.child if supervision is not None else None
    if child is not None and child.pid == pid and child.start_ticks != stat.start_ticks:
        return None
    return stat


def _signal_group(leader: ProcessStat, number: int) -> bool:
    """Signal the leader's group while the leader is proved to be itself.

    A group's number stays taken as long as its leader was not collected; the descriptor
    tells that it still is the same one when the group is signalled.
    """
    if not hasattr(os, "pidfd_open"):
        return _kill_group(leader.pid, number)
    try:
        fd = os.pidfd_open(leader.pid)
    except OSError:
        return False
    try:
        stat = identity.read_stat(leader.pid)
        if stat is None or stat.start_ticks != leader.start_ticks:
            return False
        return _kill_group(leader.pid, number)
    finally:
        os.close(fd)


def _kill_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


def _kill_the_rest(job: JobDir, pid: int, supervision: Supervision | None) -> list[int]:
    if leaf := _leaf_of(job, supervision):
        enclosed.kill_at_once(leaf, job.job_id)
    return _kill_until_none(
        lambda: [each for each in _members(job, supervision, pid) if each.pid != pid]
    )


def _kill_until_none(look: Callable[[], list[ProcessStat]]) -> list[int]:
    """KILL until nobody is left: a process may have forked while we looked."""
    killed: list[int] = []
    give_up_at = time.monotonic() + _KILL_FOR_S
    quiet_looks = 0
    while quiet_looks < _QUIET_LOOKS and time.monotonic() < give_up_at:
        left = look()
        killed += [each.pid for each in left if signal_process(each, signal.SIGKILL)]
        # One empty look may have fallen between a parent's end and its child's adoption.
        quiet_looks = 0 if left else quiet_looks + 1
        time.sleep(_KILL_PAUSE_S)  # the kernel needs a moment to end what was killed
    return killed


def end_unrecorded(job: JobDir) -> tuple[int, ...]:
    """Kill what a supervisor started but died before it could record.

    The caller holds the job's locks and sees it ``created``: nothing of it may run.

    Returns:
        The pids that were killed.
    """
    supervision = job.read_supervision()
    child = supervision.child if supervision is not None else None
    pid = child.pid if child is not None else 0
    return tuple(dict.fromkeys(_kill_until_none(lambda: _traced(job, supervision, pid))))


def survivors(
    job: JobDir, state: JobState, supervision: Supervision | None
) -> tuple[Survivor, ...]:
    """The processes of a job that live at this moment, its own one included."""
    pid = state.pid if state.pid is not None and is_possible_pid(state.pid) else 0
    return tuple(
        Survivor(each.pid, _command_of(each.pid)) for each in _members(job, supervision, pid)
    )


def _command_of(pid: int) -> str:
    return b" ".join(identity.command_line(pid)).decode("utf-8", "replace")


def _members(job: JobDir, supervision: Supervision | None, pid: int) -> list[ProcessStat]:
    """Every living process of a job but this one, which may have been called from within it.

    A living supervisor of ours has all of them below it: it adopts what loses its parent.
    """
    if supervision is not None and job.has_supervisor():
        below = living_descendants(supervision.supervisor.pid)
        return [stat for stat in below if stat.pid != os.getpid()]
    return _traced(job, supervision, pid)


def _traced(job: JobDir, supervision: Supervision | None, pid: int) -> list[ProcessStat]:
    """What is found of a job without a supervisor: by descent, session, mark and cgroup."""
    leader = _verified_leader(pid, supervision) if pid else None
    found = {each.pid: each for each in living_descendants(pid)} if leader else {}
    name = os.fsencode(job.job_id)
    for stat in every_process():
        belongs = leader is not None and pid in (stat.session, stat.group)
        if (belongs or job_named_by(stat.pid) == name) and not is_supervisor(stat.pid):
            found[stat.pid] = stat
    if leaf := _leaf_of(job, supervision):
        found |= {stat.pid: stat for stat in enclosed.members(leaf, job.job_id)}
    found.pop(os.getpid(), None)
    return [stat for stat in found.values() if stat.is_alive]


def _leaf_of(job: JobDir, supervision: Supervision | None) -> str | None:
    return enclosed.leaf_of(job.job_id, supervision) if supervision is not None else None


def has_leaf(job: JobDir, supervision: Supervision | None) -> bool:
    """Whether a run's cgroup is still there, which tells who is in it."""
    return _leaf_of(job, supervision) is not None


def remove_leaf(job: JobDir, supervision: Supervision | None) -> None:
    """Remove a run's cgroup that its supervisor could not; it stays while anything lives there."""
    if leaf := _leaf_of(job, supervision):
        cgroup.remove(leaf)


def stop_capturing(job: JobDir, supervision: Supervision | None, timeout_s: float = 2.0) -> bool:
    """Have the supervisor of a job that is over let go of it; True once it has.

    It only stays to catch what outlived the job may still write; a restart needs the logs.
    """
    give_up_at = time.monotonic() + timeout_s
    is_told = False
    while job.has_supervisor():
        if supervision is None or time.monotonic() > give_up_at:
            return False
        if not is_told:
            recorded = supervision.supervisor
            stat = identity.read_stat(recorded.pid)
            if stat is not None and stat.start_ticks == recorded.start_ticks:
                signal_process(stat, signal.SIGTERM)
            is_told = True
        time.sleep(_KILL_PAUSE_S)  # flock(2) has no time limit of its own
    return True
