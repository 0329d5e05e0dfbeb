"""Lines of a log file found by byte offset, without reading the file.

Read with pread only. mmap would be no faster (measured) and is deadly here: a restart truncates
the log, and touching a mapped page beyond its new end is a SIGBUS that ends the dashboard. Its
page faults would also hold the interpreter lock while a disk is slow.
"""

from __future__ import annotations

import os
import stat
import weakref
from typing import Final

from agent_exec.model.lazy_dataclass import dataclass

BREAK_BYTES: Final = 4 * 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_CHUNKS_KEPT: Final = 4


class NotALogError(OSError):
    """The path names something else than a regular file."""


@dataclass(frozen=True, slots=True)
class LineSpan:
    """Bytes ``[start, stop)`` of a file: one line with its newline, if it has one by now."""

    start: int
    stop: int


class LogFile:
    """An open log. Closed when its last user lets go, so a slow reader never reads a reused fd."""

    def __init__(self, path: str) -> None:
        # O_NONBLOCK: a pipe in the log's place must not hold the reader for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._fd = fd
        self._closer = weakref.finalize(self, os.close, fd)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            self._closer()
            raise NotALogError(f"{path} is not a regular file")
        self.identity = (status.st_dev, status.st_ino)

    def status(self) -> tuple[int, int]:
        """Return the file's size in bytes and its modification time in nanoseconds, now."""
        status = os.fstat(self._fd)
        return status.st_size, status.st_mtime_ns

    def read(self, offset: int, length: int) -> bytes:
        """Return up to *length* bytes from *offset*; fewer only at the end of the file."""
        data = os.pread(self._fd, length, offset)
        while data and len(data) < length:
            more = os.pread(self._fd, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data


class LineReader:
    """Lines of the first *size* bytes of a file. For one thread, and for a short time.

    A line may have any length. So that no step reads without bound, a line is also broken at
    every multiple B of *break_bytes* that has no newline in the *break_bytes* before it. That
    rule needs no context, so going forwards and backwards finds the same lines, and pieces of a
    huge line are at most twice *break_bytes* long.
    """

    def __init__(self, file: LogFile, size: int, *, break_bytes: int = BREAK_BYTES) -> None:
        self.size = size
        self.break_bytes = break_bytes
        self._file = file
        self._chunks: dict[int, bytes] = {}

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes ``[start, stop)``."""
        stop = min(stop, self.size)
        return self._file.read(start, stop - start) if stop > start else b""

    def start_of(self, offset: int) -> int:
        """Return where the line that holds *offset* starts."""
        offset = min(offset, self.size)
        floor = offset // self.break_bytes * self.break_bytes
        newline = self._last_newline(floor, offset)
        if newline < 0 < floor:
            newline = self._last_newline(floor - self.break_bytes, floor)
            if newline < 0:
                return floor
        return newline + 1

    def stop_of(self, start: int) -> int:
        """Return where the line that starts at *start* stops, its newline included."""
        blocks = -(-start // self.break_bytes) + 1
        limit = min(blocks * self.break_bytes, self.size)
        newline = self._first_newline(start, limit)
        return limit if newline < 0 else newline + 1

    def is_unfinished(self, span: LineSpan) -> bool:
        """Whether the line may still grow: it ends the file without a newline."""
        if span.stop < self.size:
            return False
        blocks = -(-span.start // self.break_bytes) + 1
        if span.stop == blocks * self.break_bytes:
            return False
        return self._byte(span.stop - 1) != b"\n"

    def is_continued(self, start: int) -> bool:
        """Whether *start* lies within a line too long to be read as one."""
        return start > 0 and self._byte(start - 1) != b"\n"

    def forward(self, start: int, count: int) -> list[LineSpan]:
        """Return up to *count* lines from the line start *start* on."""
        spans: list[LineSpan] = []
        while start < self.size and len(spans) < count:
            stop = self.stop_of(start)
            spans.append(LineSpan(start, stop))
            start = stop
        return spans

    def backward(self, stop: int, count: int, *, floor: int = 0) -> list[LineSpan]:
        """Return up to *count* lines that end at the line end *stop*, in file order."""
        spans: list[LineSpan] = []
        while stop > floor and len(spans) < count:
            start = self.start_of(stop - 1)
            if start < floor:
                break
            spans.append(LineSpan(start, stop))
            stop = start
        spans.reverse()
        return spans

    def read_block(self, start: int, target_bytes: int) -> bytes:
        """Return whole finished lines from the line start *start*; empty if there are none yet.

        About *target_bytes* of them, more only where a single line is longer.
        """
        target_bytes = min(target_bytes, self.break_bytes)
        data = self.read(start, start + target_bytes)
        cut = data.rfind(b"\n") + 1
        if cut:
            return data if cut == len(data) else data[:cut]
        span = LineSpan(start, self.stop_of(start))
        if start >= self.size or self.is_unfinished(span):
            return b""
        return self.read(span.start, span.stop)

    def _byte(self, offset: int) -> bytes:
        chunk, base = self._chunk(offset)
        return chunk[offset - base : offset - base + 1]

    def _first_newline(self, start: int, stop: int) -> int:
        while start < stop:
            chunk, base = self._chunk(start)
            found = chunk.find(b"\n", start - base, stop - base)
            if found >= 0:
                return base + found
            if len(chunk) < _CHUNK_BYTES:
                break
            start = base + _CHUNK_BYTES
        return -1

    def _last_newline(self, start: int, stop: int) -> int:
        while start < stop:
            chunk, base = self._chunk(stop - 1)
            found = chunk.rfind(b"\n", max(start - base, 0), stop - base)
            if found >= 0:
                return base + found
            stop = base
        return -1

    def _chunk(self, offset: int) -> tuple[bytes, int]:
        base = offset // _CHUNK_BYTES * _CHUNK_BYTES
        chunk = self._chunks.get(base)
        if chunk is None:
            if len(self._chunks) >= _CHUNKS_KEPT:
                del self._chunks[next(iter(self._chunks))]
            chunk = self._chunks[base] = self._file.read(base, _CHUNK_BYTES)
        return chunk, base
