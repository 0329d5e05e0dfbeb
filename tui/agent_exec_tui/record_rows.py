"""Rows of the table out of what was read of jobs; pure."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from agent_exec.model.filter_terms import JobFields
from agent_exec.model.job import JobStatus
from agent_exec.model.status import (
    ALIVE,
    CAPTURING,
    ELSEWHERE,
    PAUSED,
    STOPPED,
    TIMEOUT,
    UNKNOWN,
    UNREADABLE,
    problem_word,
)
from agent_exec.model.timestamps import parse_timestamp
from agent_exec_tui import formatting
from agent_exec_tui.job_rows import JobRow, RowKind, clean, shown_command

if TYPE_CHECKING:
    from agent_exec.model.job import JobState
    from agent_exec.store.listing import JobRecord
    from agent_exec.store.rows import JobRow as JobLine

_KIND_OF_STATUS: dict[str, RowKind] = {
    JobStatus.RUNNING: RowKind.RUNNING,
    JobStatus.CREATED: RowKind.CREATED,
    JobStatus.EXITED: RowKind.OK,
    JobStatus.KILLED: RowKind.KILLED,
    JobStatus.FAILED: RowKind.FAILED,
}
_HALTED = frozenset({PAUSED, STOPPED})
# A job of 33.999 may be written at 34.001; it stays one of second 33, the last of them.
_WRITTEN_WITHIN_S = 2.0
_LAST_OF_SECOND_S = 0.999_999


class Doubt(NamedTuple):
    """What is known to be wrong with a job recorded as running.

    Attributes:
        word: one of ``filter.DOUBT_OF_VERDICT``.
        is_alive: whether it counts as running all the same: its process lives, or somebody is
            left who records its end.
    """

    word: str
    is_alive: bool = False

    @property
    def kind(self) -> RowKind:
        """What a row in such doubt means."""
        if not self.is_alive or self.word == ALIVE:
            return RowKind.LOST
        if self.word in _HALTED:
            return RowKind.PAUSED
        return RowKind.ELSEWHERE if self.word == ELSEWHERE else RowKind.ORPHAN


def row_of(
    record: JobRecord,
    *,
    doubt: Doubt | None = None,
    is_capturing: bool = False,
    made_ns: int = 0,
    written_s: float | None = None,
) -> JobRow:
    """Say in a row what a record says.

    Args:
        record: what was read of the job.
        doubt: what is not plainly so of the job, if anything.
        is_capturing: whether what it left behind may still write.
        made_ns: when the definition was written, which orders jobs within one second.
        written_s: when a running job last wrote something.
    """
    meta, state = record.meta, record.state
    if record.problem is not None or meta is None or state is None:
        return _problem_row(record)
    kind = _kind_of(state)
    word = kind.value
    if kind is not RowKind.RUNNING and not (doubt and doubt.word == ALIVE):
        doubt = None
    if doubt is not None:
        kind, word = doubt.kind, doubt.word
    elif kind.has_ended and record.is_late:
        word = TIMEOUT
    created_s = _seconds(meta.created_at)
    started_s, finished_s = _seconds(state.started_at), _seconds(state.finished_at)
    if record.supervision is not None and record.supervision.started_at == state.started_at:
        started_s = record.supervision.started_ns / 1e9 or started_s
    command = _shown_command(meta.command)
    return JobRow(
        job_id=record.job_id,
        shown_id=clean(record.job_id),
        kind=kind,
        word=word,
        status=state.status.value,
        command=command,
        tags=tuple(clean(tag) for tag in meta.tags),
        raw_cwd=meta.cwd,
        exit_text=_exit_text(state),
        exit_code=state.result.exit_code,
        is_held=is_capturing,
        started_at=state.started_at,
        created_s=_made_s(created_s, made_ns) or record.mtime_ns / 1e9,
        started_s=started_s,
        finished_s=finished_s,
        written_s=written_s,
        elapsed_s=_elapsed_s(state, started_s, finished_s),
        pid=state.pid,
        stdout_bytes=record.stdout_bytes,
        stderr_bytes=record.stderr_bytes,
        full_bytes=record.full_log_bytes,
        fields=JobFields(
            job_id=record.job_id,
            # The same words as in `--json`: what is dead is not "running" to a filter.
            state=UNKNOWN if doubt and not doubt.is_alive else state.status.value,
            command=meta.command,
            tags=meta.tags,
            cwd=meta.cwd,
            exit_code=state.result.exit_code,
            detail=_detail_of(doubt, word, is_capturing),
            signal=state.result.signal,
            created=created_s,
            ended=finished_s if state.is_terminal else None,
            shown=command,
        ),
    )


def row_of_line(line: JobLine) -> JobRow:
    """Say in a row what the listing's line of a finished or created job says, sizes left out."""
    status, exit_code = line.status, line.exit_code
    kind = _KIND_OF_STATUS[status]  # a StrEnum is found by its word
    exit_text = formatting.NOTHING
    if kind is RowKind.OK:
        exit_text = str(exit_code)
        kind = kind if exit_code == 0 else RowKind.BAD
    elif kind is RowKind.KILLED:
        exit_text = clean(formatting.signal_name(line.signal) or exit_text)
    word = TIMEOUT if line.is_timeout else kind.value
    created_s = _seconds(line.created_at)
    started_s, finished_s = _seconds(line.started_at), _seconds(line.finished_at)
    elapsed_s = None
    if line.duration_ms is not None:
        elapsed_s = line.duration_ms / 1000
    elif started_s is not None and finished_s is not None:
        elapsed_s = max(finished_s - started_s, 0.0)
    command = _shown_command(line.command)
    return JobRow(
        job_id=line.name,
        shown_id=clean(line.name),
        kind=kind,
        word=word,
        status=status,
        command=command,
        tags=tuple([clean(tag) for tag in line.tags]),
        raw_cwd=line.cwd,
        exit_text=exit_text,
        exit_code=exit_code,
        started_at=line.started_at,
        created_s=_made_s(created_s, line.made_ns) or line.mtime_ns / 1e9,
        started_s=started_s,
        finished_s=finished_s,
        elapsed_s=elapsed_s,
        pid=line.pid,
        fields=JobFields(
            job_id=line.name,
            state=status,
            command=line.command,
            tags=line.tags,
            cwd=line.cwd,
            exit_code=exit_code,
            detail=TIMEOUT if line.is_timeout else None,
            signal=line.signal,
            created=created_s,
            ended=finished_s if line.is_terminal else None,
            shown=command,
        ),
    )


