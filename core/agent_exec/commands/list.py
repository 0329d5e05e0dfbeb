"""``list``: the jobs of a root, newest first."""

from __future__ import annotations

import heapq
import os

from agent_exec.errors import InvalidArgumentError
from agent_exec.model import tags as tag_rules
from agent_exec.model.job_id import short_id
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import CLAIM_FILE
from agent_exec.model.status import (
    ALIVE,
    CAPTURING,
    KILLED,
    LISTABLE,
    LISTED,
    PAUSED,
    PLAIN_VERDICTS,
    RUNNING,
    TERMINAL,
    UNKNOWN,
    UNREADABLE,
)
from agent_exec.store.entries import (
    CWD,
    INODE,
    NAME,
    STARTED_AT,
    STATUS,
    TAGS,
    entry_of,
    has_meta,
    rest_of,
)
from agent_exec.store.index import read_entries
from agent_exec.store.root import strangers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec.store.entries import Entry
    from agent_exec.store.jobs import JobStore

DEFAULT_LIMIT = 50
LISTED_STATES = LISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """One job as ``list`` shows it.

    Attributes:
        state: the recorded status, or ``unknown`` where nothing is recorded, or where a
            running job's process is not there.
        verdict: of a job that is not plainly what its record says, in the words of ``status``.
        owner_uid: whose it is, if not the caller's: it is only looked at.
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
    verdict: str | None = None
    owner_uid: int | None = None


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
        state: only those shown with this word, one of ``status.LISTABLE``.
        cwd: only those that run in this directory; None is anywhere.
        tags: patterns that must all match a tag.

    Raises:
        InvalidArgumentError: there is no such state, or the limit is negative.
        InvalidTagError: a pattern is malformed.
        InternalError: the root cannot be read.
    """
    if limit < 0:
        raise InvalidArgumentError(f"limit must be 0 or more, not {limit}")
    if state is not None and state not in LISTABLE:
        raise InvalidArgumentError(f"no such state: {state}; there are {', '.join(LISTABLE)}")
    for pattern in tags:
        tag_rules.require_tag_pattern(pattern)
    entries = read_entries(store)
    readable = [entry for entry in entries if has_meta(entry)]
    skipped = len(entries) - len(readable)
    if cwd is not None:
        there = os.path.realpath(cwd)
        readable = [entry for entry in readable if entry[CWD] == there]
    for pattern in tags:
        readable = [entry for entry in readable if tag_rules.matches(pattern, entry[TAGS])]
    shown, words, verdicts = with_words(store, readable)
    if state == CAPTURING:
        capturing = capturing_of(store, shown)
        shown = [entry for entry in shown if entry[NAME] in capturing]
    elif state == PAUSED:
        shown = [entry for entry in shown if verdicts.get(entry[NAME]) == PAUSED]
    elif state is not None:
        shown = [entry for entry in shown if words.get(entry[NAME], entry[STATUS]) == state]
    newest = _newest_first(store, shown, limit)
    look_at_killed(store, newest, verdicts)
    owners = strangers(store.root, [entry[NAME] for entry in newest])
    return JobListing(
        root=store.root,
        jobs=tuple(
            _listed(
                entry,
                words.get(entry[NAME], entry[STATUS]),
                verdicts.get(entry[NAME]),
                owners.get(entry[NAME]),
            )
            for entry in newest
        ),
        truncated=len(newest) < len(shown),
        skipped=skipped,
    )


def with_words(
    store: JobStore, entries: list[Entry]
) -> tuple[list[Entry], dict[str, str], dict[str, str]]:
    """Give the entries again, and the words on display where these are not the recorded ones.

    Running jobs are looked at, the rest is believed. What ended meanwhile comes back as it is
    now, what went does not come back. Third come the verdicts on running jobs that nobody
    plainly runs.
    """
    words: dict[str, str] = {}
    verdicts: dict[str, str] = {}
    looked: dict[str, Entry | None] = {}
    for entry in entries:
        if entry[STATUS] == RUNNING:
            looked[entry[NAME]] = _look_at_running(store, entry, words, verdicts)
        elif not entry[STATUS]:
            words[entry[NAME]] = UNKNOWN
    if not looked:
        return entries, words, verdicts
    now = (looked.get(entry[NAME], entry) for entry in entries)
    return [entry for entry in now if entry is not None], words, verdicts


