"""What was told in toasts, kept for who did not read it in time."""

from __future__ import annotations

import time
from typing import NamedTuple

from agent_exec_tui.job_rows import clean

KEPT = 1000
_SIGNS = {"warning": "! ", "error": "X "}


class Told(NamedTuple):
    """One message.

    Attributes:
        at_s: seconds since 1970.
        severity: Textual's word.
    """

    at_s: float
    severity: str
    text: str

    @property
    def line(self) -> str:
        """The message on one line."""
        moment = time.strftime("%H:%M:%S", time.localtime(self.at_s))
        return f"{moment}  {_SIGNS.get(self.severity, '  ')}{clean(self.text)}"
