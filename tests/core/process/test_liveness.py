"""Whether a job runs is judged by evidence, never by a bare pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_exec.errors import UnverifiedProcessError
from agent_exec.model.job import JobResult, JobState, JobStatus, StateJob
from agent_exec.process import identity, tree
from agent_exec.process.exit_watch import ExitWatch
from agent_exec.process.liveness import Liveness, Verdict, assess
from agent_exec.process.recognition import recognise
from agent_exec.store import filesystem
from agent_exec.store.clock import timestamp_of
from support.jobs import Job, Workshop
from support.waiting import wait_until

Sleeper = subprocess.Popen[bytes]


@pytest.fixture
def stranger() -> Iterator[Sleeper]:
    """A process of nobody's job, leading its own session as a job's child would."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def judge(job: Job) -> Liveness:
    return assess(job.directory, job.state, job.directory.read_supervision())


def foreign_state(job: Job, pid: int | None, age_s: float = 0) -> JobState:
    """What another program would have written when it started the job."""
    started_at = timestamp_of(time.time() - age_s)
    return JobState(
        job=StateJob(id=job.id, status=JobStatus.RUNNING, started_at=started_at),
        pid=pid,
        updated_at=started_at,
    )


def test_a_created_job_is_not_alive(workshop: Workshop) -> None:
    assert judge(workshop.create("true")).verdict is Verdict.CREATED


