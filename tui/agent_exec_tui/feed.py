"""Keeps the list up to date from threads of its own: one look at everything, then what changes.

Knows nothing of Textual: the dashboard in a terminal runs it in another process (``feed_process``).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from operator import attrgetter
from typing import TYPE_CHECKING

from agent_exec.commands.standing import may_be_alive, standing_of
from agent_exec.errors import AgentExecError, reason_of
from agent_exec.model.job import JobStatus
from agent_exec.model.records import LOG_FILES, META_FILE, STDERR_LOG, STDOUT_LOG
from agent_exec.model.status import UNKNOWN
from agent_exec.store import cache
from agent_exec.store.directories import find_directories
from agent_exec.store.entries import NAME, made_ns
from agent_exec.store.index import read_found
from agent_exec.store.listing import has_supervisor, read_job
from agent_exec.store.rows import row_from
from agent_exec.store.watch import JobWatcher, WatchMode
from agent_exec_tui.job_rows import JobRow, clean
from agent_exec_tui.news import RowsNews, SizesNews, StateNews
from agent_exec_tui.record_rows import Doubt, row_of, row_of_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent_exec.commands.standing import Standing
    from agent_exec.store.directories import FoundDirectory
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import JobRecord
    from agent_exec.store.rows import JobRow as JobLine
    from agent_exec_tui.news import News, Post

FIRST_BATCH = 120  # more than any terminal shows at once
CHUNK = 2000  # rows the screen can take in without being late for a key
SIZES_CHUNK = 500
SIZES_PAUSE_S = 0.02
_GIVES_WAY = 10
LOGS_S = 1.0
RETRY_S = 2.0
REREAD = 100  # so many jobs are read anew before others get their turn
LIVENESS_S = 5.0
LIVENESS_SHARE = 0.001  # of a core, at most, for asking whether supervisors live

_NEWEST = "newest"
_ERRORS = "surrogateescape"
_created_at = attrgetter("created_at")


def doubt_of(store: JobStore, record: JobRecord) -> tuple[Doubt | None, str]:
    """Say what is not plainly so of a job, None when all is; and the evidence.

    Looks only: what is found here is reported, and changed by nobody but ``f``.
    """
    found = standing_of(store, record)
    liveness = found.liveness
    if liveness is None:
        return None, ""
    return _doubt_in(found), liveness.evidence


def _doubt_in(found: Standing) -> Doubt | None:
    if found.liveness is None or found.detail is None:
        return None
    return Doubt(found.detail, found.state != UNKNOWN)


def _nobody(_news: News) -> None:
    """Tell nobody: who was not started has nobody to tell."""


def _give_way() -> None:
    """Let others have the processor first, as far as the system knows threads for that."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GIVES_WAY)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


def _modified_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        return 0


