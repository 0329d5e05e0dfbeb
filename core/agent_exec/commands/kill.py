"""kill: send a signal to a job's processes and tell what became of it."""

from __future__ import annotations

import signal as signals
import time

from agent_exec.commands.asked import note_ended_by
from agent_exec.commands.settling import look, look_and_settle, settle_if_proved
from agent_exec.commands.status import LivenessTold, told
from agent_exec.errors import (
    InternalError,
    InvalidStateError,
    SupervisorLostError,
    UnverifiedProcessError,
)
from agent_exec.model.job import JobStatus, require_started
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.process.belonging import leader_of
from agent_exec.process.exit_watch import ExitWatch, await_exit
from agent_exec.process.liveness import Verdict
from agent_exec.process.signals import parse_signal
from agent_exec.process.tree import ENDING, Survivor, signal_job, survivors
from agent_exec.store import story
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.settling import Look
    from agent_exec.model.job import JobState
    from agent_exec.model.supervision import Supervision
    from agent_exec.process.signals import Signal
    from agent_exec.store.jobs import JobDir, JobStore

OBSERVE_S = 3.0
_NOTE_TIMEOUT_S = 0.5  # a launch or a restart may have the lock, and the job must be ended anyway
_SLOW_LOOK_S = 0.25  # behind the process's own end: a peer may write the state without one
_QUICK_LOOK_S = 0.005  # once the process is gone, its supervisor writes the state
_TSTP_S = 0.5  # most jobs have no shell that could continue them, and the kernel drops it
_STOPPING = frozenset({signals.SIGSTOP, signals.SIGTSTP})
_CHANGING = _STOPPING | {signals.SIGCONT}


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledJob:
    """What was sent, and what was seen of it.

    Attributes:
        signal: as asked for, upper case, without SIG.
        terminated_signal: the number as text, when a signal ended the job.
        observed_within_ms: None when nothing was waited for.
        survivors: processes of the job that the signal did not end.
        signalled: who got it, the job's own process first.
        reason: why nobody did.
        liveness: of a job that runs on: paused, or running.
    """

    wire_type = "kill"

    job_id: str
    signal: str
    state: JobStatus | None = None
    exit_code: int | None = None
    terminated_signal: str | None = None
    observed_within_ms: int | None = None
    survivors: tuple[Survivor, ...] | None = None
    signalled: tuple[int, ...] = ()
    reason: str | None = None
    liveness: LivenessTold | None = None


def kill_job(
    store: JobStore,
    job_id: str,
    *,
    signal: str = "TERM",
    wait: bool = True,
    door: str = "library",
    who: str | None = None,
) -> KilledJob:
    """Send *signal* to a running job's whole tree and say, within 3 s, what is.

    Of a job that is over whatever it left behind is signalled; its record stays. The state is never written here, but for a job whose
    supervisor is gone and whose end is thereby proved.

    Args:
        store: the root.
        job_id: or the beginning of one.
        signal: its name, with or without SIG, or its number.
        wait: whether to look what becomes of the job.
        door: where the caller came in, for the record of who ended it.
        who: what that door knows the caller by; None is this process's user.

    Raises:
        InvalidSignalError: unknown, or one that jobs are not sent.
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        InvalidStateError: it was never started.
        UnverifiedProcessError: its pid cannot be proved to be its own; nothing is signalled.
        SupervisorLostError: another program's job whose process is gone.
        UnsafeRootError, UnsafeJobError: it is somebody else's, who could name any process.
    """
    sent = parse_signal(signal)
    with store.open(job_id) as job:
        found = look_and_settle(job)
        require_own_root(store.root)
        job.require_own()
        require_started(job_id, found.state.status)
        if found.state.is_terminal and not found.runs:
            return _signal_leftovers(job, found, sent, wait=wait)
        _require_reachable(job, found)
        if sent.number in ENDING:
            _note_ended_by(job, found, sent, door, who)
        began_s = time.monotonic()
        pid = found.state.pid or 0
        child = found.supervision.child if found.supervision is not None else None
        with ExitWatch(pid, child.start_ticks if child is not None else None) as watch:
            signalled = signal_job(job, found.state, found.supervision, sent.number).signalled
            if not wait:
                return KilledJob(
                    job_id=job.job_id,
                    signal=sent.name,
                    signalled=signalled,
                    reason=None if signalled else "it ended just before",
                )
            if sent.number in _CHANGING:
                _await_change(job, found, sent, began_s)
            answer = _observe(job, found, sent, watch, began_s)
            return replace(answer, signalled=signalled, reason=_why_nobody(answer, signalled))


def _note_ended_by(job: JobDir, found: Look, sent: Signal, door: str, who: str | None) -> None:
    """Write down who ends the job, if that is possible at once; the signal does not wait for it."""
    try:
        with job.locked(_NOTE_TIMEOUT_S):
            if not job.read_state().is_terminal:
                note_ended_by(job, found.state, signal=sent.number, door=door, who=who)
    except (InvalidStateError, InternalError, OSError) as error:
        story.logger(__name__).warning("job %s: who ended it is not kept: %s", job.job_id, error)


