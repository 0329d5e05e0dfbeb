"""flock on files of a job: who may change it, and whether its supervisor lives."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time

from agent_exec.errors import InvalidStateError
from agent_exec.store.atomic import FILE_MODE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_POLL_FIRST_S = 0.001
_POLL_MAX_S = 0.02
_WAY_OUT = "choose a jobs root with --root whose file system has flock"


def open_lock_file(dir_fd: int, name: str) -> int:
    """Open *name*, creating it if need be; the caller owns the descriptor."""
    return os.open(
        name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE, dir_fd=dir_fd
    )


def try_lock(fd: int) -> bool:
    """Take the exclusive lock at once, or say False."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        number = error.errno or errno.EIO
        raise OSError(number, f"cannot lock files: {os.strerror(number)}; {_WAY_OUT}") from None
    return True


def try_lock_directory(dir_fd: int) -> bool:
    """Lock an open directory for as long as the descriptor is open; False when it is taken.

    True as well on file systems that lock files only: there nobody else has it, either.
    """
    try:
        return try_lock(dir_fd)
    except OSError:
        return True


def let_go(fd: int) -> None:
    """Let go of a lock and leave *fd* open."""
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)


def lock_within(fd: int, timeout_s: float) -> bool:
    """Take the exclusive lock, waiting at most *timeout_s* seconds; False when it stays taken."""
    deadline = time.monotonic() + timeout_s
    pause_s = _POLL_FIRST_S
    while not try_lock(fd):
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            return False
        time.sleep(min(pause_s, remaining_s))  # flock(2) has no time limit of its own
        pause_s = min(pause_s * 2, _POLL_MAX_S)
    return True


def unlock(fd: int) -> None:
    """Let go of the lock and close *fd*.

    A lock is the open file's, not the descriptor's: what another thread forked meanwhile has a
    copy, and would hold the lock for as long as it lives.
    """
    let_go(fd)
    os.close(fd)


def is_locked(dir_fd: int | None, name: str) -> bool:
    """Tell whether somebody holds the exclusive lock on *name*; False without such a file."""
    try:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd
        )
    except OSError:
        return False
    try:
        # A shared lock, dropped at once: two readers never see each other, and whoever wants
        # the exclusive one waits a moment for it (lock_within).
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        unlock(fd)


class JobLock:
    """The right to change or remove one job: its directory's lock, then that of job.lock.

    The directory's own lock is there whoever made the job, so that removing a job of a peer
    needs no file made first. It is taken on a descriptor of its own, which no supervisor
    inherits. job.lock is what every program of ours has heeded from the first.
    """

    def __init__(
        self, dir_fd: int, name: str, job_id: str, timeout_s: float, *, makes_file: bool = True
    ) -> None:
        self._dir_fd = dir_fd
        self._name = name
        self._job_id = job_id
        self._timeout_s = timeout_s
        self._makes_file = makes_file
        self._directory_fd = self._fd = -1

    def __enter__(self) -> Self:
        give_up_at = time.monotonic() + self._timeout_s
        try:
            is_ours = self._lock_directory()
            if is_ours:
                self._fd = self._open_file()
                is_ours = self._fd < 0 or lock_within(self._fd, give_up_at - time.monotonic())
        except BaseException:
            self.release()
            raise
        if not is_ours:
            self.release()
            raise InvalidStateError(
                f"job {self._job_id} is being changed by another process; "
                f"gave up after {self._timeout_s:g} s, try again"
            )
        return self

    def _lock_directory(self) -> bool:
        """Lock the directory; False when it stays taken, True where only files can be locked."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self._directory_fd = os.open(".", flags, dir_fd=self._dir_fd)
        try:
            return lock_within(self._directory_fd, self._timeout_s)
        except OSError:
            os.close(self._directory_fd)
            self._directory_fd = -1
            return True

    def _open_file(self) -> int:
        if self._makes_file or self._directory_fd < 0:
            return open_lock_file(self._dir_fd, self._name)
        try:
            return os.open(
                self._name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._dir_fd
            )
        except FileNotFoundError:
            return -1

    def is_whole(self) -> bool:
        """Whether nobody made job.lock since it was looked for: older programs know no other."""
        if self._fd >= 0:
            return True
        try:
            os.stat(self._name, dir_fd=self._dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            return True
        return False

    def hand_over(self) -> int:
        """Give away the directory's descriptor: it stays locked until the new owner closes it."""
        fd, self._directory_fd = self._directory_fd, -1
        return fd if fd >= 0 else os.dup(self._dir_fd)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go; also what the end of the process does."""
        for fd in (self._fd, self._directory_fd):
            if fd >= 0:
                unlock(fd)
        self._fd = self._directory_fd = -1
