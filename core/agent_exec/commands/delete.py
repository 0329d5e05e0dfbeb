"""``delete``: remove one job, or the finished ones of a directory."""

from __future__ import annotations

import os
import time

from agent_exec.commands.list import capturing_of, look_at_killed, with_words
from agent_exec.errors import (
    AgentExecError,
    InternalError,
    InvalidStateError,
    JobNotFoundError,
    RecordUnreadableError,
    UnsafeJobError,
)
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.status import UNKNOWN
from agent_exec.store import removal
from agent_exec.store.entries import CWD, NAME, STATUS, has_meta
from agent_exec.store.index import read_entries
from agent_exec.store.listing import open_exact
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.commands.settling import Look
    from agent_exec.model.filter_terms import JobFields
    from agent_exec.store.entries import Entry
    from agent_exec.store.jobs import JobDir, JobStore
    from agent_exec.store.trash import Trash

_EXPLICIT = "explicit_delete"
_FINISHED = "terminal_in_cwd"
_LOCK_TIMEOUT_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedJob:
    """What happened, or would, to one job.

    Attributes:
        state: the recorded word, ``unknown`` when it cannot be read.
        action: ``deleted``, ``would_delete`` or ``skipped``.
    """

    job_id: str
    state: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteReport:
    """What was removed, or would be.

    Attributes:
        cwd_scope: the directory whose jobs were meant; None for one job by its id.
        out_of_scope: jobs that were never to go.
    """

    wire_type = "delete"

    root: str
    dry_run: bool
    cwd_scope: str | None = None
    deleted: int
    skipped: int
    out_of_scope: int
    failed: int
    jobs: tuple[DeletedJob, ...]


def delete_job(
    store: JobStore, job_id: str, *, dry_run: bool = False, trash: Trash | None = None
) -> DeleteReport:
    """Remove one job in whatever state it is, but for a living one.

    Where its supervisor still captures what outlived it, that ends.

    Args:
        store: the root.
        job_id: or the beginning of one.
        dry_run: only say whether it would go.
        trash: where to move it instead; on the root's file system.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        InvalidStateError: its process lives, it is being changed, or files lie in its directory
            that are no job's.
        InternalError: it cannot be removed.
        UnsafeRootError: the root is somebody else's.
    """
    from agent_exec.process.tree import remove_leaf

    if not dry_run and os.path.isdir(store.root):
        require_own_root(store.root)
        removal.sweep_leftovers(store)
    with store.open(job_id) as job:
        # Before the lock as well: its file would be made in a directory that is no job's.
        state = _require_removable(job, job_id)
        if not dry_run:
            try:
                with job.locked(makes_file=False):
                    state = _require_removable(job, job_id)
                    remove_leaf(job, job.read_supervision())
                    _take_away(job, trash)
            except OSError as error:
                doing = f"failed to delete job directory {job.path}"
                raise InternalError.from_os_error(error, doing) from None
        action = "would_delete" if dry_run else "deleted"
        told = DeletedJob(job_id=job.job_id, state=state, action=action, reason=_EXPLICIT)
    return _report(store, dry_run, None, [told], 0)


def delete_jobs(
    store: JobStore,
    *,
    cwd: str | None,
    dry_run: bool = False,
    filter: str | None = None,
    trash: Trash | None = None,
) -> DeleteReport:
    """Remove the finished jobs that ran in one directory.

    Args:
        store: the root; a missing one has none.
        cwd: that directory; None is any.
        dry_run: only say what would go.
        filter: of those, only what it selects, in the language of ``model.filter``.
        trash: where to move them instead; on the root's file system.

    Raises:
        FilterError: the filter is malformed.
        InternalError: the root cannot be read.
        UnsafeRootError: the root is somebody else's.
    """
    there = None if cwd is None else os.path.realpath(cwd)
    entries = read_entries(store)
    meant = [entry for entry in entries if has_meta(entry) and there in (None, entry[CWD])]
    if filter is not None:
        meant = _selected(store, meant, filter)
    if not dry_run and os.path.isdir(store.root):
        require_own_root(store.root)
        removal.sweep_leftovers(store)
    jobs = [_delete_finished(store, entry, dry_run, trash) for entry in meant]
    if any(job.action == "deleted" for job in jobs):
        from agent_exec.process import cgroup

        cgroup.sweep(os.environ)
    return _report(store, dry_run, there, jobs, len(entries) - len(meant))


