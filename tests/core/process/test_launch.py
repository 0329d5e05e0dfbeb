"""A job is started once, by one, or it says why not."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agent_exec.errors import InvalidStateError, LaunchFailedError
from agent_exec.model import records
from agent_exec.model.job import JobStatus
from agent_exec.process import handover, spawn
from agent_exec.process import launch as process_launch
from agent_exec.process.handover import current_umask
from agent_exec.process.launch import launch
from agent_exec.store import locks
from support.jobs import LIMIT_S, Job, Workshop, is_alive
from support.waiting import wait_until

CORE = str(Path(handover.__file__).parents[2])


def test_a_second_start_is_refused_while_the_job_runs(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    with pytest.raises(InvalidStateError, match="being started by another process"):
        launch(job.directory, job.spec())
    assert job.state.status is JobStatus.RUNNING


def start_from_thread(job: Job, barrier: threading.Barrier, errors: list[Exception]) -> None:
    with job.store.open(job.id) as directory:
        barrier.wait()
        try:
            launch(directory, job.spec()).close()
        except InvalidStateError as error:
            errors.append(error)


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_starts_at_once_one_runs_the_command(
    workshop: Workshop, tmp_path: Path, attempt: int
) -> None:
    job = workshop.create(f"echo once >> {tmp_path}/ran")
    errors: list[Exception] = []
    arguments = (job, threading.Barrier(6), errors)
    threads = [threading.Thread(target=start_from_thread, args=arguments) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: job.state.is_terminal, LIMIT_S)
    assert len(errors) == 5
    assert (tmp_path / "ran").read_text() == "once\n"
    job.wait_released()


def test_a_fresh_claim_of_another_program_is_respected(workshop: Workshop) -> None:
    job = workshop.create("true")
    (job.path / records.CLAIM_FILE).touch()
    with pytest.raises(InvalidStateError, match="only 'created' jobs can be started"):
        job.start()
    assert job.state.status is JobStatus.CREATED


@pytest.mark.parametrize("age_s", [10, -3600])
def test_a_claim_left_by_a_crash_does_not_block_the_job(workshop: Workshop, age_s: int) -> None:
    job = workshop.create("true")
    (job.path / records.CLAIM_FILE).touch()
    moment = time.time() - age_s
    os.utime(job.path / records.CLAIM_FILE, (moment, moment))
    assert job.start().wait().state.result.exit_code == 0
    assert (job.path / records.CLAIM_FILE).exists()


def test_a_reader_that_probes_the_lock_does_not_stop_a_start(workshop: Workshop) -> None:
    stop = threading.Event()
    job = workshop.create("true")

    def probe() -> None:
        while not stop.is_set():
            locks.is_locked(job.directory.fd, records.SUPERVISOR_LOCK_FILE)

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        job.start().wait()
    finally:
        stop.set()
        prober.join()


def test_the_lock_is_held_from_the_claim_to_the_end_of_the_supervisor(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    assert job.directory.has_supervisor()
    os.kill(job.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not job.directory.has_supervisor(), 1)


def test_a_supervisor_that_cannot_start_fails_the_job(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "_PROGRAMS", "/no/such")
    job = workshop.create("true")
    with pytest.raises(LaunchFailedError, match="supervisor ended before it could say anything"):
        job.start()
    assert job.state.status is JobStatus.FAILED
    assert job.supervision.cause == "launch_failed"
    assert job.supervision.supervisor.pid == 0, "the launcher is no supervisor"
    assert not job.directory.has_supervisor()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'libpython3.so: error while loading' >&2; exit 127", "exit status 127, libpython3"),
        ("kill -9 $$", "say anything: signal 9"),
        ("exit 3", "say anything: exit status 3"),
    ],
)
def test_what_a_broken_interpreter_says_is_told(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, told: str
) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    job = workshop.create("true")
    with pytest.raises(LaunchFailedError, match=told):
        job.start()
    assert told in str(job.supervision.reason)


def test_what_keeps_a_supervisor_from_loading_is_told(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "agent_exec" / "supervisor"
    programs.mkdir(parents=True)
    shutil.copy(Path(CORE, "agent_exec", "supervisor", "__main__.py"), programs)
    monkeypatch.setattr(spawn, "_PROGRAMS", str(programs))
    with pytest.raises(LaunchFailedError, match=r"ModuleNotFoundError: No module named 'agent_ex"):
        workshop.create("true").start()
    monkeypatch.setattr(spawn, "_PROGRAMS", str(tmp_path / "nowhere"))
    with pytest.raises(LaunchFailedError, match=r"exit status 2, .*can't open file"):
        workshop.create("true").start()


def test_a_supervisor_that_hangs_before_it_begins_fails_the_job_for_good(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_launch, "STARTED_TIMEOUT_S", 0.3)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nsleep 60 >/dev/null 2>&1 & wait\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    job = workshop.create("true")
    with pytest.raises(LaunchFailedError, match="did not begin within"):
        job.start()
    assert job.state.status is JobStatus.FAILED
    assert not job.directory.has_supervisor()


def test_a_supervisors_own_fault_before_the_start_is_told(
    workshop: Workshop,
) -> None:
    job = workshop.create("true")
    job.command = ("true", 3)  # type: ignore[assignment]
    with pytest.raises(LaunchFailedError, match="TypeError: "):
        job.start()


def test_a_child_that_nothing_ends_is_waited_for_with_a_limit() -> None:
    began_s = time.monotonic()
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    assert os.WTERMSIG(spawn.collect(pid, 0.05) or 0) == signal.SIGKILL
    assert time.monotonic() - began_s < 1
    assert spawn.collect(pid) is None, "it is nobody's any more"


def test_an_interpreter_that_is_not_there_fails_the_job(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    job = workshop.create("true")
    with pytest.raises(LaunchFailedError, match="start the supervisor: No such file"):
        job.start()
    assert job.state.status is JobStatus.FAILED


def test_a_supervisor_killed_before_it_answers_is_reported(workshop: Workshop) -> None:
    job = workshop.create("true")
    (job.path / "stdin.bin").write_text("")
    (job.path / "slow").mkdir()
    program = f"""
