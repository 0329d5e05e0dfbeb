"""How a child ended, in the words of the records."""

from __future__ import annotations

import os
import sys
import time

from agent_exec.store.clock import now_timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage

    from agent_exec.model.records import Document

_RSS_UNIT_BYTES = 1024 if sys.platform.startswith("linux") else 1


class Ending:
    """The end of a child that was just collected.

    Attributes:
        duration_ms: by the monotonic clock, whatever the wall clock did meanwhile.
        signal_text: the number of the signal that ended it, as state.json has it.
    """

    __slots__ = (
        "duration_ms",
        "exit_code",
        "finished_at",
        "resource_use",
        "signal_text",
        "status",
    )

    def __init__(self, wait_status: int, usage: struct_rusage, started_s: float) -> None:
        self.duration_ms = int((time.monotonic() - started_s) * 1000)
        self.finished_at = now_timestamp()
        self.exit_code: int | None = None
        self.signal_text: str | None = None
        if os.WIFSIGNALED(wait_status):
            self.status = "killed"
            self.signal_text = str(os.WTERMSIG(wait_status))
        else:
            self.status = "exited"
            self.exit_code = os.WEXITSTATUS(wait_status)
        self.resource_use: Document = {
            "user_ms": int(usage.ru_utime * 1000),
            "system_ms": int(usage.ru_stime * 1000),
            "max_rss_bytes": usage.ru_maxrss * _RSS_UNIT_BYTES,
        }
