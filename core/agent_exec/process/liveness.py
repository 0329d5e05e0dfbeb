"""Whether a job runs, told by evidence: its supervisor's lock and its child's identity."""

from __future__ import annotations

import os
from enum import StrEnum

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.job import JobStatus
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.supervision import EndCause
from agent_exec.model.timestamps import parse_timestamp
from agent_exec.process import identity
from agent_exec.process.recognition import recognise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.job import JobState
    from agent_exec.model.supervision import ProcessIdentity, Supervision
    from agent_exec.process.identity import ProcessStat
    from agent_exec.process.recognition import Sight
    from agent_exec.store.jobs import JobDir

# Between the peers' `started_at` and their child's start lies the start of their supervisor;
# both clocks count whole seconds at best.
_EARLIEST_START_S = -2.0
_LATEST_START_S = 10.0


class Verdict(StrEnum):
    """What the evidence says about a job."""

    CREATED = "created"
    ENDED = "ended"
    RUNNING = "running"
    RUNNING_FOREIGN = "running (foreign)"
    PAUSED = "paused"
    SUPERVISOR_STOPPED = "supervisor stopped"
    CHILD_ALIVE = "supervisor lost, child alive"
    LOST = "lost"
    PID_REUSED = "pid reused"
    STALE = "stale (reboot)"
    UNVERIFIED = "unverified"
    ELSEWHERE = "elsewhere"


# The job's own process is there, and its own beyond doubt.
CERTAINLY_ALIVE = frozenset(
    {Verdict.RUNNING, Verdict.RUNNING_FOREIGN, Verdict.PAUSED, Verdict.CHILD_ALIVE}
)


@dataclass(frozen=True, slots=True)
class Liveness:
    """A verdict and what it rests on.

    Attributes:
        evidence: one line for people.
        is_alive: whether the job's own process lives; None when that cannot be told.
        is_proved_over: a running record whose end is proved: our supervisor's lock is free and
            the child it named is gone. Whoever holds the job's lock may put the record right.
        is_here: whether its processes can be told apart from here; else none is signalled, and
            nothing is proved of them.
        is_supervised: whether somebody is left who records the end.
    """

    verdict: Verdict
    evidence: str
    is_alive: bool | None
    is_proved_over: bool = False
    is_here: bool = True
    is_supervised: bool = False

    @property
    def may_live(self) -> bool:
        """Whether the job's process lives, or may for all that can be told from here."""
        return bool(self.is_alive) or self.verdict is Verdict.ELSEWHERE


def assess(job: JobDir, state: JobState, supervision: Supervision | None) -> Liveness:
    """Judge a job by what can be seen of its processes.

    Args:
        job: its directory; the supervisor's lock lies in it.
        state: as read a moment ago. ``ENDED`` for a running one means: read it again.
        supervision: our own record, None for jobs of other programs.
    """
    ours = _own_record(job, state, supervision)
    if state.status is JobStatus.CREATED:
        return Liveness(Verdict.CREATED, "not started yet", False)
    if state.is_terminal:
        return _assess_ended(job, state, ours)
    if ours is None or ours.child is None:
        return _assess_foreign(job, state)
    if job.has_supervisor():
        return _assess_supervised(job, ours, ours.child)
    if _has_ended_meanwhile(job, state):
        return Liveness(Verdict.ENDED, "the job ended while it was looked at", False)
    return _assess_orphan(job, ours, ours.child)


