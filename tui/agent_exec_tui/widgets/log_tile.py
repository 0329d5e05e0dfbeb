"""One job's log among several: titled by what it is, both streams in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.layout import Part
from agent_exec_tui.widgets.log_frame import LogFrame

if TYPE_CHECKING:
    from agent_exec_tui.job_rows import JobRow

_FRAME_CELLS = 6


class LogTile(LogFrame):
    """A log of one job that stays the same job's."""

    def __init__(self, row: JobRow, root: str, *, is_ascii: bool, with_severity: bool) -> None:
        super().__init__(Part.STDOUT)
        self.job_id = row.job_id
        self.is_both = True
        self.view.with_times = False
        self.view.with_severity = with_severity
        self._row, self._root = row, root
        self._is_ascii = is_ascii

    def on_mount(self) -> None:
        """Show the log."""
        self.show_job(self._row, self._root)

    def cycle_stream(self) -> None:
        """Show both, stdout alone, stderr alone."""
        if self.is_both:
            self.part, self.is_both = Part.STDOUT, False
        elif self.part is Part.STDOUT:
            self.part = Part.STDERR
        else:
            self.is_both = True
        self.show_job(self._row, self._root)

    def title_text(self) -> str:
        """Which job, its state, the stream if it is one, the command as far as there is room."""
        row = self._row
        if row is None:
            return ""
        sign = row.kind.letter if self._is_ascii else row.kind.glyph
        ending = f" {row.exit_text}" if row.exit_text != formatting.NOTHING else ""
        stream = "" if self.is_both else f" · {self.stream_name}"
        head = f"{row.short_id} {sign} {row.word}{ending}{stream}"
        room = self.size.width - _FRAME_CELLS - len(head) - 2
        return f"{head}  {formatting.shorten_middle(row.command, room)}" if room > 0 else head