def _detail_of(doubt: Doubt | None, word: str, is_capturing: bool) -> str | None:
    if doubt is not None:
        return doubt.word
    if is_capturing:
        return CAPTURING
    return TIMEOUT if word == TIMEOUT else None


def _problem_row(record: JobRecord) -> JobRow:
    problem = clean(record.problem or "records are missing")
    meta = record.meta
    word = problem_word(problem, has_meta=meta is not None)
    created_s = _seconds(meta.created_at) if meta else None
    return JobRow(
        job_id=record.job_id,
        shown_id=clean(record.job_id),
        kind=RowKind.PROBLEM,
        word=word,
        command=problem,
        tags=tuple(clean(tag) for tag in meta.tags) if meta else (),
        raw_cwd=meta.cwd if meta else None,
        created_s=created_s or record.mtime_ns / 1e9,
        problem=problem,
        stdout_bytes=record.stdout_bytes,
        stderr_bytes=record.stderr_bytes,
        full_bytes=record.full_log_bytes,
        fields=JobFields(
            job_id=record.job_id,
            state=UNREADABLE,
            detail=word,
            command=meta.command if meta else (),
            tags=meta.tags if meta else (),
            cwd=meta.cwd if meta else None,
            created=created_s,
        ),
    )


def _kind_of(state: JobState) -> RowKind:
    if state.status is JobStatus.EXITED and state.result.exit_code != 0:
        return RowKind.BAD
    return _KIND_OF_STATUS[state.status]


_shown_command = lru_cache(maxsize=256)(shown_command)


def _exit_text(state: JobState) -> str:
    if state.result.exit_code is not None:
        return str(state.result.exit_code)
    if state.status is JobStatus.KILLED:
        return clean(formatting.signal_name(state.result.signal) or formatting.NOTHING)
    return formatting.NOTHING


def _elapsed_s(state: JobState, started_s: float | None, finished_s: float | None) -> float | None:
    if not state.is_terminal:
        return None
    if state.result.duration_ms is not None:
        return state.result.duration_ms / 1000
    if started_s is None or finished_s is None or state.status is JobStatus.FAILED:
        return None  # of what failed only the moment is known at which somebody noticed
    return max(finished_s - started_s, 0.0)


def _made_s(created_s: float | None, made_ns: int) -> float | None:
    """Give the second of the record its part after the point, out of when it was written."""
    if created_s is None or not 0 <= made_ns / 1e9 - created_s < _WRITTEN_WITHIN_S:
        return created_s
    return min(made_ns / 1e9, created_s + _LAST_OF_SECOND_S)


# Jobs that follow each other have times and commands in common.
@lru_cache(maxsize=1024)
def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    if text[-1] == "Z":
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            pass  # a form that only the careful reader knows
    moment = parse_timestamp(text)
    return moment.timestamp() if moment else None
