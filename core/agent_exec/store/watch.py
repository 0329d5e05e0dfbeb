"""Tells which jobs changed on disk: by events where the system gives them, else by looking."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from enum import StrEnum

from agent_exec.errors import InternalError, reason_of
from agent_exec.model import records
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store import story
from agent_exec.store.directories import find_directories
from agent_exec.store.filesystem import is_network
from agent_exec.store.jobs import JobStore
from agent_exec.store.watch_limits import (
    NO_WATCHES,
    WatchCount,
    allowed_watches,
    directories_among,
    directories_in,
    limit_named,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from watchfiles.main import FileChange


# 20 wakeups a second cost 0.15 % of a core; a change shows within 50 to 150 ms.
STEP_MS = 50
DEBOUNCE_MS = 50
_TICK_MS = 1000
_POLL_S = 1.0
_RETRY_S = 0.05
_RESYNC_S = 30.0
_RESYNC_TOLD_S = 120.0  # where events tell of every job: for those that the system dropped
_EVENTS_AGAIN_S = 60.0  # what others watch may have become less
_LOOK_SHARE = 0.01  # of a core, at most, for looking where events should have told
_POLL_SHARE = 0.04
_NEWEST_WATCHED = 1000
_SILENT_FILES = frozenset({records.JOB_LOCK_FILE, records.SUPERVISOR_LOCK_FILE})


class WatchMode(StrEnum):
    """How changes are noticed."""

    STARTING = "starting"
    EVENTS = "events"
    NEWEST = "newest"
    POLLING = "polling"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of jobs that may look different now; one may be in both, and may be gone.

    Attributes:
        records: made, removed, or a record of theirs replaced.
        logs: output was added.
    """

    records: frozenset[str] = frozenset()
    logs: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """All of them."""
        return self.records | self.logs

    def __bool__(self) -> bool:
        return bool(self.records or self.logs)


