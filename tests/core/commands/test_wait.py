"""wait ends with the job or at the deadline, and never hangs on the dead."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.commands import wait as wait_module
from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.start import start_job
from agent_exec.commands.wait import WaitedJob, wait_job, wait_jobs
from agent_exec.errors import InvalidArgumentError, JobNotFoundError
from agent_exec.model.job import JobStatus
from agent_exec.model.supervision import EndCause
from agent_exec.store.jobs import JobStore
from support.foreign import foreign_job
from support.launching import lose_both, lose_supervisor, running, running_and_ready


def test_the_answer_begins_with_the_wire_fields_in_order() -> None:
    assert [field.name for field in fields(WaitedJob)][:11] == [
        "job_id",
        "state",
        "exit_code",
        "stdout",
        "stderr",
        "encoding",
        "stdout_range",
        "stderr_range",
        "stdout_total_bytes",
        "stderr_total_bytes",
        "updated_at",
    ]


def test_the_end_is_told_soon_after_it_came(store: JobStore) -> None:
    job_id = running(store, "sh", "-c", "echo o; echo e >&2; sleep 0.3; exit 4")
    began = time.monotonic()
    waited = wait_job(store, job_id[:8], poll_s=20, until_s=20)
    assert time.monotonic() - began < 5  # far less than the poll
    assert (waited.job_id, waited.state, waited.exit_code) == (job_id, JobStatus.EXITED, 4)
    assert (waited.stdout, waited.stderr, waited.stdout_range) == ("o\n", "e\n", (0, 2))
    assert (waited.cause, waited.liveness, waited.signal) == (EndCause.EXIT, None, None)


def test_the_deadline_answers_what_is(store: JobStore) -> None:
    job_id = running_and_ready(store, "echo part; touch $READY; sleep 60")
    began = time.monotonic()
    waited = wait_job(store, job_id, until_s=0.2)
    assert 0.2 <= time.monotonic() - began < 3
    assert (waited.state, waited.exit_code, waited.stdout) == (JobStatus.RUNNING, None, "part\n")
    assert waited.liveness is not None
    assert waited.liveness.verdict == "running"


def test_a_created_job_is_looked_at_once_when_there_is_no_time(store: JobStore) -> None:
    job_id = create_job(store, JobDefinition(command=("true",))).job_id
    assert wait_job(store, job_id, until_s=0).state is JobStatus.CREATED


def test_a_job_that_is_started_meanwhile_is_waited_for(store: JobStore) -> None:
    job_id = create_job(store, JobDefinition(command=("sh", "-c", "exit 6"))).job_id
    starter = threading.Timer(0.3, start_job, (store, job_id))
    starter.start()
    try:
        assert wait_job(store, job_id, until_s=20).exit_code == 6
    finally:
        starter.join()


def test_only_the_last_lines_are_answered(store: JobStore) -> None:
    job_id = running(store, "sh", "-c", "seq 1 100; printf end")
    waited = wait_job(store, job_id)
    lines = waited.stdout.split("\n")
    assert (len(lines), lines[0], lines[-1]) == (50, "52", "end")
    assert waited.stdout_range[1] == waited.stdout_total_bytes


def test_the_answer_comes_after_the_logs_are_complete(store: JobStore) -> None:
    # The grandchild writes a moment after the child is gone and holds the pipe till then.
    job_id = running(store, "sh", "-c", "(sleep 0.5; echo late) & echo early")
    waited = wait_job(store, job_id, until_s=20)
    assert (waited.state, waited.stdout) == (JobStatus.EXITED, "early\nlate\n")


def test_undrained_logs_do_not_outlast_the_deadline(store: JobStore) -> None:
    job_id = foreign_job(store, "exited", logs_drained=False)
    began = time.monotonic()
    assert wait_job(store, job_id, until_s=0.3).state is JobStatus.EXITED
    assert 0.3 <= time.monotonic() - began < 3


@pytest.mark.parametrize("until_s", [None, 20.0])
def test_a_lost_job_is_answered_at_once_as_failed(store: JobStore, until_s: float | None) -> None:
    job_id = running(store, "sleep", "60")
    lose_both(store, job_id)
    began = time.monotonic()
    waited = wait_job(store, job_id, until_s=until_s)
    assert time.monotonic() - began < 5
    assert (waited.state, waited.exit_code, waited.cause) == (JobStatus.FAILED, None, EndCause.LOST)
    assert "is gone" in (waited.reason or "")


def test_a_job_lost_during_the_wait_ends_the_wait(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    lose = threading.Timer(0.3, lose_both, (store, job_id))
    lose.start()
    try:
        assert wait_job(store, job_id, poll_s=1, until_s=None).state is JobStatus.FAILED
    finally:
        lose.join()


def test_an_orphan_is_waited_for_while_it_lives(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    lose_supervisor(store, job_id)
    waited = wait_job(store, job_id, until_s=0.2)
    assert waited.state is JobStatus.RUNNING
    assert waited.liveness is not None
    assert waited.liveness.verdict == "supervisor lost, child alive"


def test_another_programs_dead_job_does_not_hold_for_ever(store: JobStore, gone_pid: int) -> None:
    job_id = foreign_job(store, "running", gone_pid)
    began = time.monotonic()
    waited = wait_job(store, job_id, until_s=None)
    assert time.monotonic() - began < 5
    assert waited.state is JobStatus.RUNNING
    assert waited.liveness is not None
    assert waited.liveness.verdict == "lost"


def test_a_reused_pid_does_not_hold_for_ever(
    store: JobStore, stranger: subprocess.Popen[bytes]
) -> None:
    waited = wait_job(store, foreign_job(store, "running", stranger.pid), until_s=None)
    assert waited.liveness is not None
    assert waited.liveness.verdict == "pid reused"
    assert stranger.poll() is None


def test_any_ends_with_the_first_and_all_with_the_last(store: JobStore) -> None:
    quick = running(store, "sh", "-c", "exit 1")
    slow = running(store, "sleep", "60")
    first = wait_jobs(store, [slow, quick], mode="any", until_s=20)
    assert (first.mode, first.satisfied) == ("any", True)
    assert [job.job_id for job in first.jobs] == [slow, quick]
    assert [job.state for job in first.jobs] == [JobStatus.RUNNING, JobStatus.EXITED]
    assert not wait_jobs(store, [slow, quick], mode="all", until_s=0.2).satisfied
    killer = threading.Timer(0.2, kill_job, (store, slow))
    killer.start()
    try:
        last = wait_jobs(store, [slow, quick, slow[:9]], mode="all", until_s=20)
    finally:
        killer.join()
    assert last.satisfied
    assert [job.state for job in last.jobs] == [JobStatus.KILLED, JobStatus.EXITED]
    assert last.jobs[0].signal == "15"


def test_missing_jobs_are_told(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        wait_job(store, "deadbeef")
    with pytest.raises(InvalidArgumentError):
        wait_jobs(store, [])


def test_a_job_removed_during_the_wait_is_not_found(store: JobStore) -> None:
    job_id = create_job(store, JobDefinition(command=("true",))).job_id
    away = Path(store.root).parent / "away"
    move = threading.Timer(0.3, Path(store.root, job_id).rename, (away,))
    move.start()
    try:
        with pytest.raises(JobNotFoundError):
            wait_job(store, job_id, until_s=20)
    finally:
        move.join()


def test_more_jobs_than_descriptors_are_waited_for(store: JobStore) -> None:
    jobs = [foreign_job(store, "exited") for _ in range(60)]
    slow = [running(store, "sh", "-c", "sleep 0.5; exit 2") for _ in range(8)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wait_module._MOST_WATCHED, most = 3, wait_module._MOST_WATCHED
    in_use = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 8, hard))
    try:
        waited = wait_jobs(store, [*jobs, *slow], mode="all", until_s=20, poll_s=0.1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        wait_module._MOST_WATCHED = most
    assert waited.satisfied
    assert [job.exit_code for job in waited.jobs[60:]] == [2] * 8
