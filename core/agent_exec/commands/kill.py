"""kill: send a signal to a job's processes and tell what became of it."""

from __future__ import annotations

import signal as signals
import time

from agent_exec.commands.asked import note_ended_by
from agent_exec.commands.settling import look, look_and_settle, settle_if_proved
from agent_exec.errors import (
    InternalError,
    InvalidStateError,
    SupervisorLostError,
    UnverifiedProcessError,
)
from agent_exec.model.job import JobStatus, require_started
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.process.exit_watch import ExitWatch, await_exit
from agent_exec.process.liveness import Verdict
from agent_exec.process.signals import parse_signal
from agent_exec.process.tree import Survivor, has_leaf, signal_job, survivors
from agent_exec.store import story
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.settling import Look
    from agent_exec.model.job import JobState
    from agent_exec.process.signals import Signal
    from agent_exec.store.jobs import JobDir, JobStore

OBSERVE_S = 3.0
_NOTE_TIMEOUT_S = 0.5  # a launch or a restart may have the lock, and the job must be ended anyway
_SLOW_LOOK_S = 0.25  # behind the process's own end: a peer may write the state without one
_QUICK_LOOK_S = 0.005  # once the process is gone, its supervisor writes the state
_ENDING = frozenset(
    {signals.SIGHUP, signals.SIGINT, signals.SIGQUIT, signals.SIGKILL, signals.SIGTERM}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledJob:
    """What was sent, and what was seen of it.

    Attributes:
        signal: as asked for, upper case, without SIG.
        terminated_signal: the number as text, when a signal ended the job.
        observed_within_ms: None when nothing was waited for.
        survivors: processes of the job that the signal did not end.
    """

    wire_type = "kill"

    job_id: str
    signal: str
    state: JobStatus | None = None
    exit_code: int | None = None
    terminated_signal: str | None = None
    observed_within_ms: int | None = None
    survivors: tuple[Survivor, ...] | None = None


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

    A job that is over is left as it is. The state is never written here, but for a job whose
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
            return _over(job, found, sent) if wait else _brief(job, sent)
        _require_reachable(job, found)
        if sent.number in _ENDING:
            _note_ended_by(job, found, sent, door, who)
        began_s = time.monotonic()
        pid = found.state.pid or 0
        child = found.supervision.child if found.supervision is not None else None
        with ExitWatch(pid, child.start_ticks if child is not None else None) as watch:
            signal_job(job, found.state, found.supervision, sent.number)
            if not wait:
                return _brief(job, sent)
            return _observe(job, found, sent, watch, began_s)


def _note_ended_by(job: JobDir, found: Look, sent: Signal, door: str, who: str | None) -> None:
    """Write down who ends the job, if that is possible at once; the signal does not wait for it."""
    try:
        with job.locked(_NOTE_TIMEOUT_S):
            if not job.read_state().is_terminal:
                note_ended_by(job, found.state, signal=sent.number, door=door, who=who)
    except (InvalidStateError, InternalError, OSError) as error:
        story.logger(__name__).warning("job %s: who ended it is not kept: %s", job.job_id, error)


def _over(job: JobDir, found: Look, sent: Signal) -> KilledJob:
    """Tell how it ended; what a finished job left behind is named, never signalled."""
    left: tuple[Survivor, ...] = ()
    if found.supervision is not None and (job.has_supervisor() or has_leaf(job, found.supervision)):
        left = survivors(job, found.state, found.supervision)
    return _answer(job, sent, found.state, 0, left)


def _brief(job: JobDir, sent: Signal) -> KilledJob:
    return KilledJob(job_id=job.job_id, signal=sent.name)


def _require_reachable(job: JobDir, found: Look) -> None:
    liveness = found.liveness
    ending = f"{liveness.evidence}; nothing was signalled, see `repair {job.job_id}`"
    if liveness.verdict is Verdict.LOST:
        raise SupervisorLostError(f"job {job.job_id} is lost: {ending}")
    if liveness.verdict is Verdict.PID_REUSED:
        raise UnverifiedProcessError(f"job {job.job_id} is lost, its pid reused: {ending}")


def _observe(job: JobDir, found: Look, sent: Signal, watch: ExitWatch, began_s: float) -> KilledJob:
    """Wait until the job is over and nothing of it is left, 3 s at most."""
    give_up_at = began_s + OBSERVE_S
    state = _await_end(job, found, sent, watch, give_up_at)
    left: tuple[Survivor, ...] = ()
    if sent.number in _ENDING:
        left = survivors(job, found.state, found.supervision)
        while left and state.is_terminal and time.monotonic() < give_up_at:
            time.sleep(_QUICK_LOOK_S * 4)  # the kernel ends them one after the other
            left = survivors(job, found.state, found.supervision)
    return _answer(job, sent, state, int((time.monotonic() - began_s) * 1000), left)


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
