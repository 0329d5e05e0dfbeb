"""A log of any size on screen: follow, move, search, filter, mark, copy, export."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.message import Message

from agent_exec_tui.log_export import ExportChoice, export_log
from agent_exec_tui.log_search import LineFinder
from agent_exec_tui.log_viewport import Mark
from agent_exec_tui.log_window import load_line
from agent_exec_tui.widgets.log_navigator import LogNavigator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.selection import Selection

    from agent_exec_tui.log_lines import LineReader, LineSpan
    from agent_exec_tui.log_source import Snapshot
    from agent_exec_tui.log_window import LogLine

COPY_BYTES: Final = 8 * 1024 * 1024
"""A selection is cut at so many bytes of the log, and says so."""
_BATCH: Final = 256


class LogView(LogNavigator):
    """The log pane. Its public methods are what actions call; it binds no keys itself."""

    class Exported(Message):
        """Writing to *path* ended; *problem* says why nothing was written."""

        def __init__(
            self, log_view: LogView, path: str, lines: int, size_bytes: int, problem: str | None
        ) -> None:
            super().__init__()
            self.log_view = log_view
            self.path = path
            self.lines = lines
            self.size_bytes = size_bytes
            self.problem = problem

        @property
        def control(self) -> LogView:
            """The view."""
            return self.log_view

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._stop_export = threading.Event()

    # What is seen of the lines

    def toggle_wrap(self) -> None:
        """Wrap long lines, or cut them at the edge; a hit in sight stays there."""
        stays = self.has_hit_in_sight()
        self.wrap = not self.wrap
        self.pan_cells = 0
        self._reshape()
        if stays and self.current is not None:
            self.on_arrival(self.current)
            self.repaint()

    def toggle_line_numbers(self) -> None:
        """Show line numbers, where they are known, or none."""
        self.line_numbers = not self.line_numbers
        self._reshape()

    def toggle_times(self) -> None:
        """Show the times in a merged log, or not."""
        self.with_times = not self.with_times
        self._reshape()

    def _reshape(self) -> None:
        self.fit()
        self.ask()
        self.repaint()
        self.tell()

    # Marks

    def add_mark(self) -> None:
        """Draw a line, with the time, at what is the end of the log now."""
        label = time.strftime("%H:%M:%S")
        self.viewport.marks.append(Mark(self.size_bytes, label))
        self.viewport.settle()
        self.repaint()

    def hide_before_mark(self) -> bool:
        """Hide what is before the last mark, or show it again; False if there is no mark."""
        reader = self._reader()
        if not self.floor and (not self.viewport.marks or reader is None):
            return False
        if self.floor or reader is None:
            self.floor = 0
        else:
            self.floor = reader.start_of(self.viewport.marks[-1].offset)
        self._reshape()
        return True

    # The current line and the selection

    def current_line(self) -> LogLine | None:
        """Return the line last jumped to if it is in sight, else the last (following) or first."""
        lines = [row.line for row in self._rows if row.line is not None]
        for line in lines:
            if line.start == self.current:
                return line
        return (lines[-1] if self.viewport.follow else lines[0]) if lines else None

    def current_line_text(self) -> str:
        """Return the current line as it is shown; empty if there is none."""
        line = self.current_line()
        return line.text if line is not None else ""

    def current_line_number(self) -> int | None:
        """Return the number of the current line, from 1; None if it is not counted yet."""
        line = self.current_line()
        if line is None or self.loader.source is None:
            return None
        return self.loader.source.line_number(line.start)

    def current_line_offset(self) -> int | None:
        """Return the byte at which the current line starts."""
        line = self.current_line()
        return line.start if line is not None else None

    def selected_text(self) -> str:
        """Return what is selected with the mouse, as it is shown; empty if nothing is."""
        selection = self.text_selection
        selected = None if selection is None else self.get_selection(selection)
        return selected[0] if selected is not None else ""

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text for Textual.

        A selection is in bytes of the log (lines) and characters (columns), so neither growth
        nor scrolling changes what it holds. Where it has no start or end, because the mouse went
        on into another pane, it ends with what is on screen.
        """
        reader = self._reader()
        lines = [row.line for row in self._rows if row.line is not None]
        if reader is None or not lines:
            return None
        begin_x, begin = selection.start or (0, lines[0].start)
        end_x, end = selection.end or (len(lines[-1].text), lines[-1].start)
        texts: list[str] = []
        for span in self._spans(reader, begin, end):
            if span.start - begin > COPY_BYTES:
                texts.append(f"[cut: more than {COPY_BYTES >> 20} MiB are selected]")
                break
            text = load_line(reader, span, is_merged=self.is_merged).text
            first = max(begin_x, 0) if span.start == begin else 0
            last = max(end_x, 0) if span.start == end else len(text)
            texts.append(text[first:last])
        return "\n".join(texts), "\n"

    def _spans(self, reader: LineReader, start: int, last: int) -> Iterator[LineSpan]:
        finder = LineFinder(reader, self.only) if self.only is not None else None
        while True:
            batch = (
                reader.forward(start, _BATCH)
                if finder is None
                else list(finder.forward(start, _BATCH, stop=last + 1).spans)
            )
            for span in batch:
                if span.start > last:
                    return
                yield span
            if len(batch) < _BATCH:
                return
            start = batch[-1].stop

    def _reader(self) -> LineReader | None:
        source = self.loader.source
        return source.snapshot.reader() if source is not None else None

    # Export

    def export(self, path: str) -> None:
        """Write what is shown of the log, all of it and sanitised, to a new file.

        ``Exported`` tells how it went.
        """
        source = self.loader.source
        if source is None:
            self.post_message(self.Exported(self, path, 0, 0, "no log is shown"))
            return
        choice = ExportChoice(self.only, self.floor, self.is_merged, self.with_times)
        work = partial(self._export, source.snapshot, path, choice)
        self.run_worker(work, thread=True, exit_on_error=False, group="log-export")

    def _export(self, snapshot: Snapshot, path: str, choice: ExportChoice) -> None:
        try:
            written = export_log(snapshot, path, choice, self._stop_export.is_set)
        except OSError as error:
            reason = error.strerror or str(error)
            self.post_message(self.Exported(self, path, 0, 0, reason))
            return
        if written is not None:
            self.post_message(self.Exported(self, path, *written, None))

    def on_unmount(self) -> None:
        """Stop what still goes on."""
        self._stop_export.set()
