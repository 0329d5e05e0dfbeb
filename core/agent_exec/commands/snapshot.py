"""What the dashboard would show, as one document: ``agent-exec-tui --json``."""

from __future__ import annotations

import os
import time
from collections import Counter

from agent_exec.commands.gc_plan import GcPolicy, plan
from agent_exec.commands.standing import standing_of
from agent_exec.commands.status import LivenessTold, told
from agent_exec.errors import AgentExecError
from agent_exec.model import records
from agent_exec.model.filter import compile_filter
from agent_exec.model.filter_terms import JobFields
from agent_exec.model.job_id import short_id
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.status import TERMINAL, word_shown
from agent_exec.model.supervision import EndCause  # noqa: TC001 - the schema reads it
from agent_exec.store import removal
from agent_exec.store.config import config_path, load_config
from agent_exec.store.listing import scan
from agent_exec.store.root import strangers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_exec.model.filter import Filter
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import JobRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCounts:
    """How many jobs there are, by the word they are shown with."""

    created: int = 0
    running: int = 0
    exited: int = 0
    killed: int = 0
    failed: int = 0
    unknown: int = 0
    unreadable: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GcSummary:
    """What a cleaning by the configured policy would remove now.

    Attributes:
        jobs: the ids, the oldest first.
        problem: why it cannot be said; the rest is then missing.
    """

    older_than: str | None = None
    max_jobs: int | None = None
    max_bytes: int | None = None
    candidate_count: int | None = None
    freed_bytes: int | None = None
    jobs: tuple[str, ...] | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardJob:
    """One job's row and details.

    Attributes:
        state: as ``list`` says it, or ``unreadable``.
        signal: the number as text, when a signal ended the job.
        liveness: what the evidence says, where the record alone does not settle it.
        cause: why the run ended, beyond code and signal.
        reason: what went wrong, for people.
        dropped_bytes: output that was not stored.
        problem: what is wrong with the records.
        detail: a word for what the state does not say, such as ``timeout`` or ``orphan``; filters
            find the job by it.
        word: the one word that stands for the job in the list, such as ``ok`` or ``paused``.
        still_capturing: the job is over, but what it left behind may still write.
        owner_uid: whose it is, if not the caller's: it is only looked at.
    """

    job_id: str
    short_job_id: str
    state: str
    command: tuple[str, ...] | None = None
    exit_code: int | None = None
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    updated_at: str | None = None
    tags: tuple[str, ...]
    cwd: str | None = None
    pid: int | None = None
    signal: str | None = None
    duration_ms: int | None = None
    liveness: LivenessTold | None = None
    stdout_log_path: str
    stderr_log_path: str
    full_log_path: str
    stdout_total_bytes: int
    stderr_total_bytes: int
    full_log_total_bytes: int
    cause: EndCause | None = None
    reason: str | None = None
    dropped_bytes: int | None = None
    problem: str | None = None
    detail: str | None = None
    word: str = ""
    still_capturing: bool | None = None
    owner_uid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSnapshot:
    """A root as the dashboard shows it.

    Attributes:
        counts: of all jobs, whatever the filter.
        matched: of those the filter selects.
        disk_bytes: in the directories of all jobs.
        jobs: those the filter selects, newest first.
    """

    wire_type = "dashboard"

    root: str
    counts: StateCounts
    matched: StateCounts
    disk_bytes: int
    gc: GcSummary
    filter: str | None = None
    jobs: tuple[DashboardJob, ...]


def dashboard_snapshot(
    store: JobStore, *, filter_text: str | None = None, environ: Mapping[str, str] = os.environ
) -> DashboardSnapshot:
    """Look at a whole root once; changes nothing.

    Args:
        store: the root; a missing one is empty.
        filter_text: which jobs to tell of, in the language of ``model.filter``.
        environ: says where the configuration lies.

    Raises:
        FilterError: the filter is malformed.
        InternalError: the root cannot be read.
    """
    compile_filter(filter_text or "", 0)  # before all that looking
    rows = look_at_all(store)
    chosen = compile_filter(filter_text or "", time.time(), home=os.path.expanduser("~"))
    return snapshot_of(store, rows, chosen=chosen, environ=environ)


