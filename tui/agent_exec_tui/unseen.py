"""What can have happened to a job while nobody looked at it; pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec_tui.job_list import JobList


class Unseen(StrEnum):
    """In the order in which it is worth a look."""

    ENDED = "ended"
    SILENT = "silent"
    OUTPUT = "output"

    @property
    def sign(self) -> str:
        """What stands before the row."""
        return _SIGNS[self][0]

    @property
    def letter(self) -> str:
        """The same for terminals that have ASCII only."""
        return _SIGNS[self][1]


WATCHED_SIGN = "N"
"""What stands before a job whose end is to be told: the key that asks for it."""
_SIGNS = {Unseen.ENDED: ("*", "*"), Unseen.SILENT: ("z", "z"), Unseen.OUTPUT: ("•", ".")}
_WORTH = {what: place for place, what in enumerate(Unseen)}


def next_unseen(jobs: JobList, unseen: Mapping[str, Unseen], cursor_id: str | None) -> str | None:
    """The shown job to look at next: the kind counts first, then who comes after the cursor."""
    cursor = jobs.position_of(cursor_id) if cursor_id else None
    first = 0 if cursor is None else cursor + 1
    found = [
        (_WORTH[what], (position - first) % len(jobs), job_id)
        for job_id, what in unseen.items()
        if (position := jobs.position_of(job_id)) is not None
    ]
    return min(found)[2] if found else None


def unseen_text(unseen: Mapping[str, Unseen]) -> str:
    """Say what is new in words: ``new: 1 ended, 2 output``; "" for nothing."""
    said = list(unseen.values())
    counts = [f"{count} {what.value}" for what in Unseen if (count := said.count(what))]
    return f"new: {', '.join(counts)}" if counts else ""
