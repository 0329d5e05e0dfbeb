"""``list``: the jobs of a root, newest first."""

from __future__ import annotations

import heapq
import os
from dataclasses import dataclass

from agent_exec.errors import InvalidArgumentError
from agent_exec.model import tags as tag_rules
from agent_exec.model.job_id import short_id
from agent_exec.model.records import CLAIM_FILE
from agent_exec.store.index import read_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_exec.store.jobs import JobStore
    from agent_exec.store.rows import JobRow

DEFAULT_LIMIT = 50
UNKNOWN = "unknown"
LISTED_STATES = ("created", "running", "exited", "killed", "failed", UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """One job as ``list`` shows it.

    Attributes:
        state: the recorded status, or ``unknown`` where nothing is recorded, or where a
            running job's process is not there.
    """

    job_id: str
    short_job_id: str
    state: str
    command: tuple[str, ...]
    exit_code: int | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    updated_at: str | None = None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobListing:
    """The jobs that were asked for.

    Attributes:
        truncated: whether the limit left some out.
        skipped: directories without a readable meta.json.
    """

    wire_type = "list"

    root: str
    jobs: tuple[ListedJob, ...]
    truncated: bool
    skipped: int


def list_jobs(
    store: JobStore,
    *,
    limit: int = DEFAULT_LIMIT,
    state: str | None = None,
    cwd: str | None = None,
    tags: Sequence[str] = (),
) -> JobListing:
    """List jobs by start, newest first; those never started come last.

    Args:
        store: the root; a missing one has no jobs.
        limit: how many at most; 0 is all.
        state: only those shown with this word, see ``LISTED_STATES``.
        cwd: only those that run in this directory; None is anywhere.
        tags: patterns that must all match a tag.

    Raises:
        InvalidArgumentError: there is no such state, or the limit is negative.
        InvalidTagError: a pattern is malformed.
        InternalError: the root cannot be read.
    """
    if limit < 0:
        raise InvalidArgumentError(f"limit must be 0 or more, not {limit}")
    if state is not None and state not in LISTED_STATES:
        raise InvalidArgumentError(f"no such state: {state}; there are {', '.join(LISTED_STATES)}")
    for pattern in tags:
        tag_rules.require_tag_pattern(pattern)
    rows = read_rows(store)
    readable = [row for row in rows if row.has_meta]
    skipped = len(rows) - len(readable)
    if cwd is not None:
        there = os.path.realpath(cwd)
        readable = [row for row in readable if row.cwd == there]
    for pattern in tags:
        readable = [row for row in readable if tag_rules.matches(pattern, row.tags)]
    shown = with_states(store, readable)
    if state is not None:
        shown = [(row, word) for row, word in shown if word == state]
    newest = newest_first(store, [row for row, _ in shown], limit)
    words = {row.name: word for row, word in shown}
    return JobListing(
        root=store.root,
        jobs=tuple(_listed(row, words[row.name]) for row in newest),
        truncated=len(newest) < len(shown),
        skipped=skipped,
    )


def with_states(store: JobStore, rows: Iterable[JobRow]) -> list[tuple[JobRow, str]]:
    """Pair each line with its word on display; running ones are looked at, the rest believed.

    A line whose job ended or went meanwhile comes back as it is now, or not at all.
    """
    shown = []
    for row in rows:
        if row.status != "running":
            shown.append((row, row.status or UNKNOWN))
            continue
        looked = _look_at_running(store, row)
        if looked is not None:
            shown.append(looked)
    return shown


def _look_at_running(store: JobStore, row: JobRow) -> tuple[JobRow, str] | None:
    # Imported here: most listings have nothing running, and this doubles what is loaded.
    from agent_exec.process.liveness import Verdict, assess
    from agent_exec.store.listing import open_exact, read_opened
    from agent_exec.store.rows import row_of

    try:
        job = open_exact(store, row.name)
    except OSError:
        return row, UNKNOWN
    if job is None:
        return None
    with job:
        for _ in range(2):  # the second time only if it ended while it was looked at
            record = read_opened(job)
            if record.state is None or record.state.status != "running":
                break
            liveness = assess(job, record.state, record.supervision)
            if liveness.verdict is not Verdict.ENDED:
                return row, "running" if liveness.is_alive else UNKNOWN
    fresh = row_of(record, row.inode)
    return (fresh, fresh.status or UNKNOWN) if fresh.has_meta else (row, UNKNOWN)


def newest_first(store: JobStore, rows: list[JobRow], limit: int = 0) -> list[JobRow]:
    """Sort by start, the latest first, those never started last; keep *limit* (0: all).

    Within one second our own jobs go by the moment of their claim; else ids decide.
    """
    if not limit or limit >= len(rows):
        chosen = sorted(rows, key=_started_at, reverse=True)
    else:
        last = heapq.nlargest(limit, map(_started_at, rows))[-1]
        chosen = sorted(
            (row for row in rows if _started_at(row) >= last), key=_started_at, reverse=True
        )
    ordered: list[JobRow] = []
    start = 0
    while start < len(chosen) and not (limit and len(ordered) >= limit):
        end = start + 1
        while end < len(chosen) and chosen[end].started_at == chosen[start].started_at:
            end += 1
        ordered += _order_ties(store, chosen[start:end])
        start = end
    return ordered[:limit] if limit else ordered


def _started_at(row: JobRow) -> str:
    return row.started_at or ""


def _order_ties(store: JobStore, ties: list[JobRow]) -> list[JobRow]:
    if len(ties) == 1:
        return ties
    if not ties[0].started_at:
        return sorted(ties, key=lambda row: row.name, reverse=True)
    return sorted(ties, key=lambda row: (_claimed_ns(store, row.name), row.name), reverse=True)


def _claimed_ns(store: JobStore, name: str) -> int:
    """When the run was claimed: the one trace with more than whole seconds; 0 without it."""
    try:
        path = os.path.join(store.root, name, CLAIM_FILE)
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def _listed(row: JobRow, state: str) -> ListedJob:
    return ListedJob(
        job_id=row.name,
        short_job_id=short_id(row.name),
        state=state,
        command=row.command,
        exit_code=row.exit_code,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
        tags=row.tags,
    )
