"""Why ``tail --follow`` ended: its last document."""

from __future__ import annotations

from enum import StrEnum

from agent_exec.commands.settling import look
from agent_exec.errors import AgentExecError
from agent_exec.model.job import JobStatus  # noqa: TC001 - the schema reads it
from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.settling import Look
    from agent_exec.store.jobs import JobDir


class TailEndReason(StrEnum):
    """Why nothing more comes."""

    ENDED = "ended"
    LOST = "lost"
    REMOVED = "removed"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TailEnd:
    """The last document of a followed job.

    Attributes:
        reason: ``ended``: the job is over and all it wrote was told; ``lost``: its process is
            gone and nobody recorded how; ``removed``: its directory is gone; ``timeout``,
            ``interrupted``: the time was up, or a signal came, and the job goes on.
        state: as recorded; left out if that cannot be read.
    """

    wire_type = "tail_end"

    job_id: str
    reason: TailEndReason
    state: JobStatus | None = None
    exit_code: int | None = None
    signal: str | None = None


def end_of(job: JobDir) -> TailEnd | None:
    """Say how a job is over and its output complete; None while it may still write."""
    if not job.is_in_place():
        return TailEnd(job_id=job.job_id, reason=TailEndReason.REMOVED)
    found = _look(job)
    if found is None:
        return None
    if found.state.is_terminal:
        is_whole = found.state.logs_drained or not job.has_supervisor()
        return _told(job, TailEndReason.ENDED, found) if is_whole else None
    return _told(job, TailEndReason.LOST, found) if found.liveness.is_proved_over else None


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
