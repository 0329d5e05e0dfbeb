"""Moving and searching in a log view.

Following is on at first. Any move up stops it at once, and only ``go_end`` and ``toggle_follow``
resume it; the bottom reached by scrolling does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from textual import on
from textual.message import Message

from agent_exec_tui.ansi import LINE_LIMIT
from agent_exec_tui.log_find import Search
from agent_exec_tui.log_memory import Wanted
from agent_exec_tui.log_pattern import PatternError, compile_pattern
from agent_exec_tui.log_severity import error_lines
from agent_exec_tui.widgets.log_loader import Counts, SearchStepped
from agent_exec_tui.widgets.log_sight import LogSight

if TYPE_CHECKING:
    from agent_exec_tui.log_lines import LineSpan
    from agent_exec_tui.log_pattern import Pattern

Outcome = Literal["found", "wrapped", "none"]
# A key held down in a log where each hit takes a while must not go on for long after its release.
_STEPS_MAX: Final = 9


class LogNavigator(LogSight):
    """A log one can move and search in."""

    # Of one "what", asked for while one is being looked for: down, or up where negative.
    _steps = 0
    _found: LineSpan | None = None

    class SearchEnded(Message):
        """A jump to the next or previous *what* ("hit" or "error") found one, or none."""

        def __init__(self, log_view: LogNavigator, what: str, outcome: Outcome) -> None:
            super().__init__()
            self.log_view = log_view
            self.what = what
            self.outcome = outcome

        @property
        def control(self) -> LogNavigator:
            """The view."""
            return self.log_view

    # Moving

    def move_rows(self, rows: int) -> None:
        """Move down, or up, by *rows*."""
        if rows < 0:
            self.left_end()
        if not self.viewport.follow:
            self.move_by(rows)

    def scroll_line(self, lines: int) -> None:
        """Move down, or up, by *lines* rows."""
        self.move_rows(lines)

    def page(self, pages: float) -> None:
        """Move down, or up, by *pages* screens; a whole one leaves one row in sight."""
        rows = max(round(abs(pages) * self.viewport.height) - (abs(pages) >= 1), 1)
        self.move_rows(rows if pages > 0 else -rows)

    def go_home(self) -> None:
        """Go to the first line."""
        self._jump(self.floor)

    def go_end(self) -> None:
        """Go to the end and follow it."""
        self.viewport.follow = True
        self.target = self.focus_byte = None
        self.viewport.settle()
        self.ask()
        self.repaint()
        self.tell()

    def toggle_follow(self) -> None:
        """Follow the end, or stay."""
        if self.viewport.follow:
            self.left_end()
            self.tell()
        else:
            self.go_end()

    def go_fraction(self, fraction: float) -> None:
        """Go to that part of the log, 0.0 to 1.0."""
        size = self.size_bytes
        self._jump(max(int(fraction * size), self.floor) if fraction < 1.0 else max(size - 1, 0))

    def go_offset(self, offset: int) -> None:
        """Go to the line that holds the byte *offset*."""
        self._jump(offset, above=self.viewport.height // 3)

    def go_line(self, number: int) -> bool:
        """Go to line *number*, from 1; False if it does not exist or is not counted yet."""
        start = self.loader.source.line_start(number) if self.loader.source else None
        if start is None:
            return False
        self._select_line(start, None)
        return True

    def go_to_line_at(self, start: int, focus: int | None = None) -> None:
        """Go to the line that starts at the byte *start*, with the byte *focus* in sight."""
        self._select_line(start, focus)

    def _jump(self, offset: int, *, above: int = 0) -> None:
        self.left_end()
        self.focus_byte = None
        self.target = (offset, above)
        self.ask()
        self.tell()

    # Searching

    def search(self, pattern: str, regex: bool = False) -> None:
        """Search for *pattern* and go to the nearest hit; a bad pattern keeps the last good hits.

        At the end of the log the nearest is the last one, else the next one downwards.
        """
        if not pattern:
            self.clear_search()
            return
        if (pattern, regex) == (self.wanted.text, self.wanted.is_regex):
            self.pattern_error = None
            self.tell()
            return
        try:
            compiled = compile_pattern(pattern, regex=regex)
        except PatternError as error:
            self.pattern_error = str(error)
            self.tell()
            return
        self._set_pattern(compiled, Wanted(pattern, regex, self.wanted.only_matching))
        start, forward = self._nearest_start()
        self._find(compiled, start, forward=forward, what="hit")

    def clear_search(self) -> None:
        """Forget the pattern; all lines are shown again."""
        self._set_pattern(None, Wanted())

    def stop_search(self) -> None:
        """Give up the search that is going on."""
        self._steps = 0
        self.loader.stop_search()
        self.tell()

    def next_hit(self) -> None:
        """Go to the next matching line, from the last one to the first."""
        if self.pattern is not None:
            self._find_from_here(self.pattern, forward=True, what="hit")

    def previous_hit(self) -> None:
        """Go to the previous matching line, from the first one to the last."""
        if self.pattern is not None:
            self._find_from_here(self.pattern, forward=False, what="hit")

    def next_error(self) -> None:
        """Go to the next line that looks like an error."""
        self._find_from_here(error_lines(), forward=True, what="error")

    def previous_error(self) -> None:
        """Go to the previous line that looks like an error."""
        self._find_from_here(error_lines(), forward=False, what="error")

    def toggle_only_matching(self) -> None:
        """Show only the lines that match, or all; the same pattern serves both."""
        only = not self.wanted.only_matching
        self.wanted = Wanted(self.wanted.text, self.wanted.is_regex, only)
        self._choice_changed()

    def _set_pattern(self, pattern: Pattern | None, wanted: Wanted) -> None:
        was_only = self.only is not None
        self._steps = 0
        self.loader.stop_search()
        self.pattern, self.wanted, self.pattern_error = pattern, wanted, None
        self.loader.set_pattern(pattern)
        self.counts = Counts(
            self.counts.lines, self.counts.lines_known, pattern, hits_known=pattern is None
        )
        self.forget_highlights()
        if pattern is None:
            self.current = self.loader.current_line = None
        self.loader.count()
        if was_only or self.only is not None:
            self._choice_changed()
        self.repaint()
        self.tell()

    def _choice_changed(self) -> None:
        current, port = self.current, self.viewport
        if current is not None and not port.follow and self.target is None and port.shows(current):
            self.target = (current, port.height // 3)
        self.ask()
        self.tell()

    def _nearest_start(self) -> tuple[int, bool]:
        port = self.viewport
        if port.lines and self.current is not None and port.shows(self.current):
            return self.current, True
        if port.follow or port.is_at_end():
            return self.size_bytes, False
        return port.top_start, True

    def _find_from_here(self, pattern: Pattern, *, forward: bool, what: str) -> None:
        if self.loader.is_searching and what == self._sought:
            steps = self._steps + (1 if forward else -1)
            self._steps = min(max(steps, -_STEPS_MAX), _STEPS_MAX)
            return
        self._steps = 0
        lines = [row.line for row in self._rows if row.line is not None]
        if not lines:
            return
        here = next((line for line in lines if line.start == self.current), self._awaited())
        if here is not None:
            start = here.stop if forward else here.start
        elif self.viewport.follow:
            start = lines[-1].stop
        else:
            start = lines[0].start if forward else lines[-1].stop
        self._find(pattern, start, forward=forward, what=what)

    def _awaited(self) -> LineSpan | None:
        """The line that was found and is being loaded."""
        found = self._found
        is_awaited = found is not None and self.target is not None and found.start == self.current
        return found if is_awaited else None

    def _find(self, pattern: Pattern, start: int, *, forward: bool, what: str) -> None:
        if what != self._sought:
            self._sought, self._steps = what, 0
        self.loader.search(Search(pattern, start, forward, what, self.floor))
        self.tell()

    @on(SearchStepped)
    def _search_stepped(self, message: SearchStepped) -> None:
        if not self.loader.step_on(message):
            return
        outcome: Outcome = "none"
        if message.span is not None:
            outcome = "wrapped" if message.search.has_wrapped else "found"
            self._select_line(message.span.start, message.focus)
            self._found = message.span
        self.tell()
        self.post_message(self.SearchEnded(self, message.search.what, outcome))
        if self._steps and message.span is not None:
            self._step_on(message.search, message.span)
        else:
            self._steps = 0

    def _step_on(self, search: Search, found: LineSpan) -> None:
        """Do what was asked for meanwhile."""
        forward = self._steps > 0
        self._steps -= 1 if forward else -1
        start = found.stop if forward else found.start
        self._find(search.pattern, start, forward=forward, what=search.what)

    def _select_line(self, start: int, focus: int | None) -> None:
        """Make a line the current one and bring it on screen, with some lines around it."""
        self.current = self.loader.current_line = start
        self.left_end()
        above = self.viewport.height // 3
        self.focus_byte = focus
        self.target = None
        if self.viewport.shows(start) and not self._is_cut(start):
            self.on_arrival(start)
        else:
            self.target = (start, above)
            self.ask()
        self.loader.count()
        self.repaint()
        self.tell()

    def _is_cut(self, start: int) -> bool:
        lines = self.viewport.lines
        return any(line.start == start and line.stop - start > LINE_LIMIT for line in lines)
