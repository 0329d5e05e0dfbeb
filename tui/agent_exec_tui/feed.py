"""Keeps the list up to date from threads of its own: one look at everything, then what changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent_exec.errors import AgentExecError
from agent_exec.model.job import JobStatus
from agent_exec.model.records import LOG_FILES, META_FILE
from agent_exec.store.listing import find_directories, open_exact, read_job
from agent_exec.store.rows import read_rows
from agent_exec.store.watch import JobWatcher, WatchMode
from agent_exec_tui.job_rows import JobRow, clean, row_of, row_of_line
from agent_exec_tui.messages import FeedChanged, RowsRead, SizesRead

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.message import Message

    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import JobRecord
    from agent_exec.store.rows import JobRow as JobLine

logger = logging.getLogger(__name__)

FIRST_BATCH = 120  # more than any terminal shows at once
CHUNK = 4000  # rows the screen can take in without being late for a key
SIZES_CHUNK = 500
SIZES_PAUSE_S = 0.02
LOGS_S = 1.0
LIVENESS_S = 5.0
LIVENESS_SHARE = 0.005  # of a core, at most, for asking whether supervisors live
_ARMED_POLL_S = 0.02

Post = Callable[["Message"], object]


# What the table says instead of "running": each is told by other evidence.
VERDICT_WORDS = {
    "supervisor lost, child alive": "orphan",
    "lost": "lost",
    "pid reused": "reused",
    "stale (reboot)": "stale",
    "unverified": "stale?",
}


def liveness_of(store: JobStore, record: JobRecord) -> tuple[str | None, str]:
    """Say what is wrong with a job recorded as running, None when nothing is; and the evidence.

    Looks only: what is found here is reported, and changed by nobody but ``f``.
    """
    from agent_exec.commands.repair import look

    state = record.state
    if state is None or state.status is not JobStatus.RUNNING:
        return None, ""
    try:
        job = open_exact(store, record.job_id)
        if job is None:
            return None, ""
        with job:
            liveness = look(job).liveness
    except (AgentExecError, OSError) as error:
        return None, str(error)
    return VERDICT_WORDS.get(liveness.verdict.value), liveness.evidence


def verdict_of(store: JobStore, record: JobRecord) -> str | None:
    """Say in a word what is wrong with a job recorded as running; None when nothing is."""
    return liveness_of(store, record)[0]


def _created_at(line: JobLine) -> str:
    return line.created_at


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


class JobFeed:
    """Reads one root and posts what it finds, until stopped.

    Owns two daemon threads. Nothing here touches a widget: *post* must be safe to call from any
    thread, as Textual's ``post_message`` is.
    """

    def __init__(self, store: JobStore, post: Post) -> None:
        self.store = store
        self._post = post
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[str, str | None] = {}
        self._watcher = JobWatcher(store.root, running=self._running_ids)
        self._threads: list[threading.Thread] = []
        self._mtimes: dict[str, int] = {}

    def start(self) -> None:
        """Begin to read."""
        self._spawn("scan", self._scan)

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End both threads."""
        self._stop.set()
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
                logger.exception("reading %s failed", self.store.root)
                self._warn(f"{type(error).__name__}: {error}")

        thread = threading.Thread(target=guarded, name=f"feed-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _warn(self, text: str) -> None:
        if not self._stop.is_set():
            self._post(FeedChanged(self.store.root, warning=clean(text)))

    def _running_ids(self) -> Iterable[str]:
        with self._lock:
            return tuple(self._running)

    # The first look

    def _scan(self) -> None:
        names = [directory.name for directory in find_directories(self.store)]
        first, rest = names[:FIRST_BATCH], names[FIRST_BATCH:]
        self._post(RowsRead(self.store.root, tuple(self._read(first))))
        if rest:
            self._read_rest(frozenset(first), len(names))
        self._post(RowsRead(self.store.root, is_complete=True))
        self._spawn("watch", self._watch)
        while self._watcher.mode is WatchMode.STARTING and not self._stop.wait(_ARMED_POLL_S):
            pass
        self._catch_up()
        self._fill_in_sizes(rest)
        self._watch_supervisors()

    def _read_rest(self, known: frozenset[str], total: int) -> None:
        """Read everything else by its line, most of them out of the cache."""
        self._post(FeedChanged(self.store.root, progress=f"reading {total:,} jobs"))
        lines = [line for line in read_rows(self.store) if line.name not in known]
        lines.sort(key=_created_at, reverse=True)
        for start in range(0, len(lines), CHUNK):
            if self._stop.is_set():
                return
            rows = [row for line in lines[start : start + CHUNK] if (row := self._row_of(line))]
            self._post(RowsRead(self.store.root, tuple(rows)))

    def _catch_up(self) -> None:
        """Read what changed between the first look and the moment it was watched."""
        seen, self._mtimes = self._mtimes, {}
        found = {directory.name: directory.mtime_ns for directory in find_directories(self.store)}
        changed = [name for name, mtime_ns in found.items() if seen.get(name) != mtime_ns]
        self._reread([*changed, *(seen.keys() - found.keys())])

    def _row_of(self, line: JobLine) -> JobRow | None:
        # A line tells all there is to a settled job; others are looked at closely.
        self._mtimes[line.name] = line.mtime_ns
        if line.problem is None and line.status not in ("", JobStatus.RUNNING.value):
            return row_of_line(line, made_ns=self._made_ns(line.name))
        record = read_job(self.store, line.name)
        return self._row(record) if record else None

    def _fill_in_sizes(self, names: list[str]) -> None:
        """Find out how large the logs are of those known by their line; in no hurry."""
        for start in range(0, len(names), SIZES_CHUNK):
            if self._stop.wait(SIZES_PAUSE_S):
                return
            sizes = {name: self._sizes(name) for name in names[start : start + SIZES_CHUNK]}
            self._post(SizesRead(self.store.root, sizes))

    def _sizes(self, name: str) -> tuple[int, int, int]:
        path = os.path.join(self.store.root, name)
        out, err, full = (_size(os.path.join(path, log)) for log in LOG_FILES)
        return out, err, full

    def _read(self, names: Iterable[str]) -> list[JobRow]:
        rows = []
        for name in names:
            record = read_job(self.store, name)
            if record is not None:
                self._mtimes[name] = record.mtime_ns
                rows.append(self._row(record))
        return rows

    def _row(self, record: JobRecord) -> JobRow:
        state = record.state
        if state is None or state.status is not JobStatus.RUNNING:
            with self._lock:
                self._running.pop(record.job_id, None)
            return row_of(record, made_ns=self._made_ns(record.job_id))
        verdict = verdict_of(self.store, record)
        with self._lock:
            self._running[record.job_id] = verdict
        return row_of(record, verdict=verdict, made_ns=self._made_ns(record.job_id))

    def _made_ns(self, name: str) -> int:
        """When meta.json was written: once, but for tags, which is seen to be another second."""
        try:
            return os.stat(os.path.join(self.store.root, name, META_FILE)).st_mtime_ns
        except (OSError, ValueError):
            return 0

    # What changes

    def _watch(self) -> None:
        told = ""
        grown: set[str] = set()
        logs_due = 0.0
        for changes in self._watcher.changes():
            if self._stop.is_set():
                return
            grown |= changes.logs
            names = set(changes.records)
            if time.monotonic() >= logs_due:
                names |= grown
                grown.clear()
                logs_due = time.monotonic() + LOGS_S
            self._reread(names, touched=changes.ids)
            told = self._tell_mode(told)

    def _reread(self, names: Iterable[str], *, touched: frozenset[str] = frozenset()) -> None:
        rows, removed = [], []
        for name in names:
            record = read_job(self.store, name)
            if record is None:
                removed.append(name)
            else:
                rows.append(self._row(record))
        if rows or removed or touched:
            self._post(RowsRead(self.store.root, tuple(rows), tuple(removed), touched))

    def _tell_mode(self, told: str) -> str:
        mode = self._watcher.mode
        warning = ""
        if mode is WatchMode.POLLING:
            warning = f"watcher: polling ({self._watcher.reason})"
        elif mode is WatchMode.WAITING and told:
            warning = "the jobs root is gone"
        if warning != told:
            self._post(FeedChanged(self.store.root, warning=clean(warning)))
        return warning

    def _watch_supervisors(self) -> None:
        """Ask now and then whether they live: the end of one changes no file."""
        pause_s = LIVENESS_S
        while not self._stop.wait(pause_s):
            begin = time.monotonic()
            with self._lock:
                known = dict(self._running)
            changed = []
            for name, verdict in known.items():
                record = read_job(self.store, name)
                if record is None or verdict_of(self.store, record) != verdict:
                    changed.append(name)
            if changed:
                self._reread(changed)
            pause_s = max(LIVENESS_S, (time.monotonic() - begin) / LIVENESS_SHARE)

    def refresh(self, names: Iterable[str]) -> None:
        """Read these jobs now, in a thread of its own."""
        wanted = tuple(names)
        self._spawn("refresh", lambda: self._reread(wanted, touched=frozenset(wanted)))
