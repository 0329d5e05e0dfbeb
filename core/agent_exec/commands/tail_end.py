"""Why ``tail --follow`` ended: its last document."""

from __future__ import annotations

import time
from enum import StrEnum

from agent_exec.commands.settling import look
from agent_exec.errors import AgentExecError
from agent_exec.model.job import JobStatus
from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.settling import Look
    from agent_exec.store.jobs import JobDir


# Another program's supervisor writes the end, or its record anew, a moment later.
_UNCLEAR_S = 1.0


class TailEndReason(StrEnum):
    """Why nothing more comes."""

    ENDED = "ended"
    LOST = "lost"
    UNREADABLE = "unreadable"
    REMOVED = "removed"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TailEnd:
    """The last document of a followed job.

    Attributes:
        reason: ``ended``: the job is over and all it wrote was told; ``lost``: its process is
            gone and nobody recorded how; ``unreadable``: nobody runs it and its record is missing or
            damaged; ``removed``: its directory is gone; ``timeout``,
            ``interrupted``: the time was up, or a signal came, and the job goes on.
        state: as recorded; left out if that cannot be read.
    """

    wire_type = "tail_end"

    job_id: str
    reason: TailEndReason
    state: JobStatus | None = None
    exit_code: int | None = None
    signal: str | None = None


class EndWatch:
    """Looks whether a followed job is over; remembers since when that cannot be told."""

    def __init__(self, job: JobDir) -> None:
        self._job = job
        self._unclear_since_s: float | None = None

    def look(self) -> TailEnd | None:
        """Say how the job is over and its output complete; None while it may still write."""
        job = self._job
        if not job.is_in_place():
            return TailEnd(job_id=job.job_id, reason=TailEndReason.REMOVED)
        found = _look(job)
        if found is None:
            return None if job.has_supervisor() else self._unclear(TailEndReason.UNREADABLE, None)
        state, liveness = found.state, found.liveness
        if state.is_terminal:
            if job.has_supervisor() or found.runs:
                return None  # what was left behind may still write
            return _told(job, TailEndReason.ENDED, found)
        if liveness.is_proved_over:
            return _told(job, TailEndReason.LOST, found)
        is_nobodys = not liveness.may_live and not liveness.is_supervised
        if state.status is JobStatus.RUNNING and is_nobodys:
            return self._unclear(TailEndReason.LOST, found)
        self._unclear_since_s = None
        return None

    def _unclear(self, reason: TailEndReason, found: Look | None) -> TailEnd | None:
        """Give who may still be writing the record a moment: then nobody will say more."""
        now_s = time.monotonic()
        if self._unclear_since_s is None:
            self._unclear_since_s = now_s
        return (
            _told(self._job, reason, found) if now_s - self._unclear_since_s > _UNCLEAR_S else None
        )


def given_up(job: JobDir, reason: TailEndReason) -> TailEnd:
    """Say that a job was left, and how it was then."""
    return _told(job, reason, _look(job))


def _look(job: JobDir) -> Look | None:
    try:
        return look(job)
    except AgentExecError:
        return None  # being written, or not there yet


def _told(job: JobDir, reason: TailEndReason, found: Look | None) -> TailEnd:
    if found is None:
        return TailEnd(job_id=job.job_id, reason=reason)
    result = found.state.result
    return TailEnd(
        job_id=job.job_id,
        reason=reason,
        state=found.state.status,
        exit_code=result.exit_code,
        signal=result.signal,
    )
