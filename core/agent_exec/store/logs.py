"""Heads and tails of log files, and what is new in one: only the bytes needed are read."""

from __future__ import annotations

import errno
import os

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store.atomic import open_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

ENCODING = "utf-8-lossy"  # the wire's name for what ``decode`` does
_BLOCK_BYTES = 64 * 1024
_ANCHOR_BYTES = 64


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a log as text.

    Attributes:
        text: decoded lossily; a character cut at an edge is U+FFFD.
        start: offset of its first byte in the file.
        end: offset after its last byte.
        total_bytes: size of the file.
        problem: why the log cannot be shown; None for a readable or a missing one.
    """

    text: str = ""
    start: int = 0
    end: int = 0
    total_bytes: int = 0
    problem: str | None = None

    @property
    def range(self) -> tuple[int, int]:
        """``(start, end)``, as the wire has it."""
        return (self.start, self.end)


def decode(data: bytes) -> str:
    """Make text of any bytes, U+FFFD in the place of what is not UTF-8."""
    return data.decode("utf-8", "replace")


def head_excerpt(log: str | int, max_bytes: int, *, dir_fd: int | None = None) -> Excerpt:
    """Read the first *max_bytes* of a log.

    Args:
        log: a path, relative to *dir_fd* if that is given, or an open descriptor.
        max_bytes: size of the window; a larger one than the file is the file.
        dir_fd: the job's directory.
    """
    return _excerpt(log, dir_fd, max_bytes, None)


def tail_excerpt(
    log: str | int, max_bytes: int, lines: int = 0, *, dir_fd: int | None = None
) -> Excerpt:
    """Read the last *lines* lines (0: any number) within the last *max_bytes* of a log.

    A final newline ends the last line and does not begin another. Cost grows with what is
    returned, not with the file.
    """
    return _excerpt(log, dir_fd, max_bytes, lines)


def _excerpt(log: str | int, dir_fd: int | None, max_bytes: int, lines: int | None) -> Excerpt:
    if isinstance(log, int):
        return _read_excerpt(log, max_bytes, lines)
    try:
        fd = open_regular(log, dir_fd=dir_fd)
    except FileNotFoundError:
        return Excerpt()
    except OSError as error:
        return Excerpt(problem=_reason_of(error, os.path.basename(log)))
    try:
        return _read_excerpt(fd, max_bytes, lines)
    finally:
        os.close(fd)


def _reason_of(error: OSError, name: str) -> str:
    if error.errno == errno.ELOOP:
        return f"{name}: is a symbolic link, which is not followed"
    return f"{name}: {str(error.strerror).lower()}"


def _read_excerpt(fd: int, max_bytes: int, lines: int | None) -> Excerpt:
    try:
        size = os.fstat(fd).st_size
        if lines is None:
            data, start = pread_all(fd, min(size, max_bytes), 0), 0
        else:
            start = max(0, size - max_bytes)
            if lines:
                start = start_of_last_lines(fd, start, size, lines)
            data = pread_all(fd, size - start, start)
    except OSError as error:
        return Excerpt(problem=_reason_of(error, "log"))
    end = start + len(data)
    # Shorter than asked for: truncated while we read, so the old size is no longer true.
    total = size if lines is None else end
    return Excerpt(decode(data), start, end, max(total, end))


def pread_all(fd: int, count: int, offset: int) -> bytes:
    """Read *count* bytes at *offset*, fewer only where the file ends."""
    data = os.pread(fd, count, offset)
    while len(data) < count and (more := os.pread(fd, count - len(data), offset + len(data))):
        data += more
    return data


def start_of_last_lines(fd: int, lowest: int, end: int, lines: int) -> int:
    """Find where the last *lines* lines before *end* begin, but not below *lowest*."""
    if end <= lowest:
        return end
    wanted = lines + (os.pread(fd, 1, end - 1) == b"\n")
    position = end
    while position > lowest:
        block_start = max(lowest, position - _BLOCK_BYTES)
        block = pread_all(fd, position - block_start, block_start)
        found = block.count(b"\n")
        if found >= wanted:
            cut = len(block)
            for _ in range(wanted):
                cut = block.rindex(b"\n", 0, cut)
            return block_start + cut + 1
        wanted -= found
        position = block_start
    return lowest


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes that were added to a log.

    Attributes:
        data: never empty unless *restarted* is all the news.
        offset: of the first byte, in the file as it is now.
        restarted: the file was emptied or replaced; what was read before is another run's.
    """

    data: bytes
    offset: int
    restarted: bool = False


class LogFollower:
    """Reads what is added to one log, from its own thread or any one at a time.

    Owns a descriptor from the first read until ``close``.
    """

    def __init__(self, path: str, offset: int = 0) -> None:
        """Start at *offset* of the log at *path*, which need not be there yet."""
        self._path = path
        self._fd = -1
        self._offset = offset
        # The last bytes before the offset: a log emptied and grown past it shows others there.
        self._anchor = b""

    @property
    def offset(self) -> int:
        """Where the next read begins."""
        return self._offset

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back; reading again opens the file anew."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, max_bytes: int = _BLOCK_BYTES) -> LogChunk | None:
        """Return what is new, at most *max_bytes* of it; None when nothing is.

        Raises:
            RecordUnreadableError: the log is not an ordinary file, or not ours to read.
        """
        if self._is_replaced():
            if (rest := self._read_on(max_bytes)) is not None:
                return rest  # the last words before a restart
            self.close()
            self._open()
            restarted = self._restart()
        else:
            restarted = False
        if self._fd < 0:
            return None
        restarted = self._restart_if_rewritten() or restarted
        chunk = self._read_on(max_bytes, restarted=restarted)
        return LogChunk(b"", 0, restarted=True) if chunk is None and restarted else chunk

    def _read_on(self, max_bytes: int, *, restarted: bool = False) -> LogChunk | None:
        data = os.pread(self._fd, max_bytes, self._offset)
        if not data:
            return None
        chunk = LogChunk(data, self._offset, restarted)
        self._offset += len(data)
        self._anchor = (self._anchor + data[-_ANCHOR_BYTES:])[-_ANCHOR_BYTES:]
        return chunk

    def _is_replaced(self) -> bool:
        """Whether another file lies there than the one that is read; opens the first one."""
        try:
            there = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return False  # a removed log is read to its end
        except OSError as error:
            raise self._unreadable(error) from None
        if self._fd >= 0:
            return not os.path.samestat(there, os.fstat(self._fd))
        self._open()
        return False

    def _open(self) -> None:
        try:
            self._fd = open_regular(self._path)
        except FileNotFoundError:
            self._fd = -1
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: OSError) -> RecordUnreadableError:
        name, _, reason = _reason_of(error, os.path.basename(self._path)).partition(": ")
        return RecordUnreadableError(name, reason)

    def _restart_if_rewritten(self) -> bool:
        if os.fstat(self._fd).st_size < self._offset:
            return self._restart()
        anchor = self._anchor
        if anchor and os.pread(self._fd, len(anchor), self._offset - len(anchor)) != anchor:
            return self._restart()
        return False

    def _restart(self) -> bool:
        was_read = self._offset > 0
        self._offset, self._anchor = 0, b""
        return was_read
