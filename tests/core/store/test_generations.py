"""Directories recorded from every generation of the peers are read, today and always."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent_exec.model.job import JobStatus
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import JobRecord, read_job

GENERATIONS = Path(__file__).parent / "generations"


def records_of(generation: str, tmp_path: Path) -> dict[str, JobRecord]:
    root = tmp_path / generation
    shutil.copytree(GENERATIONS / generation, root)
    store = JobStore(root)
    read = [read_job(store, name) for name in store.names()]
    return {record.meta.tags[0]: record for record in read if record and record.meta}


@pytest.mark.parametrize("generation", ["0.2.3", "0.2.40"])
def test_a_recorded_generation_loads(generation: str, tmp_path: Path) -> None:
    jobs = records_of(generation, tmp_path)
    assert {job.problem for job in jobs.values()} == {None}
    statuses = {tag: job.state.status for tag, job in jobs.items() if job.state}
    assert statuses == {
        "kept.created": JobStatus.CREATED,
        "kept.exited": JobStatus.EXITED,
        "kept.killed": JobStatus.KILLED,
        # The seed leaves a failed launch "running" for ever.
        "kept.failed": JobStatus.RUNNING if generation == "0.2.3" else JobStatus.FAILED,
    }
    created, exited = jobs["kept.created"].meta, jobs["kept.exited"].state
    assert created is not None
    assert created.timeout_ms == 60_000
    assert created.env_vars == ("A=1", "S=***")
    assert created.stdin_file == "stdin.bin"
    assert exited is not None
    assert exited.result.exit_code == 3
    assert (jobs["kept.exited"].stdout_bytes, jobs["kept.exited"].stderr_bytes) == (4, 4)


def test_a_ulid_with_the_six_oldest_keys_and_litter_loads(tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(GENERATIONS / "ulid", root)
    store = JobStore(root)
    record = read_job(store, store.resolve("01HZX"))
    assert record is not None
    assert record.problem is None
    assert record.meta is not None
    assert record.meta.command == ("make", "test")
    assert record.state is not None
    assert record.state.status is JobStatus.RUNNING
    assert record.state.pid is None
    assert record.stdout_bytes == 4