import os, sys
sys.path.insert(0, {CORE!r})
from agent_exec.process import handover, spawn
from agent_exec.process import launch as process_launch
from agent_exec.process.launch import launch
spawn._PROGRAMS = {str(job.path / "slow")!r}
from agent_exec.store.jobs import JobStore
with JobStore({job.store.root!r}).open({job.id!r}) as directory:
    launch(directory, handover.LaunchSpec(job_id={job.id!r}, command=("true",),
        shell_wrapper=("sh", "-c"), cwd="/", environment={{}}, umask=0o22))
"""
    (job.path / "slow" / "__main__.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert "supervisor ended before it could say anything" in done.stderr
    assert job.state.status is JobStatus.FAILED


def test_a_supervisor_that_gets_no_job_ends() -> None:
    pid, ours = spawn.start_program("__main__.py", "/a/root")
    os.waitpid(pid, 0)
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):  # it waits
        ours.recv(1)
    ours.setblocking(True)
    ours.shutdown(socket.SHUT_WR)
    ours.settimeout(LIMIT_S)
    assert ours.recv(1) == b"", "its end of the socket is closed"
    ours.close()


def test_a_supervisor_that_is_closed_unused_is_collected() -> None:
    with contextlib.closing(spawn.NewSupervisor("/a/root")) as supervisor:
        pass
    with pytest.raises(ChildProcessError):
        os.waitpid(supervisor.pid, os.WNOHANG)


def test_a_job_may_get_a_supervisor_that_was_there_before_it(workshop: Workshop) -> None:
    supervisor = spawn.NewSupervisor("/a/root")
    job = workshop.create("exit 3").start(launcher=supervisor).wait()
    assert job.state.result.exit_code == 3
    with pytest.raises(ChildProcessError):
        os.waitpid(supervisor.pid, os.WNOHANG)


def test_a_supervisor_that_died_before_its_job_came_is_replaced(workshop: Workshop) -> None:
    supervisor = spawn.NewSupervisor("/a/root")
    os.kill(supervisor.pid, signal.SIGKILL)
    os.waitpid(supervisor.pid, 0)
    with contextlib.closing(supervisor):
        job = workshop.create("exit 3").start(launcher=supervisor).wait()
    assert job.state.result.exit_code == 3


def test_a_caller_with_odd_signals_and_no_standard_files_can_start(workshop: Workshop) -> None:
    job = workshop.create("grep -E 'Sig(Blk|Ign)' /proc/self/status; exit 6")
    program = f"""
