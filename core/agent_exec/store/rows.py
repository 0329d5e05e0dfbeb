"""One line per job: what lists, filters and cleaning need of its records, and no more."""

from __future__ import annotations

import os
from json import JSONDecoder
from json.scanner import make_scanner
from typing import NamedTuple, TypedDict

from agent_exec.model import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeGuard

    from agent_exec.model.filter import JobFields
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import JobRecord

    Json = dict[str, object]

TERMINAL_WORDS = frozenset({"exited", "killed", "failed"})
_STATUS_WORDS = TERMINAL_WORDS | {"created", "running"}
# JSON types of the keys we know, absent or not. A record that keeps to them is readable; one
# that does not (a null, say) may be readable all the same, which the careful reader decides.
_META_TYPES: dict[str, type] = {
    **dict.fromkeys(("job",), dict),
    **dict.fromkeys(("schema_version", "created_at", "root", "cwd", "stdin_file"), str),
    **dict.fromkeys(("command", "env_keys", "env_vars", "env_vars_runtime", "mask"), list),
    **dict.fromkeys(("tags", "env_files", "shell_wrapper"), list),
    **dict.fromkeys(("timeout_ms", "kill_after_ms", "progress_every_ms"), int),
    **dict.fromkeys(("abandon_job_after_ms",), int),
    **dict.fromkeys(("inherit_env",), bool),
    **dict.fromkeys(("notification",), type(None)),
}
_META_REQUIRED = frozenset({"job", "schema_version", "command", "created_at", "root", "env_keys"})
_STATE_TYPES: dict[str, type] = {
    **dict.fromkeys(("job", "result"), dict),
    **dict.fromkeys(("finished_at", "updated_at"), str),
    **dict.fromkeys(("pid",), int),
    **dict.fromkeys(("logs_drained",), bool),
}
_STATE_REQUIRED = frozenset({"job", "result", "updated_at"})
_ONLY_TEXT = {str}
_OPTIONAL_TEXT = (str, type(None))
_OPTIONAL_NUMBER = (int, type(None))
_OPEN_RECORD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_USUAL_RECORD_BYTES = 16 * 1024

_scan_json = make_scanner(JSONDecoder())  # type: ignore[arg-type]  # it takes any decoder


class _PlainMeta(TypedDict, total=False):
    created_at: str
    command: list[str]
    cwd: str
    tags: list[str]


class _PlainStateJob(TypedDict, total=False):
    status: str
    started_at: str | None


class _PlainResult(TypedDict, total=False):
    exit_code: int | None
    signal: str | None
    duration_ms: int | None


class _PlainState(TypedDict, total=False):
    job: _PlainStateJob
    result: _PlainResult
    pid: int
    finished_at: str
    updated_at: str


class JobRow(NamedTuple):
    """A job's line.

    Attributes:
        name: the directory's name, which is the job's id.
        mtime_ns: of the directory, taken before its records were read.
        inode: of the directory.
        problem: see ``JobRecord.problem``.
        has_meta: whether meta.json could be read; without it, its fields are empty.
        status: the recorded word; empty when state.json could not be read.
    """

    name: str
    mtime_ns: int
    inode: int
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

    @property
    def is_terminal(self) -> bool:
        """Whether the record says that the job is over."""
        return self.status in TERMINAL_WORDS

    def fields(self, state: str) -> JobFields:
        """What filters look at, *state* being the word on display."""
        from agent_exec.model.filter import UNREADABLE, JobFields

        return JobFields(
            job_id=self.name,
            state=UNREADABLE if self.problem else state,
            command=self.command,
            tags=self.tags,
            cwd=self.cwd,
            exit_code=self.exit_code,
        )


def read_row(store: JobStore, name: str, root_fd: int) -> JobRow | None:
    """Read one job's line; None when the directory is gone."""
    try:
        status = os.stat(name, dir_fd=root_fd, follow_symlinks=False)
    except OSError:
        return None
    return read_row_at(store, name, root_fd, status)


