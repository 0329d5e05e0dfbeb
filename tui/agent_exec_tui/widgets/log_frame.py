"""A log view in its frame: which log, what it says of itself, and the line to search in it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input

from agent_exec.model import records
from agent_exec_tui import formatting
from agent_exec_tui.keymap import pane_bindings
from agent_exec_tui.layout import Part
from agent_exec_tui.situation import Pane
from agent_exec_tui.widgets.line_input import LineInput
from agent_exec_tui.widgets.log_view import LogView
from agent_exec_tui.widgets.titled import Titled

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agent_exec_tui.job_rows import JobRow

_FILES = {Part.STDOUT: records.STDOUT_LOG, Part.STDERR: records.STDERR_LOG}


class SearchInput(LineInput):
    """The search line; ``^r`` switches to regular expressions."""

    BINDINGS = [  # noqa: RUF012 (Textual declares the type)
        Binding("ctrl+r", "toggle_regex", "Search by regex or text, while typing", show=False),
    ]

    class RegexToggled(Message):
        """The pattern is to be read the other way."""

    def action_toggle_regex(self) -> None:
        """Tell the frame."""
        self.post_message(self.RegexToggled())


class LogFrame(Titled):
    """One of the two logs of the selected job; either can show both streams in order.

    Attributes:
        hidden_key: the key that shows the other stream while that is out of sight, else "".
    """

    BINDINGS = pane_bindings(Pane.LOG)

    class SearchClosed(Message):
        """The search line was left."""

        def __init__(self, frame: LogFrame) -> None:
            super().__init__()
            self.frame = frame

    def __init__(self, part: Part, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.part = part
        self.view = LogView(id=f"{part.value}-view")
        self.search = SearchInput(
            placeholder="search (^r: regex)", compact=True, classes="search", only_looks=True
        )
        self.is_both = False
        self.hidden_key = ""
        self._is_regex = False
        self._row: JobRow | None = None
        self._root = ""
        self._full_log: tuple[str, str | None] = ("", None)

    def compose(self) -> ComposeResult:
        """The view, and the search line when it is wanted."""
        yield self.view
        yield self.search

    def on_mount(self) -> None:
        """Start without the search line."""
        self.search.display = False
        self._draw_title()

    # Which log

    @property
    def stream_name(self) -> str:
        """What is shown, in a word."""
        return "both" if self.is_both else self.part.value

    def set_full_log(self, job_id: str, path: str | None) -> None:
        """Take note of where a job's full.log really lies, if not in its directory."""
        if self._full_log != (job_id, path):
            self._full_log = (job_id, path)
            if self.is_both:
                self.show_job(self._row, self._root)

    def path_of(self, job_id: str, root: str) -> str:
        """The file shown of a job."""
        elsewhere = self._full_log[1] if self._full_log[0] == job_id else None
        if self.is_both and elsewhere is not None:
            return elsewhere
        name = records.FULL_LOG if self.is_both else _FILES[self.part]
        return os.path.join(root, job_id, name)

    def show_job(self, row: JobRow | None, root: str) -> None:
        """Show a job's log, another one's or the same as it is now."""
        self._row, self._root = row, root
        if row is None:
            self.view.show(None)
        else:
            path = self.path_of(row.job_id, root)
            begun_s = row.started_s or row.created_s
            self.view.show_dates(not formatting.is_today(begun_s, time.time()))
            self.view.show(
                path,
                title=self.stream_name,
                key=row.job_id,
                merged=self.is_both,
                is_over=row.kind.has_ended,
            )
            self.view.refresh_from_file()
        self._draw_title()

    def toggle_both(self) -> None:
        """Show both streams in the order they were written, with times, or one again."""
        self.is_both = not self.is_both
        self.show_job(self._row, self._root)

    # Search

    @property
    def has_search(self) -> bool:
        """Whether a pattern is set."""
        return bool(self.view.status.pattern)

    def open_search(self) -> None:
        """Type a pattern; hits are lit as it is typed."""
        self.search.display = True
        self.search.value = self.view.status.pattern
        self._is_regex = self.view.status.is_regex
        self.search.cursor_position = len(self.search.value)
        self.screen.set_focus(self.search)

    def clear_search(self) -> bool:
        """Forget the pattern; False if there was none."""
        if self.search.display:
            self._close_search()
            self.view.clear_search()
            return True
        if not self.has_search:
            return False
        self.view.clear_search()
        return True

    @on(Input.Changed, ".search")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.search.display:
            self.view.search(event.value, regex=self._is_regex)

    @on(Input.Submitted, ".search")
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()

    @on(SearchInput.RegexToggled)
    def _regex_toggled(self, event: SearchInput.RegexToggled) -> None:
        event.stop()
        self._is_regex = not self._is_regex
        self.search.placeholder = (
            "search: regular expression (^r: text)" if self._is_regex else ("search (^r: regex)")
        )
        self.view.search(self.search.value, regex=self._is_regex)
        self._draw_title()

    def _close_search(self) -> None:
        self.search.display = False
        self.screen.set_focus(self.view)
        self.post_message(self.SearchClosed(self))

    @on(LogView.SearchEnded)
    def _search_ended(self, event: LogView.SearchEnded) -> None:
        if self.search.display:
            event.stop()  # while it is typed the counter says it; a toast a letter would pile up

    # Drawing

    @on(LogView.StatusChanged)
    def _status_changed(self, event: LogView.StatusChanged) -> None:
        event.stop()
        self.search.set_class(bool(event.status.pattern_error), "-flawed")
        self._draw_title()

    def on_resize(self) -> None:
        """Fit the title."""
        self._draw_title()

    def title_text(self) -> str:
        """What is shown, of which job."""
        name = self._row.short_id if self._row else ""
        return f"{self.stream_name} {name}".strip()

    def _hidden_stream(self) -> list[str]:
        """Say what the other stream holds where there is room for one only."""
        if not self.hidden_key or self._row is None or self.is_both:
            return []
        is_out = self.part is Part.STDOUT
        held = self._row.stderr_bytes if is_out else self._row.stdout_bytes
        other = Part.STDERR if is_out else Part.STDOUT
        return [f"[{self.hidden_key}] {other.value} {formatting.size(held)}"] if held else []

    def _draw_title(self) -> None:
        parts = [self.title_text()]
        if self.search.display and self._is_regex:
            parts.append("regex")
        if self.app.no_color and self.has_focus_within:
            parts.append("(focused)")
        room = max(self.size.width - 6, 0)
        told = [*self.view.status.parts(), *self._hidden_stream()]
        while len(told) > 1 and len("  ".join(told)) > room:
            told.pop()
        self.set_titles(" · ".join(parts), "  ".join(told)[:room])
