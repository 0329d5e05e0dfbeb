"""One log file: appended to until a limit or the disk says stop, then only counted."""

from __future__ import annotations

import errno
import os
import stat

from agent_exec.store import atomic
from agent_exec.supervisor.child import LaunchProblem

LOG_LIMIT = "log limit"
DISK_NEARLY_FULL = "disk nearly full"

_CHECK_EVERY_BYTES_MIN = 64 * 1024
_CHECK_EVERY_BYTES_MAX = 8 * 1024 * 1024
_FREE_BYTES_MIN = 256 * 1024 * 1024
_FREE_SHARE_MIN = 100  # one hundredth of the volume
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_log(path: str, dir_fd: int | None) -> int:
    """Open a log for appending and empty it, never through a link and never a fifo.

    Raises:
        LaunchProblem: it cannot be had as an ordinary file.
    """
    try:
        fd = os.open(path, _FLAGS, atomic.FILE_MODE, dir_fd=dir_fd)
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise LaunchProblem(f"open log {path}: {reason} (os error {error.errno})") from None
    if stat.S_ISREG(os.fstat(fd).st_mode):
        os.fchmod(fd, atomic.FILE_MODE)
        os.ftruncate(fd, 0)
    elif path != os.devnull:
        os.close(fd)
        raise LaunchProblem(f"open log {path}: not a regular file")
    return fd


class LogFile:
    """The writing end of one log; keeps the head and counts what no longer fits.

    Attributes:
        dropped: bytes that were given and not stored.
        drop_reason: why nothing is stored any more; None while all is.
    """

    __slots__ = (
        "_check_at",
        "_fd",
        "_is_torn",
        "_keeps_free_space",
        "_limit",
        "_stored",
        "drop_reason",
        "dropped",
    )

    def __init__(self, fd: int, limit_bytes: int, *, keeps_free_space: bool) -> None:
        self._fd = fd
        self._limit = limit_bytes
        self._keeps_free_space = keeps_free_space
        self._stored = 0
        self._check_at = 0
        self._is_torn = False
        self.dropped = 0
        self.drop_reason: str | None = None

    def write(self, data: bytes) -> bool:
        """Store *data*, or as much of its head as there is room for; False if any was dropped."""
        if self.drop_reason is not None:
            self.dropped += len(data)
            return False
        if self._keeps_free_space and self._stored >= self._check_at:
            headroom_bytes = self._headroom_bytes()
            if headroom_bytes < 0:
                return self._stop(DISK_NEARLY_FULL, len(data))
            # Others write, too; the nearer the end, the more often it is looked for.
            step_bytes = max(_CHECK_EVERY_BYTES_MIN, headroom_bytes // 4)
            self._check_at = self._stored + min(step_bytes, _CHECK_EVERY_BYTES_MAX)
        if self._limit and self._stored + len(data) > self._limit:
            kept = data[: self._limit - self._stored]
            self._append(kept)
            return self._stop(self.drop_reason or LOG_LIMIT, len(data) - len(kept))
        return self._append(data)

    def _append(self, data: bytes) -> bool:
        written = 0
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError as error:
            self._stored += written
            self._is_torn = written > 0
            return self._stop(str(error.strerror), len(data) - written)
        self._stored += written
        return True

    def write_mark(self, line: bytes) -> None:
        """Store a line of our own, also where nothing else is stored any more."""
        try:
            os.write(self._fd, b"\n" + line if self._is_torn else line)
        except OSError:
            return  # supervision.json says it as well
        self._is_torn = False

    def _headroom_bytes(self) -> int:
        """How much may be written before the volume is nearly full; negative when it is."""
        volume = os.fstatvfs(self._fd)
        free_bytes = volume.f_bavail * volume.f_frsize
        size_bytes = volume.f_blocks * volume.f_frsize
        return free_bytes - min(_FREE_BYTES_MIN, size_bytes // _FREE_SHARE_MIN)

    def _stop(self, reason: str, dropped_bytes: int) -> bool:
        self.drop_reason = reason
        self.dropped += dropped_bytes
        return False

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
