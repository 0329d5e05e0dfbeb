"""Reads for a log view off the UI thread; what it finds comes back as messages.

At most one window is being read at a time and one more is wanted; the newest request wins.
Long work (counting, searching) runs in slices, so that no thread of the shared pool is held for
long and a slice can be the last one as soon as nobody wants the rest.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.message import Message

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.log_find import Search, find_step
from agent_exec_tui.log_source import LogSource
from agent_exec_tui.log_window import Window, WindowRequest, build_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget

    from agent_exec_tui.log_lines import LineSpan
    from agent_exec_tui.log_pattern import Pattern
    from agent_exec_tui.log_source import Snapshot

SLICE_S: Final = 0.2
_SOURCES_KEPT: Final = 64
_SCAN_BLOCKS: Final = 16


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known of a log's lines and hits.

    Attributes:
        pattern: whose hits were counted.
        hit: the number, from 1, of the hit at ``hit_line``.
    """

    lines: int = 0
    lines_known: bool = True
    pattern: Pattern | None = None
    hits: int = 0
    hits_known: bool = True
    hit: int | None = None
    hit_line: int | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    """What a thread works on; *line* is the one whose hit number is wanted."""

    source: LogSource
    epoch: int
    stop: threading.Event
    line: int | None


class WindowRead(Message, bubble=False):
    """A window was read, or (None) nothing has changed."""

    def __init__(self, epoch: int, snapshot: Snapshot, window: Window | None, counts: Counts):
        super().__init__()
        self.epoch = epoch
        self.snapshot = snapshot
        self.window = window
        self.counts = counts


class Counted(Message, bubble=False):
    """A slice of counting is done."""

    def __init__(self, epoch: int, counts: Counts, *, has_more: bool) -> None:
        super().__init__()
        self.epoch = epoch
        self.counts = counts
        self.has_more = has_more


class SearchStepped(Message, bubble=False):
    """A slice of a search is done: *span* was found (*focus*: the hit's byte), or nothing yet."""

    def __init__(
        self,
        epoch: int,
        search: Search,
        span: LineSpan | None,
        focus: int | None,
        rest: Search | None,
    ) -> None:
        super().__init__()
        self.epoch = epoch
        self.search = search
        self.span = span
        self.focus = focus
        self.rest = rest


