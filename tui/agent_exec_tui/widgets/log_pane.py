"""The reading half of a log view: which log, and which lines of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from textual import on
from textual.worker import Worker, WorkerState

from agent_exec.model.lazy_dataclass import replace
from agent_exec_tui.log_memory import LogMemory, Place
from agent_exec_tui.log_pattern import compile_pattern
from agent_exec_tui.log_window import Window, WindowRequest
from agent_exec_tui.widgets.log_loader import Counted, Counts, LogLoader, WindowRead
from agent_exec_tui.widgets.log_teller import FRAME_S, RUSH_BYTES, RUSH_FRAME_S, LogTeller

if TYPE_CHECKING:
    from textual import events
    from textual.timer import Timer

POLL_S: Final = 2.0
"""How often a log in sight is looked at where nobody tells that it has grown.

Each look is a thread's work and eight messages: once a second in two panes was a third of all
the dashboard did while nothing happened.
"""
TOLD_POLL_S: Final = 16.0
"""The same where somebody does: for what may be missed."""


class LogPane(LogTeller):
    """Shows a log and keeps it up to date.

    Attributes:
        is_told_of_growth: whether ``refresh_from_file`` is called whenever output is added.
    """

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.loader = LogLoader(self)
        self.is_told_of_growth = False
        self.key = ""
        self.target: tuple[int, int] | None = None
        self.focus_byte: int | None = None
        self._owed = 0
        self._generation: int | None = None
        self._is_in_sight = False
        self._last_look = 0.0
        self._next_look: Timer | None = None
        self._memory = LogMemory()

    @property
    def is_searching(self) -> bool:
        """Whether a search is going on."""
        return self.loader.is_searching

    # What is shown

    def show(
        self,
        path: str | None,
        *,
        title: str = "",
        key: str = "",
        merged: bool = False,
        is_over: bool = False,
    ) -> None:
        """Show the log at *path*, where it was left, or at its end.

        Args:
            path: None for nothing.
            title: for the status; any text.
            key: whose log it is; what is searched for is kept per key, the place per path.
            merged: the lines start with time and stream, as those of full.log.
            is_over: its job has ended: nothing more is expected, though it would be shown.
        """
        self.title = title
        if is_over != self.is_over:
            self.is_over = is_over
            self.repaint()
        if (path, key, merged) != (self.path, self.key, self.is_merged):
            self._keep()
            self.path, self.key, self.is_merged = path, key, merged
            self.loader.open(path)
            self._forget()
            self._restore()
            self.fit()
            self.ask()
            self.repaint()
        self.tell()

    def refresh_from_file(self) -> None:
        """Look whether the log has changed, soon: at most ten times a second, and in sight only."""
        if not self._is_in_sight or self._next_look is not None or self.path is None:
            return
        wait_s = self._last_look + self.frame_s - time.monotonic()
        if wait_s > 0:
            self._next_look = self.set_timer(wait_s, self._look)
        else:
            self._look()

    def _look(self) -> None:
        self._next_look = None
        if self._is_in_sight:
            self._last_look = time.monotonic()
            self.ask(always=False)

    def _keep(self) -> None:
        if self.path is None:
            return
        port, place = self.viewport, None
        if self._generation is not None:
            place = Place(
                self._generation,
                port.top_start,
                port.top_row,
                port.follow,
                self.pan_cells,
                self.floor,
                self._left_at,
                port.marks,
            )
        self._memory.keep(self.path, place, self.key, self.wanted)

    def _forget(self) -> None:
        port = self.viewport
        port.marks, port.follow, port.top_start, port.top_row = [], True, 0, 0
        port.set_window(None)
        self.pan_cells = self.floor = self._owed = self.size_bytes = self._line_count = 0
        self.current = self.loader.current_line = self.focus_byte = self.target = None
        self._generation = self.pattern_error = self._problem = None
        self._was_restarted = self._has_read = self._left_unread = False
        self._left_at = (0, 0)
        self.forget_held()
        self.forget_highlights()

    def _restore(self) -> None:
        place, self.wanted = self._memory.recall(self.path, self.key)
        if place is not None:
            port = self.viewport
            port.top_start, port.top_row, port.follow = place.top_start, place.top_row, place.follow
            port.marks, self.floor, self.pan_cells = place.marks, place.floor, place.pan_cells
            self._generation, self._left_at = place.generation, place.left_at
        self.pattern = None
        if self.wanted.text:
            self.pattern = compile_pattern(self.wanted.text, regex=self.wanted.is_regex)
        self.loader.set_pattern(self.pattern)
        self.counts = Counts(pattern=self.pattern, hits_known=self.pattern is None)

    # Reading

    def ask(self, *, always: bool = True) -> None:
        """Have the lines read that are wanted now; unless *always*, only if the log has changed.

        Out of sight nothing is read: coming into sight asks again.
        """
        port = self.viewport
        if not self._is_in_sight or not self.size:
            return
        at, above = self.target or (port.top_start, 0)
        request = WindowRequest(
            None if port.follow else at,
            2 * port.height + above,
            3 * port.height,
            port.height,
            self.floor,
            self.only,
            self.focus_byte,
            self.is_merged,
            self.line_numbers,
        )
        window = port.window
        sees_end = port.follow or window is None or window.at_end or window.is_partial
        self.loader.load(request, always=always or window is None, sees_end=sees_end)

    @on(WindowRead)
    def _window_read(self, message: WindowRead) -> None:
        if not self.loader.loaded(message.epoch):
            return
        snapshot, self._has_read = message.snapshot, True
        self._take_counts(message.counts)
        self._problem = snapshot.problem
        restarted = self._generation not in (None, snapshot.generation)
        self._generation = snapshot.generation
        if restarted:
            self._restart()
        elif message.window is not None:
            self._take(message.window)
        self.loader.load_wanted()
        if not (self.counts.lines_known and self.counts.hits_known):
            self.loader.count()
        if snapshot.size != self.size_bytes:
            is_rush = self.size_bytes > 0 and snapshot.size - self.size_bytes > RUSH_BYTES
            self.frame_s = RUSH_FRAME_S if is_rush else FRAME_S
            self.size_bytes = snapshot.size
            self.refresh_from_file()
        if self._left_unread:  # gone to a line before anything was known of the log
            self._left_unread = False
            self._note_end()
        self.tell_soon()

    def _restart(self) -> None:
        port = self.viewport
        port.marks, port.top_start, port.top_row = [], 0, 0
        self._was_restarted = True
        self.floor = self._owed = 0
        self.current = self.loader.current_line = self.focus_byte = self.target = None
        self._left_at = (0, 0)
        self.forget_held()
        self.forget_highlights()
        self.ask()

    def _take(self, window: Window) -> None:
        """Show a window, unless the place or the choice of lines has changed meanwhile."""
        port, request = self.viewport, window.request
        assert request is not None
        is_wanted = (request.only, request.floor) == (self.only, self.floor)
        if self.target is not None:
            is_wanted = is_wanted and request.at == self.target[0]
        elif port.follow:
            is_wanted = is_wanted and request.at is None
        elif request.at != port.top_start and window.lines:
            is_wanted = (
                is_wanted and window.lines[0].start <= port.top_start < window.lines[-1].stop
            )
        if not is_wanted:
            self.ask()
            return
        target, self.target = self.target, None
        self.forget_highlights()
        port.set_window(window)
        if target is not None:
            port.jump(target[0], above=target[1])
            self.on_arrival(target[0])
        owed, self._owed = self._owed, 0
        if owed:
            self.move_by(owed)
        self.repaint()

    def on_arrival(self, start: int) -> None:
        """Do what waited for the line at *start* to be loaded."""

    def move_by(self, rows: int) -> None:
        """Move within what is loaded, and have more loaded where that ends."""
        owed = self.viewport.move(rows)
        self._owed += owed
        self.target = None
        if owed or self.viewport.is_near_edge():
            self.ask()
        self.repaint()
        self.tell()

    @on(Counted)
    def _counted(self, message: Counted) -> None:
        if not self.loader.counted(message):
            return
        was_partial = self.viewport.window is not None and self.viewport.window.is_partial
        self._take_counts(message.counts)
        if (was_partial and message.counts.hits_known) or (
            self.line_numbers and any(row.line and row.line.number is None for row in self._rows)
        ):
            self.ask()
        self.tell_soon()

    def _take_counts(self, counts: Counts) -> None:
        if counts.pattern is not self.pattern:  # counted before that was searched for
            old = self.counts
            counts = replace(old, lines=counts.lines, lines_known=counts.lines_known)
            self.loader.count()
        self.counts = counts
        digits = self.gutter_shape.digits
        self._line_count = counts.lines
        if self.gutter_shape.digits != digits:
            self.fit()
            self.repaint()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say so if reading failed in a way nobody thought of; the view stays usable."""
        if event.state is WorkerState.ERROR and event.worker.group.startswith("log-"):
            self.loader.failed(event.worker.group)
            self._problem = repr(event.worker.error)
            self._has_read = True
            self.log.error(event.worker.error)
            self.tell()
            self.repaint()

    # Events

    def on_mount(self) -> None:
        """Start the safety poll."""
        self.set_interval(POLL_S, self._poll)

    def _poll(self) -> None:
        pause_s = TOLD_POLL_S if self.is_told_of_growth else 0.0
        if time.monotonic() - self._last_look >= pause_s:
            self.refresh_from_file()

    def on_show(self, event: events.Show) -> None:
        """Come into sight: look at once."""
        self._is_in_sight = True
        self.fit()
        self.ask(always=False)

    def on_hide(self, event: events.Hide) -> None:
        """Go out of sight: look no more."""
        self._is_in_sight = False

    def on_resize(self, event: events.Resize) -> None:
        """Take the new size; more lines may be needed."""
        self.fit()
        self.ask()
        self.repaint()

    def on_unmount(self) -> None:
        """Let go of file and threads."""
        self.loader.close()
