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
from agent_exec.model.records import META_FILE
from agent_exec.store.listing import find_directories, open_exact, read_job, scan
from agent_exec.store.watch import JobWatcher, WatchMode
from agent_exec_tui.job_rows import JobRow, clean, row_of
from agent_exec_tui.messages import FeedChanged, RowsRead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.message import Message

    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import JobRecord

logger = logging.getLogger(__name__)

FIRST_BATCH = 120  # more than any terminal shows at once
BATCH_S = 0.25
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
        first = self._read(names[:FIRST_BATCH])
        self._post(RowsRead(self.store.root, tuple(first)))
        self._spawn("watch", self._watch)
        for rows in self._batches(names[FIRST_BATCH:], len(names)):
            self._post(RowsRead(self.store.root, rows))
        # The first ones were read before anybody watched them.
        while self._watcher.mode is WatchMode.STARTING and not self._stop.wait(_ARMED_POLL_S):
            pass
        again = self._read(names[:FIRST_BATCH])
        self._post(RowsRead(self.store.root, tuple(again), is_complete=True))
        self._watch_supervisors()

    def _batches(self, names: list[str], total: int) -> Iterator[tuple[JobRow, ...]]:
        rows: list[JobRow] = []
        known = FIRST_BATCH
        due = time.monotonic() + BATCH_S
        for record in scan(self.store, names):
            rows.append(self._row(record))
            if time.monotonic() >= due:
                if self._stop.is_set():
                    return
                known += len(rows)
                self._post(FeedChanged(self.store.root, progress=f"reading {known:,} of {total:,}"))
                yield tuple(rows)
                rows = []
                # Fewer and larger steps: each costs the screen a pass over all rows.
                due = time.monotonic() + BATCH_S * (1 + known / 20_000)
        yield tuple(rows)

    def _read(self, names: Iterable[str]) -> list[JobRow]:
        rows = []
        for name in names:
            record = read_job(self.store, name)
            if record is not None:
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
