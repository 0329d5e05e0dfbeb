"""The supervisor's word to whoever launched it: one JSON object a line."""

from __future__ import annotations

import json
import os


class Report:
    """The writing end; never waits for its reader and does not mind that there is none."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        os.set_blocking(fd, False)

    def send(self, event: str, **facts: object) -> None:
        """Tell one event; lost when the reader is gone or does not read."""
        if self.fd < 0:
            return
        line = json.dumps({"event": event, **facts}).encode() + b"\n"
        try:
            os.write(self.fd, line)
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def close(self) -> None:
        """Let the reader see the end."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
