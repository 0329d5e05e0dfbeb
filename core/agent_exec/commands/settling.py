"""What a job's record says, whether it is so, and its correction where that is proved."""

from __future__ import annotations

from agent_exec.errors import InternalError, InvalidStateError, UnsafeJobError, UnsafeRootError
from agent_exec.model import records
from agent_exec.model.job import JobResult, JobState, JobStatus, StateJob
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.model.wire import encode_state
from agent_exec.process.liveness import CERTAINLY_ALIVE, Liveness, Verdict, assess
from agent_exec.store import atomic, last_logs
from agent_exec.store.clock import now_timestamp
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.supervision import Supervision
    from agent_exec.store.jobs import JobDir

_LOCK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """A job's records and what the evidence makes of them, all of one moment.

    Attributes:
        supervision: only if it tells of this very run.
    """

    state: JobState
    supervision: Supervision | None
    liveness: Liveness

    @property
    def runs(self) -> bool:
        """Whether the job's own process lives, whatever its record says."""
        return self.liveness.verdict in CERTAINLY_ALIVE


def look(job: JobDir) -> Look:
    """Read a job's records and judge them; changes nothing.

    Raises:
        RecordUnreadableError: state.json is missing, foreign or damaged.
    """
    while True:
        state = job.read_state()
        supervision = job.read_supervision()
        if supervision is not None and not supervision.describes(state):
            supervision = None
        liveness = assess(job, state, supervision)
        if state.is_terminal or liveness.verdict is not Verdict.ENDED:
            return Look(state, supervision, liveness)


def look_and_settle(job: JobDir, *, lock_timeout_s: float = _LOCK_TIMEOUT_S) -> Look:
    """Judge a job, and put its record right first if its end is proved.

    Where that is not possible (another user's root, a lock held, a full disk) the look alone
    is the answer.

    Args:
        job: the job, whose lock the caller does not hold.
        lock_timeout_s: how long to wait for that lock; whoever has it settles the job as well.

    Raises:
        RecordUnreadableError: see ``look``.
    """
    found = look(job)
    if not needs_settling(job, found):
        return found
    try:
        require_own_root(job.root)
        with job.locked(lock_timeout_s):
            settle_if_proved(job)
    except (InvalidStateError, InternalError, UnsafeJobError, UnsafeRootError, OSError):
        return found
    return look(job)


def settle_if_proved(job: JobDir, *, ended_by: int | None = None) -> JobState:
    """Record the end of a job whose end is proved; the caller holds the job's lock.

    Args:
        job: the job.
        ended_by: the signal by which the caller ended what the supervisor left behind.

    Returns:
        The state as it stands now.

    Raises:
        RecordUnreadableError: see ``look``.
        InternalError: the disk does not take the record.
    """
    found = look(job)
    if not needs_settling(job, found):
        return found.state
    if found.state.is_terminal:
        if last_logs.are_forgotten(job):
            last_logs.bring_back(job)
        # Nobody is left who could add to the logs: they are as complete as they will ever be.
        settled = replace(job.read_state(), logs_drained=True, updated_at=now_timestamp())
        _write_state(job, settled)
        return settled
    return record_lost(job, found, ended_by=ended_by)


def needs_settling(job: JobDir, found: Look) -> bool:
    """Whether the records can be put right on proof.

    That is: an end unrecorded, logs left undrained, or set aside by a restart that was killed.
    """
    if found.liveness.is_proved_over:
        return True
    if not found.state.is_terminal or found.runs:
        return False
    is_undrained = not found.state.logs_drained and found.supervision is not None
    return (is_undrained or last_logs.are_forgotten(job)) and not job.has_supervisor()


def record_lost(job: JobDir, found: Look, *, ended_by: int | None = None) -> JobState:
    """Write that a run is over whose end nobody saw; the caller holds the job's lock."""
    now = now_timestamp()
    _note_loss(job, found)
    state = JobState(
        job=StateJob(
            id=job.job_id,
            status=JobStatus.FAILED if ended_by is None else JobStatus.KILLED,
            started_at=found.state.started_at,
        ),
        result=JobResult(signal=None if ended_by is None else str(ended_by)),
        # No pid: it may be anybody's from now on, and the peers look whether it lives.
        finished_at=now,
        updated_at=now,
    )
    _write_state(job, state)
    # Rare; every wait loads this file.
    from agent_exec.process.tree import remove_leaf
    from agent_exec.store.removal import sweep_temporary_files

    remove_leaf(job, found.supervision)
    sweep_temporary_files(job, stale_s=0)  # what its supervisor kept in hand for its end
    return state


def _note_loss(job: JobDir, found: Look) -> None:
    """Keep what supervision.json knows of the run and add how it was lost."""
    name = records.SUPERVISION_FILE
    if found.supervision is not None:
        document = records.load_record(atomic.read_record(name, name, dir_fd=job.fd), name)
    else:
        document = records.supervision_document(
            supervisor=records.NOBODY, started_at=found.state.started_at
        )
    document.pop("still_capturing", None)
    document["cause"] = "lost"
    document["reason"] = _both(document.get("reason"), found.liveness.evidence)
    job.write_record(name, document)


def _both(reason: object, evidence: str) -> str:
    """What its supervisor had to say, which nobody else can, before what is seen of it now."""
    return f"{reason}; {evidence}" if isinstance(reason, str) and reason else evidence


def _write_state(job: JobDir, state: JobState) -> None:
    job.write_record(records.STATE_FILE, encode_state(state))
