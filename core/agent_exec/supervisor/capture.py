"""The logs of one run and the two streams that fill them."""

from __future__ import annotations

import os

from agent_exec.model import records
from agent_exec.supervisor.child import LaunchProblem
from agent_exec.supervisor.logfile import LogFile, open_log
from agent_exec.supervisor.output import FullLog, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document
    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.output import LineSink


class Capture:
    """Owns the three logs and the reading ends of the child's pipes.

    Attributes:
        child_ends: what the child writes to; ``close_child_ends`` once it has them.
    """

    def __init__(self, definition: Definition, dir_fd: int, lines: LineSink) -> None:
        """Open and empty the logs, make the pipes.

        Raises:
            LaunchProblem: a log cannot be had as an ordinary file.
        """
        limit_bytes = definition.log_max_bytes
        keeps_free_space = definition.keeps_free_space
        full = _open_full_log(definition.full_log_path, dir_fd)
        self._full = LogFile(full, 0, keeps_free_space=keeps_free_space)
        full_log = FullLog(self._full)
        self.streams: list[Stream] = []
        self.child_ends: list[int] = []
        for name in (records.STDOUT_LOG, records.STDERR_LOG):
            log_fd = open_log(name, dir_fd)
            log = LogFile(log_fd, limit_bytes, keeps_free_space=keeps_free_space)
            read_end, write_end = os.pipe()
            os.set_blocking(read_end, False)
            self.child_ends.append(write_end)
            name = name.removesuffix(".log")
            self.streams.append(Stream(name, read_end, log, full_log, limit_bytes, lines))

    def close_child_ends(self) -> None:
        """Leave the writing ends to the child alone, so that its end can be seen."""
        while self.child_ends:
            os.close(self.child_ends.pop())

    @property
    def is_open(self) -> bool:
        """Whether anybody may still write."""
        return any(stream.is_open for stream in self.streams)

    @property
    def dropped_bytes(self) -> int:
        """How much was not stored, over all logs."""
        first, second = self.streams
        return first.log.dropped + second.log.dropped + self._full.dropped

    def losses(self) -> Document:
        """What supervision.json says about output that was not stored; empty if all was."""
        logs = [*(stream.log for stream in self.streams), self._full]
        reasons = [log.last_reason for log in logs if log.dropped and log.last_reason]
        if not any(log.dropped for log in logs):
            return {}
        names = ("stdout", "stderr", "full")
        return {
            "dropped_bytes": {name: log.dropped for name, log in zip(names, logs, strict=True)},
            "drop_reason": reasons[0] if reasons else None,
        }


def _open_full_log(path: str | None, dir_fd: int) -> int:
    if path is None:
        return open_log(records.FULL_LOG, dir_fd)
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise LaunchProblem.from_errno(error.errno or 0, f"make directory {directory}") from None
    return open_log(path, None)
