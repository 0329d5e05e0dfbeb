"""Rows of the job table as strips of cells."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui import formatting
from agent_exec_tui.contrast import readable
from agent_exec_tui.job_rows import clean
from agent_exec_tui.unseen import WATCHED_SIGN, Unseen
from agent_exec_tui.widgets.job_columns import GUTTER_CELLS, Column, Field

if TYPE_CHECKING:
    from rich.style import Style
    from textual.widget import Widget

    from agent_exec_tui.job_rows import JobRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLook:
    """How a row is to look, apart from what it says.

    Attributes:
        news: what happened since somebody looked.
        is_silent: whether it has written nothing for too long.
        is_watched: whether somebody wants to be told when it ends.
        usage: per cent of a core and bytes of memory, of a running job.
    """

    is_cursor: bool
    is_marked: bool
    news: Unseen | None
    is_silent: bool
    is_watched: bool
    is_ascii: bool
    now_s: float
    usage: tuple[float, int] | None


_DIM = frozenset({Field.ID, Field.TAGS, Field.PID, Field.CWD, Field.STARTED, Field.AGE})


class RowPainter:
    """Draws with the component styles of the table it belongs to."""

    def __init__(self, table: Widget) -> None:
        self._table = table

    def header(self, columns: tuple[Column, ...], width: int) -> Strip:
        """The headings."""
        text = " " * GUTTER_CELLS + " ".join(_fit(column.field.value, column) for column in columns)
        return Strip([Segment(set_cell_size(text, width), self._style("header"))], width)

    def empty(self, line: int, texts: tuple[str, ...], height: int, width: int) -> Strip:
        """One line of the message shown instead of rows, in the middle."""
        style = self._style("row")
        first = max((height - len(texts)) // 2, 0)
        if not first <= line < first + len(texts):
            return Strip.blank(width, style)
        indent = max((width - max(map(len, texts))) // 2, 0)
        text = " " * indent + texts[line - first]
        return Strip([Segment(set_cell_size(text, width), style)], width)

    def row(self, row: JobRow, look: RowLook, columns: tuple[Column, ...], width: int) -> Strip:
        """One job."""
        name = "cursor" if look.is_cursor else "marked" if look.is_marked else "row"
        base = readable(self._style(name))
        state = readable(base + self._tone(row.kind.value))
        # On the bar of the cursor and of marks nothing dim is sure to be readable.
        dim = self._style("dim") if name == "row" else base
        # Neighbours of one style are joined here: a row is drawn every second while its job runs,
        # and Strip.simplify compares styles field by field.
        segments: list[Segment] = []
        pending, pending_style = (
            ["+" if look.is_marked else " ", ">" if look.is_cursor else " "],
            base,
        )
        used = GUTTER_CELLS - 1
        sign = _sign(look)
        pieces = [(sign, base if sign == " " else readable(base + self._tone("new")))]
        for column in columns:
            style = base
            if column.field is Field.STATE and look.is_silent:
                style = readable(base + self._tone("silent"))
            elif column.field in (Field.GLYPH, Field.STATE) or (
                column.field is Field.COMMAND and row.problem
            ):
                style = state
            elif column.field in _DIM:
                style = dim
            pieces += [(_fit(_cell(row, column, look), column), style), (" ", base)]
            used += column.cells + 1
        for text, style in pieces[:-1]:
            if style is not pending_style:
                segments.append(Segment("".join(pending), pending_style))
                pending, pending_style = [], style
            pending.append(text)
        segments.append(Segment("".join(pending), pending_style))
        strip = Strip(segments, used)
        return strip if used == width else strip.adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        return self._table.get_component_rich_style(f"job-table--{name}")

    def _tone(self, name: str) -> Style:
        return self._table.get_component_rich_style(f"job-table--{name}", partial=True)


def _sign(look: RowLook) -> str:
    # Of a watched job its output is no news: the title counts it, and ! walks to it, all the same.
    if look.is_watched and look.news in (None, Unseen.OUTPUT):
        return WATCHED_SIGN
    if look.news is None:
        return " "
    return look.news.letter if look.is_ascii else look.news.sign


def _cell(row: JobRow, column: Column, look: RowLook) -> str:
    match column.field:
        case Field.GLYPH:
            return row.sign(is_ascii=look.is_ascii)
        case Field.STATE:
            return Unseen.SILENT.value if look.is_silent else row.word
        case Field.ID:
            return row.shown_id[: column.cells]
        case Field.STARTED:
            return formatting.clock_or_date(row.started_s, look.now_s)
        case Field.AGE:
            return formatting.age(look.now_s - row.created_s)
        case Field.ELAPSED:
            return row.elapsed_text(look.now_s)
        case Field.EXIT:
            return row.exit_text
        case Field.CPU:
            return f"{look.usage[0]:.0f}%" if look.usage else ""
        case Field.MEMORY:
            return formatting.short_size(look.usage[1]) if look.usage else ""
        case Field.SIZE:
            return formatting.short_size(row.output_bytes)
        case Field.PID:
            return str(row.pid) if row.pid is not None else ""
        case Field.CWD:
            return clean(formatting.short_path(row.raw_cwd))
        case Field.TAGS:
            return _whole_tags(row.tags, column.cells)
        case Field.COMMAND:
            return row.command


@lru_cache(maxsize=1024)
def _whole_tags(tags: tuple[str, ...], cells: int) -> str:
    """As many tags as fit whole, and how many more there are."""
    for kept in range(len(tags), 0, -1):
        more = f",+{len(tags) - kept}" if kept < len(tags) else ""
        text = ",".join(tags[:kept])
        if cell_len(text) + len(more) <= cells:
            return text + more
        if kept == 1:
            return formatting.shorten_end(text, cells - len(more)) + more
    return ""


@lru_cache(maxsize=1024)
def _fit(text: str, column: Column) -> str:
    if column.field in (Field.COMMAND, Field.TAGS, Field.CWD):
        text = formatting.shorten_middle(text, column.cells)
    elif len(text) > column.cells:
        text = formatting.shorten_end(text, column.cells)
    if column.is_right:
        return set_cell_size(text.rjust(column.cells), column.cells)
    return set_cell_size(text, column.cells)
