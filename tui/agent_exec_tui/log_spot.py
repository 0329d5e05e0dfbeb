"""A place in some job's log that a list of places leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_exec_tui.layout import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpot:
    """One line of one log.

    Attributes:
        part: the log pane that shows the stream.
        start: the byte where the line starts, or any byte of it.
        focus: the byte within the line that is to be in sight.
        pattern: what is searched for there; "" leaves the pane's own search alone.
    """

    job_id: str
    part: Part
    start: int
    focus: int | None = None
    pattern: str = ""
    is_regex: bool = False