def _assess_supervised(job: JobDir, ours: Supervision, child: ProcessIdentity) -> Liveness:
    evidence = f"supervisor {ours.supervisor.pid} holds its lock on the job"
    seen = recognise(child, job)
    if seen.elsewhere:
        evidence = f"{evidence}; it runs {seen.elsewhere}"
        return Liveness(Verdict.RUNNING, evidence, True, is_here=False, is_supervised=True)
    stat = seen.stat
    if stat is not None and stat.state == "T":
        evidence = f"child {stat.pid} is stopped; `kill --signal CONT {job.job_id}` continues it"
        return Liveness(Verdict.PAUSED, evidence, True, is_supervised=True)
    if seen.gone or (stat is not None and not stat.is_alive):
        supervisor = recognise(ours.supervisor, job).stat
        if supervisor is not None and supervisor.state == "T":
            evidence = (
                f"child {child.pid} has ended; supervisor {supervisor.pid} is stopped and records "
                f"it once it goes on (kill -CONT {supervisor.pid})"
            )
            return Liveness(Verdict.SUPERVISOR_STOPPED, evidence, False, is_supervised=True)
    return Liveness(Verdict.RUNNING, evidence, True, is_supervised=True)


def _own_record(
    job: JobDir, state: JobState, supervision: Supervision | None
) -> Supervision | None:
    if supervision is not None and supervision.describes(state):
        return supervision
    if state.status is JobStatus.RUNNING and job.has_supervisor():
        # It may have been read a moment before the job was started.
        supervision = job.read_supervision()
        return supervision if supervision is not None and supervision.describes(state) else None
    return None


def _assess_ended(job: JobDir, state: JobState, ours: Supervision | None) -> Liveness:
    """Doubt a recorded end only where the very process still lives.

    The oldest peers' `kill` writes ``killed`` before anything died of it.
    """
    if ours is not None:
        if job.has_supervisor() and ours.child is not None and _is_still(ours.child, job):
            evidence = f"recorded as {state.status}, yet its child {ours.child.pid} still runs"
            return Liveness(Verdict.RUNNING, evidence, True)
        if ours.cause is EndCause.LOST:
            return Liveness(Verdict.ENDED, "recorded once its supervisor was gone", False)
        return Liveness(Verdict.ENDED, "its supervisor recorded the end", False)
    stat = _plausible_stat(state)
    if stat is not None and stat.is_alive and _leads(stat) and _starts_near(stat, state) is True:
        evidence = f"recorded as {state.status}, yet process {stat.pid} still lives"
        if _is_peer_supervisor(stat.parent_pid, job.job_id):
            return Liveness(Verdict.RUNNING_FOREIGN, evidence, True)
        return Liveness(Verdict.UNVERIFIED, evidence, True)
    return Liveness(Verdict.ENDED, "recorded by another program", False)


def _is_still(child: ProcessIdentity, job: JobDir) -> bool:
    stat = recognise(child, job).stat
    return stat is not None and stat.is_alive


def _has_ended_meanwhile(job: JobDir, state: JobState) -> bool:
    """Whether the lock is free because the supervisor finished after *state* was read."""
    try:
        now = job.read_state()
    except RecordUnreadableError:
        return False
    return now.status is not JobStatus.RUNNING or now.started_at != state.started_at


def _assess_orphan(job: JobDir, ours: Supervision, child: ProcessIdentity) -> Liveness:
    lost = f"supervisor {ours.supervisor.pid} is gone without recording an end"
    seen = recognise(child, job)
    if seen.stat is not None:
        return _assess_orphan_seen(lost, seen.stat)
    if seen.elsewhere:
        return _assess_elsewhere(seen)
    if seen.doubt:
        is_there = identity.exists(child.pid)
        evidence = f"{lost}; {seen.doubt}"
        return Liveness(Verdict.UNVERIFIED, evidence, is_there or None, is_here=not is_there)
    if seen.is_reboot:
        return Liveness(Verdict.STALE, seen.gone, False, True)
    if seen.is_reused:
        return Liveness(Verdict.PID_REUSED, f"{lost}; {seen.gone}", False, True)
    return Liveness(Verdict.LOST, f"{lost}; child {child.pid} is gone, too", False, True)