class LogLoader:
    """The reading side of one log view. Its methods are called on the UI thread."""

    def __init__(self, view: Widget) -> None:
        self._view = view
        self._sources: OrderedDict[str, LogSource] = OrderedDict()
        self.source: LogSource | None = None
        self.epoch = 0
        self._stop = threading.Event()
        self._stop_search = threading.Event()
        self._search_epoch = 0
        self._is_loading = False
        self._wanted: tuple[WindowRequest, bool, bool] | None = None
        self._is_counting = False
        self.is_searching = False
        self.current_line: int | None = None

    def open(self, path: str | None) -> None:
        """Read from another log; what was asked of the former one is dropped."""
        self.close()
        self.epoch += 1
        self._stop = threading.Event()
        if path is None:
            return
        self.source = self._sources.pop(path, None) or LogSource(path)
        self._sources[path] = self.source
        while len(self._sources) > _SOURCES_KEPT:
            self._sources.popitem(last=False)

    def close(self) -> None:
        """Stop everything and let go of the file."""
        self.stop_search()
        self._stop.set()
        if self.source is not None:
            self.source.release()
        self.source = None
        self._is_loading = self._is_counting = False
        self._wanted = None

    def load(self, request: WindowRequest, *, always: bool, sees_end: bool = True) -> None:
        """Look at the file and read a window.

        Unless *always*, that is done only if the file has changed, and if it has merely grown
        only if the view *sees_end*.
        """
        if self.source is None:
            return
        if self._is_loading:
            if self._wanted is not None:
                always = always or self._wanted[1]
                sees_end = sees_end or self._wanted[2]
            self._wanted = (request, always, sees_end)
            return
        self._is_loading = True
        task = _Task(self.source, self.epoch, self._stop, self.current_line)
        work = partial(self._load, task, request, always, sees_end)
        self._run(work, "window")

    def loaded(self, epoch: int) -> bool:
        """Note that a window arrived; return whether it is from the log now open."""
        if epoch != self.epoch:
            return False
        self._is_loading = False
        return True

    def load_wanted(self) -> None:
        """Read the window asked for meanwhile."""
        if self._wanted is not None and not self._is_loading:
            request, always, sees_end = self._wanted
            self._wanted = None
            self.load(request, always=always, sees_end=sees_end)

    def count(self) -> None:
        """Go on counting lines and hits, if that is not going on."""
        if self.source is None or self._is_counting:
            return
        self._is_counting = True
        task = _Task(self.source, self.epoch, self._stop, self.current_line)
        work = partial(self._count, task)
        self._run(work, "count")

    def counted(self, message: Counted) -> bool:
        """Note that a slice was counted; return whether it is of the log now open."""
        if message.epoch != self.epoch:
            return False
        self._is_counting = False
        if message.has_more or message.counts.hit_line != self.current_line:
            self.count()
        return True

    def set_pattern(self, pattern: Pattern | None) -> None:
        """Count the lines of *pattern* from now on."""
        if self.source is not None:
            self.source.set_pattern(pattern)

    def search(self, search: Search) -> None:
        """Look for a line; the former search ends."""
        self.stop_search()
        if self.source is None:
            return
        self.is_searching = True
        self._stop_search = threading.Event()
        self._step(search)

    def step_on(self, message: SearchStepped) -> bool:
        """Note a slice of the search, and go on if need be; return whether it is the last one."""
        if message.epoch != self._search_epoch or not self.is_searching:
            return False
        if message.span is None and message.rest is not None:
            self._step(message.rest)
            return False
        self.is_searching = False
        return True

    def stop_search(self) -> None:
        """Drop the search that is going on."""
        self._stop_search.set()
        self._search_epoch += 1
        self.is_searching = False

    def failed(self, group: str) -> None:
        """Note that a worker ended by an error, so that the next may run."""
        if group == "log-window":
            self._is_loading = False
        elif group == "log-count":
            self._is_counting = False
        else:
            self.is_searching = False

    def _step(self, search: Search) -> None:
        assert self.source is not None
        work = partial(self._find, self.source, search, self._search_epoch, self._stop_search)
        self._run(work, "search")

    def _run(self, work: Callable[[], None], group: str) -> None:
        self._view.run_worker(
            work, thread=True, exit_on_error=False, group=f"log-{group}", name=f"log-{group}"
        )

    # The methods below run in a thread.

    def _load(self, task: _Task, request: WindowRequest, always: bool, sees_end: bool) -> None:
        before = task.source.snapshot
        snapshot = task.source.refresh()
        has_news = snapshot.version != before.version and (
            sees_end or snapshot.generation != before.generation or snapshot.size == before.size
        )
        window = None
        if always or has_news:
            window = build_window(task.source, snapshot, request, task.stop.is_set)
        if not task.stop.is_set():
            counts = _counts(task.source, task.line)
            self._view.post_message(WindowRead(task.epoch, snapshot, window, counts))

    def _count(self, task: _Task) -> None:
        deadline = time.monotonic() + SLICE_S
        has_more = True
        while has_more and time.monotonic() < deadline and not task.stop.is_set():
            has_more = task.source.advance(_SCAN_BLOCKS, task.stop.is_set)
        if not task.stop.is_set():
            counts = _counts(task.source, task.line)
            self._view.post_message(Counted(task.epoch, counts, has_more=has_more))

    def _find(self, source: LogSource, search: Search, epoch: int, stop: threading.Event) -> None:
        span, focus, rest = find_step(source, search, stop.is_set)
        if not stop.is_set():
            self._view.post_message(SearchStepped(epoch, search, span, focus, rest))


def _counts(source: LogSource, line: int | None) -> Counts:
    pattern = source.pattern
    hits, hits_known = source.hit_count() if pattern is not None else (0, True)
    number = source.hit_number(line) if line is not None else None
    return Counts(*source.line_count(), pattern, hits, hits_known, number, line)
