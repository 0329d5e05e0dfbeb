"""The one-line bars: facts on top, views below them, keys at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui import formatting
from agent_exec_tui.arrangement import Tab
from agent_exec_tui.hints import Hint, fit_hints
from agent_exec_tui.job_rows import RowKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events

PROGRAM = "agent-exec-tui"
_COUNTED = (RowKind.RUNNING, RowKind.PAUSED, RowKind.ELSEWHERE, RowKind.CREATED, RowKind.OK,
            RowKind.BAD, RowKind.KILLED, RowKind.FAILED, RowKind.LOST)  # fmt: skip
_TONES = {
    RowKind.RUNNING: "$text-success", RowKind.CREATED: "$text-primary", RowKind.OK: "$text-success",
    RowKind.BAD: "$text-error", RowKind.KILLED: "$text-warning", RowKind.FAILED: "$text-error",
    RowKind.LOST: "$text-warning", RowKind.PAUSED: "$text-primary", RowKind.ELSEWHERE: "$text-primary",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """What the header says.

    Attributes:
        doubt: what the jobs in doubt are.
        warnings: what is wrong with the root, the watcher or the data, each in a few words.
        progress: what is going on, "" when nothing is.
    """

    place: str
    counts: Mapping[RowKind, int]
    shown: int
    total: int
    log_bytes: int
    doubt: str = ""
    warnings: tuple[str, ...] = ()
    progress: str = ""
    is_ascii: bool = False


class HeaderBar(Widget, can_focus=False):
    """Where we are, how many jobs of each kind, what is wrong."""

    facts: HeaderFacts | None = None

    def show(self, facts: HeaderFacts) -> None:
        """Draw these facts, if they are new."""
        if facts != self.facts:
            self.facts = facts
            self.refresh()

    def render(self) -> Content:
        """Fit the facts into one line: warnings stay, the place is cut first."""
        facts = self.facts
        if facts is None:
            return Content(f" {PROGRAM}")
        width = self.size.width
        right = self._right(facts, width)
        counts = self._counts(facts, is_worded=width >= 120)
        room = width - right.cell_length - counts.cell_length - len(PROGRAM) - 6
        if room < cell_len(facts.place) and not facts.is_ascii:
            counts = self._counts(facts, is_worded=False)
            room = width - right.cell_length - counts.cell_length - len(PROGRAM) - 6
        place = formatting.shorten_middle(facts.place, room) if room >= 6 else ""
        left = Content.assemble((f" {PROGRAM}", "bold"), "  ", place, "  " if place else "", counts)
        gap = width - left.cell_length - right.cell_length
        if gap < 1:
            return Content.assemble(counts if counts.cell_length < width else "", " ", right)
        return Content.assemble(left, " " * gap, right)

    def _counts(self, facts: HeaderFacts, *, is_worded: bool) -> Content:
        parts: list[Content | str | tuple[str, str]] = []
        for kind in _COUNTED:
            number = facts.counts.get(kind, 0)
            if kind is RowKind.LOST:
                number += facts.counts.get(RowKind.ORPHAN, 0)
            if not number:
                continue
            said = facts.doubt if kind is RowKind.LOST else kind.value
            word = f" {said}" if is_worded else ""
            sign = f"{said} {number}" if facts.is_ascii else f"{kind.glyph}{number}{word}"
            parts += [(sign, _TONES[kind]), "  " if is_worded or facts.is_ascii else " "]
        return Content.assemble(*parts)

    def _right(self, facts: HeaderFacts, width: int) -> Content:
        parts: list[Content | str | tuple[str, str]] = []
        for warning in facts.warnings:
            parts += [(f"! {warning}", "$text-warning bold"), "  "]
        if facts.progress:
            parts += [(facts.progress, "$text-muted"), "  "]
        if width >= 60:
            number = (
                "no jobs"
                if not facts.total
                else (
                    f"{facts.shown:,} of {formatting.counted(facts.total, 'job')}"
                    if facts.shown != facts.total
                    else formatting.counted(facts.total, "job")
                )
            )
            parts.append(number)
            if width >= (100 if facts.warnings else 80) and facts.total:
                parts.append(f"  logs {formatting.size(facts.log_bytes)}")
        return Content.assemble(*parts, " ")


class TabsBar(Widget, can_focus=False):
    """The saved views with their counts, and the filter in force."""

    class TabClicked(Message):
        """A view was clicked."""

        def __init__(self, tab: Tab) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._state: tuple[Tab, tuple[int, ...], str] = (Tab.ALL, (0,) * len(Tab), "")

    def show(self, tab: Tab, counts: tuple[int, ...], filter_text: str) -> None:
        """Draw these, if they are new."""
        if (tab, counts, filter_text) != self._state:
            self._state = (tab, counts, filter_text)
            self.refresh()

    def render(self) -> Content:
        """Fit views and filter into one line."""
        current, counts, filter_text = self._state
        parts: list[Content | str | tuple[str, str]] = [" "]
        for tab, count in zip(Tab, counts, strict=True):
            style = "bold reverse" if tab is current else "$text-muted"
            parts += [(f" {tab.value} {count:,} ", style), " "]
        left = Content.assemble(*parts)
        room = self.size.width - left.cell_length - 12
        if filter_text and room > 8:
            shown = formatting.shorten_end(filter_text, room)
            return Content.assemble(left, "  filter: ", (shown, "$text-accent bold"))
        return left

    def on_click(self, event: events.Click) -> None:
        """Find the view that was clicked."""
        right = 1
        for tab, count in zip(Tab, self._state[1], strict=True):
            left, right = right, right + cell_len(f" {tab.value} {count:,} ") + 1
            if left <= event.x < right - 1:
                self.post_message(self.TabClicked(tab))


class FooterBar(Widget, can_focus=False):
    """The keys of the focused pane that do something now."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints: tuple[Hint, ...] = ()

    def show(self, hints: list[Hint]) -> None:
        """Draw these hints, if they are new."""
        if tuple(hints) != self._hints:
            self._hints = tuple(hints)
            self.refresh()

    def render(self) -> Content:
        """Fit whole hints into the line."""
        parts: list[Content | str | tuple[str, str]] = [" "]
        for key, label in fit_hints(self._hints, self.size.width - 2):
            parts += [(key, "$text-accent bold"), f" {label}", "  "]
        return Content.assemble(*parts[:-1])
