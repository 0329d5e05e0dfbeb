"""What a log view says of itself: its status, and the words on an empty screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from textual.message import Message

from agent_exec.model.lazy_dataclass import replace
from agent_exec_tui.log_memory import Wanted
from agent_exec_tui.log_status import LogStatus
from agent_exec_tui.widgets.log_canvas import LogCanvas
from agent_exec_tui.widgets.log_loader import Counts

if TYPE_CHECKING:
    from textual.timer import Timer

    from agent_exec_tui.log_pattern import Pattern

FRAME_S: Final = 0.1
"""At most so often is a growing log drawn anew, and its status posted."""
RUSH_FRAME_S: Final = 0.25
"""The same while more is added than anybody reads: keys need the time."""
RUSH_BYTES: Final = 1 << 16
HELD_S: Final = 1.0
"""So long the last number of lines stands while those written since are counted.

A job that writes all the time would have its status change form with every count.
"""
_NOTHING_HELD = (0, -HELD_S)


class LogTeller(LogCanvas):
    """Knows what is shown, as far as that is told."""

    class StatusChanged(Message):
        """What the view says of itself has changed."""

        def __init__(self, log_view: LogTeller, status: LogStatus) -> None:
            super().__init__()
            self.log_view = log_view
            self.status = status

        @property
        def control(self) -> LogTeller:
            """The view."""
            return self.log_view

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.status = LogStatus()
        self.path: str | None = None
        self.title = ""
        self.size_bytes = 0
        self.floor = 0
        self.frame_s = FRAME_S
        self.counts = Counts()
        self.wanted = Wanted()
        self.pattern_error: str | None = None
        self.is_over = False
        self._problem: str | None = None
        self._has_read = False
        self._was_restarted = False
        self._left_at: tuple[int | None, int] = (0, 0)
        self._left_unread = False
        self._next_tell: Timer | None = None
        self._held = _NOTHING_HELD  # how many lines were known, and when, monotonic seconds

    @property
    def is_searching(self) -> bool:
        """Whether a search is going on."""
        raise NotImplementedError

    @property
    def only(self) -> Pattern | None:
        """The pattern whose lines alone are shown, if that is asked for."""
        return self.pattern if self.wanted.only_matching else None

    def left_end(self) -> None:
        """Stop following; what is written from now on counts as new."""
        if self.viewport.follow:
            self.viewport.follow = False
            self._left_unread = not self._has_read
            self._note_end()

    def forget_held(self) -> None:
        """Another log is shown: what was counted says nothing of it."""
        self._held = _NOTHING_HELD

    def _note_end(self) -> None:
        known = self.counts.lines if self.counts.lines_known else None
        self._left_at = (known, self.size_bytes)

    def tell_soon(self) -> None:
        """Post the status within a frame: it changes with every write to a log."""
        if self._next_tell is None:
            self._next_tell = self.set_timer(self.frame_s, self.tell)

    def tell(self) -> None:
        """Post the status now if it has changed."""
        if self._next_tell is not None:
            self._next_tell.stop()
            self._next_tell = None
        counts, (left_lines, left_size) = self._held_counts(), self._left_at
        new_lines = None
        if left_lines is not None and counts.lines_known:
            new_lines = max(counts.lines - left_lines, 0)
        status = LogStatus(
            title=self.title,
            is_open=self.path is not None,
            follow=self.viewport.follow,
            is_over=self.is_over,
            lines=counts.lines,
            lines_known=counts.lines_known,
            size_bytes=self.size_bytes,
            new_lines=0 if self.viewport.follow else new_lines,
            new_bytes=0 if self.viewport.follow else max(self.size_bytes - left_size, 0),
            pattern=self.wanted.text,
            is_regex=self.wanted.is_regex,
            hit=counts.hit if counts.hit_line == self.current else None,
            hits=counts.hits,
            hits_known=counts.hits_known,
            is_searching=self.is_searching,
            pattern_error=self.pattern_error,
            only_matching=self.wanted.only_matching,
            hides_before_mark=self.floor > 0,
            wrap=self.wrap,
            pan=self.pan_cells,
            was_restarted=self._was_restarted,
            problem=self._problem,
        )
        if status != self.status:
            self.status = status
            self.post_message(self.StatusChanged(self, status))

    def _held_counts(self) -> Counts:
        """The counts; of the lines the last known number, unless that is too old."""
        counts, now_s = self.counts, time.monotonic()
        if counts.lines_known:
            self._held = counts.lines, now_s
        held_lines, held_s = self._held
        if now_s - held_s >= HELD_S:
            return counts
        return replace(counts, lines=held_lines, lines_known=True)

    def empty_text(self) -> str:
        """Return what to say while there is nothing to show."""
        if self.path is None:
            return "nothing selected"
        if not self._has_read:
            return ""
        if self._problem:
            return f"cannot be read: {self._problem}"
        if not self.size_bytes:
            return "no output" if self.is_over else "no output yet"
        if self.only is not None:
            return "no line matches" if self.counts.hits_known else "searching …"
        return "nothing after the mark yet" if self.floor else ""
