"""What outlives the child delays no state, and loses nothing while somebody may write."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from agent_exec.model import records
from agent_exec.process import tree
from support.jobs import ENDED, Workshop, is_alive
from support.waiting import wait_until


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_the_state_is_terminal_at_once_and_drained_after_two_seconds(workshop: Workshop) -> None:
    job = workshop.create("sleep 60 & exit 5").start()
    started = time.monotonic()
    job.wait(ENDED)
    assert time.monotonic() - started < 1.0
    state = job.state
    assert (state.status, state.result.exit_code, state.logs_drained) == ("exited", 5, False)
    job.wait()
    assert 1.5 < time.monotonic() - started < 4.0
    assert job.state.logs_drained
    assert job.supervision.still_capturing
    assert job.directory.has_supervisor()


def test_late_output_is_kept_and_its_writer_not_killed(workshop: Workshop) -> None:
    job = workshop.create("(read x < go; echo late; read x < on; echo later) & exit 5")
    os.mkfifo(job.path / "go")
    os.mkfifo(job.path / "on")
    job.start(job.spec(cwd=str(job.path))).wait()
    state = job.state
    (job.path / "go").write_text("\n")
    job.wait_for_text("late\n")
    (job.path / "on").write_text("\n")
    job.wait_for_text("later\n").wait_released()
    assert job.read("full.log").count(b"[STDOUT] late") == 2
    assert not job.supervision.still_capturing
    assert job.state == state


def test_an_early_end_of_the_late_writer_is_drained_early(workshop: Workshop) -> None:
    job = workshop.create("(sleep 0.3; echo late) & exit 5").start()
    started = time.monotonic()
    job.wait().wait_released()
    assert time.monotonic() - started < 1.5
    assert job.read("stdout.log") == b"late\n"


def test_capturing_on_costs_no_cpu(workshop: Workshop) -> None:
    job = workshop.create("sleep 60 & exit 0").start().wait()
    before = cpu_ticks(job.supervisor_pid)
    end = time.monotonic() + 1.0
    wait_until(lambda: time.monotonic() > end)
    assert cpu_ticks(job.supervisor_pid) == before


def test_a_supervisor_lets_go_when_it_is_told_to(workshop: Workshop) -> None:
    job = workshop.create("sleep 60 & echo $!; exit 0").start().wait()
    sleeper = int(job.read("stdout.log"))
    assert tree.stop_capturing(job.directory, job.supervision)
    assert not job.directory.has_supervisor()
    assert not job.supervision.still_capturing
    assert is_alive(sleeper)
    os.kill(sleeper, signal.SIGKILL)


def test_letting_go_in_the_middle_of_the_drain_still_says_drained(workshop: Workshop) -> None:
    job = workshop.create("sleep 60 & echo $!; exit 0").start().wait(ENDED)
    os.kill(job.supervisor_pid, signal.SIGTERM)
    job.wait().wait_released()
    assert job.state.logs_drained
    os.kill(int(job.read("stdout.log")), signal.SIGKILL)


def test_a_job_restarted_by_another_program_is_left_alone(workshop: Workshop) -> None:
    job = workshop.create("(read x < go; echo late; sleep 60) & echo $!; exit 0")
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path))).wait()
    straggler = int(job.read("stdout.log"))
    foreign = records.state_document(
        job.id,
        "running",
        updated_at="2026-01-01T00:00:00Z",
        started_at="2026-01-01T00:00:00Z",
        pid=1,
    )
    job.directory.write_record(records.STATE_FILE, foreign)
    (job.path / "stdout.log").write_bytes(b"")
    (job.path / "go").write_text("\n")
    job.wait_released()
    assert job.read("stdout.log") == b""
    assert job.directory.read_state().pid == 1
    os.kill(straggler, signal.SIGKILL)


def test_the_end_of_a_child_is_not_written_over_another_run(workshop: Workshop) -> None:
    job = workshop.create("read x < go; exit 3")
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path)))
    foreign = records.state_document(job.id, "created", updated_at="2026-01-01T00:00:00Z")
    job.directory.write_record(records.STATE_FILE, foreign)
    (job.path / "go").write_text("\n")
    job.wait_released()
    assert job.directory.read_state().status == "created"


def test_a_peers_word_about_this_very_run_is_put_right(workshop: Workshop) -> None:
    job = workshop.create("read x < go; exit 3")
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path)))
    state = job.state
    peers_kill = records.state_document(
        job.id,
        "killed",
        updated_at=state.updated_at,
        started_at=state.started_at,
        signal="TERM",
        pid=state.pid,
        finished_at=state.updated_at,
    )
    job.directory.write_record(records.STATE_FILE, peers_kill)
    (job.path / "go").write_text("\n")
    job.wait()
    assert (job.state.status, job.state.result.exit_code) == ("exited", 3)


def test_a_removed_directory_ends_the_job_without_a_trace(workshop: Workshop) -> None:
    job = workshop.create("sleep 0.3; echo x; exit 3").start()
    supervisor = job.supervisor_pid
    shutil.rmtree(job.path)
    wait_until(lambda: not is_alive(supervisor))
    assert not job.path.exists()