def test_a_job_with_its_supervisor_runs(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    found = judge(job)
    assert (found.verdict, found.is_alive, found.is_proved_over) == (Verdict.RUNNING, True, False)
    assert str(job.supervisor_pid) in found.evidence


def test_a_job_that_is_over_has_ended(workshop: Workshop) -> None:
    job = workshop.create("true").start().wait()
    assert judge(job).verdict is Verdict.ENDED


def test_a_job_that_ends_while_it_is_judged_is_not_lost(workshop: Workshop) -> None:
    job = workshop.create("exec sleep 60").start()
    state, supervision = job.state, job.supervision
    os.kill(job.pid, signal.SIGKILL)
    job.wait().wait_released()
    assert assess(job.directory, state, supervision).verdict is Verdict.ENDED


def test_an_orphan_is_seen_alive_and_then_lost(workshop: Workshop) -> None:
    job = workshop.create("exec sleep 60").start()
    os.kill(job.supervisor_pid, signal.SIGKILL)
    job.wait_released(1)
    found = judge(job)
    assert (found.verdict, found.is_alive, found.is_proved_over) == (
        Verdict.CHILD_ALIVE,
        True,
        False,
    )
    os.kill(job.pid, signal.SIGKILL)
    wait_until(lambda: judge(job).verdict is Verdict.LOST)
    assert (judge(job).is_alive, judge(job).is_proved_over) == (False, True)


def test_a_pid_that_went_to_another_process_is_not_the_jobs(
    workshop: Workshop, stranger: Sleeper
) -> None:
    job = lost_job(workshop)
    supervision = job.supervision
    assert supervision.child is not None
    state = replace(job.state, pid=stranger.pid)
    reused = replace(supervision, child=replace(supervision.child, pid=stranger.pid))
    found = assess(job.directory, state, reused)
    assert (found.verdict, found.is_proved_over) == (Verdict.PID_REUSED, True)
    with pytest.raises(UnverifiedProcessError, match="pid reused"):
        tree.signal_job(job.directory, state, reused, signal.SIGKILL)
    assert stranger.poll() is None


def lost_job(workshop: Workshop) -> Job:
    job = workshop.create("exec sleep 60").start()
    for pid in (job.supervisor_pid, job.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: judge(job).verdict is Verdict.LOST)
    return job


def test_a_job_of_an_earlier_boot_is_stale(workshop: Workshop) -> None:
    job = workshop.create("exec sleep 60").start()
    supervision = job.supervision
    os.kill(job.supervisor_pid, signal.SIGKILL)
    job.wait_released(1)
    assert supervision.child is not None
    earlier = replace(supervision, child=replace(supervision.child, boot_id="earlier"))
    found = assess(job.directory, job.state, earlier)
    assert (found.verdict, found.is_alive, found.is_proved_over) == (Verdict.STALE, False, True)


def test_a_zombie_does_not_count_as_alive(workshop: Workshop) -> None:
    job = workshop.create("true")
    zombie = subprocess.Popen(["true"], start_new_session=True)
    wait_until(lambda: (stat := identity.read_stat(zombie.pid)) is None or stat.state == "Z")
    found = assess(job.directory, foreign_state(job, zombie.pid), None)
    assert (found.verdict, found.is_alive) == (Verdict.LOST, False)
    zombie.wait()


@pytest.mark.parametrize("pid", [0, 1, -1, 2**31, 2**32 - 1, None])
def test_a_pid_no_job_can_have_is_never_signalled(workshop: Workshop, pid: int | None) -> None:
    job = workshop.create("true")
    state = foreign_state(job, pid)
    assert assess(job.directory, state, None).verdict is Verdict.UNVERIFIED
    with pytest.raises(UnverifiedProcessError, match="nothing was signalled"):
        tree.signal_job(job.directory, state, None, signal.SIGTERM)


def test_our_own_process_is_never_taken_for_a_job(workshop: Workshop) -> None:
    job = workshop.create("true")
    for pid in (os.getpid(), os.getpgrp()):
        with pytest.raises(UnverifiedProcessError):
            tree.signal_job(job.directory, foreign_state(job, pid), None, signal.SIGTERM)


def test_a_stranger_with_a_recorded_pid_is_left_alone(
    workshop: Workshop, stranger: Sleeper
) -> None:
    job = workshop.create("true")
    long_ago = foreign_state(job, stranger.pid, age_s=3600)
    assert assess(job.directory, long_ago, None).verdict is Verdict.PID_REUSED
    just_now = foreign_state(job, stranger.pid)
    assert assess(job.directory, just_now, None).verdict is Verdict.UNVERIFIED
    for state in (long_ago, just_now):
        with pytest.raises(UnverifiedProcessError):
            tree.signal_job(job.directory, state, None, signal.SIGKILL)
    assert stranger.poll() is None


def test_a_process_that_leads_nothing_is_no_jobs_child(workshop: Workshop) -> None:
    job = workshop.create("true")
    with subprocess.Popen(["sleep", "60"]) as follower:
        found = assess(job.directory, foreign_state(job, follower.pid), None)
        assert (found.verdict, found.is_alive) == (Verdict.PID_REUSED, False)
        follower.kill()


def test_a_peers_child_is_recognised_by_its_supervisor(workshop: Workshop, tmp_path: Path) -> None:
    job = workshop.create("true")
    (tmp_path / "_supervise").write_text(
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    arguments = [sys.executable, "_supervise", "--job-id", job.id]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE) as peer:
        assert peer.stdout is not None
        pid = int(peer.stdout.readline())
        state = foreign_state(job, pid, age_s=7200)  # a clock that was set is no proof of death
        found = assess(job.directory, state, None)
        assert (found.verdict, found.is_alive) == (Verdict.RUNNING_FOREIGN, True)
        early = foreign_state(job, peer.pid)
        assert assess(job.directory, early, None).verdict is Verdict.UNVERIFIED
        assert tree.signal_job(job.directory, state, None, signal.SIGTERM).signalled == (pid,)
        assert peer.wait(10) == 0


def test_a_peers_end_that_is_not_true_yet_is_noticed(workshop: Workshop, stranger: Sleeper) -> None:
    job = workshop.create("true")
    state = foreign_state(job, stranger.pid)
    killed = replace(
        state, job=replace(state.job, status=JobStatus.KILLED), result=JobResult(signal="TERM")
    )
    found = assess(job.directory, killed, None)
    assert (found.verdict, found.is_alive) == (Verdict.UNVERIFIED, True)


def test_an_identity_is_told_from_a_later_one_of_the_same_pid() -> None:
    first = subprocess.Popen(["true"])
    document = identity.identity_document(first.pid)
    first.wait()
    own = identity.read_stat(os.getpid())
    assert own is not None
    assert own.start_ticks <= int(str(document["start_ticks"]))
    assert identity.read_stat(first.pid) is None
    assert document["boot_id"] == identity.boot_id() != ""


def test_a_program_name_with_parentheses_does_not_confuse_the_reading(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as process:
        wait_until(lambda: str(program) in str(identity.command_line(process.pid)))
        stat = identity.read_stat(process.pid)
        assert stat is not None
        assert (stat.parent_pid, stat.is_alive) == (os.getpid(), True)
        process.kill()


@pytest.mark.parametrize("pid", [-1, 0, 2**31, 2**32 - 1, 2**63])
def test_a_number_that_no_process_can_have_has_ended(pid: int) -> None:
    with ExitWatch(pid) as watch:
        assert watch.has_ended
    assert identity.read_stat(pid) is None
    assert not identity.exists(pid)


def test_a_record_without_a_pid_namespace_is_believed_of_the_lock_holder_only(
    workshop: Workshop,
) -> None:
    job = workshop.create("sleep 60").start()
    supervisor = replace(job.supervision.supervisor, pid_namespace=None)
    assert recognise(supervisor, job.directory).stat is not None
    stranger = identity.read_stat(os.getpid())
    assert stranger is not None
    planted = replace(supervisor, pid=stranger.pid, start_ticks=stranger.start_ticks)
    assert "PID namespace" in recognise(planted, job.directory).doubt


def test_another_boot_is_another_machine_where_a_host_is_named(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    child = job.supervision.child
    assert child is not None
    other = replace(child, boot_id="another")
    assert recognise(other, job.directory).is_reboot
    assert recognise(replace(other, host="far-away"), job.directory).elsewhere == "on host far-away"
    here = replace(child, pid_namespace=1)
    assert "another PID namespace" in recognise(here, job.directory).elsewhere


@pytest.mark.parametrize(
    ("kind", "is_shared"),
    [("ext4", False), ("tmpfs", False), ("nfs4", True), ("fuse.unknown", True), ("virtiofs", True)],
)
def test_an_old_record_on_a_shared_file_system_may_be_another_machines(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, is_shared: bool
) -> None:
    job = workshop.create("exec sleep 60").start()
    device = os.fstat(job.directory.fd).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"21 1 0:0 / /proc rw - proc proc rw\n36 1 {number} / / rw - {kind} x rw\n")
    monkeypatch.setattr(filesystem, "_MOUNT_INFO_FILE", str(mounts))
    supervision = job.supervision
    assert supervision.child is not None
    earlier = replace(supervision.child, boot_id="another", host=None)
    seen = recognise(earlier, job.directory)
    assert (bool(seen.elsewhere), seen.is_reboot) == (is_shared, not is_shared)
    supervision = replace(supervision, child=earlier)
    os.kill(job.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not job.directory.has_supervisor())
    found = assess(job.directory, job.state, supervision)
    assert found.verdict is (Verdict.ELSEWHERE if is_shared else Verdict.STALE)
    assert found.is_proved_over is not is_shared
    os.kill(job.pid, signal.SIGKILL)