class JobFeed:
    """Reads one root and posts what it finds, until stopped.

    Owns its daemon threads. *post* must be safe to call from any thread.
    """

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self._post: Post = _nobody
        self._stop = threading.Event()
        self._lock = threading.Lock()
        # Held from reading jobs to telling of them: what is read later is told later.
        self._rereading = threading.Lock()
        self._was_there = False
        self._grown: set[str] = set()
        self._has_grown = threading.Event()
        self._running: dict[str, Doubt | None] = {}
        self._watcher = JobWatcher(store.root, running=self._running_ids, on_mode=self._tell_mode)
        self._threads: list[threading.Thread] = []

    def start(self, post: Post) -> None:
        """Begin to read."""
        self._post = post
        self._spawn("scan", self._scan)

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the threads; nothing is posted afterwards."""
        self._stop.set()
        self._has_grown.set()
        self._watcher.stop()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                target()
            except AgentExecError as error:
                self._warn(str(error))
            except Exception as error:
                import logging  # on the way to the first jobs it would be a tenth

                logging.getLogger(__name__).exception("reading %s failed", self.store.root)
                self._warn(f"{type(error).__name__}: {reason_of(error)}")

        thread = threading.Thread(target=guarded, name=f"feed-{name}", daemon=True)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()

    def _warn(self, text: str) -> None:
        if not self._stop.is_set():
            self._post(StateNews(warning=clean(text)))

    def _running_ids(self) -> Iterable[str]:
        with self._lock:
            return tuple(self._running)

    # The first look

    def _scan(self) -> None:
        remembered = self._post_remembered()
        began_ns = time.time_ns()
        found = self._find()
        if self._stop.is_set():
            return
        gone = tuple(remembered - {name for name, _, _ in found})
        newest = [name for name, _, _ in found[:FIRST_BATCH]]
        self._post(RowsNews(tuple(self._look_again(newest)[0]), gone))
        rest = [name for name, _, _ in found[FIRST_BATCH:]]
        if rest:
            self._read_rest(found, began_ns)
            cache.remember(self.store.root, _NEWEST, "\0".join(newest).encode(errors=_ERRORS))
        self._post(RowsNews(is_complete=True))
        seen = {name: mtime_ns for name, mtime_ns, _ in found}
        self._spawn("watch", lambda: self._watch(seen))
        self._spawn("grown", self._read_grown)
        self._fill_in_sizes(rest)
        self._watch_supervisors()

    def _post_remembered(self) -> frozenset[str]:
        """Show what was newest the last time, if it is still there, before looking at everything.

        At 100,000 jobs that takes half a second; what is newer by now comes with it.
        """
        names = cache.recall(self.store.root, _NEWEST)
        rows, _ = self._look_again(names.decode(errors=_ERRORS).split("\0") if names else ())
        if rows:
            self._post(RowsNews(tuple(rows)))
        return frozenset(row.job_id for row in rows)

    def _find(self) -> list[FoundDirectory]:
        """Look at all directories, again and again while the root cannot be read."""
        has_failed = False
        while not self._stop.is_set():
            try:
                found = find_directories(self.store)
            except AgentExecError as error:
                has_failed = True
                self._warn(str(error))
                self._stop.wait(RETRY_S)
            else:
                if has_failed:
                    self._post(StateNews())
                return found
        return []

    def _read_rest(self, found: list[FoundDirectory], began_ns: int) -> None:
        """Read everything but the newest by its line, most of them out of the cache."""
        self._post(StateNews(progress=f"reading {len(found):,} jobs"))
        known = {name for name, _, _ in found[:FIRST_BATCH]}
        entries = read_found(self.store, found, began_ns)
        lines = [row_from(entry) for entry in entries if entry[NAME] not in known]
        lines.sort(key=_created_at, reverse=True)
        for start in range(0, len(lines), CHUNK):
            if self._stop.is_set():
                return
            rows = [row for line in lines[start : start + CHUNK] if (row := self._row_of(line))]
            self._post(RowsNews(tuple(rows)))

    def _row_of(self, line: JobLine) -> JobRow | None:
        # A line tells all there is to a settled job; others are looked at closely.
        is_settled = line.problem is None and line.status not in ("", JobStatus.RUNNING.value)
        if is_settled and not may_be_alive(line.status, line.pid):
            return row_of_line(line)
        record = read_job(self.store, line.name)
        return self._row(record) if record else None

    def _fill_in_sizes(self, names: list[str]) -> None:
        """Find out how large the logs are of those known by their line; in no hurry."""
        _give_way()
        for start in range(0, len(names), SIZES_CHUNK):
            if self._stop.wait(SIZES_PAUSE_S):
                return
            sizes = {name: self._sizes(name) for name in names[start : start + SIZES_CHUNK]}
            self._post(SizesNews(sizes))
            # Lines tell nothing of what outlived its job: whose supervisor is there is looked at.
            if held := [name for name in sizes if has_supervisor(self.store, name)]:
                self._reread(held)

    def _sizes(self, name: str) -> tuple[int, int, int]:
        path = os.path.join(self.store.root, name)
        out, err, full = (_size(os.path.join(path, log)) for log in LOG_FILES)
        return out, err, full

    def _row(self, record: JobRecord) -> JobRow:
        state = record.state
        found = standing_of(self.store, record)
        record, state = found.record, found.record.state
        doubt = _doubt_in(found)
        is_over = state is None or state.status is not JobStatus.RUNNING
        if is_over and doubt is None and not found.still_capturing:
            with self._lock:
                self._running.pop(record.job_id, None)
            return row_of(record, made_ns=self._made_ns(record.job_id))
        with self._lock:
            self._running[record.job_id] = doubt
        return row_of(
            record,
            doubt=doubt,
            is_capturing=found.still_capturing,
            made_ns=self._made_ns(record.job_id),
            written_s=self._written_s(record.job_id),
        )

    def _written_s(self, name: str) -> float | None:
        path = os.path.join(self.store.root, name)
        moments = [_modified_ns(os.path.join(path, log)) for log in (STDOUT_LOG, STDERR_LOG)]
        return max(moments) / 1e9 or None

    def _made_ns(self, name: str) -> int:
        return made_ns(os.path.join(self.store.root, name, META_FILE))

    # What changes

    def _watch(self, seen: dict[str, int]) -> None:
        for changes in self._watcher.changes(seen):
            if self._stop.is_set():
                return
            if changes.logs:
                self._grew(changes.logs)
            self._reread(changes.records, touched=changes.records, grown=changes.logs)

    def _grew(self, names: Iterable[str]) -> None:
        with self._lock:
            self._grown.update(names)
        self._has_grown.set()

    def _read_grown(self) -> None:
        """Read jobs whose logs grow once a second, and after the last of it."""
        while self._has_grown.wait():
            self._has_grown.clear()
            if self._stop.is_set():
                return
            with self._lock:
                grown, self._grown = self._grown, set()
            self._reread(grown)
            self._stop.wait(LOGS_S)

    def _reread(
        self,
        names: Iterable[str],
        *,
        touched: frozenset[str] = frozenset(),
        grown: frozenset[str] = frozenset(),
    ) -> None:
        wanted = tuple(names)
        for start in range(0, max(len(wanted), 1), REREAD):
            with self._rereading:
                rows, removed = self._look_again(wanted[start : start + REREAD])
                if self._stop.is_set():
                    return
                if rows or removed or touched or grown:
                    self._post(RowsNews(tuple(rows), tuple(removed), touched, grown))
            touched = grown = frozenset()

    def _look_again(self, names: Iterable[str]) -> tuple[list[JobRow], list[str]]:
        """Read jobs; and name those that are gone."""
        rows, removed = [], []
        for name in names:
            record = read_job(self.store, name)
            if record is not None:
                rows.append(self._row(record))
                continue
            removed.append(name)
            with self._lock:
                self._running.pop(name, None)
        return rows, removed

    def _tell_mode(self, mode: WatchMode, reason: str) -> None:
        warning = ""
        if mode is WatchMode.POLLING:
            warning = f"watcher: polling ({reason})"
        elif mode is WatchMode.NEWEST:
            warning = f"watcher: newest jobs only ({reason})"
        elif mode is WatchMode.WAITING and self._was_there:
            warning = f"the jobs root is gone, as of {time.strftime('%H:%M:%S')}"
        self._was_there = mode is not WatchMode.WAITING
        self._grew(self._running_ids())  # what they wrote until now was not watched
        if not self._stop.is_set():
            tells_growth = mode in (WatchMode.EVENTS, WatchMode.NEWEST)
            self._post(StateNews(warning=clean(warning), tells_growth=tells_growth))

    def _watch_supervisors(self) -> None:
        """Ask now and then whether they live: the end of one changes no file."""
        pause_s = LIVENESS_S
        while not self._stop.wait(pause_s):
            begin = time.monotonic()
            with self._lock:
                known = dict(self._running)
            changed = []
            for name, doubt in known.items():
                record = read_job(self.store, name)
                if record is None or doubt_of(self.store, record)[0] != doubt:
                    changed.append(name)
            if changed:
                self._reread(changed)
            pause_s = max(LIVENESS_S, (time.monotonic() - begin) / LIVENESS_SHARE)

    def refresh(self, names: Iterable[str]) -> None:
        """Read these jobs now, in a thread of its own."""
        wanted = tuple(names)
        self._spawn("refresh", lambda: self._reread(wanted, touched=frozenset(wanted)))
