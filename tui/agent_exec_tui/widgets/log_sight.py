"""What was gone to in a log, brought into sight within its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from agent_exec_tui.log_window import LogLine


class LogSight(LogPane):
    """A log that can be moved sideways, and to a place within a line."""

    _sought = ""  # what was last looked for: "hit" or "error"

    def pan(self, cells: int) -> None:
        """Move right, or left, by *cells*; wrapped lines have nothing to the right."""
        widest = max((_width(row.line) for row in self._rows if row.line), default=0)
        limit = max(widest - self.viewport.width, self.pan_cells if cells < 0 else 0, 0)
        self.pan_cells = 0 if self.wrap else min(max(self.pan_cells + cells, 0), limit)
        self.refresh()
        self.tell()

    def on_arrival(self, start: int) -> None:
        """Bring the hit into sight for which the line at *start* was loaded."""
        found = self._sought_in(start)
        if found is None or start != self.current:
            return
        line, (begin, end) = found
        if self.wrap:
            if rows := self.viewport.rows_to(start, begin):
                self.move_by(rows)
            return
        first, last = _cell(line, begin), _cell(line, end)
        if not self.pan_cells <= first or last > self.pan_cells + self.viewport.width:
            fits = last <= self.viewport.width
            self.pan_cells = 0 if fits else max(first - self.viewport.width // 3, 0)

    def has_hit_in_sight(self) -> bool:
        """Whether what was last gone to is on screen."""
        found = self._sought_in(self.current) if self.current is not None else None
        if found is None:
            return False
        begin = found[1][0]
        return any(
            row.line is not None and row.line.start == self.current and row.begin <= begin < row.end
            for row in self._rows
        )

    def _sought_in(self, start: int) -> tuple[LogLine, tuple[int, int]] | None:
        line = next((line for line in self.viewport.lines if line.start == start), None)
        if line is None:
            return None
        found = self._looks.words(line) if self._sought == "error" else self._hits_of(line)
        return (line, found[0]) if found else None


def _cell(line: LogLine, index: int) -> int:
    return index if line.cells is None else line.cells[index]


def _width(line: LogLine) -> int:
    return _cell(line, len(line.text))
