"""One plain tuple per job: what lists and cleaning need of its records, quickly read.

Listing ten thousand jobs is a matter of microseconds each, hence no classes in here.
"""

from __future__ import annotations

import os
import sys
from json import JSONDecoder
from json.scanner import make_scanner

from agent_exec.model import records
from agent_exec.model.status import ALL, KILLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypedDict, TypeGuard

    from agent_exec.store.jobs import JobDir, JobStore
    from agent_exec.store.listing import JobRecord

    Json = dict[str, object]
    # created_at (None: meta.json cannot be read), command, finished_at, updated_at, exit_code,
    # signal, duration_ms, pid, whether its own time limit ended it
    Rest = tuple[
        str | None,
        tuple[str, ...],
        str | None,
        str | None,
        int | None,
        str | None,
        int | None,
        int | None,
        bool,
    ]
    # name, mtime_ns and inode of the directory, problem, started_at, status ("": unreadable),
    # cwd, tags, mtime_ns of meta.json (0: unknown), the rest (bytes: as marshal packs it)
    Entry = tuple[
        str, int, int, str | None, str | None, str, str | None, tuple[str, ...], int, Rest | bytes
    ]

    # status, started_at, finished_at, pid
    Run = tuple[str, str | None, str | None, int | None]

    class _PlainMeta(TypedDict, total=False):
        created_at: str
        command: list[str]
        cwd: str
        tags: list[str]
        timeout_ms: int

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


NAME: Final = 0
MTIME_NS: Final = 1
INODE: Final = 2
PROBLEM: Final = 3
STARTED_AT: Final = 4
STATUS: Final = 5
CWD: Final = 6
TAGS: Final = 7
MADE_NS: Final = 8
REST: Final = 9

TIMEOUT_CAUSE: Final = "timeout"  # supervision.EndCause, without loading it
_STATUS_WORDS = frozenset(ALL)
# JSON types of the keys we know, absent or not. A record that keeps to them is readable; one
# that does not (a null, say) may be readable all the same, which the careful reader decides.
_META_LISTS = ("command", "env_keys", "tags", "shell_wrapper", "env_vars", "env_files", "mask")
_META_TYPES: dict[str, type] = {
    "job": dict,
    **dict.fromkeys((*_META_LISTS, "env_vars_runtime"), list),
    **dict.fromkeys(("schema_version", "created_at", "root", "cwd", "stdin_file"), str),
    **dict.fromkeys(("timeout_ms", "kill_after_ms", "progress_every_ms"), int),
    "abandon_job_after_ms": int,
    "inherit_env": bool,
    "notification": type(None),
}
_META_REQUIRED = frozenset({"job", "schema_version", "command", "created_at", "root", "env_keys"})
_STATE_TYPES: dict[str, type] = {
    **dict.fromkeys(("job", "result"), dict),
    **dict.fromkeys(("finished_at", "updated_at"), str),
    "pid": int,
    "logs_drained": bool,
}
_STATE_REQUIRED = frozenset({"job", "result", "updated_at"})
_OPTIONAL_TEXT = (str, type(None))
_OPTIONAL_NUMBER = (int, type(None))
_OPEN_RECORD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_USUAL_RECORD_BYTES = 16 * 1024
_SHAPES_KEPT = 1000

_scan_json = make_scanner(JSONDecoder())  # type: ignore[arg-type]  # it takes any decoder


def read_entry(
    store: JobStore,
    name: str,
    root_fd: int,
    mtime_ns: int,
    inode: int,
    parse: Callable[[bytes], object] | None = None,
) -> Entry | None:
    """Read one job whose directory was looked at before; None when it is gone.

    Args:
        store: where it is.
        name: which it is.
        root_fd: the root, open.
        mtime_ns: of its directory.
        inode: of its directory.
        parse: for many jobs, see ``bulk_parser``.
    """
    meta_path = f"{name}/{records.META_FILE}"
    parse = parse or parse_json
    try:
        data, written_ns = _read_dated(meta_path, root_fd)
        meta = parse(data)
        state = parse(read_usual(f"{name}/{records.STATE_FILE}", root_fd))
        if (
            isinstance(meta, dict)
            and isinstance(state, dict)
            and _is_plain_meta(meta, name)
            and _is_plain_state(state)
        ):
            is_late = _may_be_late(meta, state) and _is_late(name, root_fd, parse, state)
            return _quick_entry((name, mtime_ns, inode, written_ns), meta, state, is_late=is_late)
    except (OSError, ValueError, TypeError, RecursionError, StopIteration):
        pass  # the careful reader tells what is wrong
    from agent_exec.store.listing import read_job

    record = read_job(store, name)
    return entry_of(record, inode, made_ns(meta_path, root_fd)) if record else None


def made_ns(meta_path: str, dir_fd: int | None = None) -> int:
    """When meta.json was written, which changes of ours leave as it is; 0 if it cannot be told."""
    try:
        return os.stat(meta_path, dir_fd=dir_fd, follow_symlinks=False).st_mtime_ns
    except (OSError, ValueError):
        return 0


