"""notification_events.ndjson: one whole line an event, and an end to its growth."""

from __future__ import annotations

import os

from agent_exec.model import records
from agent_exec.store import atomic
from agent_exec.supervisor.logfile import headroom_bytes

EVENTS_BYTES_MAX = 64 * 1024 * 1024  # where the job has no limit for its logs

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class EventLog:
    """Appends records until a limit or the disk says stop, then only counts.

    Attributes:
        unrecorded: events that have no line.
        problem: why, for people; None while all have one.
    """

    def __init__(self, dir_fd: int, limit_bytes: int, *, keeps_free_space: bool) -> None:
        self.unrecorded = 0
        self.problem: str | None = None
        self._dir_fd = dir_fd
        self._limit_bytes = limit_bytes or EVENTS_BYTES_MAX
        self._keeps_free_space = keeps_free_space

    def append(self, documents: list[records.Document]) -> None:
        """Add as many as there is room for."""
        name = records.NOTIFICATION_EVENTS_FILE
        lines = [records.dump_line(document) + b"\n" for document in documents]
        stored = 0
        try:
            fd = os.open(name, _APPEND, atomic.FILE_MODE, dir_fd=self._dir_fd)
            try:
                stored = self._write(fd, lines)
            finally:
                os.close(fd)
        except OSError as error:
            self.problem = f"{name} cannot be written: {error.strerror}"
        self.unrecorded += len(lines) - stored

    def _write(self, fd: int, lines: list[bytes]) -> int:
        size_bytes = os.fstat(fd).st_size
        room_bytes = self._limit_bytes - size_bytes
        reason = f"holds {self._limit_bytes} bytes, and no more"
        if self._keeps_free_space and headroom_bytes(fd) < room_bytes:
            room_bytes, reason = headroom_bytes(fd), "is not written on a disk nearly full"
        fitting: list[bytes] = []
        for line in lines:
            room_bytes -= len(line)
            if room_bytes < 0:
                self.problem = f"{records.NOTIFICATION_EVENTS_FILE} {reason}"
                break
            fitting.append(line)
        data = b"".join(fitting)
        written = 0
        try:
            while written < len(data):
                written += os.write(fd, memoryview(data)[written:])
        except OSError:
            if written and os.fstat(fd).st_size == size_bytes + written:
                os.ftruncate(fd, size_bytes)  # no half line, to which the next would be joined
            raise
        return len(fitting)
