"""A job's processes as a whole: found, signalled, and named when they live on."""

from __future__ import annotations

import os
import signal
import time

from agent_exec.errors import UnverifiedProcessError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.process import enclosed, identity
from agent_exec.process.belonging import leader_of, leaf_of, members_of, remove_leaf
from agent_exec.process.liveness import CERTAINLY_ALIVE, Verdict, assess, is_possible_pid
from agent_exec.process.recognition import recognise
from agent_exec.process.signalling import signal_group, signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.model.job import JobState
    from agent_exec.model.supervision import Supervision
    from agent_exec.process.identity import ProcessStat
    from agent_exec.store.jobs import JobDir

__all__ = [
    "ENDING",
    "Delivery",
    "Survivor",
    "end_unrecorded",
    "remove_leaf",
    "signal_job",
    "stop_capturing",
    "survivors",
]

# These are for the program itself: a descendant in a session of its own did not ask for them.
_GROUP_ONLY = frozenset({signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH})
ENDING = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGABRT, signal.SIGKILL}
)
_KILL_FOR_S = 1.0
_KILL_PAUSE_S = 0.005
_QUIET_LOOKS = 3
# Between its fork and its exec a process is nobody's yet to those who look for the job's mark.
_UNMARKED_LOOKS = 30


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
    and WINCH. A stopped process that is asked to end is continued, or it never would. Of a job
    that is over it gets whatever of it lives on.

    Raises:
        UnverifiedProcessError: the recorded pid cannot be proved to be the job's.
    """
    liveness = assess(job, state, supervision)
    if liveness.verdict is Verdict.ENDED:
        return Delivery(tuple(_signal_rest(job, state, supervision, signal_number)))
    if liveness.verdict is Verdict.SUPERVISOR_STOPPED and (
        left := _signal_rest(job, state, supervision, signal_number)
    ):
        return Delivery(tuple(left))
    if state.pid == os.getpid():
        raise UnverifiedProcessError(
            f"job {job.job_id} records pid {state.pid}, which is this very command: called from "
            "within the job, it cannot end itself; nothing was signalled"
        )
    if state.pid is None or not is_possible_pid(state.pid):
        raise UnverifiedProcessError(
            f"job {job.job_id} records pid {state.pid}, which cannot be its process; "
            "nothing was signalled"
        )
    if not liveness.is_here:
        raise UnverifiedProcessError(
            f"the processes of job {job.job_id} cannot be reached: {liveness.evidence}; "
            "nothing was signalled"
        )
    if liveness.verdict not in CERTAINLY_ALIVE:
        raise UnverifiedProcessError(
            f"job {job.job_id} is {liveness.verdict}: {liveness.evidence}; nothing was signalled"
        )
    signalled = _signal_once(job, state, supervision, signal_number)
    if signal_number == signal.SIGKILL:
        signalled += _kill_the_rest(job, state, supervision)
    if not signalled:
        _require_over(job, state, supervision)
    return Delivery(tuple(dict.fromkeys(signalled)))


def _require_over(job: JobDir, state: JobState, supervision: Supervision | None) -> None:
    """Let pass that nobody was signalled only where nobody was there any more."""
    liveness = assess(job, state, supervision)
    leader = leader_of(job, state, supervision)
    child = supervision.child if supervision is not None else None
    why = "they may be another user's by now"
    if leader is not None:
        is_over = not leader.is_alive
    elif child is not None:
        seen = recognise(child, job)
        is_over, why = bool(seen.gone), seen.doubt or why
    else:
        is_over = liveness.verdict not in CERTAINLY_ALIVE and liveness.is_here
    if not is_over:
        raise UnverifiedProcessError(
            f"no process of job {job.job_id} could be signalled ({liveness.evidence}): {why}"
        )


def _signal_once(
    job: JobDir, state: JobState, supervision: Supervision | None, number: int
) -> list[int]:
    leader = leader_of(job, state, supervision)
    # Looked at before anything is sent: who loses its parent may not be found afterwards.
    others = [each for each in members_of(job, state, supervision) if each.pid != state.pid]
    signalled = []
    is_group_reached = leader is not None and signal_group(leader, number)
    if leader is not None and is_group_reached:
        signalled.append(leader.pid)
    for process in others:
        is_reached = is_group_reached and process.group == state.pid
        is_meant = number not in _GROUP_ONLY or process.group == state.pid
        if is_reached or (is_meant and signal_process(process, number)):
            signalled.append(process.pid)
    _continue_ending([*others, *([leader] if leader else [])], number)
    return signalled


def _signal_rest(
    job: JobDir, state: JobState, supervision: Supervision | None, number: int
) -> list[int]:
    """Signal what a job that is over left behind."""
    left = members_of(job, state, supervision)
    if number in _GROUP_ONLY:
        left = [each for each in left if each.group == state.pid]
    signalled = [each.pid for each in left if signal_process(each, number)]
    _continue_ending(left, number)
    if number == signal.SIGKILL:
        signalled += _kill_the_rest(job, state, supervision)
    return list(dict.fromkeys(signalled))


def _continue_ending(processes: list[ProcessStat], number: int) -> None:
    """Let those go on that are stopped and were asked to end, or they never would."""
    if number not in ENDING or number == signal.SIGKILL:
        return
    for process in processes:
        # As it is now: what was about to stop when we looked has stopped only since.
        now = identity.read_stat(process.pid)
        is_stopped = now is not None and now.start_ticks == process.start_ticks and now.state == "T"
        if is_stopped or process.is_hidden:
            signal_process(process, signal.SIGCONT)


def _kill_the_rest(job: JobDir, state: JobState, supervision: Supervision | None) -> list[int]:
    if leaf := leaf_of(job, supervision):
        enclosed.kill_at_once(leaf, job.job_id)
    return _kill_until_none(
        lambda: [each for each in members_of(job, state, supervision) if each.pid != state.pid]
    )


def _kill_until_none(
    look: Callable[[], list[ProcessStat]], enough_looks: int = _QUIET_LOOKS
) -> list[int]:
    """KILL until nobody is left: a process may have forked while we looked."""
    killed: list[int] = []
    give_up_at = time.monotonic() + _KILL_FOR_S
    quiet_looks = 0
    while quiet_looks < enough_looks and time.monotonic() < give_up_at:
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
    state, supervision = job.read_state(), job.read_supervision()
    killed = _kill_until_none(lambda: _unrecorded(job, state, supervision), _UNMARKED_LOOKS)
    return tuple(dict.fromkeys(killed))


def _unrecorded(job: JobDir, state: JobState, supervision: Supervision | None) -> list[ProcessStat]:
    leader = leader_of(job, state, supervision)
    found = members_of(job, state, supervision)
    return found if leader is None or not leader.is_alive else [leader, *found]


def survivors(
    job: JobDir, state: JobState, supervision: Supervision | None
) -> tuple[Survivor, ...]:
    """The processes of a job that live at this moment, its own one included."""
    return tuple(
        Survivor(each.pid, _command_of(each.pid)) for each in members_of(job, state, supervision)
    )


def _command_of(pid: int) -> str:
    return b" ".join(identity.command_line(pid)).decode("utf-8", "replace")


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
            stat = recognise(supervision.supervisor, job).stat
            if stat is not None:
                signal_process(stat, signal.SIGTERM)
                if stat.state == "T":
                    signal_process(stat, signal.SIGCONT)
            is_told = True
        time.sleep(_KILL_PAUSE_S)  # flock(2) has no time limit of its own
    return True