def _selected(store: JobStore, entries: list[Entry], text: str) -> list[Entry]:
    from agent_exec.model.filter import compile_filter
    from agent_exec.store.rows import row_from

    chosen = compile_filter(text, time.time(), home=os.path.expanduser("~"))
    shown, words, verdicts = with_words(store, entries)
    look_at_killed(store, shown, verdicts)
    capturing = capturing_of(store, shown)

    def fields_of(entry: Entry) -> JobFields:
        name = entry[NAME]
        state = words.get(name, entry[STATUS])
        is_capturing = name in capturing
        return row_from(entry).fields(state, verdicts.get(name), is_capturing=is_capturing)

    return [entry for entry in shown if chosen.matches(fields_of(entry))]


def _require_removable(job: JobDir, typed: str) -> str:
    """Give the state's word if the job may go.

    Raises:
        InvalidStateError: it may not.
        UnsafeJobError: it is another user's.
        InternalError: its directory cannot be read.
    """
    job.require_own()
    try:
        foreign = removal.foreign_names(job)
    except OSError as error:
        raise InternalError.from_os_error(error, f"look into job {typed}") from None
    if foreign:
        shown = ", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else "")
        raise InvalidStateError(
            f"cannot delete {typed}: its directory holds what is no job's ({shown}); "
            "look at it and remove that, or the directory, by hand",
            details={"foreign": foreign},
        )
    found = _look(job)
    # After its end a supervisor only captures what is late; before, it starts or runs the job.
    if (found is None or not found.state.is_terminal) and job.has_supervisor():
        what = "its supervisor lives" if found is None else f"job is {_doing(found)}"
        raise InvalidStateError(f"cannot delete job {typed}: {what}")
    if found is None:
        return UNKNOWN
    if found.liveness.may_live:
        what = (
            f"cannot delete job {typed}: job is currently running"
            if found.liveness.is_alive and not found.state.is_terminal
            else f"cannot delete job {typed}: {found.liveness.evidence}"
        )
        raise InvalidStateError(what)
    return found.state.status.value


def _doing(found: Look) -> str:
    is_created = found.state.status.value == "created"
    return "being started by another process" if is_created else "currently running"


def _look(job: JobDir) -> Look | None:
    """Judge a job; None when its state cannot be read."""
    from agent_exec.commands.settling import look

    try:
        return look(job)
    except RecordUnreadableError:
        return None


def _take_away(job: JobDir, trash: Trash | None) -> None:
    if trash is not None:
        trash.take(job)
    else:
        removal.remove_job(job)


def _delete_finished(
    store: JobStore, entry: Entry, dry_run: bool, trash: Trash | None
) -> DeletedJob:
    try:
        job = open_exact(store, entry[NAME])
        if job is None:
            raise JobNotFoundError(entry[NAME])
        with job:
            if dry_run:
                reason = _why_kept(job)
            else:
                with job.locked(_LOCK_TIMEOUT_S, makes_file=False):
                    reason = _why_kept(job)
                    if not reason:
                        _take_away(job, trash)
    except JobNotFoundError:
        reason = "gone_already"
    except InvalidStateError:
        reason = "being_changed"
    except UnsafeJobError:
        reason = "unsafe_job"
    except AgentExecError as error:
        reason = f"delete_failed: {error}"
    except OSError as error:
        reason = f"delete_failed: {error.strerror}"
    gone = "would_delete" if dry_run else "deleted"
    return DeletedJob(
        job_id=entry[NAME],
        state=entry[STATUS] or UNKNOWN,
        action="skipped" if reason else gone,
        reason=reason or _FINISHED,
    )


def _why_kept(job: JobDir) -> str:
    """Why a job does not go with the finished ones; empty if it does."""
    job.require_own()
    found = _look(job)
    if found is None:
        return "state_unreadable"
    if not found.state.is_terminal and not found.liveness.is_proved_over:
        return found.state.status.value
    return "pid_alive" if found.liveness.is_alive else ""


def _report(
    store: JobStore,
    dry_run: bool,
    cwd: str | None,
    jobs: Iterable[DeletedJob],
    out_of_scope: int,
) -> DeleteReport:
    told = tuple(jobs)
    skipped = [job for job in told if job.action == "skipped"]
    failed = sum(job.reason.startswith("delete_failed") for job in skipped)
    return DeleteReport(
        root=store.root,
        dry_run=dry_run,
        cwd_scope=cwd,
        deleted=0 if dry_run else len(told) - len(skipped),
        skipped=len(skipped),
        out_of_scope=out_of_scope + len(skipped) - failed,
        failed=failed,
        jobs=told,
    )
