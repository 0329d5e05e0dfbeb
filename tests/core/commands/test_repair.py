"""repair puts right what nothing runs any more, and signals no stranger."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.repair import repair_jobs
from agent_exec.commands.run import run_job
from agent_exec.commands.wait import wait_job
from agent_exec.errors import JobNotFoundError
from agent_exec.model import records
from agent_exec.model.job import JobResult, JobStatus
from agent_exec.model.supervision import EndCause
from agent_exec.model.wire import encode_state
from agent_exec.process.liveness import assess
from agent_exec.store.jobs import JobStore
from support.foreign import LONG_AGO, foreign_job
from support.launching import (
    is_alive,
    lose_both,
    lose_supervisor,
    running,
    state_of,
    supervision_of,
)
from support.waiting import wait_until


def test_a_proved_end_is_recorded_with_its_cause(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    started_at = state_of(store, job_id).started_at
    lose_both(store, job_id)
    report = repair_jobs(store, [job_id[:8]])
    (job,) = report.jobs
    assert (report.repaired, job.job_id, job.action) == (1, job_id, "repaired")
    assert (job.state, job.verdict) == (JobStatus.FAILED, "lost")
    state, supervision = state_of(store, job_id), supervision_of(store, job_id)
    assert (state.result, state.started_at, state.pid) == (JobResult(), started_at, None)
    assert (supervision.cause, supervision.describes(state)) == (EndCause.LOST, True)
    with store.open(job_id) as found:
        assert "supervisor was gone" in assess(found, state, supervision).evidence


def test_all_names_only_what_is_not_as_it_should_be(store: JobStore, gone_pid: int) -> None:
    running(store, "sleep", "60")
    create_job(store, JobDefinition(command=("true",)))
    wait_job(store, run_job(store, JobDefinition(command=("true",))).job_id)
    stale = foreign_job(store, "running", gone_pid)
    report = repair_jobs(store, None)
    assert [(job.job_id, job.action) for job in report.jobs] == [(stale, "repaired")]
    state, supervision = state_of(store, stale), supervision_of(store, stale)
    assert (state.status, state.started_at) == (JobStatus.FAILED, LONG_AGO)
    assert (supervision.cause, supervision.describes(state)) == (EndCause.LOST, True)


def test_a_dry_run_changes_nothing(store: JobStore, gone_pid: int) -> None:
    stale = foreign_job(store, "running", gone_pid)
    before = Path(store.root, stale, "state.json").read_bytes()
    report = repair_jobs(store, None, dry_run=True)
    assert (report.dry_run, report.repaired) == (True, 0)
    assert [job.action for job in report.jobs] == ["would_repair"]
    assert Path(store.root, stale, "state.json").read_bytes() == before


def test_an_orphan_is_reported_and_ended_only_when_asked(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    child = lose_supervisor(store, job_id)
    report = repair_jobs(store, None)
    assert (report.reported, [job.action for job in report.jobs]) == (1, ["reported"])
    assert is_alive(child)
    assert repair_jobs(store, None, kill=True, dry_run=True).jobs[0].action == "would_kill"
    report = repair_jobs(store, None, kill=True)
    assert (report.killed, report.jobs[0].action) == (1, "killed")
    wait_until(lambda: not is_alive(child))
    state = state_of(store, job_id)
    assert (state.status, state.result.signal) == (JobStatus.KILLED, "9")
    assert supervision_of(store, job_id).cause is EndCause.LOST


def test_a_stranger_is_never_signalled(store: JobStore, stranger: subprocess.Popen[bytes]) -> None:
    job_id = foreign_job(store, "running", stranger.pid)
    report = repair_jobs(store, [job_id], kill=True)
    assert (report.jobs[0].action, report.jobs[0].verdict) == ("repaired", "pid reused")
    assert stranger.poll() is None
    assert state_of(store, job_id).status is JobStatus.FAILED


def test_logs_that_nobody_can_complete_any_more_are_complete(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("sh", "-c", "exit 3"))).job_id
    wait_job(store, job_id)
    with store.open(job_id) as job:
        wait_until(lambda: not job.has_supervisor())
        document = encode_state(job.read_state())
        job.write_record(records.STATE_FILE, {**document, "logs_drained": False})
    report = repair_jobs(store, [job_id])
    assert report.jobs[0].action == "repaired"
    state = state_of(store, job_id)
    assert (state.status, state.result.exit_code, state.logs_drained) == (JobStatus.EXITED, 3, True)


def test_healthy_jobs_are_left_alone(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    report = repair_jobs(store, [job_id, job_id[:9]], kill=True)
    assert [(job.action, job.state) for job in report.jobs] == [("none", JobStatus.RUNNING)]


def test_an_unreadable_record_is_told_and_the_others_go_on(store: JobStore, gone_pid: int) -> None:
    Path(store.root, "broken").mkdir(parents=True)
    stale = foreign_job(store, "running", gone_pid)
    report = repair_jobs(store, None)
    assert {job.job_id: job.action for job in report.jobs} == {
        "broken": "reported",
        stale: "repaired",
    }


def test_a_missing_job_is_told(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        repair_jobs(store, ["nope"])


def test_temporary_files_of_crashed_writers_are_swept(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("true",))).job_id
    directory = Path(store.root, job_id)
    wait_until(lambda: not list(directory.glob(".tmp-*")), what="the supervisor's own tidying")
    with store.open(job_id) as job:  # who holds the lock may be writing
        wait_until(lambda: not job.has_supervisor(), what="the end of the supervisor")
    old, young = directory / ".tmp-0ld", directory / ".tmp-y0ung"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    repair_jobs(store, None, dry_run=True)
    assert old.exists()
    repair_jobs(store, None)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_lost_jobs_space_in_hand_is_given_back(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    directory = Path(store.root, job_id)
    assert list(directory.glob(".tmp-*"))
    lose_both(store, job_id)
    repair_jobs(store, [job_id])
    assert not list(directory.glob(".tmp-*"))
