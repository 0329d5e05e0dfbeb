"""The snapshot that goes on: ``agent-exec-tui --json --watch``."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import Counter, deque
from enum import StrEnum

from agent_exec.commands.process_watch import ProcessWatch
from agent_exec.commands.snapshot import (
    DashboardJob,
    StateCounts,
    counts_of,
    dashboard_job,
    fits,
    look_at_all,
    snapshot_of,
)
from agent_exec.model.filter import Filter, compile_filter
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store.listing import read_job
from agent_exec.store.watch import JobWatcher, WatchMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from agent_exec.commands.snapshot import DashboardSnapshot
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.watch import Changes

LOGS_S = 1.0  # a log that grows all the time is told of once a second
_ARMED_LOOK_S = 0.01
_JOIN_S = 2.0
_WAKE_BYTES = 4096
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class ChangeKind(StrEnum):
    """What happened to a job among those that are told of."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    COUNTS = "counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardChange:
    """One change since the line before.

    Attributes:
        change: ``added`` or ``changed``: the job is there as a whole; ``removed``: it is gone,
            or the filter selects it no more; ``counts``: only jobs outside the filter changed.
        counts: of all jobs, whatever the filter.
        matched: of those the filter selects.
    """

    wire_type = "dashboard.change"

    change: ChangeKind
    counts: StateCounts
    matched: StateCounts
    job_id: str | None = None
    job: DashboardJob | None = None


