"""The supervisor's word to whoever launched it: one JSON object a line."""

from __future__ import annotations

import os

from agent_exec.model.records import dump_line


class Report:
    """The writing end; never waits for its reader and does not mind that there is none."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.set_blocking(fd, False)

    def send(self, event: str, **facts: object) -> None:
        """Tell one event; lost when the reader is gone or does not read."""
        if self._fd < 0:
            return
        try:
            os.write(self._fd, dump_line({"event": event, **facts}) + b"\n")
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def close(self) -> None:
        """Let the reader see the end."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
