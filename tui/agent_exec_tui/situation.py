"""What the action table needs to know to say whether an action is possible now."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.job_rows import DOUBTFUL, RUNS, RowKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent_exec_tui.job_rows import JobRow


class Pane(StrEnum):
    """The panes that keys can be meant for; dialogs, which lie over all of them, are the last."""

    JOBS = "jobs"
    LOG = "log"
    DETAIL = "detail"
    DIALOG = "dialogs"


ALL_PANES = frozenset({Pane.JOBS, Pane.LOG, Pane.DETAIL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The dashboard at the moment of a key press.

    Attributes:
        targets: the jobs an action would act on: the marked ones, else the one under the cursor;
            in a log or detail pane always the job shown there.
        shown: how many jobs the list shows now.
        unread: how many jobs changed since somebody looked at them.
        undo: what ``U`` would bring back, "" for nothing.
        done: how many things were done to jobs from here.
    """

    pane: Pane = Pane.JOBS
    row: JobRow | None = None
    targets: tuple[JobRow, ...] = ()
    marked: int = 0
    shown: int = 0
    unread: int = 0
    read_only: bool = False
    undo: str = ""
    done: int = 0
    has_search: bool = False
    has_mark: bool = False


Reason = str | None

NO_JOB = "no job selected"
READ_ONLY = "read-only: started with --read-only"


def always(_: Situation) -> Reason:
    """No condition."""
    return None


def needs_jobs(now: Situation) -> Reason:
    """The list is not empty."""
    return None if now.shown else "no jobs are listed"


def needs_job(now: Situation) -> Reason:
    """There is a job to act on."""
    return None if now.targets else NO_JOB


def needs_readable_job(now: Situation) -> Reason:
    """There is a job whose records can be read."""
    return needs_job(now) or _all_are(now, (RowKind.PROBLEM,), "its records cannot be read")


def needs_write(now: Situation) -> Reason:
    """Changes are allowed."""
    return READ_ONLY if now.read_only else None


def can_start(now: Situation) -> Reason:
    """At least one target is created and nothing else."""
    reason = needs_write(now) or needs_job(now)
    if reason or any(row.kind is RowKind.CREATED for row in now.targets):
        return reason
    return (
        _all_are(now, (RowKind.PROBLEM,), "its records cannot be read")
        or _all_are(now, RUNS | DOUBTFUL, "it runs already; R restarts it")
        or "it has ended; r runs it again as a new job"
    )


def can_signal(now: Situation) -> Reason:
    """At least one target may have a process."""
    reason = needs_write(now) or needs_job(now)
    if reason or any(row.may_have_processes for row in now.targets):
        return reason
    return (
        _all_are(now, (RowKind.PROBLEM,), "its records cannot be read")
        or _all_are(now, (RowKind.CREATED,), "it was never started; s starts it")
        or "it has ended already"
    )


def can_rerun(now: Situation) -> Reason:
    """The definitions of the targets can be read."""
    return needs_write(now) or needs_readable_job(now)


def can_restart(now: Situation) -> Reason:
    """At least one target was started before."""
    reason = can_rerun(now)
    return reason or _all_are(now, (RowKind.CREATED,), "it was never started; s starts it")


def can_delete(now: Situation) -> Reason:
    """At least one target does not run."""
    reason = needs_write(now) or needs_job(now)
    return reason or _all_are(now, RUNS, "it is running; x stops it first")


def can_repair(now: Situation) -> Reason:
    """At least one target's record says more than can be true."""
    reason = needs_write(now) or needs_job(now)
    if reason or any(row.kind in (*DOUBTFUL, RowKind.ELSEWHERE) for row in now.targets):
        return reason
    return "nothing to fix: the record agrees with the processes"


def can_undo(now: Situation) -> Reason:
    """Something was moved to the trash in this session."""
    return needs_write(now) or (None if now.undo else "nothing was cleaned up yet")


def needs_journal(now: Situation) -> Reason:
    """Something was done from here."""
    return None if now.done else "nothing was done to a job yet"


def needs_unread(now: Situation) -> Reason:
    """Some job changed while nobody looked."""
    return None if now.unread else "nothing new since you looked"


def needs_two_marked(now: Situation) -> Reason:
    """Exactly two jobs are marked."""
    if now.marked == 2:
        return None
    return f"mark exactly two jobs with space; {now.marked or 'none'} marked now"


def needs_several_marked(now: Situation) -> Reason:
    """At least two jobs are marked."""
    if now.marked >= 2:
        return None
    return f"mark at least two jobs with space; {now.marked or 'none'} marked now"


def needs_logs(now: Situation) -> Reason:
    """There are jobs whose logs can be searched."""
    return None if now.shown or now.marked else "no jobs are listed"


def needs_search(now: Situation) -> Reason:
    """A search pattern is set."""
    return None if now.has_search else "no search yet; / searches"


def needs_mark(now: Situation) -> Reason:
    """The log shown has a mark."""
    return None if now.has_mark else "no mark in this log yet; m sets one"


def _all_are(now: Situation, kinds: Collection[RowKind], reason: str) -> Reason:
    return reason if now.targets and all(row.kind in kinds for row in now.targets) else None
