"""A search through the logs of many jobs; enter goes to a hit, opening it again goes on from it."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from agent_exec.model import records
from agent_exec_tui import formatting
from agent_exec_tui.hints import title_line
from agent_exec_tui.job_rows import clean
from agent_exec_tui.layout import Part
from agent_exec_tui.log_pattern import PatternError, compile_pattern
from agent_exec_tui.log_spot import LogSpot
from agent_exec_tui.screens.dialog import FRAME_CELLS, Dialog
from agent_exec_tui.search_all import Hit, LogToSearch, Progress, search_logs
from agent_exec_tui.search_results import SearchResults
from agent_exec_tui.widgets.hit_list import HitList
from agent_exec_tui.widgets.log_frame import SearchInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.screens.main import MainScreen

NEWS_S = 0.1
TYPING = (("enter", "search"), ("^r", "regex or text"))
LISTING = (("enter", "go there"), ("/", "change"), ("]", "next job"))
_FILES = ((Part.STDOUT, records.STDOUT_LOG), (Part.STDERR, records.STDERR_LOG))


@dataclass
class Searched(Message):
    """The search *number* has come on; ``took_s`` once it is over."""

    number: int
    hits: list[Hit]
    progress: Progress
    took_s: float | None = None


class SearchAllDialog(Dialog[LogSpot]):
    """The line to type in, how far the search is, the hits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "edit", "Change what is searched for", show=False),
        Binding("q,asterisk", "close", "Close; the hits are kept", show=False),
    ]
    help_title = "Search across logs"
    hints_at_help = True
    AUTO_FOCUS: ClassVar[str | None] = None

    def __init__(
        self,
        main: MainScreen,
        rows: Sequence[JobRow],
        results: SearchResults | None,
        *,
        is_marked: bool,
    ) -> None:
        super().__init__()
        self.heading = "Search across logs"
        self.results = results
        self._main = main
        self._rows = rows
        number = formatting.counted(len(rows), "job")
        self._scope = f"{number} {'marked' if is_marked else 'shown'}"
        self._is_regex = results.is_regex if results else False
        self._flaw = ""
        self._number = 0
        self._stop = threading.Event()

    def compose_dialog(self) -> ComposeResult:
        """What to look for, how it goes, what was found, whose it is."""
        text = self.results.text if self.results else ""
        yield SearchInput(text, compact=True, select_on_focus=True, id="pattern")
        yield Static("", id="told", markup=False)
        yield HitList(id="hits")
        yield Static("", id="job", markup=False)

    def on_mount(self) -> None:
        """Show what was found last, or wait for a pattern."""
        if self.results is not None:
            self.hits.show(self.results.hits, self.results.pattern, cursor=self.results.cursor)
        has_hits = self.results is not None and bool(self.results.hits)
        (self.hits if has_hits else self.pattern).focus()
        self._draw()

    def on_unmount(self) -> None:
        """Stop searching."""
        self._stop.set()

    @property
    def pattern(self) -> SearchInput:
        """The line to type in."""
        return self.query_one("#pattern", SearchInput)

    @property
    def hits(self) -> HitList:
        """The list."""
        return self.query_one("#hits", HitList)

    @property
    def is_searching(self) -> bool:
        """Whether a search goes on."""
        return self.results is not None and not self.results.is_over

    # The search

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            pattern = compile_pattern(event.value, regex=self._is_regex)
        except PatternError as error:
            self._flaw = clean(str(error))
            self._draw()
            return
        self._flaw = ""
        self._end()
        logs = 2 * len(self._rows)
        self.results = SearchResults(
            text=event.value,
            is_regex=self._is_regex,
            pattern=pattern,
            scope=self._scope,
            progress=Progress(logs=logs),
        )
        self.hits.show(self.results.hits, pattern)
        self._number += 1
        self._stop = threading.Event()
        self._search(self._number, self.results, self._stop)
        self.hits.focus()
        self._draw()

    def _search(self, number: int, results: SearchResults, stop: threading.Event) -> None:
        rows, root, post = self._rows, self._main.store.root, self.post_message
        pattern, total = results.pattern, results.progress.logs

        def logs() -> Iterator[LogToSearch]:
            for row in rows:
                for part, name in _FILES:
                    yield LogToSearch(row.job_id, part, os.path.join(root, row.job_id, name))

        def run() -> None:
            begin = due = time.monotonic()
            progress = Progress(logs=total)
            news: list[Hit] = []
            for hits, progress in search_logs(logs(), total, pattern, stop.is_set):
                news += hits
                if time.monotonic() >= due:
                    post(Searched(number, news, progress))
                    news, due = [], time.monotonic() + NEWS_S
            if not stop.is_set():
                post(Searched(number, news, progress, time.monotonic() - begin))

        self.run_worker(run, thread=True, exit_on_error=False)

    @on(Searched)
    def _searched(self, event: Searched) -> None:
        if event.number != self._number or self.results is None or self.results.is_over:
            return
        self.results.progress, self.results.took_s = event.progress, event.took_s
        if event.hits:
            self.results.hits += event.hits
            self.hits.grown()
        self._draw()

    def _end(self) -> bool:
        """Stop the search that goes on, keeping what it found; False if none does."""
        self._stop.set()
        if self.results is None or self.results.is_over:
            return False
        self.results.took_s = 0.0
        return True

    # Keys

    @on(SearchInput.RegexToggled)
    def _regex_toggled(self) -> None:
        self._is_regex = not self._is_regex
        self._draw()

    def action_leave(self) -> None:
        """Stop the search first; a second time, leave."""
        if self._end():
            self._draw()
        else:
            self.action_close()

    def action_close(self) -> None:
        """Leave; the list is kept for the next time."""
        self._keep()
        self.dismiss(None)

    def action_edit(self) -> None:
        """Change the pattern."""
        self.pattern.focus()

    @on(HitList.Opened)
    def _opened(self) -> None:
        hit, results = self.hits.hit, self.results
        if hit is not None and results is not None:
            self._keep()
            self.dismiss(
                LogSpot(
                    job_id=hit.job_id,
                    part=hit.part,
                    start=hit.start,
                    focus=hit.focus,
                    pattern=results.text,
                    is_regex=results.is_regex,
                )
            )

    def _keep(self) -> None:
        self._end()
        if self.results is not None:
            self.results.cursor = self.hits.cursor

    # Drawing

    def on_resize(self) -> None:
        """Fit the frame's words."""
        self._draw()

    def on_descendant_focus(self) -> None:
        """Hints follow the focus."""
        self._draw()

    @on(HitList.Moved)
    def _moved(self) -> None:
        self._draw()

    def _draw(self) -> None:
        kind = "regex (^r: text)" if self._is_regex else "text (^r: regex)"
        last = ("esc", "stop" if self.is_searching else "close")
        hints = TYPING if self.pattern.has_focus else LISTING
        self.frame([self.heading, self._scope, kind], [*hints, last])
        self.pattern.placeholder = "regular expression" if self._is_regex else "words"
        told = self._told()
        style = "$text-error" if self._flaw else ""
        self.query_one("#told", Static).update(
            Content.styled(told, style) if style else Content(told)
        )
        self.query_one("#job", Static).update(Content.styled(self._job(), "$text-muted"))

    def _told(self) -> str:
        if self._flaw:
            return self._flaw
        if self.results is None:
            return "stdout and stderr of each; upper case makes the case matter"
        is_here = self.results.scope == self._scope
        scope = () if is_here else (f"of {self.results.scope}",)
        return title_line([*self.results.told(), *scope], self.app.size.width - FRAME_CELLS // 2)

    def _job(self) -> str:
        hit = self.hits.hit
        row = self._main.jobs.rows.get(hit.job_id) if hit else None
        if hit is None:
            return ""
        if row is None:
            return f"{clean(hit.job_id)[:8]} is gone"
        sign = row.kind.letter if self._main.settings.ascii else row.kind.glyph
        width = max(self.size.width - 30, 10)
        return f"{row.short_id} {sign} {row.word}  {formatting.shorten_middle(row.command, width)}"
