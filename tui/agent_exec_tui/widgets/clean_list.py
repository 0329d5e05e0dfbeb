"""The list of what a cleaning would remove; any length, only the lines in sight are drawn."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agent_exec_tui import formatting
from agent_exec_tui.job_rows import ID_CHARS, clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_exec.commands.gc import GcJob
    from agent_exec.model.retention import Choice
    from agent_exec_tui.job_rows import JobRow

_WHY = {
    "older_than": "old",
    "max_jobs": "beyond count",
    "max_bytes": "beyond size",
    "spared": "spared",
}


class Column(StrEnum):
    """What the list says of a job between its id and its command, by its heading."""

    FINISHED = "FINISHED"
    SIZE = "SIZE"
    STDOUT = "STDOUT"
    STDERR = "STDERR"
    WHY = "WHY"


MARK_CELLS = 7  # the cursor, a blank, "keep", a blank
COMMAND_MIN_CELLS = 20
_CELLS = {
    Column.FINISHED: 10, Column.SIZE: 8, Column.STDOUT: 6, Column.STDERR: 6, Column.WHY: 12,
}  # fmt: skip
_DROPPED_IN_ORDER = (Column.STDOUT, Column.STDERR, Column.FINISHED, Column.WHY)


class CleanList(ScrollView, can_focus=True, inherit_bindings=False):
    """What goes, oldest first; below it what is never touched, with the reasons."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", id="move.down"),
        Binding("k,up", "move(-1)", id="move.up"),
        Binding("ctrl+d", "move(10)", id="move.half_down"),
        Binding("pagedown,ctrl+f", "move(10)", id="move.page_down"),
        Binding("ctrl+u", "move(-10)", id="move.half_up"),
        Binding("pageup", "move(-10)", id="move.page_up"),
        Binding("g,home", "move(-1000000000)", id="move.top"),
        Binding("G,end", "move(1000000000)", id="move.bottom"),
        Binding("space", "spare", "Keep the job under the cursor, or let it go", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "clean-list--row", "clean-list--cursor", "clean-list--left",
    }  # fmt: skip
    ALLOW_SELECT = False

    class SpareToggled(Message):
        """One job is to stay, or to go after all."""

        def __init__(self, job_id: str) -> None:
            super().__init__()
            self.job_id = job_id

    def __init__(self, rows: Mapping[str, JobRow], now_s: float, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows = rows
        self._now_s = now_s
        self._listed: tuple[Choice, ...] = ()
        self._left: tuple[GcJob, ...] = ()
        self._cursor = 0

    def show(self, listed: tuple[Choice, ...], left: tuple[GcJob, ...]) -> None:
        """Show these."""
        self._listed, self._left = listed, left
        self.virtual_size = Size(0, 1 + len(listed) + (1 + len(left) if left else 0))
        self._cursor = min(self._cursor, max(len(listed) - 1, 0))
        self.refresh()

    def action_move(self, lines: int) -> None:
        """Move the cursor; past the last job the list scrolls on to what is never touched."""
        last = max(len(self._listed) - 1, 0)
        if self._cursor == last and lines > 0:
            self.scroll_relative(y=min(lines, len(self._left) + 1), animate=False, force=True)
            return
        self._cursor = min(max(self._cursor + lines, 0), last)
        height = max(self.size.height - 1, 1)
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True)
        self.refresh()

    def action_spare(self) -> None:
        """Keep the job under the cursor, or let it go."""
        if self._listed:
            self.post_message(self.SpareToggled(self._listed[self._cursor].candidate.job_id))
            self.action_move(1)

    def render_line(self, y: int) -> Strip:
        """Draw the heading or one line."""
        width = self.scrollable_content_region.width
        columns = columns_for(width)
        if y == 0:
            head = _line("", "ID", {column: column.value for column in columns}, "COMMAND", width)
            style = self.get_component_rich_style("clean-list--left")
            return Strip([Segment(head, style)], width)
        index = y - 1 + self.scroll_offset.y
        if index < len(self._listed):
            name = "cursor" if index == self._cursor else "row"
            text = self._job_line(self._listed[index], columns, width)
            text = (">" if index == self._cursor else " ") + text[1:]
        else:
            name = "left"
            text = set_cell_size(self._left_line(index - len(self._listed), width), width)
        style = self.get_component_rich_style(f"clean-list--{name}")
        return Strip([Segment(text, style)], width)

    def _job_line(self, choice: Choice, columns: Sequence[Column], width: int) -> str:
        candidate = choice.candidate
        row = self._rows.get(candidate.job_id)
        texts = {
            Column.FINISHED: formatting.ago(self._now_s - candidate.ended_s),
            Column.SIZE: formatting.size(candidate.size_bytes),
            Column.STDOUT: formatting.short_size(row.stdout_bytes) if row else "",
            Column.STDERR: formatting.short_size(row.stderr_bytes) if row else "",
            Column.WHY: "+".join(_WHY.get(part, part) for part in choice.reason.split("+")),
        }
        return _line(
            "" if choice.is_taken else "keep",
            clean(candidate.job_id),
            {column: texts[column] for column in columns},
            row.command if row else "",
            width,
        )

    def _left_line(self, index: int, width: int) -> str:
        indent = " " * MARK_CELLS
        if index == 0 and self._left:
            return f"{indent}never touched:"
        if not 1 <= index <= len(self._left):
            return ""
        job = self._left[index - 1]
        row = self._rows.get(job.job_id)
        why = "unreadable" if job.reason == "state_unreadable" else job.state
        head = f"{indent}{clean(job.job_id)[:ID_CHARS]:<{ID_CHARS}} {why:<10} "
        command = row.command if row else ""
        return head + formatting.shorten_middle(command, max(width - len(head), 1))


def columns_for(width: int) -> tuple[Column, ...]:
    """Choose the columns between id and command: the command keeps its cells if it can."""
    columns = list(Column)
    for column in _DROPPED_IN_ORDER:
        taken = sum(_CELLS[each] + 1 for each in columns)
        if width - MARK_CELLS - ID_CHARS - 1 - taken >= COMMAND_MIN_CELLS:
            break
        columns.remove(column)
    return tuple(columns)


def _line(mark: str, job_id: str, texts: Mapping[Column, str], command: str, width: int) -> str:
    """Put the columns of a line beside each other, each cut to its width."""
    parts = [f"  {mark:<4}", f"{job_id[:ID_CHARS]:<{ID_CHARS}}"]
    for column, text in texts.items():
        cells = _CELLS[column]
        shown = formatting.shorten_end(text, cells)
        parts.append(f"{shown:<{cells}}" if column is Column.WHY else f"{shown:>{cells}}")
    head = " ".join(parts) + " "
    return set_cell_size(
        head + formatting.shorten_middle(command, max(width - len(head), 1)), width
    )
