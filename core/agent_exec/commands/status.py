"""status: all that is known of one job."""

from __future__ import annotations

import time

from agent_exec.commands.asked import asked_of, ended_by_of
from agent_exec.commands.settling import look_and_settle
from agent_exec.model.job import JobStatus
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.options import EndedBy  # noqa: TC001 - the schema reads it
from agent_exec.model.records import FULL_LOG, STDERR_LOG, STDOUT_LOG
from agent_exec.model.supervision import DroppedBytes, EndCause, ResourceUse
from agent_exec.model.timestamps import parse_timestamp
from agent_exec.store.root import stranger_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.settling import Look
    from agent_exec.model.job import JobMeta
    from agent_exec.process.liveness import Liveness
    from agent_exec.store.jobs import JobDir, JobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessTold:
    """What the evidence says about a job, as text."""

    verdict: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatusReport:
    """One job: what its records say and whether that is so.

    Attributes:
        process_alive: only while running, and only if it can be told.
        elapsed_ms: since the start, while running.
        signal: the number as text, when a signal ended the job.
        cause: why the run ended, beyond code and signal.
        reason: what went wrong, for people.
        run: which run of the job this is; None where another program started it.
        log_max_bytes: how much of each stream is kept.
        rerun_of: the job this one was made from.
        ended_by: who asked for its end.
        dropped_bytes: output that was not stored, with the reason why.
        dropped_matches: lines that matched the output pattern and were told to nobody.
        unrecorded_matches: events that have no record in notification_events.ndjson.
        still_capturing: the job is over, but what it left behind may still write.
        owner_uid: whose it is, or a record in it, if not the caller's: it is only looked at.
    """

    wire_type = "status"

    job_id: str
    state: JobStatus
    exit_code: int | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    command: tuple[str, ...]
    cwd: str | None = None
    tags: tuple[str, ...]
    pid: int | None = None
    process_alive: bool | None = None
    updated_at: str
    elapsed_ms: int | None = None
    duration_ms: int | None = None
    signal: str | None = None
    logs_drained: bool
    stdout_log_path: str
    stderr_log_path: str
    stdout_total_bytes: int
    stderr_total_bytes: int
    full_log_path: str
    liveness: LivenessTold
    cause: EndCause | None = None
    reason: str | None = None
    dropped_bytes: DroppedBytes | None = None
    drop_reason: str | None = None
    dropped_matches: int | None = None
    unrecorded_matches: int | None = None
    still_capturing: bool | None = None
    resource_use: ResourceUse | None = None
    run: int | None = None
    log_max_bytes: int | None = None
    rerun_of: str | None = None
    ended_by: EndedBy | None = None
    owner_uid: int | None = None


def job_status(store: JobStore, job_id: str) -> JobStatusReport:
    """Tell all about one job; an end that is proved and was not recorded is recorded first.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        RecordUnreadableError: its records are missing, foreign or damaged.
    """
    with store.open(job_id) as job:
        meta = job.read_meta()
        return _report(job, meta, look_and_settle(job))


def told(liveness: Liveness) -> LivenessTold:
    """Put a verdict and its evidence into words."""
    return LivenessTold(verdict=liveness.verdict.value, evidence=liveness.evidence)


def _report(job: JobDir, meta: JobMeta, found: Look) -> JobStatusReport:
    state, ours = found.state, found.supervision
    is_running = state.status is JobStatus.RUNNING
    dropped = ours.dropped if ours is not None else DroppedBytes()
    is_capturing = ours is not None and ours.still_capturing and job.has_supervisor()
    asked = asked_of(job)
    # What a run has is its own record's to say; one of another program's has none of it.
    is_waiting = state.status is JobStatus.CREATED
    full_log_path = ours.full_log_path if ours is not None else None
    log_max_bytes = ours.log_max_bytes if ours is not None else 0
    cause = ours.cause if ours is not None else None
    return JobStatusReport(
        job_id=job.job_id,
        state=state.status,
        exit_code=state.result.exit_code,
        created_at=meta.created_at,
        started_at=state.started_at,
        finished_at=state.finished_at,
        command=meta.command,
        cwd=meta.cwd,
        tags=meta.tags,
        pid=state.pid,
        process_alive=found.liveness.is_alive if is_running or found.runs else None,
        updated_at=state.updated_at,
        elapsed_ms=_elapsed_ms(found) if is_running else None,
        duration_ms=state.result.duration_ms if state.is_terminal else None,
        signal=state.result.signal,
        logs_drained=state.logs_drained,
        stdout_log_path=job.file_path(STDOUT_LOG),
        stderr_log_path=job.file_path(STDERR_LOG),
        stdout_total_bytes=job.size_of(STDOUT_LOG),
        stderr_total_bytes=job.size_of(STDERR_LOG),
        full_log_path=(asked.log_path if is_waiting else full_log_path) or job.file_path(FULL_LOG),
        liveness=told(found.liveness),
        cause=cause,
        reason=ours.reason if ours is not None else None,
        dropped_bytes=dropped if dropped.total or dropped.full else None,
        drop_reason=ours.drop_reason if ours is not None else None,
        dropped_matches=(ours.dropped_matches or None) if ours is not None else None,
        unrecorded_matches=(ours.unrecorded_matches or None) if ours is not None else None,
        still_capturing=True if is_capturing else None,
        resource_use=ours.resource_use if ours is not None else None,
        run=(ours.run or None) if ours is not None else None,
        log_max_bytes=(asked.log_max_bytes if is_waiting else log_max_bytes) or None,
        rerun_of=asked.rerun_of,
        ended_by=ended_by_of(asked, state, cause),
        owner_uid=stranger_of(job.fd, job.root, job.job_id),
    )


def _elapsed_ms(found: Look) -> int | None:
    if found.supervision is not None and found.supervision.started_ns:
        started_s = found.supervision.started_ns / 1e9
    else:
        started_at = parse_timestamp(found.state.started_at)
        if started_at is None:
            return None
        started_s = started_at.timestamp()
    return max(0, int((time.time() - started_s) * 1000))  # the clock may have been set back