def read_run(job: JobDir) -> Run:
    """Read which run a job's state tells of, and how far that is.

    Raises:
        RecordUnreadableError: state.json is missing, foreign or damaged.
    """
    try:
        state = parse_json(read_usual(records.STATE_FILE, job.fd))
        if isinstance(state, dict) and _is_plain_state(state):
            inner = state["job"]
            finished_at, pid = state.get("finished_at"), state.get("pid")
            return inner["status"], inner.get("started_at"), finished_at, pid
    except (OSError, ValueError, TypeError, RecursionError, StopIteration):
        pass
    careful = job.read_state()
    return careful.status.value, careful.started_at, careful.finished_at, careful.pid


def entry_of(record: JobRecord, inode: int = 0, made_ns: int = 0) -> Entry:
    """Cut a whole record down."""
    meta, state = record.meta, record.state
    return (
        record.job_id,
        record.mtime_ns,
        inode,
        record.problem,
        state.started_at if state else None,
        state.status.value if state else "",
        meta.cwd if meta else None,
        meta.tags if meta else (),
        made_ns,
        (
            meta.created_at if meta else None,
            meta.command if meta else (),
            state.finished_at if state else None,
            state.updated_at if state else None,
            state.result.exit_code if state else None,
            state.result.signal if state else None,
            state.result.duration_ms if state else None,
            state.pid if state else None,
            record.is_late,
        ),
    )


def rest_of(entry: Entry) -> Rest:
    """The part of an entry that most of them are never asked for."""
    rest = entry[REST]
    if isinstance(rest, bytes):
        import marshal

        unpacked: Rest = marshal.loads(rest)  # written by ourselves, under a checksum
        return unpacked
    return rest


def has_meta(entry: Entry) -> bool:
    """Whether meta.json could be read."""
    return entry[PROBLEM] is None or rest_of(entry)[0] is not None


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


def _read_dated(path: str, dir_fd: int) -> tuple[bytes, int]:
    fd = os.open(path, _OPEN_RECORD, dir_fd=dir_fd)
    try:
        return os.read(fd, _USUAL_RECORD_BYTES), os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)


def parse_json(data: bytes) -> object:
    """Parse a record without loading anything; None for what is not just one value.

    Raises:
        ValueError, RecursionError, StopIteration: it is no JSON that we take.
    """
    text = data.decode()
    value, end = _scan_json(text, 0)
    return value if end == len(text) else None


def bulk_parser() -> Callable[[bytes], object]:
    """Give the parser for many records: half the time for each, 40 ms to load.

    It raises a ValueError wherever the careful reader finds no JSON.
    """
    from pydantic_core import from_json

    return from_json


# Keys and types of documents that were found right: programs write the same ones again.
_meta_shapes: set[tuple[object, ...]] = set()
_state_shapes: set[tuple[object, ...]] = set()


def _has_types(
    document: Json,
    required: frozenset[str],
    types: dict[str, type],
    known: set[tuple[object, ...]],
) -> bool:
    shape = (*document, *map(type, document.values()))
    if shape in known:
        return True
    if not required <= document.keys():
        return False
    for key, value in document.items():
        expected = types.get(key)
        if expected is not None and type(value) is not expected:
            return False
    if len(known) < _SHAPES_KEPT:
        known.add(shape)
    return True


def _is_plain_meta(meta: Json, name: str) -> TypeGuard[_PlainMeta]:
    if not _has_types(meta, _META_REQUIRED, _META_TYPES, _meta_shapes):
        return False
    if "env_vars_runtime" in meta:
        "".join(meta["env_vars_runtime"])  # type: ignore[arg-type]  # a TypeError is what we ask
    for key in _META_LISTS:
        if items := meta.get(key):
            "".join(items)  # type: ignore[arg-type]  # the quickest way to ask for text only
    job = meta["job"]
    return isinstance(job, dict) and job.get("id") == name


def _is_plain_state(state: Json) -> TypeGuard[_PlainState]:
    if not _has_types(state, _STATE_REQUIRED, _STATE_TYPES, _state_shapes):
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


def _may_be_late(meta: _PlainMeta, state: _PlainState) -> bool:
    """Whether a job had a time limit and did not end well: a third record is read of few."""
    return bool(meta.get("timeout_ms")) and (
        state["job"]["status"] == KILLED or bool(state["result"].get("exit_code"))
    )


def _is_late(name: str, root_fd: int, parse: Callable[[bytes], object], state: _PlainState) -> bool:
    """Whether the record of that very run says that its time limit ended it."""
    try:
        ours = parse(read_usual(f"{name}/{records.SUPERVISION_FILE}", root_fd))
    except (OSError, ValueError, RecursionError, StopIteration):
        return False
    return (
        isinstance(ours, dict)
        and ours.get("cause") == TIMEOUT_CAUSE
        and ours.get("started_at") == state["job"].get("started_at")
    )


def _quick_entry(
    found: tuple[str, int, int, int], meta: _PlainMeta, state: _PlainState, *, is_late: bool
) -> Entry:
    job, result, cwd = state["job"], state["result"], meta.get("cwd")
    name, mtime_ns, inode, written_ns = found
    return (
        name,
        mtime_ns,
        inode,
        None,
        job.get("started_at"),
        sys.intern(job["status"]),
        sys.intern(cwd) if cwd else cwd,
        tuple(meta.get("tags", ())),
        written_ns,
        (
            meta["created_at"],
            tuple(meta["command"]),
            state.get("finished_at"),
            state.get("updated_at"),
            result.get("exit_code"),
            result.get("signal"),
            result.get("duration_ms"),
            state.get("pid"),
            is_late,
        ),
    )
