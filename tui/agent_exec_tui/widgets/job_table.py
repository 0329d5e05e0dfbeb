"""The table of jobs: draws the visible rows only, and keeps its cursor on a job, not on a line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agent_exec_tui.keymap import pane_bindings
from agent_exec_tui.situation import Pane
from agent_exec_tui.widgets.extent import set_extent
from agent_exec_tui.widgets.job_columns import (
    SORT_OF_FIELD,
    Column,
    Field,
    columns_for,
    field_at,
)
from agent_exec_tui.widgets.row_painter import RowLook, RowPainter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual import events

    from agent_exec_tui.arrangement import Sort
    from agent_exec_tui.job_list import JobList
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.unseen import Unseen
    from agent_exec_tui.widgets.job_columns import WidthClass

HEADER_LINES = 1


class JobTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A list of any length; what a row costs is paid when it is seen.

    Marks and the cursor are job ids. Rows that come, go or move never take the cursor along to
    another job, and the line it is on stays where it is on the screen.

    Attributes:
        keeps_top: the cursor stays on the first row, whichever that is, until it is moved: for as
            long as the list is being read.
    """

    BINDINGS = pane_bindings(Pane.JOBS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "job-table--header",
        "job-table--row",
        "job-table--cursor",
        "job-table--marked",
        "job-table--dim",
        "job-table--new",
        "job-table--running",
        "job-table--created",
        "job-table--ok",
        "job-table--bad",
        "job-table--killed",
        "job-table--failed",
        "job-table--lost",
        "job-table--orphan",
        "job-table--paused",
        "job-table--elsewhere",
        "job-table--silent",
        "job-table--problem",
    }
    ALLOW_SELECT = False

    cursor_id: var[str | None] = var(None)
    """The job the cursor is on."""
    is_ascii: var[bool] = var(False)
    """Letters instead of signs."""

    class CursorMoved(Message):
        """The cursor went to another job, or to none."""

        def __init__(self, table: JobTable, row: JobRow | None) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> JobTable:
            """The table."""
            return self.table

    class MarksChanged(Message):
        """Jobs were marked or unmarked."""

    class FollowEnded(Message):
        """The cursor was moved by hand while it followed the newest job."""

    class JobOpened(Message):
        """A row was double-clicked."""

    class SortClicked(Message):
        """A heading was clicked."""

        def __init__(self, sort: Sort) -> None:
            super().__init__()
            self.sort = sort

    def __init__(
        self, jobs: JobList, *, clock: Callable[[], float] = time.time, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.jobs = jobs
        self.marks: set[str] = set()
        self.unread: dict[str, Unseen] = {}
        self.silent: set[str] = set()
        self.watched: set[str] = set()
        self.follows_newest = False
        self._wanted_id = ""
        self.usage: Mapping[str, tuple[float, int]] = {}
        self.chosen_columns: Mapping[WidthClass, tuple[Field, ...]] = {}
        self.empty_lines: tuple[str, ...] = ()
        self._clock = clock
        self.keeps_top = True
        self._cursor_line = 0
        self._range_anchor: str | None = None
        self._marks_before: set[str] = set()
        self._columns: tuple[Column, ...] = ()
        self._drawn_columns: tuple[Column, ...] = ()
        self._columns_width = -1
        self._minute = 0
        self._painter = RowPainter(self)

    # What the list is told

    def on_mount(self) -> None:
        """Size the empty list."""
        self.list_changed()

    def list_changed(self) -> None:
        """Follow a list whose rows came, went or moved."""
        shown = self.jobs.shown
        offset = self._cursor_line - self.scroll_offset.y
        position = self.jobs.position_of(self.cursor_id) if self.cursor_id else None
        was_at_top = self.scroll_offset.y == 0
        if self.keeps_top:
            position = 0
        elif position is None:
            position = min(self._cursor_line, max(len(shown) - 1, 0))
        set_extent(self, Size(0, len(shown) + HEADER_LINES))
        gone = [job_id for job_id in self.marks if job_id not in self.jobs.rows]
        self.marks.difference_update(gone)
        self._cursor_line = position
        if not was_at_top:
            self.scroll_to(y=max(position - offset, 0), animate=False, force=True)
        self._place_cursor(position)
        self.refresh()

    def sight(self) -> tuple[int | None, list[JobRow]]:
        """Where the cursor's job is, and the rows on screen: a change that leaves these is not seen."""
        position = self.jobs.position_of(self.cursor_id) if self.cursor_id else None
        return position, self._visible_rows()

    def refresh_jobs(self, job_ids: frozenset[str] | set[str]) -> None:
        """Draw the rows of these jobs anew, if they are on screen."""
        top = self.scroll_offset.y
        for line, row in enumerate(self._visible_rows()):
            if row.job_id in job_ids:
                self._refresh_row(top + line)

    def refresh_live(self) -> None:
        """Draw the rows anew whose time runs, neighbours together: each region has its price."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute = minute
            if self.has_column(Field.AGE, Field.STARTED):
                self.refresh()
                return
        first: int | None = None
        for line, row in enumerate([*self._visible_rows(), None]):
            is_live = row is not None and row.is_live
            if is_live and first is None:
                first = line
            elif not is_live and first is not None:
                self.refresh(Region(0, first + HEADER_LINES, self.size.width, line - first))
                first = None

    def pids_to_measure(self) -> dict[str, int]:
        """The processes of the running jobs on screen, if there is a column for what they use."""
        if not self.has_column(Field.CPU, Field.MEMORY):
            return {}
        return {row.job_id: row.pid for row in self._visible_rows() if row.is_live and row.pid}

    @property
    def cursor_row(self) -> JobRow | None:
        """The row the cursor is on."""
        position = self.jobs.position_of(self.cursor_id) if self.cursor_id else None
        return None if position is None else self.jobs.shown[position]

    @property
    def is_ranging(self) -> bool:
        """Whether moving marks."""
        return self._range_anchor is not None

    # Moving

    @property
    def page_lines(self) -> int:
        """How many rows fit."""
        return max(self.scrollable_content_region.height - HEADER_LINES, 1)

    def move(self, lines: int) -> None:
        """Move the cursor by *lines*, staying inside the list."""
        self.move_to(max(self._cursor_line + lines, 0))

    def move_to(self, position: int) -> None:
        """Move the cursor to a place in the list; negative ones count from the end."""
        self.stop_following()
        self.keeps_top = False
        self._place_cursor(position if position >= 0 else len(self.jobs.shown) + position)

    def stop_following(self) -> None:
        """Leave the cursor where a hand puts it, whatever starts or is shown next."""
        self._wanted_id = ""
        if self.follows_newest:
            self.follows_newest = False
            self.post_message(self.FollowEnded())

    def select(self, job_id: str) -> bool:
        """Move the cursor to a job; False if the list does not show it."""
        position = self.jobs.position_of(job_id)
        if position is None:
            return False
        self.keeps_top = False
        self._place_cursor(position)
        return True

    def want(self, job_id: str) -> None:
        """Go to a job, if the list does not show it yet as soon as it does; a hand's move ends that."""
        self._wanted_id = job_id
        self.select_wanted()

    def select_wanted(self) -> None:
        """Go to the job that is waited for, if the list shows it now."""
        if self._wanted_id and self.select(self._wanted_id):
            self._wanted_id = ""

    def _place_cursor(self, position: int) -> None:
        shown = self.jobs.shown
        if not shown:
            self._cursor_line = 0
            self.cursor_id = None
            return
        position = min(max(position, 0), len(shown) - 1)
        old_line, self._cursor_line = self._cursor_line, position
        self.cursor_id = shown[position].job_id
        if self._range_anchor is not None:
            self._mark_range()
        top = self.scroll_offset.y
        if position < top:
            self.scroll_to(y=position, animate=False, force=True)
        elif position >= top + self.page_lines:
            self.scroll_to(y=position - self.page_lines + 1, animate=False, force=True)
        self._refresh_row(old_line)
        self._refresh_row(position)

    def watch_cursor_id(self, _: str | None, __: str | None) -> None:
        """Tell the screen."""
        self.post_message(self.CursorMoved(self, self.cursor_row))

    # Marks

    def toggle_mark(self) -> None:
        """Mark or unmark the job under the cursor and go on."""
        if self.cursor_id is not None:
            self.marks ^= {self.cursor_id}
            self._marks_changed()
            self.move(1)

    def toggle_range(self) -> None:
        """Begin a range at the cursor, or end it."""
        if self._range_anchor is None and self.cursor_id is not None:
            self._range_anchor = self.cursor_id
            self._marks_before = set(self.marks)
            self._mark_range()
        else:
            self._range_anchor = None

    def extend(self, lines: int) -> None:
        """Mark from here on in the direction of *lines*."""
        if self._range_anchor is None:
            self.toggle_range()
        self.move(lines)

    def toggle_all(self) -> None:
        """Mark every job shown, or none if all are."""
        shown = {row.job_id for row in self.jobs.shown}
        self.marks = set() if shown <= self.marks else self.marks | shown
        self._range_anchor = None
        self._marks_changed()

    def marked_rows(self) -> list[JobRow]:
        """The marked jobs that the list shows: what is out of sight is not acted on."""
        rows, shows = self.jobs.rows, self.jobs.shows
        return [rows[name] for name in self.marks if shows(name)]

    def clear_marks(self) -> bool:
        """Unmark everything; False if nothing was."""
        had = bool(self.marks) or self.is_ranging
        self.marks = set()
        self._range_anchor = None
        self._marks_changed()
        return had

    def _mark_range(self) -> None:
        anchor = self.jobs.position_of(self._range_anchor or "")
        if anchor is None:
            self._range_anchor = None
            return
        low, high = sorted((anchor, self._cursor_line))
        ranged = {row.job_id for row in self.jobs.shown[low : high + 1]}
        self.marks = self._marks_before | ranged
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh()
        self.post_message(self.MarksChanged())

    # The mouse

    def on_click(self, event: events.Click) -> None:
        """Sort by a heading, go to a row, open it on a double click."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEADER_LINES:
            field = field_at(offset.x, self.columns)
            if field in SORT_OF_FIELD:
                self.post_message(self.SortClicked(SORT_OF_FIELD[field]))
            return
        position = offset.y - HEADER_LINES + self.scroll_offset.y
        if position < len(self.jobs.shown):
            self.move_to(position)
            if event.chain == 2:
                self.post_message(self.JobOpened())

    # Drawing

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns at the present width."""
        width = self.scrollable_content_region.width
        if width != self._columns_width:
            self._columns = columns_for(width, self.chosen_columns)
            self._columns_width = width
        return self._columns

    def has_column(self, *fields: Field) -> bool:
        """Whether one of *fields* is shown at the present width."""
        return any(column.field in fields for column in self.columns)

    def _visible_rows(self) -> list[JobRow]:
        top = self.scroll_offset.y
        return self.jobs.shown[top : top + self.page_lines]

    def _refresh_row(self, position: int) -> None:
        y = position - self.scroll_offset.y + HEADER_LINES
        if HEADER_LINES <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.call_after_refresh(lambda: self._place_cursor(self._cursor_line))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw lines; what is the same for all of them is worked out once."""
        self._drawn_columns = self.columns
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw the heading or one row."""
        width, columns = self._columns_width, self._drawn_columns
        if y < HEADER_LINES:
            return self._painter.header(columns, width)
        position = y - HEADER_LINES + self.scroll_offset.y
        if not self.jobs.shown:
            return self._painter.empty(position, self.empty_lines, self.page_lines, width)
        if position >= len(self.jobs.shown):
            return Strip.blank(width, self.get_component_rich_style("job-table--row"))
        row = self.jobs.shown[position]
        look = RowLook(
            is_cursor=row.job_id == self.cursor_id,
            is_marked=row.job_id in self.marks,
            news=self.unread.get(row.job_id),
            is_silent=row.job_id in self.silent and row.is_live,
            is_watched=row.job_id in self.watched and not row.kind.has_ended,
            is_ascii=self.is_ascii,
            now_s=self._clock(),
            usage=self.usage.get(row.job_id) if row.is_live else None,
        )
        return self._painter.row(row, look, columns, width)
