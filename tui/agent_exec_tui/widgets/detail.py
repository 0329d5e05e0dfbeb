"""The detail strip, two lines on the job under the cursor, and the detail pane, all of it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from agent_exec_tui import formatting
from agent_exec_tui.keymap import pane_bindings
from agent_exec_tui.situation import Pane

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agent_exec_tui.detail_text import Line

LABEL_CELLS = 9
TONES = {
    "warning": "$text-warning",
    "problem": "$text-warning",
    "running": "$text-success",
    "ok": "$text-success",
    "bad": "$text-error",
    "failed": "$text-error",
    "killed": "$text-warning",
    "lost": "$text-warning",
    "orphan": "$text-warning",
    "paused": "$text-primary",
    "elsewhere": "$text-primary",
    "created": "$text-primary",
}


class DetailStrip(Widget, can_focus=False):
    """The selected job on one line, what there is to say about it on the next."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._texts = ("", "", "", "")

    def show(self, what: str, facts: str, notice: str = "", progress: str = "") -> None:
        """Draw these, the first two on one line and one of the others, if they are new."""
        if (what, facts, notice, progress) != self._texts:
            self._texts = (what, facts, notice, progress)
            self.refresh()

    def render(self) -> Content:
        """Cut both lines to the width; what the job is gives way first, down to a third."""
        width = self.content_size.width - 2
        what, facts, notice, progress = self._texts
        what = formatting.shorten_middle(what, max(width - cell_len(facts) - 3, width // 3))
        line = f" {what}   {facts}" if facts else f" {what}"
        return Content.assemble(
            formatting.shorten_end(line, width + 1),
            "\n",
            (" " + formatting.shorten_end(notice, width), "$text-warning")
            if notice or not progress
            else " " + formatting.shorten_end(f"progress {progress}", width),
        )


class DetailPane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Everything known of the selected job, wrapped and scrollable."""

    BINDINGS = pane_bindings(Pane.DETAIL)
    ALLOW_MAXIMIZE = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = Static("", markup=False)
        self._lines: tuple[Line, ...] = ()
        self._height = -1

    def compose(self) -> ComposeResult:
        """One text that wraps."""
        yield self._text

    def show(self, lines: list[Line], title: str) -> None:
        """Draw these lines, if they are new."""
        self.border_title = Content(title)
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self._draw()

    def on_resize(self) -> None:
        """Wrap to the new width."""
        self._draw()

    def _draw(self) -> None:
        """Wrap each text beside its label, words whole where they fit."""
        room = max(self.scrollable_content_region.width - LABEL_CELLS - 1, 10)
        parts: list[Content | str | tuple[str, str]] = []
        for line in self._lines:
            tone = TONES.get(line.tone, "")
            label = f"{line.label:<{LABEL_CELLS}} "
            for text in textwrap.wrap(line.text, room, drop_whitespace=False) or [""]:
                parts += [(label, "$text-muted"), (text, tone) if tone else text, "\n"]
                label = " " * len(label)
        height = parts.count("\n")
        # A new layout of the screen costs twice what drawing the text does, every second.
        self._text.update(Content.assemble(*parts[:-1]), layout=height != self._height)
        self._height = height

    @property
    def plain_text(self) -> str:
        """What the pane says, for the clipboard."""
        return "\n".join(f"{line.label:9} {line.text}".rstrip() for line in self._lines)
