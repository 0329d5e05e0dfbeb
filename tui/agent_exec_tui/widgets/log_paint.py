"""Rows of a log as strips: only the cells in sight, in the job's colours and ours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.timestamps import parse_timestamp
from agent_exec_tui.ansi_colours import FIXED_GREYS
from agent_exec_tui.log_severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent_exec_tui.log_viewport import Row
    from agent_exec_tui.log_window import LogLine
    from agent_exec_tui.sgr import Color as SgrColor
    from agent_exec_tui.sgr import Sgr

Overlay = tuple[int, int, Style]

_CLOCK, _CLOCK_CELLS = "%H:%M:%S ", 9
_DATED, _DATED_CELLS = "%m-%d %H:%M:%S ", 15
_MARKED = "▎"  # its colour tells stderr, its being there does where there are none
_UNMARKED = " "
_SIGNS = {Severity.ERROR: "X ", Severity.WARNING: "! ", None: "  "}


@dataclass(frozen=True, slots=True)
class Palette:
    """Our own styles, resolved for the theme in use."""

    base: Style
    gutter: Style
    stderr: Style
    severity: Mapping[Severity, Style]
    mark: Style
    note: Style
    empty: Style
    hit: Style
    hit_current: Style
    line_current: Style
    selection: Style


@dataclass(frozen=True, slots=True)
class Gutter:
    """What stands left of the text.

    ``digits``: cells for line numbers, 0 for none. ``with_dates``: the times are another day's.
    ``has_signs``: where there is no colour, a sign says that a line looks like an error or a
    warning.
    """

    digits: int = 0
    is_merged: bool = False
    with_times: bool = False
    with_dates: bool = False
    has_signs: bool = False

    @property
    def width(self) -> int:
        """Return its width in cells."""
        width = self.digits + 1 if self.digits else 0
        if self.is_merged:
            width += len(_MARKED) + 1 + (self._time_cells if self.with_times else 0)
        return width + (len(_SIGNS[None]) if self.has_signs else 0)

    def parts(self, row: Row, severity: Severity | None = None) -> tuple[str, str, str]:
        """Return it for one row: what is before the stream's sign, that sign, what is behind it.

        All but the sign is blank for the further rows of a wrapped line.
        """
        line = row.line
        digits = self.digits + 1 if self.digits else 0
        behind = max(self.width - digits - len(_MARKED), 0) if self.is_merged else 0
        if line is None:
            return " " * self.width, "", ""
        sign = (_MARKED if line.stream == "stderr" else _UNMARKED) if self.is_merged else ""
        if row.begin:
            blank = self.width - digits if not self.is_merged else behind
            return " " * digits, sign, " " * blank
        before = after = ""
        if self.digits:
            number = "?" if line.number is None else str(line.number)
            before = f"{'+' if line.is_continued else number:>{self.digits}} "
        if self.is_merged:
            after = " "
            if self.with_times:
                cells = self._time_cells
                after += f"{self._time_of(line.stamp):{cells}.{cells}}"
        return before, sign, after + _SIGNS[severity] if self.has_signs else after

    @property
    def _time_cells(self) -> int:
        return _DATED_CELLS if self.with_dates else _CLOCK_CELLS

    def _time_of(self, stamp: str) -> str:
        """What the clock here showed; "" for a line that says nothing of its time."""
        moment = parse_timestamp(stamp)
        return f"{moment.astimezone():{_DATED if self.with_dates else _CLOCK}}" if moment else ""


def paint(
    row: Row,
    width: int,
    *,
    gutter: Gutter,
    palette: Palette,
    pan: int = 0,
    overlays: Iterable[Overlay] = (),
    severity: Severity | None = None,
) -> Strip:
    """Return one row, exactly *width* cells wide, without the first *pan* cells of its text.

    *overlays* are ranges of the line's characters with their styles; later ones win.
    """
    if row.mark is not None:
        label = f"── {row.mark.label} "
        rule = Strip([Segment(f"{label:─<{width}}"[:width], palette.mark)])
        return _place(rule, row, 0, width, palette)
    line = row.line
    if line is None:
        return Strip.blank(width, palette.base)
    room = max(width - gutter.width, 0)
    begin, end, lead = visible_range(line, row.begin, row.end, pan, room)
    text = Strip(_segments(line, begin, end, palette.base, palette.note, overlays))
    text = _place(text, row, begin, room, palette, lead)
    if not gutter.width:
        return text
    # Pointing at the gutter means the row's first character.
    place = Style.from_meta({"offset": (row.begin - gutter.width, line.start)})
    before, sign, after = gutter.parts(row, severity)
    style = palette.gutter + place
    left = [Segment(before, style), Segment(sign, style + palette.stderr), Segment(after, style)]
    return Strip([*(part for part in left if part.text), *text], width)


def visible_range(
    line: LogLine, begin: int, end: int, pan: int, width: int
) -> tuple[int, int, int]:
    """Return which characters of a row fit, and the blank cells before them.

    A wide character cut by the left edge leaves one blank.
    """
    if line.cells is None:
        first = min(begin + pan, end)
        return first, min(first + width, end), 0
    left = line.cells[begin] + pan
    first = min(bisect_left(line.cells, left), end)
    lead = min(max(line.cells[first] - left, 0), width) if first < end else 0
    last = bisect_right(line.cells, left + width) - 1
    return first, max(min(last, end), first), lead


def _place(
    strip: Strip, row: Row, begin: int, width: int, palette: Palette, lead: int = 0
) -> Strip:
    """Say where in the log the strip is from, for the mouse, and fill it up."""
    start = row.line.start if row.line is not None else 0
    blank = palette.base + Style.from_meta({"offset": (begin + len(strip.text), start)})
    if row.line is not None:
        strip = strip.apply_offsets(begin, start)
    if lead:
        strip = Strip([Segment(" " * lead, palette.base), *strip])
    return strip.adjust_cell_length(width, blank if row.line is not None else palette.base)


def _segments(
    line: LogLine, begin: int, end: int, base: Style, note: Style, overlays: Iterable[Overlay]
) -> list[Segment]:
    overlays = [item for item in overlays if item[0] < end and item[1] > begin]
    edges = {edge for first, last, _ in overlays for edge in (first, last)}
    segments: list[Segment] = []
    in_our_colours = base.bgcolor is not None and not base.bgcolor.is_default
    position = 0
    for text, sgr in line.spans:
        start, stop = max(position, begin), min(position + len(text), end)
        if start < stop:
            style = base + rich_style(sgr, in_our_colours=in_our_colours)
            if sgr.mark:
                style += note
            cuts = [start, *sorted(edge for edge in edges if start < edge < stop), stop]
            for first, last in pairwise(cuts):
                here = style
                for over_first, over_last, over in overlays:
                    if over_first <= first < over_last:
                        here += over
                segments.append(Segment(text[first - position : last - position], here))
        position += len(text)
        if position >= end:
            break
    return segments


@lru_cache(maxsize=4096)
def rich_style(sgr: Sgr, *, in_our_colours: bool) -> Style:
    """Return the style of a span.

    Args:
        sgr: what the job wants.
        in_our_colours: it is drawn in those of ``ansi_colours``, not in the terminal's own.
    """
    fg, bg = sgr.fg, sgr.bg
    if in_our_colours and bg is not None:
        fg, bg = _fixed(fg), _fixed(bg)
    return Style(
        color=_color(fg),
        bgcolor=_color(bg),
        bold=sgr.bold or None,
        dim=sgr.dim or None,
        italic=sgr.italic or None,
        underline=sgr.underline or None,
        reverse=sgr.reverse or None,
        strike=sgr.strike or None,
    )


def _fixed(color: SgrColor | None) -> SgrColor | None:
    return FIXED_GREYS.get(color, color) if isinstance(color, int) else color


def _color(color: SgrColor | None) -> Color | None:
    if color is None:
        return None
    return Color.from_ansi(color) if isinstance(color, int) else Color.from_rgb(*color)
