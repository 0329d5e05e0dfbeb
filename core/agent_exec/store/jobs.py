"""JobStore and JobDir: the jobs of a root, found, opened, made and written."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time

from agent_exec.errors import (
    IdExhaustedError,
    InternalError,
    JobNotFoundError,
    RecordMissingError,
    RecordUnreadableError,
)
from agent_exec.model import records
from agent_exec.model.job_id import new_job_id, require_id, resolve_prefix
from agent_exec.store import atomic, locks
from agent_exec.store.root import ensure_root, require_own_job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from agent_exec.model.job import JobMeta, JobState
    from agent_exec.model.supervision import Supervision

STAGING_PREFIX = ".new-"
REMOVAL_PREFIX = ".removed-"  # whatever has this name is to be removed, and nothing else is
ID_ATTEMPTS = 16
LOCK_TIMEOUT_S = 15.0  # longer than the slowest holder, a restart that ends with KILL
_TORN_RETRIES = 5
_TORN_PAUSE_S = 0.01

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class JobDir:
    """One job's directory, held open: it stays this job's even if the path is reused.

    Attributes:
        job_id: the directory's name, which is the id that counts.
        fd: descriptor of the directory, owned by this object.
    """

    def __init__(self, root: str, job_id: str, fd: int, *, is_new: bool = False) -> None:
        self.root = root
        self.job_id = job_id
        self.fd = fd
        self._is_new = is_new  # it has no place yet that it could be missed from

    @property
    def path(self) -> str:
        """The directory's path, absolute if the root is."""
        return os.path.join(self.root, self.job_id)

    def file_path(self, name: str) -> str:
        """The path of one of the job's files."""
        return os.path.join(self.root, self.job_id, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What is looked at may be deleted meanwhile; what is missing says nothing else then.
        is_gone = not self._is_new and _is_of_missing(error) and not self.is_in_place()
        self.close()
        if is_gone:
            raise JobNotFoundError(self.job_id) from None

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def read_meta_document(self) -> records.Document:
        """meta.json with every key it has, also those we do not know."""
        data = atomic.read_record(records.META_FILE, records.META_FILE, dir_fd=self.fd)
        return records.load_record(data, records.META_FILE)

    def read_meta(self) -> JobMeta:
        """What to run.

        Raises:
            RecordUnreadableError: missing, foreign or damaged.
        """
        from agent_exec.model.wire import decode_meta  # 9 ms that `list` can do without

        return decode_meta(self.read_meta_document())

    def read_state(self) -> JobState:
        """Where the job is in its life.

        Raises:
            RecordUnreadableError: missing, foreign or damaged.
        """
        from agent_exec.model.wire import decode_state

        for _ in range(_TORN_RETRIES):
            data = atomic.read_record(records.STATE_FILE, records.STATE_FILE, dir_fd=self.fd)
            try:
                return decode_state(records.load_record(data, records.STATE_FILE))
            except RecordUnreadableError as error:
                if not error.reason.startswith("not JSON"):
                    raise
                problem = error
            # The oldest peers rewrite state.json in place while they report progress.
            time.sleep(_TORN_PAUSE_S)
        raise problem

    def read_supervision(self) -> Supervision | None:
        """Our own record of the last run; None for jobs of others, never started, or damaged."""
        from agent_exec.model.supervision import decode_supervision  # 5 ms `create` can do without

        try:
            data = atomic.read_record(
                records.SUPERVISION_FILE, records.SUPERVISION_FILE, dir_fd=self.fd
            )
            return decode_supervision(records.load_record(data, records.SUPERVISION_FILE))
        except RecordUnreadableError:
            return None

    def write_record(
        self,
        name: str,
        document: records.Document,
        *,
        durable: bool = True,
        mtime_ns: int | None = None,
    ) -> None:
        """Replace one of the job's records.

        Raises:
            InternalError: the disk does not take it; the old content stands.
        """
        data = records.dump_record(document)
        try:
            atomic.replace_file(self.fd, name, data, durable=durable, mtime_ns=mtime_ns)
        except OSError as error:
            raise InternalError.from_os_error(error, f"write {name} of job {self.job_id}") from None

    @contextlib.contextmanager
    def locked(
        self, timeout_s: float = LOCK_TIMEOUT_S, *, makes_file: bool = True
    ) -> Iterator[locks.JobLock]:
        """Hold the right to change or remove this job.

        Args:
            timeout_s: how long to wait for whoever has it.
            makes_file: whether job.lock is made where there is none; not by whoever removes.

        Raises:
            UnsafeJobError: it is not the caller's.
            InvalidStateError: somebody else has held it for *timeout_s*.
            JobNotFoundError: the job was removed while we waited.
        """
        self.require_own()
        with locks.JobLock(
            self.fd, records.JOB_LOCK_FILE, self.job_id, timeout_s, makes_file=makes_file
        ) as lock:
            if not self.is_in_place():
                raise JobNotFoundError(self.job_id)
            yield lock

    def require_own(self) -> None:
        """Let only jobs pass that are the caller's own.

        Raises:
            UnsafeJobError: somebody else could have written what it says.
        """
        require_own_job(self.fd, self.root, self.job_id)

    def is_in_place(self) -> bool:
        """Whether this directory still lies under its id in the root."""
        try:
            return os.path.samestat(os.stat(self.path, follow_symlinks=False), os.fstat(self.fd))
        except OSError:
            return False

    def has_supervisor(self) -> bool:
        """Whether a supervisor of ours holds its lock on this job right now."""
        return locks.is_locked(self.fd, records.SUPERVISOR_LOCK_FILE)

    def size_of(self, name: str) -> int:
        """Bytes in one of the job's files; 0 when it is not there."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_size
        except OSError:
            return 0


class JobStore:
    """The jobs below one root.

    Safe to share between threads: it holds a path and nothing else. Every ``JobDir`` it
    opens belongs to the caller, best in a ``with``.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.abspath(os.fspath(root))

    def names(self) -> list[str]:
        """The ids of all job directories, unsorted; empty for a missing root.

        Raises:
            InternalError: the root is there and cannot be read.
        """
        try:
            with os.scandir(self.root) as entries:
                return [
                    entry.name
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            doing = f"failed to read root directory {self.root}"
            raise InternalError.from_os_error(error, doing) from None

    def resolve(self, id_or_prefix: str) -> str:
        """Find the one job that has this id or whose id starts so.

        Raises:
            InvalidArgumentError: it cannot be an id at all.
            JobNotFoundError: no job fits.
            AmbiguousJobIdError: several do.
        """
        require_id(id_or_prefix)
        if self._is_job_directory(id_or_prefix):
            return id_or_prefix
        return resolve_prefix(id_or_prefix, self.names())

    def _is_job_directory(self, name: str) -> bool:
        try:
            status = os.stat(os.path.join(self.root, name), follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISDIR(status.st_mode)

    def open(self, id_or_prefix: str) -> JobDir:
        """Open a job; the caller closes it.

        Raises:
            InvalidArgumentError, JobNotFoundError, AmbiguousJobIdError: see ``resolve``.
            InternalError: this user may not enter the directory.
        """
        job_id = self.resolve(id_or_prefix)
        try:
            fd = os.open(os.path.join(self.root, job_id), _OPEN_DIRECTORY)
        except FileNotFoundError:
            raise JobNotFoundError(id_or_prefix) from None
        except OSError as error:
            raise InternalError.from_os_error(error, f"open job {job_id}") from None
        return JobDir(self.root, job_id, fd)

    def create(
        self, build: Callable[[JobDir], tuple[JobMeta, JobState]], *, is_to_run: bool = False
    ) -> str:
        """Make a new job that others see whole or not at all.

        Args:
            build: gets the hidden, empty directory; may put files into it and returns the two
                records. What it raises leaves nothing behind.
            is_to_run: whether it is to be started at once, so that it must be possible to lock it.

        Returns:
            The new job's id.

        Raises:
            InternalError: the root or the disk does not take it.
            UnsafeRootError: the root is somebody else's.
        """
        from agent_exec.model.wire import encode_meta, encode_state

        ensure_root(self.root)
        job_id = self._unused_id()
        staging = os.path.join(self.root, STAGING_PREFIX + job_id)
        try:
            os.mkdir(staging, atomic.DIRECTORY_MODE)
            fd = os.open(staging, _OPEN_DIRECTORY)
            with JobDir(self.root, job_id, fd, is_new=True) as job:
                os.fchmod(job.fd, atomic.DIRECTORY_MODE)
                # Held until the job is in its place: standard input may take days to arrive,
                # and whoever sweeps takes only what can be locked.
                locks.try_lock_directory(job.fd)
                meta, state = build(job)
                for name in (*records.LOG_FILES, records.SUPERVISOR_LOCK_FILE):
                    os.close(atomic.create_file(job.fd, name))
                lock_fd = atomic.create_file(job.fd, records.JOB_LOCK_FILE)
                try:
                    if is_to_run:
                        locks.try_lock(lock_fd)
                finally:
                    locks.unlock(lock_fd)
                for name, document in (
                    (records.STATE_FILE, encode_state(state)),
                    (records.META_FILE, encode_meta(meta)),
                ):
                    atomic.write_new_file(job.fd, name, records.dump_record(document))
                atomic.sync(job.fd)
                os.rename(staging, os.path.join(self.root, job_id))
                locks.let_go(job.fd)
            self._sync_root()
        except OSError as error:
            _discard(staging)
            raise InternalError.from_os_error(error, f"create job in {self.root}") from None
        except BaseException:
            _discard(staging)
            raise
        return job_id

    def _unused_id(self) -> str:
        for _ in range(ID_ATTEMPTS):
            job_id = new_job_id(os.urandom(16))
            if not os.path.lexists(os.path.join(self.root, job_id)):
                return job_id
        raise IdExhaustedError(f"job ID generation failed: {ID_ATTEMPTS} consecutive collisions")

    def _sync_root(self) -> None:
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            atomic.sync(fd)
        finally:
            os.close(fd)


def _discard(staging: str) -> None:
    import shutil  # 5 ms that only a failed creation pays

    shutil.rmtree(staging, ignore_errors=True)


def _is_of_missing(error: BaseException | None) -> bool:
    if isinstance(error, InternalError):
        return isinstance(error, RecordMissingError) or error.errno == errno.ENOENT
    return isinstance(error, FileNotFoundError)