def look_at_all(store: JobStore) -> list[DashboardJob]:
    """Tell of every job, newest first.

    Raises:
        InternalError: the root cannot be read.
    """
    rows = []
    for record in scan(store):
        row = dashboard_job(store, record)
        moment = row.started_at or row.created_at or ""
        rows.append(((moment, record.claimed_ns, row.job_id), row))
    rows.sort(key=lambda pair: pair[0], reverse=True)
    return [row for _, row in rows]


def snapshot_of(
    store: JobStore,
    rows: Sequence[DashboardJob],
    *,
    chosen: Filter,
    environ: Mapping[str, str],
) -> DashboardSnapshot:
    """Sum up a root whose jobs have been looked at, and tell of those that *chosen* selects."""
    matched = tuple(row for row in rows if fits(row, chosen))
    return DashboardSnapshot(
        root=store.root,
        counts=counts_of(Counter(row.state for row in rows)),
        matched=counts_of(Counter(row.state for row in matched)),
        disk_bytes=sum(removal.size_of_job(store, row.job_id) for row in rows),
        gc=_gc_summary(store, environ),
        filter=chosen.text or None,
        jobs=matched,
    )


def counts_of(by_state: Mapping[str, int]) -> StateCounts:
    """Sum up how many jobs have each word."""
    return StateCounts(**by_state, total=sum(by_state.values()))


def fits(row: DashboardJob, chosen: Filter) -> bool:
    """Whether a filter selects the job."""
    return chosen.matches(_fields_of(row))


def dashboard_job(store: JobStore, record: JobRecord) -> DashboardJob:
    """Tell of one job what its records and, while it runs, its processes say."""
    found = standing_of(store, record)
    record, liveness = found.record, found.liveness
    meta, state, ours = record.meta, record.state, record.supervision
    path = os.path.join(store.root, record.job_id)
    full_log_path = ours.full_log_path if ours else None
    return DashboardJob(
        job_id=record.job_id,
        short_job_id=short_id(record.job_id),
        state=found.state,
        detail=found.detail,
        word=word_shown(found.state, state.result.exit_code if state else None, found.detail),
        command=meta.command if meta else None,
        exit_code=state.result.exit_code if state else None,
        created_at=meta.created_at if meta else None,
        started_at=state.started_at if state else None,
        finished_at=state.finished_at if state else None,
        updated_at=state.updated_at if state else None,
        tags=meta.tags if meta else (),
        cwd=meta.cwd if meta else None,
        pid=state.pid if state else None,
        signal=state.result.signal if state else None,
        duration_ms=state.result.duration_ms if state else None,
        liveness=told(liveness) if liveness else None,
        stdout_log_path=os.path.join(path, records.STDOUT_LOG),
        stderr_log_path=os.path.join(path, records.STDERR_LOG),
        full_log_path=full_log_path or os.path.join(path, records.FULL_LOG),
        stdout_total_bytes=record.stdout_bytes,
        stderr_total_bytes=record.stderr_bytes,
        full_log_total_bytes=record.full_log_bytes,
        cause=ours.cause if ours else None,
        reason=ours.reason if ours else None,
        dropped_bytes=(ours.dropped.total or None) if ours else None,
        problem=record.problem,
        still_capturing=True if found.still_capturing else None,
        owner_uid=strangers(store.root, (record.job_id,)).get(record.job_id),
    )


def _fields_of(row: DashboardJob) -> JobFields:
    return JobFields(
        job_id=row.job_id,
        state=row.state,
        command=row.command or (),
        tags=row.tags,
        cwd=row.cwd,
        exit_code=row.exit_code,
        signal=row.signal,
        detail=row.detail,
        created=row.created_at,
        ended=row.finished_at if row.state in TERMINAL else None,
    )


def _gc_summary(store: JobStore, environ: Mapping[str, str]) -> GcSummary:
    try:
        settings = load_config(config_path(None, environ)).gc
        policy = GcPolicy(
            older_than=settings.older_than,
            max_jobs=settings.max_jobs,
            max_bytes=settings.max_bytes,
        )
        choices = [choice for choice in plan(store, policy).choices if choice.is_taken]
    except AgentExecError as error:
        return GcSummary(problem=str(error))
    return GcSummary(
        older_than=policy.older_than,
        max_jobs=policy.max_jobs,
        max_bytes=policy.max_bytes,
        candidate_count=len(choices),
        freed_bytes=sum(choice.candidate.size_bytes for choice in choices),
        jobs=tuple(choice.candidate.job_id for choice in choices),
    )
