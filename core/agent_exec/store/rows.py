"""One line per job: what filters and cleaning need of its records, by name."""

from __future__ import annotations

from typing import NamedTuple

from agent_exec.model.status import (
    ALIVE,
    CAPTURING,
    DOUBT_OF_VERDICT,
    TERMINAL,
    TIMEOUT,
    UNREADABLE,
    problem_word,
)
from agent_exec.store.entries import (
    CWD,
    INODE,
    MADE_NS,
    MTIME_NS,
    NAME,
    PROBLEM,
    STARTED_AT,
    STATUS,
    TAGS,
    rest_of,
)
from agent_exec.store.index import read_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.filter_terms import JobFields
    from agent_exec.store.entries import Entry
    from agent_exec.store.jobs import JobStore


class JobRow(NamedTuple):
    """A job's line.

    Attributes:
        name: the directory's name, which is the job's id.
        mtime_ns: of the directory, taken before its records were read.
        inode: of the directory.
        made_ns: when meta.json was written; 0 if that cannot be told.
        problem: see ``JobRecord.problem``.
        has_meta: whether meta.json could be read; without it, its fields are empty.
        status: the recorded word; empty when state.json could not be read.
        is_timeout: whether the job's own time limit ended it.
    """

    name: str
    mtime_ns: int
    inode: int
    made_ns: int
    problem: str | None
    has_meta: bool
    created_at: str
    command: tuple[str, ...]
    cwd: str | None
    tags: tuple[str, ...]
    status: str
    started_at: str | None
    finished_at: str | None
    updated_at: str | None
    exit_code: int | None
    signal: str | None
    duration_ms: int | None
    pid: int | None
    is_timeout: bool

    @property
    def is_terminal(self) -> bool:
        """Whether the record says that the job is over."""
        return self.status in TERMINAL

    def fields(
        self, state: str, verdict: str | None = None, *, is_capturing: bool = False
    ) -> JobFields:
        """What filters look at; the arguments are what a look at the processes says."""
        from agent_exec.model.filter_terms import JobFields

        return JobFields(
            job_id=self.name,
            state=UNREADABLE if self.problem else state,
            command=self.command,
            tags=self.tags,
            cwd=self.cwd,
            exit_code=self.exit_code,
            signal=self.signal,
            detail=self._detail(verdict, is_capturing=is_capturing),
            created=self.created_at,
            ended=self.finished_at if self.is_terminal else None,
        )

    def _detail(self, verdict: str | None, *, is_capturing: bool) -> str | None:
        if self.problem:
            return problem_word(self.problem, has_meta=self.has_meta)
        if verdict is not None and self.is_terminal:
            return ALIVE
        if is_capturing:
            return CAPTURING
        return DOUBT_OF_VERDICT.get(verdict or "") or (TIMEOUT if self.is_timeout else None)


def read_rows(store: JobStore, names: list[str] | None = None) -> list[JobRow]:
    """Read the line of every job, in the directory's order, or of those in *names*.

    Jobs removed meanwhile are left out.

    Raises:
        InternalError: the root is there and cannot be read.
    """
    return [row_from(entry) for entry in read_entries(store, names)]


def row_from(entry: Entry) -> JobRow:
    """Give an entry's parts their names."""
    rest = rest_of(entry)
    created_at, command, finished_at, updated_at, exit_code, signal, duration_ms, pid, late = rest
    return JobRow(
        name=entry[NAME],
        mtime_ns=entry[MTIME_NS],
        inode=entry[INODE],
        made_ns=entry[MADE_NS],
        problem=entry[PROBLEM],
        has_meta=created_at is not None,
        created_at=created_at or "",
        command=command,
        cwd=entry[CWD],
        tags=entry[TAGS],
        status=entry[STATUS],
        started_at=entry[STARTED_AT],
        finished_at=finished_at,
        updated_at=updated_at,
        exit_code=exit_code,
        signal=signal,
        duration_ms=duration_ms,
        pid=pid,
        is_timeout=late,
    )
