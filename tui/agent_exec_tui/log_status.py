"""What a log view says of itself: for a pane's border, and for actions that need to know."""

from __future__ import annotations

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.formatting import counted, size


@dataclass(frozen=True, slots=True)
class LogStatus:
    """The state of a log view at one moment.

    Attributes:
        is_over: nobody writes it any more.
        lines: lines counted so far; all of them if ``lines_known``.
        new_lines: written since following was stopped; None if only ``new_bytes`` is known.
        hit: which matching line is the current one, from 1; None if none is, or not known yet.
        hits: matching lines counted so far; all of them if ``hits_known``.
        pattern_error: why the text last searched for is no pattern; the former one still counts.
        was_restarted: the log was emptied or replaced while it was shown.
        problem: why the log cannot be read.
    """

    title: str = ""
    is_open: bool = False
    follow: bool = True
    is_over: bool = False
    lines: int = 0
    lines_known: bool = True
    size_bytes: int = 0
    new_lines: int | None = 0
    new_bytes: int = 0
    pattern: str = ""
    is_regex: bool = False
    hit: int | None = None
    hits: int = 0
    hits_known: bool = True
    is_searching: bool = False
    pattern_error: str | None = None
    only_matching: bool = False
    hides_before_mark: bool = False
    wrap: bool = False
    pan: int = 0
    was_restarted: bool = False
    problem: str | None = None

    def hit_text(self) -> str:
        """Return the hit counter: ``3/17``, ``–/17``, ``0 hits``; with ``…`` while counting."""
        if not self.pattern:
            return ""
        more = "" if self.hits_known else "…"
        if self.hits_known and not self.hits:
            return "0 hits"
        return f"{'–' if self.hit is None else self.hit}/{self.hits}{more}"

    def parts(self) -> list[str]:
        """Return what to tell, most urgent first, so that a narrow title can drop the rest."""
        if not self.is_open:
            return []
        if self.problem:
            return [f"cannot be read: {self.problem}"]
        parts = ["restarted"] if self.was_restarted else []
        if self.pattern_error:
            parts.append(f"bad pattern: {self.pattern_error}")
        parts.append(self.hit_text())
        if self.only_matching and self.pattern:
            parts.append("only hits")
        parts += ["FOLLOW" if self.follow and not self.is_over else "", self._new_text()]
        if self.hides_before_mark:
            parts.append("from mark")
        if self.pan:
            parts.append(f"col {self.pan + 1}")
        parts.append(counted(self.lines, "line") + ("" if self.lines_known else "…"))
        parts.append(size(self.size_bytes))
        return [part for part in parts if part]

    def _new_text(self) -> str:
        if self.follow or not self.new_bytes:
            return ""
        if self.new_lines:
            return f"+{self.new_lines:,} new"
        return f"+{size(self.new_bytes)} new" if self.new_lines is None else ""
