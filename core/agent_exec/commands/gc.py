"""``gc``: remove finished jobs by age, number and size; only what is proved to be over."""

from __future__ import annotations

import contextlib
import os

from agent_exec.commands.gc_plan import (
    DEFAULT_OLDER_THAN,
    GcJob,
    GcPlan,
    GcPolicy,
    plan,
    rows_to_look_at,
    told,
)
from agent_exec.errors import AgentExecError, InvalidStateError, JobNotFoundError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store import removal
from agent_exec.store.listing import open_exact
from agent_exec.store.root import require_own_root
from agent_exec.store.rows import read_rows

__all__ = ["GcJob", "GcPlan", "GcPolicy", "GcProgress", "GcReport", "collect_garbage", "plan"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent_exec.model.job import JobState
    from agent_exec.model.retention import Choice
    from agent_exec.store.jobs import JobDir, JobStore
    from agent_exec.store.rows import JobRow
    from agent_exec.store.trash import Trash

    Progress = Callable[["GcProgress"], None]

_LOCK_TIMEOUT_S = 0.2  # whoever holds a finished job's lock is restarting or removing it


@dataclass(frozen=True, slots=True, kw_only=True)
class GcReport:
    """What a cleaning did, or would do.

    Attributes:
        older_than: as given; None when the rules are independent and it was not.
        older_than_source: ``flag`` or ``default``.
        skipped: how many were left, for whatever reason.
        out_of_scope: of these, how many were never to go.
        freed_bytes: or what would be freed.
        candidate_count: how many the rules selected.
        stopped: whether the caller ended it before its time.
    """

    wire_type = "gc"

    root: str
    dry_run: bool
    older_than: str | None = None
    older_than_source: str | None = None
    deleted: int
    skipped: int
    out_of_scope: int
    failed: int
    freed_bytes: int
    scanned_dirs: int
    candidate_count: int
    jobs: tuple[GcJob, ...]
    independent: bool | None = None
    stopped: bool | None = None


@dataclass(frozen=True, slots=True)
class GcProgress:
    """How far a cleaning is: *done* of *total* jobs dealt with."""

    done: int
    total: int
    freed_bytes: int
    last: GcJob


def collect_garbage(
    store: JobStore,
    policy: GcPolicy,
    *,
    dry_run: bool = False,
    independent: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    spare: frozenset[str] = frozenset(),
    only: frozenset[str] | None = None,
    use_trash: Trash | None = None,
) -> GcReport:
    """Remove the finished jobs that the policy selects.

    Jobs that run, were never started, cannot be read or still capture output stay. Each is
    looked at again under its lock before it goes.

    Args:
        store: the root; a missing one has nothing to remove.
        policy: what selects.
        dry_run: change nothing.
        independent: any of the given rules selects by itself. Else, as the peers do it, number
            and size act only among the jobs that are old enough.
        progress: called after each removal, in this thread.
        should_stop: asked before each removal.
        spare: ids that stay.
        only: the ids that may go, as a dry run listed them; None is any.
        use_trash: where to move jobs instead of removing them; on the root's file system.

    Raises:
        InternalError: the duration is malformed, or the root cannot be read.
        UnsafeRootError: the root is somebody else's.
    """
    if not os.path.isdir(store.root):
        return _report(store, policy, dry_run, independent, 0, ())
    if not dry_run:
        require_own_root(store.root)
        removal.sweep_leftovers(store)
    rows = rows_to_look_at(store, policy.scan_limit)
    settled = frozenset() if dry_run else _settle_lost(store, rows)
    planned = plan(
        store, policy, independent=independent, spare=spare, rows=rows, just_lost=settled
    )
    done: list[GcJob] = list(planned.left)
    done += [_skipped(planned, each) for each in planned.choices if not each.is_taken]
    taken = [each for each in planned.choices if each.is_taken]
    if only is not None:
        done += [_skipped(planned, each, "not_listed") for each in taken if _id(each) not in only]
        taken = [each for each in taken if _id(each) in only]
    is_stopped = False
    freed_bytes = 0
    for number, choice in enumerate(taken, start=1):
        is_stopped = is_stopped or (should_stop is not None and should_stop())
        if is_stopped:
            done.append(_skipped(planned, choice, "stopped"))
            continue
        row = planned.rows[_id(choice)]
        result = (
            told(row, "would_delete", choice.reason, choice.candidate.size_bytes)
            if dry_run
            else _remove(store, row, choice, use_trash)
        )
        done.append(result)
        freed_bytes += result.bytes if result.action != "skipped" else 0
        if progress is not None:
            progress(GcProgress(number, len(taken), freed_bytes, result))
    report = _report(store, policy, dry_run, independent, planned.scanned_dirs, done)
    return report if not is_stopped else _with_stop(report)


def _remove(store: JobStore, row: JobRow, choice: Choice, trash: Trash | None) -> GcJob:
    size_bytes = choice.candidate.size_bytes
    try:
        job = open_exact(store, row.name)
        if job is None:
            return told(row, "skipped", "gone_already", 0)
        with job, job.locked(_LOCK_TIMEOUT_S):
            state = job.read_state()
            reason = changed_since(row, state) or why_alive(job, state)
            if reason:
                return told(row, "skipped", reason, size_bytes)
            if trash is not None:
                trash.take(job)
            else:
                removal.remove_job(job)
    except JobNotFoundError:
        return told(row, "skipped", "gone_already", 0)
    except InvalidStateError:
        return told(row, "skipped", "being_changed", size_bytes)
    except AgentExecError as error:
        return told(row, "skipped", f"delete_failed: {error}", size_bytes)
    except OSError as error:
        return told(row, "skipped", f"delete_failed: {error.strerror}", size_bytes)
    return told(row, "deleted", choice.reason, size_bytes)


def _settle_lost(store: JobStore, rows: list[JobRow]) -> frozenset[str]:
    """Record the end of jobs whose end is proved, so that they age like others; gives their ids.

    Their lines in *rows* are replaced by what they are now.
    """
    from agent_exec.commands.settling import look_and_settle

    running = [row.name for row in rows if row.status == "running"]
    for name in running:
        with contextlib.suppress(AgentExecError, OSError):
            job = open_exact(store, name)
            if job is not None:
                with job:
                    look_and_settle(job, lock_timeout_s=_LOCK_TIMEOUT_S)
    now = {row.name: row for row in read_rows(store, running)}
    rows[:] = [now.get(row.name, row) for row in rows]
    return frozenset(name for name, row in now.items() if row.is_terminal)


def changed_since(row: JobRow, state: JobState) -> str:
    """Why a job may not go any more after all; empty if it is as it was."""
    if not state.is_terminal:
        return "active_job"
    known = (row.status, row.started_at, row.finished_at)
    now = (state.status.value, state.started_at, state.finished_at)
    return "" if known == now else "changed_meanwhile"


def why_alive(job: JobDir, state: JobState) -> str:
    """What of a finished job still lives; empty if nothing does."""
    from agent_exec.process.liveness import assess

    if job.has_supervisor():
        return "still_capturing"
    return "pid_alive" if assess(job, state, job.read_supervision()).is_alive else ""


def _id(choice: Choice) -> str:
    return choice.candidate.job_id


def _skipped(planned: GcPlan, choice: Choice, reason: str = "") -> GcJob:
    row = planned.rows[_id(choice)]
    return told(row, "skipped", reason or choice.reason, choice.candidate.size_bytes)


def _report(
    store: JobStore,
    policy: GcPolicy,
    dry_run: bool,
    independent: bool,
    scanned_dirs: int,
    jobs: Iterable[GcJob],
) -> GcReport:
    told = tuple(jobs)
    skipped = [job for job in told if job.action == "skipped"]
    failed = sum(job.reason.startswith("delete_failed") for job in skipped)
    gone = [job for job in told if job.action != "skipped"]
    is_given, is_needed = policy.older_than is not None, not independent
    default = DEFAULT_OLDER_THAN if is_needed else None
    return GcReport(
        root=store.root,
        dry_run=dry_run,
        older_than=policy.older_than if is_given else default,
        older_than_source="flag" if is_given else "default" if is_needed else None,
        deleted=0 if dry_run else len(gone),
        skipped=len(skipped),
        out_of_scope=len(skipped) - failed,
        failed=failed,
        freed_bytes=sum(job.bytes for job in gone),
        scanned_dirs=scanned_dirs,
        candidate_count=len(gone) + failed,
        jobs=told,
        independent=True if independent else None,
    )


def _with_stop(report: GcReport) -> GcReport:
    from dataclasses import replace

    return replace(report, stopped=True)
