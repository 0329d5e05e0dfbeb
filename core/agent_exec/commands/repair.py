"""repair: put right what the record of a job says though it is not so any more."""

from __future__ import annotations

import contextlib
import os
import signal as signals
import time

from agent_exec.commands.settling import (
    Look,
    look,
    look_and_settle,
    needs_settling,
    record_lost,
    settle_if_proved,
)
from agent_exec.errors import (
    AgentExecError,
    InvalidStateError,
    JobNotFoundError,
    RecordUnreadableError,
)
from agent_exec.model.job import JobStatus  # noqa: TC001 - the schema reads it
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.process import cgroup
from agent_exec.process.exit_watch import ExitWatch, await_exit
from agent_exec.process.liveness import Verdict
from agent_exec.process.tree import signal_job
from agent_exec.store import removal
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.store.jobs import JobDir, JobStore

__all__ = [
    "Look",
    "RepairReport",
    "RepairedJob",
    "look",
    "look_and_settle",
    "repair_jobs",
    "settle_if_proved",
]

_KILL_TIMEOUT_S = 3.0
_LOCK_TIMEOUT_S = 1.0  # to tidy up, which can as well be done another time
_NOTHING_TO_DO = frozenset(
    {
        Verdict.CREATED,
        Verdict.ENDED,
        Verdict.RUNNING,
        Verdict.RUNNING_FOREIGN,
        Verdict.PAUSED,
        Verdict.SUPERVISOR_STOPPED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedJob:
    """What was found of one job, and what was done.

    Attributes:
        state: as it stands now; None when it cannot be read.
        verdict: in the words of ``status``; None when the records cannot be read.
        action: ``repaired``, ``killed``, ``would_repair``, ``would_kill``, ``none`` (all is
            well), ``reported`` (only you can tell) or ``failed``.
        evidence: what the verdict rests on, or what went wrong.
    """

    job_id: str
    state: JobStatus | None = None
    verdict: str | None = None
    action: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What ``repair`` found and did; of ``--all``, only the jobs that are not as they should be."""

    wire_type = "repair"

    root: str
    dry_run: bool
    repaired: int
    killed: int
    reported: int
    failed: int
    jobs: tuple[RepairedJob, ...]


def repair_jobs(
    store: JobStore,
    ids: Iterable[str] | None,
    *,
    kill: bool = False,
    is_sure: bool = False,
    dry_run: bool = False,
) -> RepairReport:
    """Record the end of jobs that say ``running`` while nothing of theirs runs.

    Unlike the other verbs this also takes what is only likely: another program's job whose
    process is gone. A process that may be a stranger's is never signalled.

    Args:
        store: the root.
        ids: or beginnings of ids; None is every job.
        kill: also end what lives on after its supervisor.
        is_sure: also take the word of whoever names a job that it is over, though it runs, or
            ran, where nothing can be seen of it: on another machine, in another PID namespace.
        dry_run: say what would be done.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        UnsafeRootError: the root is somebody else's.
    """
    if not dry_run:
        with contextlib.suppress(FileNotFoundError):
            require_own_root(store.root)
    is_all = ids is None
    names = sorted(store.names()) if ids is None else [store.resolve(each) for each in ids]
    how = _How(kill=kill, is_sure=is_sure and not is_all, dry_run=dry_run)
    jobs = [_repair_one(store, name, how) for name in dict.fromkeys(names)]
    if is_all and not dry_run:
        cgroup.sweep(os.environ)
    counts = {
        word: sum(job.action in (word, f"would_{verb}") for job in jobs)
        for word, verb in (("repaired", "repair"), ("killed", "kill"))
    }
    return RepairReport(
        root=store.root,
        dry_run=dry_run,
        repaired=0 if dry_run else counts["repaired"],
        killed=0 if dry_run else counts["killed"],
        reported=sum(job.action == "reported" for job in jobs),
        failed=sum(job.action == "failed" for job in jobs),
        jobs=tuple(job for job in jobs if not is_all or job.action != "none"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """What was asked for."""

    kill: bool
    is_sure: bool
    dry_run: bool


def _repair_one(store: JobStore, job_id: str, how: _How) -> RepairedJob:
    try:
        with store.open(job_id) as job:
            action = _action_for(job, look(job), how)
            if not how.dry_run:
                _tidy(job)
            if how.dry_run or action in ("none", "reported"):
                found = look(job)
                words = {"repaired": "would_repair", "killed": "would_kill"}
                return _told(job, found, words.get(action, action))
            with job.locked():
                return _repair_locked(job, how)
    except JobNotFoundError:
        return RepairedJob(job_id=job_id, action="none", evidence="it was deleted meanwhile")
    except RecordUnreadableError as error:
        evidence = f"{error.name}: {error.reason}"
        return RepairedJob(job_id=job_id, action="reported", evidence=evidence)
    except (AgentExecError, OSError) as error:
        return RepairedJob(job_id=job_id, action="failed", evidence=str(error))


def _tidy(job: JobDir) -> None:
    """Remove what crashed writers left beside the records."""
    if removal.temporary_files(job):
        with contextlib.suppress(InvalidStateError, OSError), job.locked(_LOCK_TIMEOUT_S):
            removal.sweep_temporary_files(job)


def _told(job: JobDir, found: Look, action: str) -> RepairedJob:
    evidence = found.liveness.evidence
    if _is_out_of_sight(found) and action == "reported":
        evidence += f"; look there, and if it is over: `repair --yes {job.job_id}`"
    return RepairedJob(
        job_id=job.job_id,
        state=found.state.status,
        verdict=found.liveness.verdict.value,
        action=action,
        evidence=evidence,
    )


def _is_out_of_sight(found: Look) -> bool:
    """Whether the job may run where it cannot be seen from here, so that only a person can tell."""
    hidden = found.liveness.verdict is Verdict.UNVERIFIED and not found.liveness.is_here
    return hidden or found.liveness.verdict is Verdict.ELSEWHERE


def _action_for(job: JobDir, found: Look, how: _How) -> str:
    verdict = found.liveness.verdict
    if needs_settling(job, found):
        return "repaired"
    if verdict in _NOTHING_TO_DO or found.state.is_terminal:
        return "none"
    if verdict is Verdict.CHILD_ALIVE:
        return "killed" if how.kill else "reported"
    if _is_out_of_sight(found):
        return "repaired" if how.is_sure else "reported"
    return "reported" if found.liveness.is_alive else "repaired"


def _repair_locked(job: JobDir, how: _How) -> RepairedJob:
    found = look(job)
    action = _action_for(job, found, how)
    if action == "repaired":
        if needs_settling(job, found):
            settle_if_proved(job)
        else:
            record_lost(job, found)
    elif action == "killed" and not _kill_orphan(job, found):
        return replace(_told(job, look(job), "failed"), evidence="it did not end in time")
    now = look(job)
    return replace(_told(job, found, action), state=now.state.status)


def _kill_orphan(job: JobDir, found: Look) -> bool:
    """End what lives on without its supervisor; False when it does not end in time."""
    child = found.supervision.child if found.supervision is not None else None
    if child is None:
        return False
    with ExitWatch(child.pid, child.start_ticks) as watch:
        signal_job(job, found.state, found.supervision, signals.SIGKILL)
        give_up_at = time.monotonic() + _KILL_TIMEOUT_S
        while not watch.has_ended:
            left_s = give_up_at - time.monotonic()
            if left_s <= 0:
                return False
            await_exit([watch], left_s)
    settle_if_proved(job, ended_by=signals.SIGKILL)
    return True