def _signal_leftovers(job: JobDir, found: Look, sent: Signal, *, wait: bool) -> KilledJob:
    """Signal what a finished job left behind, and tell how it ended and who lives on."""
    state, ours = found.state, found.supervision
    began_s = time.monotonic()
    signalled = signal_job(job, state, ours, sent.number).signalled
    is_awaited = wait and sent.number in ENDING
    left = _survivors_at(job, state, ours, began_s + OBSERVE_S if is_awaited else 0.0)
    if not wait:
        answer = KilledJob(job_id=job.job_id, signal=sent.name, survivors=left or None)
    else:
        took_ms = int((time.monotonic() - began_s) * 1000) if signalled else 0
        answer = _answer(job, sent, state, took_ms, left)
    return replace(answer, signalled=signalled, reason=_why_nobody(answer, signalled))


def _why_nobody(answer: KilledJob, signalled: tuple[int, ...]) -> str | None:
    if signalled:
        return None
    if answer.survivors:
        return "it is over, and this signal is for its own process"
    if answer.state is JobStatus.RUNNING:
        return "it is running, and this system shows none of its processes"
    return "it is over, and nothing is found of it any more"


def _await_change(job: JobDir, found: Look, sent: Signal, began_s: float) -> None:
    """Wait until the system shows that the job stopped, or goes on."""
    is_wanted_stopped = sent.number in _STOPPING
    limit_s = _TSTP_S if sent.number == signals.SIGTSTP else OBSERVE_S
    while time.monotonic() < began_s + limit_s:
        leader = leader_of(job, found.state, found.supervision)
        if leader is None or not leader.is_alive or (leader.state == "T") is is_wanted_stopped:
            return
        time.sleep(_QUICK_LOOK_S)


def _require_reachable(job: JobDir, found: Look) -> None:
    liveness = found.liveness
    ending = f"{liveness.evidence}; nothing was signalled, see `repair {job.job_id}`"
    if liveness.verdict is Verdict.ELSEWHERE:
        raise UnverifiedProcessError(
            f"the processes of job {job.job_id} cannot be reached: {ending}"
        )
    if liveness.verdict is Verdict.LOST:
        raise SupervisorLostError(f"job {job.job_id} is lost: {ending}")
    if liveness.verdict is Verdict.PID_REUSED:
        raise UnverifiedProcessError(f"job {job.job_id} is lost, its pid reused: {ending}")


def _observe(job: JobDir, found: Look, sent: Signal, watch: ExitWatch, began_s: float) -> KilledJob:
    """Wait until the job is over and nothing of it is left, 3 s at most."""
    give_up_at = began_s + (OBSERVE_S if sent.number not in _CHANGING else 0.0)
    state = _await_end(job, found, sent, watch, give_up_at)
    left: tuple[Survivor, ...] = ()
    if sent.number in ENDING:
        left = _survivors_at(
            job, state, found.supervision, give_up_at if state.is_terminal else 0.0
        )
    answer = _answer(job, sent, state, int((time.monotonic() - began_s) * 1000), left)
    if state.is_terminal:
        return answer
    return replace(answer, liveness=told(look(job).liveness))


def _survivors_at(
    job: JobDir, state: JobState, supervision: Supervision | None, give_up_at: float
) -> tuple[Survivor, ...]:
    """Who of a job lives on at *give_up_at*, monotonic, or as soon as it is nobody."""
    left = survivors(job, state, supervision)
    while left and time.monotonic() < give_up_at:
        time.sleep(_QUICK_LOOK_S * 4)  # the kernel ends them one after the other
        left = survivors(job, state, supervision)
    return left


def _await_end(
    job: JobDir, found: Look, sent: Signal, watch: ExitWatch, give_up_at: float
) -> JobState:
    is_orphan = found.liveness.verdict is Verdict.CHILD_ALIVE
    while True:
        state = job.read_state()
        left_s = give_up_at - time.monotonic()
        has_ended = watch.has_ended
        # Both: an old peer's `kill` writes `killed` whatever the process makes of its signal.
        if (state.is_terminal and has_ended) or left_s <= 0:
            return state
        if not has_ended:
            await_exit([watch], min(left_s, _SLOW_LOOK_S))
        elif is_orphan:
            with job.locked(left_s):
                return settle_if_proved(job, ended_by=sent.number)
        else:
            time.sleep(min(left_s, _QUICK_LOOK_S))
            if look(job).liveness.is_proved_over:  # its supervisor ended in this very moment
                return look_and_settle(job).state


def _answer(
    job: JobDir,
    sent: Signal,
    state: JobState,
    observed_within_ms: int,
    left: tuple[Survivor, ...],
) -> KilledJob:
    return KilledJob(
        job_id=job.job_id,
        signal=sent.name,
        state=state.status,
        exit_code=state.result.exit_code,
        terminated_signal=state.result.signal,
        observed_within_ms=observed_within_ms,
        survivors=left or None,
    )
