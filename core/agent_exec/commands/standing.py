"""What is said of a job: one answer for ``list``, ``--json``, ``--watch``, dashboard and filters."""

from __future__ import annotations

from agent_exec.errors import AgentExecError, reason_of
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.status import (
    ALIVE,
    CAPTURING,
    DOUBT_OF_VERDICT,
    KILLED,
    RUNNING,
    TERMINAL,
    TIMEOUT,
    UNKNOWN,
    UNREADABLE,
    problem_word,
)
from agent_exec.process.identity import exists
from agent_exec.process.liveness import Liveness, Verdict
from agent_exec.store.listing import open_exact, read_opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.store.jobs import JobDir, JobStore
    from agent_exec.store.listing import JobRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """A job's record and what is to be said of it, all of one moment.

    Attributes:
        record: as it was read, or read anew where the job ended while it was looked at.
        state: one of ``status.SHOWN``.
        detail: one of ``status.DETAILS``, where the state does not say all.
        liveness: what the evidence says, where the record alone does not settle it.
    """

    record: JobRecord
    state: str
    detail: str | None = None
    liveness: Liveness | None = None

    @property
    def still_capturing(self) -> bool:
        """Whether the job is over and what it left behind may still write."""
        return self.detail == CAPTURING


def standing_of(store: JobStore, record: JobRecord) -> Standing:
    """Say what a job is; the processes of one that may run are looked at, nothing is changed."""
    state = record.state
    if record.problem is not None or state is None:
        return _unreadable(record)
    word = state.status.value
    if not _needs_a_look(record):
        return Standing(record, word, _how_it_ended(record))
    try:
        job = open_exact(store, record.job_id)
        if job is None:
            return _unseen(record, "its directory is gone")
        with job:
            return _looked_at(job, record)
    except (AgentExecError, OSError) as error:
        return _unseen(record, f"it cannot be looked at: {reason_of(error)}")


def may_be_alive(status: str, pid: int | None) -> bool:
    """Whether a job recorded as ended may run: the oldest peers' ``kill`` writes the end first."""
    return status == KILLED and pid is not None and pid > 1 and exists(pid)


def _needs_a_look(record: JobRecord) -> bool:
    state, ours = record.state, record.supervision
    if state is None:
        return False
    if state.status.value == RUNNING or (ours is not None and ours.still_capturing):
        return True
    return may_be_alive(state.status.value, state.pid)


def _unseen(record: JobRecord, why: str) -> Standing:
    """Nothing is known of a job but what its record says, and that was not to be believed."""
    state = record.state.status.value if record.state else UNKNOWN
    if state in TERMINAL:
        return Standing(record, state, _how_it_ended(record))
    liveness = Liveness(Verdict.UNVERIFIED, why, None)
    return Standing(record, UNKNOWN, DOUBT_OF_VERDICT[liveness.verdict.value], liveness)


def _looked_at(job: JobDir, record: JobRecord) -> Standing:
    from agent_exec.commands.settling import look

    liveness = look(job).liveness
    if liveness.verdict is Verdict.ENDED or record.state is None:
        record = read_opened(job)  # it may have ended meanwhile
        if record.problem is not None or record.state is None:
            return _unreadable(record)
    word, ours = record.state.status.value, record.supervision
    if word == RUNNING:
        detail = DOUBT_OF_VERDICT.get(liveness.verdict.value)
        # Who can still record the end is left; without anybody it is not known.
        state = RUNNING if liveness.is_alive or liveness.is_supervised else UNKNOWN
        return Standing(record, state, detail, liveness)
    if word in TERMINAL and liveness.is_alive:
        return Standing(record, word, ALIVE, liveness)
    if word in TERMINAL and ours is not None and ours.still_capturing and job.has_supervisor():
        return Standing(record, word, CAPTURING)
    return Standing(record, word, _how_it_ended(record))


def _unreadable(record: JobRecord) -> Standing:
    problem = record.problem or "records are missing"
    return Standing(record, UNREADABLE, problem_word(problem, has_meta=record.meta is not None))


def _how_it_ended(record: JobRecord) -> str | None:
    return TIMEOUT if record.is_late else None
