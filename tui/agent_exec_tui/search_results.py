"""What a search across logs has found so far, kept for when its list is opened again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.search_all import HITS_PER_LOG, Hit, Progress

if TYPE_CHECKING:
    from agent_exec_tui.log_pattern import Pattern


@dataclass(slots=True, kw_only=True)
class SearchResults:
    """Grows while the search goes on.

    Attributes:
        scope: where was looked, in a few words.
        cursor: the place in the list that was looked at last.
        took_s: how long it took, None while it goes on.
    """

    text: str
    is_regex: bool
    pattern: Pattern
    scope: str
    progress: Progress
    hits: list[Hit] = field(default_factory=list)
    cursor: int = 0
    took_s: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.took_s is not None

    def told(self) -> tuple[str, ...]:
        """Say what was found and how far it is: ``12 lines in 3 logs``, ``37 of 412 logs, 1.2 GiB``."""
        progress = self.progress
        read = formatting.size(progress.read_bytes)
        logs = formatting.counted(progress.logs, "log")
        if progress.is_complete:
            where = f"{logs}, {read}"
            if self.took_s is not None:
                where += f", {self.took_s:.1f} s"
        else:
            where = f"{progress.done:,} of {logs}, {read}"
            if self.is_over:
                where = f"stopped after {where}"
        unreadable = progress.unreadable
        lost = (f"{formatting.counted(unreadable, 'log')} unreadable",) if unreadable else ()
        return (self._found(), *lost, where)

    def _found(self) -> str:
        progress = self.progress
        if not progress.hits:
            return "nothing found" if self.is_over else "nothing yet"
        found = f"{formatting.counted(progress.hits, 'line')}"
        if progress.is_complete:
            found += f" in {formatting.counted(progress.logs_with_hits, 'log')}"
        if progress.listed < progress.hits:
            found += f", {progress.listed:,} listed (at most {HITS_PER_LOG} a log)"
        return found
