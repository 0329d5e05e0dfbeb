"""The listening end of a supervisor's report: one JSON object a line."""

from __future__ import annotations

import os
import select
import time

from agent_exec.model.records import load_record

_NAME = "report"
_READ_BYTES = 65536
_LONGEST_MS = 2_000_000_000  # poll(2) counts in an int


class ReportReader:
    """Owns the pipe's reading end and remembers what was told."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self._told: dict[str, dict[str, object]] = {}

    def wait(self, events: frozenset[str], deadline_monotonic_s: float | None) -> str | None:
        """Wait for the first of *events*; None at the deadline, ``"closed"`` at the end.

        An event told earlier counts; of several, the one told first.
        """
        while True:
            for event in self._told:
                if event in events:
                    return event
            if self._fd < 0:
                return "closed"
            if self._is_readable(deadline_monotonic_s):
                self._read()
            elif deadline_monotonic_s is None or time.monotonic() >= deadline_monotonic_s:
                return None

    def fact(self, name: str) -> object:
        """What any event told under *name*; None when none did."""
        for facts in self._told.values():
            if name in facts:
                return facts[name]
        return None

    def _is_readable(self, deadline_monotonic_s: float | None) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if deadline_monotonic_s is None:
            return bool(poll.poll())
        left_ms = (deadline_monotonic_s - time.monotonic()) * 1000
        # Rounded up, so that the last look is not a fraction of a millisecond early.
        return bool(poll.poll(min(left_ms + 0.9, _LONGEST_MS) if left_ms > 0 else 0))

    def _read(self) -> None:
        data = os.read(self._fd, _READ_BYTES)
        if not data:
            self.close()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = load_record(line, _NAME)
            self._told.setdefault(str(message.pop("event")), message)

    def close(self) -> None:
        """Listen no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