def read_row_at(store: JobStore, name: str, root_fd: int, status: os.stat_result) -> JobRow | None:
    """Read one job's line, its directory's *status* being known."""
    try:
        meta = _quick_object(read_usual(f"{name}/{records.META_FILE}", root_fd))
        state = _quick_object(read_usual(f"{name}/{records.STATE_FILE}", root_fd))
        if _is_plain_meta(meta, name) and _is_plain_state(state):
            return _quick_row(name, status, meta, state)
    except (OSError, ValueError, RecursionError, StopIteration):
        pass  # the careful reader tells what is wrong
    from agent_exec.store.listing import read_job

    record = read_job(store, name)
    return row_of(record, status.st_ino) if record else None


def row_of(record: JobRecord, inode: int = 0) -> JobRow:
    """Cut a whole record down to its line."""
    meta, state = record.meta, record.state
    return JobRow(
        name=record.job_id,
        mtime_ns=record.mtime_ns,
        inode=inode,
        problem=record.problem,
        has_meta=meta is not None,
        created_at=meta.created_at if meta else "",
        command=meta.command if meta else (),
        cwd=meta.cwd if meta else None,
        tags=meta.tags if meta else (),
        status=state.status.value if state else "",
        started_at=state.started_at if state else None,
        finished_at=state.finished_at if state else None,
        updated_at=state.updated_at if state else None,
        exit_code=state.result.exit_code if state else None,
        signal=state.result.signal if state else None,
        duration_ms=state.result.duration_ms if state else None,
        pid=state.pid if state else None,
    )


def read_usual(path: str, dir_fd: int) -> bytes:
    """Read a record of usual size in the fewest system calls; a part of one that is larger.

    Raises:
        OSError: missing, a link, no rights.
    """
    fd = os.open(path, _OPEN_RECORD, dir_fd=dir_fd)
    try:
        return os.read(fd, _USUAL_RECORD_BYTES)
    finally:
        os.close(fd)


def _quick_object(data: bytes) -> Json:
    text = data.decode()
    value, end = _scan_json(text, 0)
    return value if end == len(text) and isinstance(value, dict) else {}


def _has_types(document: Json, required: frozenset[str], types: dict[str, type]) -> bool:
    if not required <= document.keys():
        return False
    for key, value in document.items():
        expected = types.get(key)
        if expected is None:
            continue
        if type(value) is not expected:
            return False
        if isinstance(value, list) and not set(map(type, value)) <= _ONLY_TEXT:
            return False
    return True


def _is_plain_meta(meta: Json, name: str) -> TypeGuard[_PlainMeta]:
    if not _has_types(meta, _META_REQUIRED, _META_TYPES):
        return False
    job = meta["job"]
    return isinstance(job, dict) and job.get("id") == name


def _is_plain_state(state: Json) -> TypeGuard[_PlainState]:
    if not _has_types(state, _STATE_REQUIRED, _STATE_TYPES):
        return False
    job, result = state["job"], state["result"]
    return (
        isinstance(job, dict)
        and isinstance(result, dict)
        and type(job.get("id")) is str
        and type(job.get("status")) is str
        and job["status"] in _STATUS_WORDS
        and type(job.get("started_at")) in _OPTIONAL_TEXT
        and type(result.get("signal")) in _OPTIONAL_TEXT
        and type(result.get("exit_code")) in _OPTIONAL_NUMBER
        and type(result.get("duration_ms")) in _OPTIONAL_NUMBER
    )


def _quick_row(name: str, status: os.stat_result, meta: _PlainMeta, state: _PlainState) -> JobRow:
    job, result = state["job"], state["result"]
    return JobRow(
        name,
        status.st_mtime_ns,
        status.st_ino,
        None,
        True,
        meta["created_at"],
        tuple(meta["command"]),
        meta.get("cwd"),
        tuple(meta.get("tags", ())),
        job["status"],
        job.get("started_at"),
        state.get("finished_at"),
        state.get("updated_at"),
        result.get("exit_code"),
        result.get("signal"),
        result.get("duration_ms"),
        state.get("pid"),
    )
