"""Job directories as they are found: every one gives a record, none an exception."""

from __future__ import annotations

import os
import time

from agent_exec.errors import InternalError, RecordUnreadableError
from agent_exec.model import records
from agent_exec.model.job_id import flaw_of
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.wire import decode_state
from agent_exec.store import atomic, locks
from agent_exec.store.directories import find_directories
from agent_exec.store.entries import TIMEOUT_CAUSE, read_usual
from agent_exec.store.jobs import JobDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agent_exec.model.job import JobMeta, JobState
    from agent_exec.model.supervision import Supervision
    from agent_exec.store.jobs import JobStore

# From here on pydantic's decoding earns back its import (85 ms; 7 instead of 29 us a job).
BULK_JOBS = 4000

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TORN_PAUSE_S = 0.01
_TORN_RETRIES = 5
_BEING_WRITTEN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What one job directory holds, readable or not.

    Attributes:
        job_id: the directory's name, whatever the records claim.
        meta: None when it cannot be read.
        state: None when it cannot be read.
        supervision: our record of this run; None for other programs' runs.
        problem: what is wrong, naming the file ("state.json: not JSON …"); None when all is well.
        mtime_ns: of the directory: moves whenever a record is replaced.
        claimed_ns: when the run was claimed, which orders jobs within one second; 0 if never.
    """

    job_id: str
    meta: JobMeta | None = None
    state: JobState | None = None
    supervision: Supervision | None = None
    problem: str | None = None
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    full_log_bytes: int = 0
    mtime_ns: int = 0
    claimed_ns: int = 0

    @property
    def log_bytes(self) -> int:
        """Bytes in the three logs together."""
        return self.stdout_bytes + self.stderr_bytes + self.full_log_bytes

    @property
    def is_late(self) -> bool:
        """Whether the job's own time limit ended it; not one that did well in spite of it."""
        state, ours = self.state, self.supervision
        return bool(ours and state and ours.cause == TIMEOUT_CAUSE and state.result.exit_code != 0)


def read_job(store: JobStore, job_id: str) -> JobRecord | None:
    """Read one job as it is now; None when there is no directory of exactly that name."""
    try:
        job = open_exact(store, job_id)
    except OSError as error:
        return JobRecord(job_id=job_id, problem=f"job directory: {error.strerror}")
    if job is None:
        return None
    with job:
        return read_opened(job)


def has_supervisor(store: JobStore, name: str) -> bool:
    """Whether a supervisor of ours holds its lock on that job; quickly asked of many."""
    return locks.is_locked(None, os.path.join(store.root, name, records.SUPERVISOR_LOCK_FILE))


def open_exact(store: JobStore, job_id: str) -> JobDir | None:
    """Open the directory of exactly that name; None when there is none, or it is a link.

    Raises:
        OSError: it is there and this user may not enter it.
    """
    if flaw_of(job_id):
        return None
    try:
        fd = os.open(os.path.join(store.root, job_id), _OPEN_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return JobDir(store.root, job_id, fd)


def read_opened(job: JobDir) -> JobRecord:
    """Read one job whose directory is open."""
    # Before the records: what changes while we read shows as a later time next time.
    mtime_ns = os.fstat(job.fd).st_mtime_ns
    meta: JobMeta | None = None
    state: JobState | None = None
    problem: str | None = None
    try:
        meta = job.read_meta()
    except (RecordUnreadableError, InternalError) as error:
        problem = _problem_of(records.META_FILE, error)
    try:
        state = _read_state(job)
    except (RecordUnreadableError, InternalError) as error:
        problem = problem or _problem_of(records.STATE_FILE, error)
    return _complete(job, meta, state, problem, mtime_ns)


def _complete(
    job: JobDir, meta: JobMeta | None, state: JobState | None, problem: str | None, mtime_ns: int
) -> JobRecord:
    supervision = job.read_supervision() if state else None
    if supervision and state and not supervision.describes(state):
        supervision = None
    full_log = supervision.full_log_path if supervision else None
    return JobRecord(
        job_id=job.job_id,
        meta=meta,
        state=state,
        supervision=supervision,
        problem=problem or _identity_problem(job.job_id, meta),
        stdout_bytes=job.size_of(records.STDOUT_LOG),
        stderr_bytes=job.size_of(records.STDERR_LOG),
        full_log_bytes=job.size_of(full_log or records.FULL_LOG),
        mtime_ns=mtime_ns,
        claimed_ns=claimed_ns(records.CLAIM_FILE, job.fd),
    )


def _problem_of(name: str, error: InternalError) -> str:
    text = str(error)
    return text if text.startswith(name) else f"{name}: {text}"


def _identity_problem(job_id: str, meta: JobMeta | None) -> str | None:
    if meta is None or meta.id == job_id:
        return None
    return f"metadata identity mismatch: meta.json has {meta.id}"


def _read_state(job: JobDir) -> JobState:
    """Read state.json, patiently only if somebody is writing it in place right now."""
    for attempt in range(_TORN_RETRIES):
        try:
            data = atomic.read_record(records.STATE_FILE, records.STATE_FILE, dir_fd=job.fd)
            return decode_state(records.load_record(data, records.STATE_FILE))
        except RecordUnreadableError as error:
            is_torn = error.reason.startswith("not JSON") and _is_fresh(job.fd)
            if not is_torn or attempt == _TORN_RETRIES - 1:
                raise
        time.sleep(_TORN_PAUSE_S)  # the oldest peers rewrite it in place
    raise AssertionError("unreachable: the last attempt returns or raises")


def _is_fresh(dir_fd: int) -> bool:
    try:
        modified_s = os.stat(records.STATE_FILE, dir_fd=dir_fd, follow_symlinks=False).st_mtime
    except OSError:
        return False
    return abs(time.time() - modified_s) < _BEING_WRITTEN_S


def claimed_ns(path: str, dir_fd: int) -> int:
    """When the claim at *path* was made, to the file system's precision; 0 without one."""
    try:
        return os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def scan(store: JobStore, names: Iterable[str] | None = None) -> Iterator[JobRecord]:
    """Read every job, last changed first, or those of *names* in their order.

    Jobs removed meanwhile are left out.

    Raises:
        InternalError: the root is there and cannot be read.
    """
    if names is None:
        names = [name for name, _, _ in find_directories(store)]
    wanted = list(names)
    read_quickly = _bulk_reader(store) if len(wanted) >= BULK_JOBS else None
    for name in wanted:
        record = (read_quickly and read_quickly(name)) or read_job(store, name)
        if record is not None:
            yield record


def _bulk_reader(store: JobStore) -> Callable[[str], JobRecord | None]:
    """Make a reader for ordinary jobs of which there are many; None from it means: look closer.

    It accepts nothing that the careful reader would not.
    """
    from pydantic import TypeAdapter, ValidationError

    from agent_exec.model.job import JobMeta, JobState

    meta_of = TypeAdapter(JobMeta).validator.validate_json
    state_of = TypeAdapter(JobState).validator.validate_json

    def read(name: str) -> JobRecord | None:
        try:
            with JobDir(
                store.root, name, os.open(os.path.join(store.root, name), _OPEN_DIRECTORY)
            ) as job:
                mtime_ns = os.fstat(job.fd).st_mtime_ns
                meta = meta_of(read_usual(records.META_FILE, job.fd), strict=True)
                state = state_of(read_usual(records.STATE_FILE, job.fd), strict=True)
                return _complete(job, meta, state, None, mtime_ns) if meta.id == name else None
        except (OSError, ValidationError):
            return None

    return read