class DashboardWatch:
    """A root's snapshot, then each change, until ``stop`` or until nobody reads.

    A context; to be iterated once, by one thread. Files tell by events where the file system
    gives them, and processes where the kernel does.

    Attributes:
        has_reader: False when the iteration ended because *out_fd* has no reader any more.
    """

    def __init__(
        self,
        store: JobStore,
        *,
        filter_text: str | None = None,
        environ: Mapping[str, str] = os.environ,
        out_fd: int | None = None,
    ) -> None:
        """Prepare; nothing is read before the iteration.

        Args:
            store: the root; it may be missing, and come.
            filter_text: which jobs to tell of, in the language of ``model.filter``.
            environ: says where the configuration lies.
            out_fd: where the documents are written to; the end of its reader ends the iteration.

        Raises:
            FilterError: the filter is malformed.
        """
        self.has_reader = True
        self._chosen = _compiled(filter_text or "")
        self._aged_due_s = time.monotonic()
        self._store = store
        self._environ = environ
        self._out_fd = out_fd
        self._rows: dict[str, DashboardJob] = {}
        self._states: Counter[str] = Counter()
        self._matched: Counter[str] = Counter()
        self._told_counts = StateCounts()
        self._grown: set[str] = set()
        self._logs_due_s = 0.0
        self._processes = ProcessWatch(store)
        self._watcher = JobWatcher(store.root, running=self._processes.job_ids)
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._news: deque[Changes] = deque()
        self._failure: BaseException | None = None
        self._is_stopped = False
        self._wake_fd, self._waker_fd = os.pipe()
        os.set_blocking(self._waker_fd, False)

    def stop(self) -> None:
        """End the iteration; callable from any thread and from signal handlers."""
        self._is_stopped = True
        self._wake()

    def close(self) -> None:
        """End the thread and give the descriptors back."""
        self._is_stopped = True
        self._watcher.stop()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        self._processes.close()
        if not self._thread.is_alive():  # it could write to what has the number then
            os.close(self._wake_fd)
            os.close(self._waker_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[DashboardSnapshot | DashboardChange]:
        """Yield the snapshot, then what changes.

        Raises:
            InternalError: the root cannot be read.
        """
        self._thread.start()
        # What happens while the jobs are looked at is then already noticed.
        while self._watcher.mode is WatchMode.STARTING and self._thread.is_alive():
            if self._is_stopped:
                return
            time.sleep(_ARMED_LOOK_S)
        yield self._first_look()
        while not self._is_stopped:
            self._await_news()
            if self._failure is not None:
                raise self._failure
            if self._is_stopped or not self.has_reader:
                return
            yield from self._changes()

    def _first_look(self) -> DashboardSnapshot:
        rows = look_at_all(self._store)
        for row in rows:
            self._rows[row.job_id] = row
            self._states[row.state] += 1
            self._processes.follow(row)
        self._choose_as_of_now()
        snapshot = snapshot_of(self._store, rows, chosen=self._chosen, environ=self._environ)
        self._matched.update(job.state for job in snapshot.jobs)
        self._told_counts = snapshot.counts
        return snapshot

    # What happens

    def _watch(self) -> None:
        try:
            for changes in self._watcher.changes():
                self._news.append(changes)
                self._wake()
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            self._failure = error
            self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._waker_fd, b"!")
        except BlockingIOError:
            return  # full: whoever reads is about to wake up

    def _await_news(self) -> None:
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        if self._out_fd is not None:
            poll.register(self._out_fd, 0)  # nothing but its end
        for fd in self._processes.descriptors():
            poll.register(fd, select.POLLIN)
        timeout_s = self._processes.next_look_s()
        if self._grown:
            logs_s = max(0.0, self._logs_due_s - time.monotonic())
            timeout_s = logs_s if timeout_s is None else min(timeout_s, logs_s)
        if self._chosen.refresh_s is not None:
            aged_s = max(0.0, self._aged_due_s - time.monotonic())
            timeout_s = aged_s if timeout_s is None else min(timeout_s, aged_s)
        ready = poll.poll(None if timeout_s is None else timeout_s * 1000)
        for fd, events in ready:
            if fd == self._out_fd and events & _GONE:
                self.has_reader = False
            elif fd == self._wake_fd:
                os.read(self._wake_fd, _WAKE_BYTES)

    def _changes(self) -> Iterator[DashboardChange]:
        """Tell of what has come in since."""
        names: set[str] = set(self._processes.ended())
        while self._news:
            changes = self._news.popleft()
            names |= changes.records
            self._grown |= changes.logs
        now_s = time.monotonic()
        if self._grown and now_s >= self._logs_due_s:
            names |= self._grown
            self._grown.clear()
            self._logs_due_s = now_s + LOGS_S
        yield from self._reread(names)
        if self._chosen.refresh_s is not None and time.monotonic() >= self._aged_due_s:
            yield from self._grow_older()

    def _choose_as_of_now(self) -> None:
        refresh_s = self._chosen.refresh_s
        if refresh_s is not None:
            self._chosen = _compiled(self._chosen.text)
            self._aged_due_s = time.monotonic() + refresh_s

    def _grow_older(self) -> Iterator[DashboardChange]:
        """Tell which jobs the filter selects now, or no more, because time went by."""
        before = self._chosen
        self._choose_as_of_now()
        for name, row in sorted(self._rows.items()):
            change = self._change_of(name, row if fits(row, before) else None, row)
            if change is not None:
                yield change

    def _reread(self, names: Iterable[str]) -> Iterator[DashboardChange]:
        for name in sorted(names):
            before = self._rows.pop(name, None)
            record = read_job(self._store, name)
            now = dashboard_job(self._store, record) if record is not None else None
            if before is not None:
                self._states[before.state] -= 1
            if now is not None:
                self._rows[name] = now
                self._states[now.state] += 1
                self._processes.follow(now)
            else:
                self._processes.forget(name)
            was_told = before is not None and fits(before, self._chosen)
            change = self._change_of(name, before if was_told else None, now)
            if change is not None:
                self._told_counts = change.counts
                yield change

    def _change_of(
        self, name: str, told: DashboardJob | None, now: DashboardJob | None
    ) -> DashboardChange | None:
        """Say what is new of a job, *told* being how it was told of last, if it was."""
        selected = now if now is not None and fits(now, self._chosen) else None
        if told is not None:
            self._matched[told.state] -= 1
        if selected is not None:
            self._matched[selected.state] += 1
        counts = counts_of(self._states)
        if selected is not None and selected != told:
            kind = ChangeKind.CHANGED if told is not None else ChangeKind.ADDED
        elif told is not None and selected is None:
            kind = ChangeKind.REMOVED
        elif counts != self._told_counts:
            kind = ChangeKind.COUNTS
        else:
            return None
        return DashboardChange(
            change=kind,
            counts=counts,
            matched=counts_of(self._matched),
            job_id=name if kind is ChangeKind.REMOVED else None,
            job=selected if kind in (ChangeKind.ADDED, ChangeKind.CHANGED) else None,
        )


def _compiled(text: str) -> Filter:
    return compile_filter(text, time.time(), home=os.path.expanduser("~"))