import os, signal, sys
sys.path.insert(0, {CORE!r})
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])
os.closerange(0, 3)
from agent_exec.process.handover import LaunchSpec
from agent_exec.process import launch as process_launch
from agent_exec.process.launch import launch
from agent_exec.store.jobs import JobStore
with JobStore({job.store.root!r}).open({job.id!r}) as directory:
    launch(directory, LaunchSpec(job_id={job.id!r}, command={job.command!r},
        shell_wrapper=("sh", "-c"), cwd="/", environment={{"PATH": "/usr/bin:/bin"}}, umask=0o22))
"""
    subprocess.run([sys.executable, "-c", program], timeout=20, check=True)
    wait_until(lambda: job.state.is_terminal)
    assert job.state.result.exit_code == 6
    masks = [
        int(line.split()[1], 16) & ~0x1_8000_0000
        for line in job.wait_released().read("stdout.log").splitlines()
    ]
    assert masks == [0, 0]


def test_a_start_leaves_no_descriptor_and_no_zombie_behind(workshop: Workshop) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        job = workshop.create("true")
        job.start().wait()
        assert job.running is not None
        job.running.close()
        job.directory.close()
    assert set(os.listdir("/proc/self/fd")) == before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert [pid for pid in children if not is_alive(int(pid))] == []


def test_waiting_ends_at_the_deadline_and_at_the_end_of_the_supervisor(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    assert job.running is not None
    started = time.monotonic()
    assert job.running.wait(frozenset({"output", "ended"}), started + 0.1) is None
    assert 0.09 < time.monotonic() - started < 1
    os.kill(job.supervisor_pid, signal.SIGKILL)
    assert job.running.wait(frozenset({"ended"}), time.monotonic() + 5) == "closed"


def test_the_first_output_is_told_once_it_can_be_read(workshop: Workshop) -> None:
    job = workshop.create("sleep 0.2; echo first; sleep 60").start()
    job.wait(frozenset({"output", "ended"}))
    assert job.read("stdout.log") == b"first\n"
    assert job.read("full.log").endswith(b" [STDOUT] first\n")


def test_the_umask_is_told_without_being_changed() -> None:
    old = os.umask(0o031)
    try:
        assert current_umask() == 0o031
        assert os.umask(0o031) == 0o031
    finally:
        os.umask(old)


def test_the_loaders_variables_reach_the_supervisor_and_not_the_command(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    job = workshop.create("echo ${LD_LIBRARY_PATH-none}; exec sleep 60")
    job.start(job.spec(environment={"PATH": os.environ["PATH"]})).wait_for_text("none")
    environ = Path(f"/proc/{job.supervisor_pid}/environ").read_bytes()
    assert b"LD_LIBRARY_PATH=/opt/python/lib" in environ.split(b"\0")


def test_a_claim_that_a_dead_starter_of_ours_left_is_taken_over_at_once(
    workshop: Workshop,
) -> None:
    job = workshop.create("true")
    os.link(job.path / "supervisor.lock", job.path / "supervisor.ack")
    job.start().wait()
    assert job.state.status is JobStatus.EXITED
