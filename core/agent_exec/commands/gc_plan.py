"""What a cleaning would remove: the policy asked about the jobs as they are."""

from __future__ import annotations

import os
import time

from agent_exec.model import records, retention
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.status import ACTIVE
from agent_exec.model.timestamps import parse_duration_s, parse_timestamp
from agent_exec.store import locks, removal
from agent_exec.store.rows import read_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.retention import Choice
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.rows import JobRow

DEFAULT_OLDER_THAN = "30d"


@dataclass(frozen=True, slots=True, kw_only=True)
class GcPolicy:
    """What to remove.

    Attributes:
        older_than: a duration such as ``30d``; None is the default, or no rule at all when the
            rules are independent.
        max_jobs: keep the newest so many.
        max_bytes: keep what fits into this, the newest first.
        scan_limit: look at so many directories at most, another part of the root each time.
        delete_limit: remove so many at most, oldest first.
    """

    older_than: str | None = None
    max_jobs: int | None = None
    max_bytes: int | None = None
    scan_limit: int | None = None
    delete_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GcJob:
    """What happened, or would, to one job.

    Attributes:
        state: the recorded word, ``unknown`` when it cannot be read.
        action: ``deleted``, ``would_delete`` or ``skipped``.
        reason: the rules that selected it, or why it stays.
    """

    job_id: str
    state: str
    action: str
    reason: str
    bytes: int


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What a cleaning would look at.

    Attributes:
        left: directories that no rule may touch, and why.
        choices: every finished job a rule was asked about, oldest first.
        rows: the lines of these by id.
        scanned_dirs: how many directories were looked at.
    """

    left: tuple[GcJob, ...]
    choices: tuple[Choice, ...]
    rows: dict[str, JobRow]
    scanned_dirs: int


def plan(
    store: JobStore,
    policy: GcPolicy,
    *,
    independent: bool = False,
    spare: frozenset[str] = frozenset(),
    rows: list[JobRow] | None = None,
    just_lost: frozenset[str] = frozenset(),
) -> GcPlan:
    """Say what the policy would select now; changes nothing.

    Args:
        store: the root.
        policy: what selects.
        independent: see ``collect_garbage``.
        spare: ids that stay.
        rows: the lines of the jobs to look at; None reads them.
        just_lost: ids whose end was noticed and recorded a moment ago, so it came before.

    Raises:
        InternalError: the duration is malformed, or the root cannot be read.
    """
    now_s = time.time()
    rules = _rules_of(policy, independent, now_s)
    rows = rows_to_look_at(store, policy.scan_limit) if rows is None else rows
    left: list[GcJob] = []
    candidates: list[retention.Candidate] = []
    for row in rows:
        reason, ended_s = _barred(row)
        if row.name in just_lost:
            ended_s = min(ended_s, now_s - 1)
        if not reason and not independent and not retention.is_old(ended_s, rules):
            reason = "too_recent"
        if not reason and _is_held(store, row.name):
            reason = "still_capturing"
        if reason:
            left.append(told(row, "skipped", reason, 0))
        else:
            size_bytes = removal.size_of_job(store, row.name)
            candidates.append(retention.Candidate(row.name, ended_s, size_bytes))
    choose = retention.plan_independent if independent else retention.plan_nested
    choices = choose(candidates, rules, spare)
    return GcPlan(tuple(left), choices, {row.name: row for row in rows}, len(rows))


def _rules_of(policy: GcPolicy, independent: bool, now_s: float) -> retention.Rules:
    older_than = policy.older_than
    if older_than is None and not independent:
        older_than = DEFAULT_OLDER_THAN
    return retention.Rules(
        cutoff_s=None if older_than is None else int(now_s) - parse_duration_s(older_than),
        max_jobs=policy.max_jobs,
        max_bytes=policy.max_bytes,
        delete_limit=policy.delete_limit,
    )


def rows_to_look_at(store: JobStore, scan_limit: int | None) -> list[JobRow]:
    """Read the lines of all jobs, or of *scan_limit* of them, others each time."""
    if scan_limit is None:
        return read_rows(store)
    names = store.names()
    if len(names) > scan_limit:
        # From another place each time: looking at the same ones again would let old jobs
        # behind many young ones stay for ever.
        start = int.from_bytes(os.urandom(4), "big") % len(names)
        names = (names[start:] + names[:start])[:scan_limit]
    return read_rows(store, names)


def _barred(row: JobRow) -> tuple[str, float]:
    """Why no rule may touch a job, or "" and when it ended."""
    if not row.status:
        return "state_unreadable", 0.0
    if row.status in ACTIVE:
        return "active_job", 0.0
    ended_at = parse_timestamp(row.updated_at if row.finished_at is None else row.finished_at)
    if ended_at is None:
        return "no_timestamp", 0.0
    return "", ended_at.timestamp()


def _is_held(store: JobStore, name: str) -> bool:
    """Whether a supervisor still waits for the last who may write to the job's output."""
    path = os.path.join(store.root, name, records.SUPERVISOR_LOCK_FILE)
    return locks.is_locked(-1, path)  # the path is absolute, and needs no directory


def told(row: JobRow, action: str, reason: str, size_bytes: int) -> GcJob:
    """Say what happens to one job."""
    return GcJob(
        job_id=row.name,
        state=row.status or "unknown",
        action=action,
        reason=reason,
        bytes=size_bytes,
    )
