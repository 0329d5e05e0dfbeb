"""Which rows of a window are on screen, and how moving, growth and wrapping change that.

The place of a view is the byte offset of its top line and a row within it, so what is written
later, or counted later, cannot move it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from agent_exec.model.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec_tui.log_window import LogLine, Window


@dataclass(frozen=True, slots=True)
class Mark:
    """A line drawn by the reader before the first line that starts at *offset* or later."""

    offset: int
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row on screen: characters ``[begin, end)`` of a line, or a mark above it."""

    line: LogLine | None
    begin: int = 0
    end: int = 0
    mark: Mark | None = None


class Viewport:
    """A screenful of a window. ``width`` is the text's alone, without the gutter."""

    def __init__(self) -> None:
        self.width = 80
        self.height = 24
        self.wrap = False
        self.follow = True
        self.marks: list[Mark] = []
        self.top_start = 0
        self.top_row = 0
        self.window: Window | None = None
        self._lines: tuple[LogLine, ...] = ()
        self._starts: list[int] = []
        self._breaks: dict[int, Sequence[int]] = {}

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The window's lines."""
        return self._lines

    def set_window(self, window: Window | None) -> None:
        """Show the lines of *window*, at the same place, or at the end when following."""
        self.window = window
        self._lines = window.lines if window is not None else ()
        self._starts = [line.start for line in self._lines]
        self._breaks.clear()
        self.settle()

    def resize(self, width: int, height: int, *, wrap: bool) -> None:
        """Take a new size; the character at the top left stays in the top row."""
        if (width, height, wrap) == (self.width, self.height, self.wrap):
            return
        rows = self.rows()
        top = rows[0] if rows else None
        self.width, self.height, self.wrap = width, height, wrap
        self._breaks.clear()
        if top is not None and top.line is not None and top.mark is None:
            index = self._index_of(top.line.start)
            above = len(self._marks_before(index))
            self.top_row = above + bisect_right(self._text_rows(index), top.begin) - 1
        self.settle()

    def settle(self) -> None:
        """Bring the place within the window."""
        if not self._lines:
            self.top_row = 0
            return
        last = self._last_top()
        index = self._index_of(self.top_start)
        if self._starts[index] != self.top_start:
            self.top_row = 0
        place = (index, min(self.top_row, self._row_count(index) - 1))
        if self.follow or (self.window is not None and self.window.at_end and place > last):
            place = last
        self._place(place)

    def move(self, rows: int) -> int:
        """Move down (or up) by *rows*; return how many are owed until more is loaded."""
        if not self._lines:
            return 0
        index, row = self._index_of(self.top_start), self.top_row
        row += rows
        while row < 0 and index > 0:
            index -= 1
            row += self._row_count(index)
        while row >= self._row_count(index) and index + 1 < len(self._lines):
            row -= self._row_count(index)
            index += 1
        assert self.window is not None
        if row < 0:
            self._place((0, 0))
            return 0 if self.window.at_start else row
        owed = max(row - self._row_count(index) + 1, 0)
        place, last = (index, row - owed), self._last_top()
        if place <= last or rows < 0:
            self._place(place)
            return 0
        owed += self._rows_between(last, place)
        self._place(last)
        return 0 if self.window.at_end else owed

    def jump(self, start: int, *, above: int = 0) -> None:
        """Put the line that holds *start* at the top, or with *above* rows before it."""
        self.top_start, self.top_row = start, 0
        self.settle()
        if self._lines and above:
            top = (self._index_of(self.top_start), self.top_row)
            before = self._rows_between(top, (self._index_of(start), 0))
            self.move(min(before - above, 0))

    def shows(self, start: int) -> bool:
        """Whether the line that starts at *start* is on screen."""
        return any(row.line is not None and row.line.start == start for row in self.rows())

    def rows_to(self, start: int, char: int) -> int:
        """Return by how many rows to move so that a line's character comes into sight; 0 if it is."""
        index = self._index_of(start)
        if not self._lines or self._starts[index] != start:
            return 0
        row = len(self._marks_before(index)) + bisect_right(self._text_rows(index), char) - 1
        top, place = (self._index_of(self.top_start), self.top_row), (index, row)
        if place < top:
            return -self._rows_between(place, top) - self.height // 3
        below = self._rows_between(top, place)
        return below - self.height // 3 if below >= self.height else 0

    def is_near_edge(self) -> bool:
        """Whether the window should be renewed around the place."""
        if self.window is None or not self._lines:
            return False
        index = self._index_of(self.top_start)
        return (not self.window.at_start and index < self.height) or (
            not self.window.at_end and len(self._lines) - index < 2 * self.height
        )

    def is_at_end(self) -> bool:
        """Whether the last row of the log is on screen."""
        if self.window is None or not self.window.at_end:
            return False
        return not self._lines or (self._index_of(self.top_start), self.top_row) >= self._last_top()

    def row_span(self) -> tuple[int, int]:
        """Return how many rows the window has, and how many of them are above the screen."""
        counts = [self._row_count(index) for index in range(len(self._lines))]
        top = self._index_of(self.top_start)
        return sum(counts) + len(self._marks_after()), sum(counts[:top]) + self.top_row

    def rows(self) -> list[Row]:
        """Return the rows on screen, from the top; fewer than the height if there are no more."""
        rows: list[Row] = []
        if not self._lines:
            return rows
        index, skip = self._index_of(self.top_start), self.top_row
        while len(rows) < self.height and index < len(self._lines):
            rows += self._rows_of(index, skip, self.height - len(rows))
            index, skip = index + 1, 0
        trailing = self._marks_after()
        rows += [Row(None, mark=mark) for mark in trailing[: self.height - len(rows)]]
        return rows

    def _rows_of(self, index: int, skip: int, limit: int) -> list[Row]:
        line, marks = self._lines[index], self._marks_before(index)
        rows = [Row(line, mark=mark) for mark in marks[skip : skip + limit]]
        skip = max(skip - len(marks), 0)
        breaks = self._text_rows(index)
        for position in range(skip, min(len(breaks), skip + limit - len(rows))):
            end = breaks[position + 1] if position + 1 < len(breaks) else len(line.text)
            rows.append(Row(line, breaks[position], end))
        return rows

    def _place(self, place: tuple[int, int]) -> None:
        self.top_start, self.top_row = self._starts[place[0]], place[1]

    def _index_of(self, start: int) -> int:
        return max(bisect_right(self._starts, start) - 1, 0)

    def _row_count(self, index: int) -> int:
        return len(self._marks_before(index)) + len(self._text_rows(index))

    def _last_top(self) -> tuple[int, int]:
        """Return the place that has the window's last row at the bottom."""
        left = self.height - len(self._marks_after())
        for index in range(len(self._lines) - 1, -1, -1):
            count = self._row_count(index)
            if count >= left:
                return index, min(count - left, count - 1)
            left -= count
        return 0, 0

    def _rows_between(self, first: tuple[int, int], last: tuple[int, int]) -> int:
        between = sum(self._row_count(index) for index in range(first[0], last[0]))
        return between - first[1] + last[1]

    def _marks_before(self, index: int) -> list[Mark]:
        if not self.marks:
            return []
        start = self._starts[index]
        if index:
            return [mark for mark in self.marks if self._starts[index - 1] < mark.offset <= start]
        at_start = self.window is not None and self.window.at_start
        return [m for m in self.marks if m.offset == start or (at_start and m.offset < start)]

    def _marks_after(self) -> list[Mark]:
        if not self.marks or self.window is None or not self.window.at_end:
            return []
        last = self._starts[-1] if self._starts else -1
        return [mark for mark in self.marks if mark.offset > last]

    def _text_rows(self, index: int) -> Sequence[int]:
        """Return where each row of a line begins, in characters."""
        if not self.wrap or self.width <= 0:
            return (0,)
        known = self._breaks.get(index)
        if known is None:
            known = self._breaks[index] = wrap_points(self._lines[index], self.width)
        return known


def wrap_points(line: LogLine, width: int) -> Sequence[int]:
    """Return where the rows of *line* begin when each may be *width* cells wide."""
    if line.cells is None:
        return range(0, max(len(line.text), 1), width)
    points = [0]
    while True:
        begin = points[-1]
        end = bisect_right(line.cells, line.cells[begin] + width) - 1
        end = max(end, begin + 1)
        if end >= len(line.text):
            return points
        points.append(end)
