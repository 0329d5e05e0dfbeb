"""Records as other programs leave them."""

from __future__ import annotations

import json
from pathlib import Path

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.store.jobs import JobStore

LONG_AGO = "2026-01-01T00:00:00Z"


def foreign_job(
    store: JobStore, status: str, pid: int | None = None, *, logs_drained: bool = True
) -> str:
    """A job in that state without a word of ours, such as the peers write; returns its id."""
    job_id = create_job(store, JobDefinition(command=("echo", "again"))).job_id
    document: dict[str, object] = {
        "job": {"id": job_id, "status": status, "started_at": LONG_AGO},
        "result": {"exit_code": None, "signal": None, "duration_ms": None},
        "updated_at": LONG_AGO,
        "logs_drained": logs_drained,
    }
    if pid is not None:
        document["pid"] = pid
    if status not in ("created", "running"):
        document["finished_at"] = LONG_AGO
    Path(store.root, job_id, "state.json").write_text(json.dumps(document))
    return job_id
