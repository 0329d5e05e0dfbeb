"""One log file: appended to until a limit or the disk says stop; then counted, until it may go on."""

from __future__ import annotations

import errno
import os
import stat
import time

from agent_exec.store import atomic
from agent_exec.supervisor.child import LaunchProblem

LOG_LIMIT = "log limit"
DISK_NEARLY_FULL = "disk nearly full"

_CHECK_EVERY_BYTES_MIN = 64 * 1024
_CHECK_EVERY_BYTES_MAX = 8 * 1024 * 1024
_FREE_BYTES_MIN = 256 * 1024 * 1024
_FREE_SHARE_MIN = 100  # one hundredth of the volume
_RESUME_SHARE = 4  # of that, once more, must be free before storing goes on
_RESUME_FIRST_S = 1.0
_RESUME_MAX_S = 60.0
_NEWLINE = 0x0A
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


def _reserve_bytes(volume: os.statvfs_result) -> int:
    return min(_FREE_BYTES_MIN, volume.f_blocks * volume.f_frsize // _FREE_SHARE_MIN)


def headroom_bytes(fd: int) -> int:
    """How much may be written before the volume is nearly full; negative when it is."""
    volume = os.fstatvfs(fd)
    return volume.f_bavail * volume.f_frsize - _reserve_bytes(volume)


class LogFile:
    """The writing end of one log; counts what does not fit.

    Its own limit is the end. A disk that has room again is written to again, behind a mark that
    tells of the gap.

    Attributes:
        dropped: bytes that were given and not stored.
        drop_reason: why nothing is stored at present; None while all is.
        last_reason: why something once was not.
    """

    __slots__ = (
        "_check_at",
        "_fd",
        "_gap_bytes",
        "_is_torn",
        "_keeps_free_space",
        "_limit",
        "_pause_s",
        "_resume_at",
        "_stored",
        "drop_reason",
        "dropped",
        "last_reason",
    )

    def __init__(self, fd: int, limit_bytes: int, *, keeps_free_space: bool) -> None:
        self._fd = fd
        self._limit = limit_bytes
        self._keeps_free_space = keeps_free_space
        self._stored = 0
        self._check_at = 0
        self._is_torn = False
        self._gap_bytes = 0  # dropped since it stopped
        self._resume_at = 0.0
        self._pause_s = _RESUME_FIRST_S
        self.dropped = 0
        self.drop_reason: str | None = None
        self.last_reason: str | None = None

    def write(self, data: bytes) -> bool:
        """Store *data*, or as much of its head as there is room for; False if any was dropped."""
        if self.drop_reason is not None:
            self._drop(len(data))
            return False
        if self._keeps_free_space and self._stored >= self._check_at:
            room_bytes = headroom_bytes(self._fd)
            if room_bytes < 0:
                return self._stop(DISK_NEARLY_FULL, len(data))
            # Others write, too; the nearer the end, the more often it is looked for.
            step_bytes = max(_CHECK_EVERY_BYTES_MIN, room_bytes // 4)
            self._check_at = self._stored + min(step_bytes, _CHECK_EVERY_BYTES_MAX)
        if self._limit and self._stored + len(data) > self._limit:
            kept = data[: self._limit - self._stored]
            self._append(kept)
            return self._stop(self.drop_reason or LOG_LIMIT, len(data) - len(kept))
        return self._append(data)

    def may_resume(self) -> bool:
        """Whether storing stopped for want of room and there seems to be some again.

        Looked at now and then only.
        """
        if self.drop_reason in (None, LOG_LIMIT):
            return False
        now_s = time.monotonic()
        if now_s < self._resume_at:
            return False
        self._resume_at = now_s + self._pause_s
        volume = os.fstatvfs(self._fd)
        reserve_bytes = _reserve_bytes(volume)
        kept_free_bytes = reserve_bytes if self._keeps_free_space else 0
        free_bytes = volume.f_bavail * volume.f_frsize
        return free_bytes > kept_free_bytes + reserve_bytes // _RESUME_SHARE

    def resume(self, mark: bytes) -> int:
        """Go on behind a line in which *mark* tells how many bytes are missing there.

        Returns:
            That many; 0 if even the mark does not fit.
        """
        size_bytes = os.fstat(self._fd).st_size
        gap_bytes = self._gap_bytes
        line = b"%b%b\n" % (b"\n" if self._is_torn else b"", mark % gap_bytes)
        try:
            written = os.write(self._fd, line)
        except OSError:
            return 0
        if written < len(line):
            if os.fstat(self._fd).st_size == size_bytes + written:
                os.ftruncate(self._fd, size_bytes)
            return 0
        self._is_torn = False
        self._gap_bytes = 0
        self._check_at = self._stored
        self.drop_reason = None
        return gap_bytes

    def _append(self, data: bytes) -> bool:
        written = 0
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError as error:
            self._stored += written
            if written:
                self._is_torn = data[written - 1] != _NEWLINE
            return self._stop(str(error.strerror), len(data) - written)
        self._stored += written
        if data:
            self._is_torn = data[-1] != _NEWLINE
        return True

    def write_mark(self, line: bytes) -> None:
        """Store a line of our own, also where nothing else is stored any more."""
        try:
            os.write(self._fd, b"\n" + line if self._is_torn else line)
        except OSError:
            return  # supervision.json says it as well
        self._is_torn = False

    def _drop(self, size_bytes: int) -> None:
        self.dropped += size_bytes
        self._gap_bytes += size_bytes

    def skip(self, size_bytes: int) -> None:
        """Count bytes that its owner leaves out."""
        self._drop(size_bytes)

    def _stop(self, reason: str, dropped_bytes: int) -> bool:
        self.drop_reason = self.last_reason = reason
        self._drop(dropped_bytes)
        # A disk that keeps filling up costs one mark a minute at last.
        self._resume_at = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, _RESUME_MAX_S)
        return False

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
