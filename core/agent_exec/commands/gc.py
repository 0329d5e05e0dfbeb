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
from agent_exec.errors import (
    AgentExecError,
    InvalidStateError,
    JobNotFoundError,
    RecordUnreadableError,
    UnsafeJobError,
)
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.model.status import TERMINAL
from agent_exec.store import removal
from agent_exec.store.clearing import Emptier, set_aside_unless
from agent_exec.store.entries import read_run
from agent_exec.store.listing import open_exact
from agent_exec.store.root import require_own_root, stranger_of
from agent_exec.store.rows import read_rows

__all__ = ["GcJob", "GcPlan", "GcPolicy", "GcProgress", "GcReport", "collect_garbage", "plan"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

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
    spares: Callable[[JobRow], bool] | None = None,
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
        spares: says of a job that it stays, as *spare* does.

    Raises:
        InternalError: the duration is malformed, or the root cannot be read.
        UnsafeRootError: the root is somebody else's.
    """
    if not os.path.exists(store.root):
        return _report(store, policy, dry_run, independent, 0, ())
    if not dry_run:
        require_own_root(store.root)
        removal.sweep_leftovers(store)
    rows = rows_to_look_at(store, policy.scan_limit)
    if spares is not None:
        spare |= {row.name for row in rows if spares(row)}
    settled = frozenset() if dry_run else _settle_lost(store, rows, only)
    planned = plan(
        store, policy, independent=independent, spare=spare, rows=rows, just_lost=settled
    )
    done: list[GcJob] = list(planned.left)
    done += [_skipped(planned, each) for each in planned.choices if not each.is_taken]
    taken = [each for each in planned.choices if each.is_taken]
    if only is not None:
        done += [_skipped(planned, each, "not_listed") for each in taken if _id(each) not in only]
        taken = [each for each in taken if _id(each) in only]
    with contextlib.ExitStack() as stack:
        remover = None if dry_run else stack.enter_context(_Remover(store, use_trash))
        is_stopped = False
        freed_bytes = 0
        for number, choice in enumerate(taken, start=1):
            is_stopped = is_stopped or (should_stop is not None and should_stop())
            if is_stopped:
                done.append(_skipped(planned, choice, "stopped"))
                continue
            result = _carry_out(remover, planned.rows[_id(choice)], choice)
            done.append(result)
            freed_bytes += result.bytes if result.action != "skipped" else 0
            if progress is not None:
                progress(GcProgress(number, len(taken), freed_bytes, result))
    if remover is not None:
        done = remover.corrected(done)
    report = _report(store, policy, dry_run, independent, planned.scanned_dirs, done)
    return replace(report, stopped=True) if is_stopped else report


def _carry_out(remover: _Remover | None, row: JobRow, choice: Choice) -> GcJob:
    size_bytes = choice.candidate.size_bytes
    if remover is None:
        return told(row, "would_delete", choice.reason, size_bytes)
    try:
        reason = remover.remove(row)
    except JobNotFoundError:
        return told(row, "skipped", "gone_already", 0)
    except InvalidStateError:
        reason = "being_changed"
    except UnsafeJobError:
        reason = "unsafe_job"
    except AgentExecError as error:
        reason = f"delete_failed: {error}"
    except OSError as error:
        reason = f"delete_failed: {error.strerror}"
    if reason:
        return told(row, "skipped", reason, size_bytes)
    return told(row, "deleted", choice.reason, size_bytes)


class _Remover:
    """Removes jobs one after the other, or moves them to the trash; all is done at its exit."""

    def __init__(self, store: JobStore, trash: Trash | None) -> None:
        self._store = store
        self._trash = trash
        self._failures: dict[str, str] = {}
        self._has_removed = False

    def __enter__(self) -> Self:
        self._emptier = Emptier()
        return self

    def __exit__(self, *_error: object) -> None:
        self._failures = self._emptier.close()
        if self._has_removed:
            from agent_exec.process import cgroup

            cgroup.sweep(os.environ)

    def remove(self, row: JobRow) -> str:
        """Remove one job, or say why it stays.

        Raises:
            JobNotFoundError, InvalidStateError, OSError: it went, is being changed, or cannot go.
        """
        job = open_exact(self._store, row.name)
        if job is None:
            raise JobNotFoundError(row.name)
        self._has_removed = True
        with job:
            if self._trash is None:
                return set_aside_unless(
                    job, lambda: _why_kept(job, row), _LOCK_TIMEOUT_S, self._emptier
                )
            with job.locked(_LOCK_TIMEOUT_S, makes_file=False):
                reason = _why_kept(job, row)
                if not reason:
                    self._trash.take(job)
                return reason

    def corrected(self, told: list[GcJob]) -> list[GcJob]:
        """Say of which jobs something is left, hidden, for the next cleaning to sweep."""
        failures = self._failures
        return [
            replace(each, action="skipped", reason=f"delete_failed: {failures[each.job_id]}")
            if each.job_id in failures
            else each
            for each in told
        ]


def _why_kept(job: JobDir, row: JobRow) -> str:
    """Why a job may not go any more after all; empty if it is over, and as it was."""
    if stranger_of(job.fd, job.root, job.job_id) is not None:
        return "unsafe_job"
    if job.has_supervisor():
        return "still_capturing"
    try:
        run = read_run(job)
    except RecordUnreadableError:
        return "state_unreadable"
    if run[0] not in TERMINAL:
        return "active_job"
    if run != (row.status, row.started_at, row.finished_at, row.pid):
        return "changed_meanwhile"
    return "pid_alive" if _may_live(job, row) else ""


def _may_live(job: JobDir, row: JobRow) -> bool:
    """Whether the process that a finished job names lives, and may be its own."""
    from agent_exec.process.identity import read_stat

    # Nearly every pid is gone or another's; only what is there is worth a closer look.
    if row.pid is None or read_stat(row.pid) is None:
        return False
    from agent_exec.process.liveness import assess

    return assess(job, job.read_state(), job.read_supervision()).may_live


def _settle_lost(
    store: JobStore, rows: list[JobRow], only: frozenset[str] | None
) -> frozenset[str]:
    """Record the end of jobs whose end is proved, so that they age like others; gives their ids.

    With *only*, whoever asked has said of all others that they are not touched.

    Their lines in *rows* are replaced by what they are now.
    """
    from agent_exec.commands.settling import look_and_settle

    running = [
        row.name for row in rows if row.status == "running" and (only is None or row.name in only)
    ]
    for name in running:
        with contextlib.suppress(AgentExecError, OSError):
            job = open_exact(store, name)
            if job is not None:
                with job:
                    look_and_settle(job, lock_timeout_s=_LOCK_TIMEOUT_S)
    now = {row.name: row for row in read_rows(store, running)}
    rows[:] = [now.get(row.name, row) for row in rows]
    return frozenset(name for name, row in now.items() if row.is_terminal)


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
