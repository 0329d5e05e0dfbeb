"""Job directories as other programs leave them, one at a time and as the test wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from support.many_jobs import write_job

if TYPE_CHECKING:
    from agent_exec.store.jobs import JobStore

NO_PROCESS = 2**22 + 17  # above every pid a kernel gives
NEW_YEAR = "2026-01-01T00:00:00Z"


def put_job(
    store: JobStore,
    job_id: str,
    status: str | None = "exited",
    *,
    started_at: str | None = NEW_YEAR,
    finished_at: str | None = None,
    updated_at: str = NEW_YEAR,
    tags: tuple[str, ...] = (),
    cwd: str | None = "/srv",
    pid: int | None = NO_PROCESS,
    command: tuple[str, ...] = ("echo", "test"),
    stdout: bytes = b"",
) -> str:
    """Write a job; *status* None leaves state.json out. Returns the directory's path."""
    meta = JobMeta(
        job=JobRef(job_id),
        schema_version="0.1",
        command=command,
        created_at=NEW_YEAR,
        root=store.root,
        env_keys=(),
        cwd=cwd,
        tags=tags,
    )
    state = status and JobState(
        job=StateJob(id=job_id, status=JobStatus(status), started_at=started_at),
        result=JobResult(exit_code=0 if status == "exited" else None),
        pid=pid,
        finished_at=finished_at,
        updated_at=updated_at,
    )
    return write_job(store.root, meta, state or None, stdout=stdout)