def _look_at_running(
    store: JobStore, entry: Entry, words: dict[str, str], verdicts: dict[str, str]
) -> Entry | None:
    # Imported here: most listings have nothing running, and this doubles what is loaded.
    from agent_exec.commands.standing import standing_of
    from agent_exec.store.listing import read_job

    record = read_job(store, entry[NAME])
    if record is None:
        return None
    found = standing_of(store, record)
    fresh = entry_of(found.record, entry[INODE])
    if found.state == UNREADABLE:
        words[entry[NAME]] = UNKNOWN
        return fresh if has_meta(fresh) else entry
    if found.state != fresh[STATUS]:
        words[entry[NAME]] = found.state
    if found.liveness is not None and found.liveness.verdict not in PLAIN_VERDICTS:
        verdicts[entry[NAME]] = found.liveness.verdict.value
    return fresh


def look_at_killed(store: JobStore, entries: list[Entry], verdicts: dict[str, str]) -> None:
    """Add the verdicts on jobs that are killed by their record alone."""
    for entry in entries:
        if entry[STATUS] != KILLED:
            continue
        from agent_exec.commands.standing import may_be_alive, standing_of
        from agent_exec.store.listing import read_job

        pid = rest_of(entry)[7]
        record = read_job(store, entry[NAME]) if may_be_alive(entry[STATUS], pid) else None
        found = standing_of(store, record) if record is not None else None
        if found is not None and found.detail == ALIVE and found.liveness is not None:
            verdicts[entry[NAME]] = found.liveness.verdict.value


def capturing_of(store: JobStore, entries: list[Entry]) -> frozenset[str]:
    """Name those that are over and whose output is still held by what they left behind."""
    from agent_exec.commands.standing import standing_of
    from agent_exec.store.listing import has_supervisor, read_job

    found = set()
    for entry in entries:
        if entry[STATUS] in TERMINAL and has_supervisor(store, entry[NAME]):
            record = read_job(store, entry[NAME])
            if record is not None and standing_of(store, record).still_capturing:
                found.add(entry[NAME])
    return frozenset(found)


def _newest_first(store: JobStore, entries: list[Entry], limit: int) -> list[Entry]:
    """Sort by start, the latest first, those never started last; keep *limit* (0: all).

    Within one second our own jobs go by the moment of their claim; else ids decide.
    """
    chosen = entries
    if limit and limit < len(entries):
        last = heapq.nlargest(limit, map(_started_at, entries))[-1]
        chosen = [entry for entry in entries if (entry[STARTED_AT] or "") >= last]
    chosen = sorted(chosen, key=_started_at, reverse=True)
    ordered: list[Entry] = []
    start = 0
    while start < len(chosen) and not (limit and len(ordered) >= limit):
        end = start + 1
        while end < len(chosen) and chosen[end][STARTED_AT] == chosen[start][STARTED_AT]:
            end += 1
        ordered += _order_ties(store, chosen[start:end])
        start = end
    return ordered[:limit] if limit else ordered


def _started_at(entry: Entry) -> str:
    return entry[STARTED_AT] or ""


def _order_ties(store: JobStore, ties: list[Entry]) -> list[Entry]:
    if len(ties) == 1:
        return ties
    if not ties[0][STARTED_AT]:
        return sorted(ties, key=lambda entry: entry[NAME], reverse=True)
    return sorted(
        ties, key=lambda entry: (_claimed_ns(store, entry[NAME]), entry[NAME]), reverse=True
    )


def _claimed_ns(store: JobStore, name: str) -> int:
    """When the run was claimed: the one trace with more than whole seconds; 0 without it."""
    try:
        path = os.path.join(store.root, name, CLAIM_FILE)
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def _listed(entry: Entry, state: str, verdict: str | None, owner_uid: int | None) -> ListedJob:
    created_at, command, finished_at, updated_at, exit_code, _, _, _, _ = rest_of(entry)
    return ListedJob(
        job_id=entry[NAME],
        short_job_id=short_id(entry[NAME]),
        state=state,
        command=command,
        exit_code=exit_code,
        created_at=created_at or "",
        started_at=entry[STARTED_AT],
        finished_at=finished_at,
        updated_at=updated_at,
        tags=entry[TAGS],
        verdict=verdict,
        owner_uid=owner_uid,
    )