def _assess_orphan_seen(lost: str, stat: ProcessStat) -> Liveness:
    if not stat.is_alive:
        evidence = f"{lost}; child {stat.pid} has ended and was not collected"
        return Liveness(Verdict.LOST, evidence, False, True)
    how = "is stopped" if stat.state == "T" else "still runs"
    return Liveness(Verdict.CHILD_ALIVE, f"{lost}; child {stat.pid} {how}", True)


def _assess_elsewhere(seen: Sight) -> Liveness:
    """Say nothing of what is out of sight; on another machine somebody may still record its end.

    Locks are shared between the PID namespaces of one machine: there, nobody is left to.
    """
    evidence = f"no supervisor's lock is seen here; it runs {seen.elsewhere}"
    may_be_recorded = not seen.is_same_machine
    return Liveness(Verdict.ELSEWHERE, evidence, None, is_here=False, is_supervised=may_be_recorded)


def _assess_foreign(job: JobDir, state: JobState) -> Liveness:
    """Judge a job of another program, which leaves nothing but a pid and a time."""
    if state.pid is None:
        return Liveness(Verdict.UNVERIFIED, "the record names no process", None)
    if not is_possible_pid(state.pid):
        return Liveness(Verdict.UNVERIFIED, f"pid {state.pid} cannot be a job's", None)
    stat = identity.read_stat(state.pid)
    if stat is None and identity.exists(state.pid) and identity.read_stat(state.pid) is None:
        evidence = f"process {state.pid} is there, but may not be looked at"
        if identity.BLINDNESS:
            evidence = f"a process {state.pid} is there, but {identity.BLINDNESS}"
        return Liveness(Verdict.UNVERIFIED, evidence, True, is_here=False)
    if stat is None or not stat.is_alive:
        return Liveness(Verdict.LOST, f"process {state.pid} is gone, no end is recorded", False)
    if _is_peer_supervisor(stat.pid, job.job_id):
        evidence = f"process {stat.pid} is another program's supervisor about to start the job"
        return Liveness(Verdict.UNVERIFIED, evidence, True)
    if _is_peer_supervisor(stat.parent_pid, job.job_id) and _leads(stat):
        evidence = f"process {stat.pid} is the child of another program's supervisor"
        if stat.state == "T":
            return Liveness(Verdict.PAUSED, f"{evidence} and is stopped", True)
        return Liveness(Verdict.RUNNING_FOREIGN, evidence, True)
    if not _leads(stat):
        evidence = f"process {stat.pid} does not lead a process group as a job's child does"
        return Liveness(Verdict.PID_REUSED, evidence, False)
    if _starts_near(stat, state) is False:
        evidence = f"process {stat.pid} was not started when the job was"
        return Liveness(Verdict.PID_REUSED, evidence, False)
    evidence = f"process {stat.pid} may be the job's, but no supervisor vouches for it"
    return Liveness(Verdict.UNVERIFIED, evidence, True)


def is_possible_pid(pid: int) -> bool:
    """Whether a job's child can have that pid: not init, not us, not out of range."""
    return 1 < pid <= identity.highest_pid() and pid not in (os.getpid(), os.getpgrp())


def _plausible_stat(state: JobState) -> ProcessStat | None:
    if state.pid is None or not is_possible_pid(state.pid):
        return None
    return identity.read_stat(state.pid)


def _leads(stat: ProcessStat) -> bool:
    return stat.group == stat.pid


def _starts_near(stat: ProcessStat, state: JobState) -> bool | None:
    """Whether a process started when the record says; None where that cannot be told."""
    started_at = parse_timestamp(state.started_at)
    process_epoch_s = identity.started_epoch_s(stat)
    if started_at is None or process_epoch_s is None:
        return None
    delay_s = process_epoch_s - started_at.timestamp()
    return _EARLIEST_START_S <= delay_s <= _LATEST_START_S


def _is_peer_supervisor(pid: int, job_id: str) -> bool:
    words = identity.command_line(pid)
    return b"_supervise" in words[1:2] and os.fsencode(job_id) in words
