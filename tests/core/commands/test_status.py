"""status tells what the records say and whether it is so."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.run import run_job
from agent_exec.commands.status import JobStatusReport, job_status
from agent_exec.commands.wait import wait_job
from agent_exec.errors import JobNotFoundError, LaunchFailedError, RecordMissingError
from agent_exec.model.job import JobStatus
from agent_exec.model.supervision import EndCause
from agent_exec.store.jobs import JobStore
from support.foreign import foreign_job
from support.launching import child_of, lose_both, lose_supervisor, running, state_of


def test_the_answer_begins_with_the_wire_fields_in_order() -> None:
    assert [field.name for field in fields(JobStatusReport)][:20] == [
        "job_id",
        "state",
        "exit_code",
        "created_at",
        "started_at",
        "finished_at",
        "command",
        "cwd",
        "tags",
        "pid",
        "process_alive",
        "updated_at",
        "elapsed_ms",
        "duration_ms",
        "signal",
        "logs_drained",
        "stdout_log_path",
        "stderr_log_path",
        "stdout_total_bytes",
        "stderr_total_bytes",
    ]
    assert JobStatusReport.wire_type == "status"


def test_a_created_job(store: JobStore) -> None:
    job_id = create_job(store, JobDefinition(command=("true",), tags=("t",))).job_id
    report = job_status(store, job_id[:8])
    assert (report.job_id, report.state, report.command) == (job_id, JobStatus.CREATED, ("true",))
    assert (report.tags, report.cwd) == (("t",), os.getcwd())
    assert (report.started_at, report.pid, report.process_alive) == (None, None, None)
    assert (report.elapsed_ms, report.duration_ms, report.cause) == (None, None, None)
    assert report.liveness.verdict == "created"


def test_a_running_job(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    report = job_status(store, job_id)
    assert (report.state, report.process_alive) == (JobStatus.RUNNING, True)
    assert report.pid == child_of(store, job_id)
    assert report.elapsed_ms is not None
    assert report.elapsed_ms >= 0
    assert report.liveness.verdict == "running"
    assert "holds its lock" in report.liveness.evidence


def test_a_finished_job(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("sh", "-c", "echo abc; exit 2"))).job_id
    wait_job(store, job_id)
    report = job_status(store, job_id)
    assert (report.state, report.exit_code, report.signal) == (JobStatus.EXITED, 2, None)
    assert (report.stdout_total_bytes, report.logs_drained) == (4, True)
    assert report.full_log_path == f"{store.root}/{job_id}/full.log"
    assert (report.elapsed_ms, report.process_alive) == (None, None)
    assert report.duration_ms is not None
    assert report.cause is EndCause.EXIT


def test_what_was_lost_of_output_and_events_is_told(store: JobStore) -> None:
    words = ("sh", "-c", "echo abcdef")
    job_id = run_job(store, JobDefinition(command=words, log_max_bytes=2)).job_id
    wait_job(store, job_id)
    report = job_status(store, job_id)
    assert report.dropped_bytes is not None
    assert report.dropped_bytes.stdout == 5
    assert (report.dropped_matches, report.unrecorded_matches) == (None, None)
    path = Path(store.root, job_id, "supervision.json")
    record = {**json.loads(path.read_text()), "dropped_matches": 3, "unrecorded_matches": 7}
    path.write_text(json.dumps(record))
    report = job_status(store, job_id)
    assert (report.dropped_matches, report.unrecorded_matches) == (3, 7)


def test_a_killed_job(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    kill_job(store, job_id)
    report = job_status(store, job_id)
    assert (report.state, report.exit_code, report.signal) == (JobStatus.KILLED, None, "15")
    assert report.cause is EndCause.SIGNAL


def test_a_failed_launch_keeps_its_reason(store: JobStore) -> None:
    with pytest.raises(LaunchFailedError):
        run_job(store, JobDefinition(command=("true",), cwd="/no/such"))
    (job_id,) = store.names()
    report = job_status(store, job_id)
    assert (report.state, report.cause) == (JobStatus.FAILED, EndCause.LAUNCH_FAILED)
    assert "enter directory /no/such" in (report.reason or "")


def test_an_orphan_is_told_and_left_running(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    lose_supervisor(store, job_id)
    report = job_status(store, job_id)
    assert (report.state, report.process_alive) == (JobStatus.RUNNING, True)
    assert report.liveness.verdict == "supervisor lost, child alive"
    assert state_of(store, job_id).status is JobStatus.RUNNING


def test_a_proved_end_is_recorded(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    lose_both(store, job_id)
    report = job_status(store, job_id)
    assert (report.state, report.cause) == (JobStatus.FAILED, EndCause.LOST)
    assert (report.exit_code, report.signal, report.duration_ms) == (None, None, None)
    assert report.finished_at
    assert state_of(store, job_id).status is JobStatus.FAILED


def test_another_programs_stale_job_is_told_but_not_changed(store: JobStore, gone_pid: int) -> None:
    job_id = foreign_job(store, "running", gone_pid)
    before = Path(store.root, job_id, "state.json").read_bytes()
    report = job_status(store, job_id)
    assert (report.state, report.process_alive) == (JobStatus.RUNNING, False)
    assert report.liveness.verdict == "lost"
    assert Path(store.root, job_id, "state.json").read_bytes() == before


def test_a_reused_pid_is_not_plainly_running(
    store: JobStore, stranger: subprocess.Popen[bytes]
) -> None:
    report = job_status(store, foreign_job(store, "running", stranger.pid))
    assert (report.liveness.verdict, report.process_alive) == ("pid reused", False)


def test_missing_records_are_told_in_the_peers_words(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        job_status(store, "nope")
    Path(store.root, "empty").mkdir(parents=True)
    with pytest.raises(RecordMissingError, match=r"^No such file or directory \(os error 2\)$"):
        job_status(store, "empty")
