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
        raise
    return True


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
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def is_locked(dir_fd: int, name: str) -> bool:
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
    """job.lock, held for one change of one job: start, restart, delete, gc, tag, notify, repair."""

    def __init__(self, dir_fd: int, name: str, job_id: str, timeout_s: float) -> None:
        self._dir_fd = dir_fd
        self._name = name
        self._job_id = job_id
        self._timeout_s = timeout_s
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = open_lock_file(self._dir_fd, self._name)
        if not lock_within(self._fd, self._timeout_s):
            self.release()
            raise InvalidStateError(
                f"job {self._job_id} is being changed by another process; "
                f"gave up after {self._timeout_s:g} s, try again"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go; also what the end of the process does."""
        if self._fd >= 0:
            unlock(self._fd)
            self._fd = -1