class JobWatcher:
    """Watches one root from the thread that iterates ``changes``, until ``stop``.

    Attributes:
        mode: how changes are noticed just now.
        reason: why it is not by events for every job; empty when it is.
    """

    def __init__(
        self,
        root: str,
        *,
        running: Callable[[], Iterable[str]] = tuple,
        on_mode: Callable[[WatchMode, str], object] | None = None,
        force_polling: bool = False,
        max_watches: int | None = None,
        poll_s: float = _POLL_S,
    ) -> None:
        """Prepare; nothing is read before ``changes`` is iterated.

        Args:
            root: need not exist yet.
            running: gives the ids to watch besides the newest when not all can be.
            on_mode: is told of every change of mode, and of its reason, in the iterating thread.
            force_polling: never use events.
            max_watches: how many directories may be watched; None asks the system.
            poll_s: seconds between two looks while polling; more where a look takes long.
        """
        self.mode = WatchMode.STARTING
        self.reason = ""
        self._store = JobStore(root)
        self._running = running
        self._on_mode = on_mode
        self._force_polling = force_polling
        self._max_watches = max_watches
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._seen: dict[str, int] = {}
        self._look_s = 0.0

    def stop(self) -> None:
        """End the iteration within a moment; callable from any thread."""
        self._stop.set()

    def changes(self, seen: dict[str, int] | None = None) -> Iterator[Changes]:
        """Yield what changed since the call, never empty, until stopped.

        A job counts as changed when in doubt: readers compare what they read.

        Args:
            seen: mtime_ns of each job's directory, as somebody saw them a moment ago: what
                changed since then is told, too, and there is one look less at all of them.
        """
        if seen is None:
            self._look()
        else:
            self._seen = seen
        while not self._stop.is_set():
            if not os.path.isdir(self._store.root):
                yield from self._wait_for_root()
            elif self._force_polling:
                yield from self._poll("asked for")
            elif is_network(self._store.root):
                yield from self._poll("network file system: it gives no events")
            else:
                yield from self._follow_events()

    def _wait_for_root(self) -> Iterator[Changes]:
        self._set_mode(WatchMode.WAITING, f"{self._store.root} is not there yet")
        yield from self._news()
        while not os.path.isdir(self._store.root) and not self._stop.wait(self._poll_s):
            pass

    def _poll(self, reason: str, for_s: float = math.inf) -> Iterator[Changes]:
        self._set_mode(WatchMode.POLLING, reason)
        until_s = time.monotonic() + for_s
        while os.path.isdir(self._store.root) and time.monotonic() < until_s:
            yield from self._news()
            if self._stop.wait(max(self._poll_s, self._look_s / _POLL_SHARE)):
                return

    def _follow_events(self) -> Iterator[Changes]:
        limit = self._max_watches if self._max_watches is not None else allowed_watches()
        if len(self._seen) < limit:
            yield from self._follow([self._root_path()], WatchMode.EVENTS, "")
            return
        room = min(_NEWEST_WATCHED, limit - 1)
        if room <= 0:
            yield from self._poll(NO_WATCHES, _EVENTS_AGAIN_S)
            return
        reason = f"{len(self._seen)} jobs are too many file watches; the rest is looked at"
        yield from self._follow(self._newest_paths(room), WatchMode.NEWEST, reason)

    def _set_mode(self, mode: WatchMode, reason: str) -> None:
        is_new = (mode, reason) != (self.mode, self.reason)
        self.mode, self.reason = mode, reason
        if is_new and self._on_mode is not None:
            self._on_mode(mode, reason)

    def _root_path(self) -> str:
        return os.path.realpath(self._store.root)

    def _newest_paths(self, room: int) -> list[str]:
        newest = sorted(self._seen, key=self._seen.__getitem__, reverse=True)
        wanted = list(dict.fromkeys([*self._running(), *newest]))[:room]
        base = self._root_path()
        there = (os.path.join(base, name) for name in wanted)
        return [base, *(path for path in there if os.path.isdir(path))]

    def _follow(self, paths: list[str], mode: WatchMode, reason: str) -> Iterator[Changes]:
        """Yield until stopped, or until what is watched is no longer the right thing."""
        import watchfiles

        limit = ""
        try:
            raw = watchfiles.watch(
                *paths,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._stop,
                rust_timeout=_TICK_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=mode is WatchMode.EVENTS,
                ignore_permission_denied=True,
                force_polling=False,
            )
            with contextlib.closing(raw):
                limit = yield from self._told(raw, paths, mode, reason)
        except FileNotFoundError:
            self._stop.wait(_RETRY_S)  # the root or a job went while the watches were being set
        except (OSError, RuntimeError) as error:
            limit = limit_named(error)
            if not limit:
                yield from self._failed(mode, error)
        if limit:
            yield from self._poll(limit, _EVENTS_AGAIN_S)

    def _told(
        self, raw: Iterable[set[FileChange]], paths: list[str], mode: WatchMode, reason: str
    ) -> Generator[Changes, None, str]:
        """Yield what events tell; the name of the limit that ends it, if one does."""
        identity, base = _identity_of(self._store.root), paths[0]
        is_whole = mode is WatchMode.EVENTS
        count = WatchCount(lambda: directories_in(base) if is_whole else directories_among(paths))
        resync_s = _RESYNC_TOLD_S if is_whole else _RESYNC_S
        next_look = 0.0  # at once: what happened while the watches were being set
        known = set(self._seen)
        for events in raw:
            changes = _sort_events(base, (path for _, path in events))
            if changes:
                yield changes
            if _identity_of(self._store.root) != identity:
                yield from self._news()
                return ""
            if mode is WatchMode.NEWEST and changes.records - self._seen.keys():
                yield from self._news()
                return ""  # to be armed again with the new jobs
            if time.monotonic() >= next_look:
                yield from self._news()
                next_look = time.monotonic() + max(resync_s, self._look_s / _LOOK_SHARE)
                known = set(self._seen)
            if count.is_short(has_new=not changes.records <= known):
                return NO_WATCHES
            known |= changes.records
            if not count.is_in_doubt:
                self._set_mode(mode, reason)
        return ""

    def _failed(self, mode: WatchMode, error: Exception) -> Iterator[Changes]:
        story.logger(__name__).warning("watching %s by events failed: %s", self._store.root, error)
        if mode is WatchMode.EVENTS:
            self._max_watches = min(len(self._seen), _NEWEST_WATCHED)
        else:
            yield from self._poll(f"events failed: {reason_of(error)}")

    def _news(self) -> Iterator[Changes]:
        """Look at every directory; yield what differs from the last look.

        While there is no root, nothing is known to be gone with it: it may come back.
        """
        if not os.path.isdir(self._store.root):
            return
        before = self._seen
        self._look()
        now = self._seen
        changed = {name for name, mtime_ns in now.items() if before.get(name) != mtime_ns}
        changed.update(before.keys() - now.keys())
        if changed:
            yield Changes(records=frozenset(changed))

    def _look(self) -> None:
        begin = time.monotonic()
        try:
            found = find_directories(self._store)
        except InternalError:
            found = []  # whoever lists the root says why
        self._seen = {name: mtime_ns for name, mtime_ns, _ in found}
        self._look_s = time.monotonic() - begin


def _identity_of(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


def _sort_events(base: str, paths: Iterable[str]) -> Changes:
    """Tell changed logs from changed records; hidden directories are nobody's job."""
    prefix_length = len(base) + 1
    changed_records: set[str] = set()
    changed_logs: set[str] = set()
    for path in paths:
        job_id, _, name = path[prefix_length:].partition("/")
        if not job_id or job_id.startswith("."):
            continue
        if name in records.LOG_FILES:
            changed_logs.add(job_id)
        elif name not in _SILENT_FILES and not name.startswith(records.TEMP_PREFIX):
            changed_records.add(job_id)
    return Changes(frozenset(changed_records), frozenset(changed_logs))
