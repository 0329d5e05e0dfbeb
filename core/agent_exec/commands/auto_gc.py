"""Cleaning up besides: what a launch removes of old jobs, if nobody else is at it."""

from __future__ import annotations

import contextlib
import os
import time

from agent_exec.errors import AgentExecError, reason_of
from agent_exec.model import records
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.status import EXITED
from agent_exec.model.timestamps import parse_duration_s, parse_timestamp
from agent_exec.model.wire import decode_state
from agent_exec.store import atomic, locks, story
from agent_exec.store.clock import timestamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_exec.store.jobs import JobStore
    from agent_exec.store.rows import JobRow

GC_LOCK_FILE = ".gc.lock"
# No automatic run takes that long, and one by a peer of ours would hold the lock.
_STALE_AFTER_S = 600.0
KEEP_TAG = "keep"
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class AutoRemoved:
    """What a launch removed besides."""

    deleted: int
    freed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoGc:
    """What a launch may clean up besides.

    Attributes:
        older_than: a duration such as ``30d``.
        scan_limit: how many directories are looked at.
        delete_limit: how many jobs are removed at most.
    """

    enabled: bool = True
    older_than: str = "30d"
    max_jobs: int | None = None
    max_bytes: int | None = None
    scan_limit: int = 200
    delete_limit: int = 20


def run_auto_gc(
    store: JobStore, settings: AutoGc | None, *, spare: frozenset[str] = frozenset()
) -> AutoRemoved | None:
    """Clean up, or log why not; a launch never fails for it.

    Jobs tagged ``keep`` are never taken, nor failures of the last day by a rule that is younger.

    Args:
        store: the root.
        settings: None does nothing.
        spare: ids that stay, however old they are.

    Returns:
        What went; None when nothing did.
    """
    if settings is None or not settings.enabled:
        return None
    try:
        with _gc_lock(store.root) as is_ours:
            if is_ours and _may_find_any(store, settings):
                return _collect(store, settings, spare)
    except (AgentExecError, OSError) as error:
        story.logger(__name__).warning("auto-gc failed (best-effort): %s", reason_of(error))
    except Exception as error:  # noqa: BLE001  (the job runs: its id must reach the caller)
        told = f"{type(error).__name__}: {error}"
        story.logger(__name__).warning("auto-gc failed (best-effort): %s", told)
    return None


def _may_find_any(store: JobStore, settings: AutoGc) -> bool:
    """Whether there may be anything to remove; False only if there is certainly nothing.

    The modules that clean up cost more than a launch does, and mostly for nothing.
    """
    cutoff = timestamp_of(time.time() - parse_duration_s(settings.older_than))
    names = os.listdir(store.root)
    if len(names) > settings.scan_limit:
        return True
    return any(_may_be_old(store, name, cutoff) for name in names if name != GC_LOCK_FILE)


def _may_be_old(store: JobStore, name: str, cutoff: str) -> bool:
    if name.startswith("."):
        return True  # what a crash may have left
    path = os.path.join(store.root, name, records.STATE_FILE)
    try:
        data = atomic.read_record(path, records.STATE_FILE)
        state = decode_state(records.load_record(data, records.STATE_FILE))
    except AgentExecError:
        return False  # what cannot be read is never removed
    ended_at = state.finished_at or state.updated_at
    is_comparable = len(ended_at) == len(cutoff) and ended_at.endswith("Z")
    return state.is_terminal and (not is_comparable or ended_at <= cutoff)


def _collect(store: JobStore, settings: AutoGc, spare: frozenset[str]) -> AutoRemoved | None:
    from agent_exec.commands.gc import GcPolicy, collect_garbage

    policy = GcPolicy(
        older_than=settings.older_than,
        max_jobs=settings.max_jobs,
        max_bytes=settings.max_bytes,
        scan_limit=settings.scan_limit,
        delete_limit=settings.delete_limit,
    )
    report = collect_garbage(store, policy, spare=spare, spares=_spares(settings.older_than))
    story.logger(__name__).info(
        "auto-gc removed %d jobs, %d bytes", report.deleted, report.freed_bytes
    )
    return AutoRemoved(report.deleted, report.freed_bytes) if report.deleted else None


def _spares(older_than: str) -> Callable[[JobRow], bool]:
    """Which jobs nothing automatic takes, whatever the rules select."""
    now_s = time.time()
    is_young_rule = parse_duration_s(older_than) < _DAY_S

    def spares(row: JobRow) -> bool:
        if KEEP_TAG in row.tags:
            return True
        if not is_young_rule or (row.status == EXITED and row.exit_code == 0):
            return False
        ended_at = parse_timestamp(row.finished_at or row.updated_at)
        return ended_at is None or now_s - ended_at.timestamp() < _DAY_S

    return spares


@contextlib.contextmanager
def _gc_lock(root: str) -> Iterator[bool]:
    """Hold the root's ``.gc.lock``: the peers look at its existence, we at its flock."""
    path = os.path.join(root, GC_LOCK_FILE)
    fd = _claim(path)
    if fd is None and _remove_stale(path):
        fd = _claim(path)
    if fd is None:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            # Another's by now, if somebody took ours for stale: not ours to remove.
            if os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False)):
                os.unlink(path)
        locks.unlock(fd)


def _claim(path: str) -> int | None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, atomic.FILE_MODE)
    except FileExistsError:
        return None
    locks.try_lock(fd)
    return fd


def _remove_stale(path: str) -> bool:
    """Remove a lock file that a crash left; False when it may be somebody's."""
    try:
        fd = atomic.open_regular(path)
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        # One of the future was left by a clock that was set back.
        if abs(time.time() - status.st_mtime) < _STALE_AFTER_S or not locks.try_lock(fd):
            return False
        # Held from here on: whoever else finds it stale cannot remove a fresh one in its place.
        if not os.path.samestat(status, os.stat(path, follow_symlinks=False)):
            return False
        os.unlink(path)
    except OSError:
        return False
    finally:
        os.close(fd)
    story.logger(__name__).info("removed a stale %s", path)
    return True
