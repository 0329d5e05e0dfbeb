"""A warm launcher makes the same supervisors, sooner and smaller, and is never needed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_exec.errors import LaunchFailedError
from agent_exec.process import identity
from agent_exec.process.prewarmed import PrewarmedLauncher
from agent_exec.process.spawn import NewSupervisor
from support.jobs import CORE, Job, Workshop, is_alive
from support.waiting import wait_until

if TYPE_CHECKING:
    from agent_exec.process.fd_passing import Descriptors

TESTS = str(Path(__file__).parents[2])


@pytest.fixture
def launcher() -> Iterator[PrewarmedLauncher]:
    with PrewarmedLauncher() as launcher:
        yield launcher


def maker_of(job: Job) -> int:
    stat = identity.read_stat(job.supervisor_pid)
    assert stat is not None
    return stat.parent_pid


def test_its_jobs_run_like_any_other(workshop: Workshop, launcher: PrewarmedLauncher) -> None:
    job = workshop.create("echo out; umask; pwd; exit 3")
    job.start(job.spec(cwd="/tmp", umask=0o027), launcher=launcher).wait()
    assert job.read("stdout.log") == b"out\n0027\n/tmp\n"
    assert (job.state.status, job.state.result.exit_code) == ("exited", 3)
    job.wait_released()


def test_its_supervisors_are_detached_like_any_other(
    workshop: Workshop, launcher: PrewarmedLauncher
) -> None:
    job = workshop.create("grep -E 'Sig(Blk|Ign)' /proc/self/status; exec sleep 60")
    job.start(launcher=launcher).wait_for_text("SigIgn")
    supervisor = job.supervisor_pid
    assert maker_of(job) == launcher.pid
    assert os.getsid(supervisor) == supervisor
    held = [
        os.readlink(f"/proc/{supervisor}/fd/{fd}") for fd in os.listdir(f"/proc/{supervisor}/fd")
    ]
    assert not [name for name in held if name.startswith("socket:")]
    assert held.count("/dev/null") == 3
    assert os.readlink(f"/proc/{supervisor}/cwd") == "/"
    masks = [
        int(line.split()[1], 16) & ~0x1_8000_0000 for line in job.read("stdout.log").splitlines()
    ]
    assert masks == [0, 0]
    assert "Umask:\t0077" in Path(f"/proc/{supervisor}/status").read_text()


def test_a_command_that_cannot_start_is_answered(
    workshop: Workshop, launcher: PrewarmedLauncher
) -> None:
    job = workshop.create("true")
    with pytest.raises(LaunchFailedError, match="enter directory /no/where"):
        job.start(job.spec(cwd="/no/where"), launcher=launcher)
    assert job.state.status == "failed"


def test_many_threads_may_use_it(workshop: Workshop, launcher: PrewarmedLauncher) -> None:
    jobs = [workshop.create(f"echo {number}") for number in range(16)]
    threads = [threading.Thread(target=job.start, kwargs={"launcher": launcher}) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job.wait().read("stdout.log") for job in jobs] == [
        b"%d\n" % number for number in range(16)
    ]


def test_it_dies_with_its_owner_and_its_supervisors_do_not(workshop: Workshop) -> None:
    with PrewarmedLauncher() as launcher:
        job = workshop.create("read x < go; exit 4")
        os.mkfifo(job.path / "go")
        job.start(job.spec(cwd=str(job.path)), launcher=launcher)
        pid = launcher.pid
    assert not is_alive(pid)
    assert job.directory.has_supervisor()
    (job.path / "go").write_text("\n")
    assert job.wait().state.result.exit_code == 4


def test_an_owner_that_is_killed_takes_it_along(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(identity.__file__).parents[2])!r})\n"
        "from agent_exec.process.prewarmed import PrewarmedLauncher\n"
        "launcher = PrewarmedLauncher()\n"
        "print(launcher.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    out_read, out_write = os.pipe()
    owner = os.posix_spawn(
        "/usr/bin/env",
        ["env", sys.executable, "-c", code],
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, out_write, 1)],
    )
    os.close(out_write)
    with open(out_read) as out:
        pid = int(out.readline())
    wait_until(lambda: is_alive(pid))
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    wait_until(lambda: not is_alive(pid))


def test_a_launcher_that_died_is_done_without_and_replaced(
    workshop: Workshop, launcher: PrewarmedLauncher
) -> None:
    first = launcher.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not is_alive(first))
    assert workshop.create("exit 2").start(launcher=launcher).wait().state.result.exit_code == 2
    assert launcher.pid != first
    job = workshop.create("exec sleep 60").start(launcher=launcher)
    assert maker_of(job) == launcher.pid


def test_a_launcher_that_hangs_is_gone_round_by_all_who_wait(
    workshop: Workshop, launcher: PrewarmedLauncher, tmp_path: Path
) -> None:
    first = launcher.pid
    os.kill(first, signal.SIGSTOP)
    jobs = [workshop.create(f"echo ran >> {tmp_path}/{number}") for number in range(4)]
    threads = [threading.Thread(target=job.start, kwargs={"launcher": launcher}) for job in jobs]
    began_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began_s < 5
    for number, job in enumerate(jobs):
        job.wait().wait_released()
        assert (tmp_path / str(number)).read_text() == "ran\n"
    assert not is_alive(first)
    assert maker_of(workshop.create("exec sleep 60").start(launcher=launcher)) == launcher.pid


def test_a_hanging_launcher_takes_no_more_than_it_has_room_for(
    launcher: PrewarmedLauncher, tmp_path: Path
) -> None:
    os.kill(launcher.pid, signal.SIGSTOP)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        began_s = time.monotonic()
        while launcher.start((fd, fd, fd, fd)):
            assert time.monotonic() - began_s < 5
    finally:
        os.close(fd)


class LateLauncher:
    """Takes jobs at once, and begins them when asked to."""

    def __init__(self) -> None:
        self.taken: list[Descriptors] = []
        self.waited_s = 0.0

    def start(self, descriptors: Descriptors) -> bool:
        directory, lock, report, definition = map(os.dup, descriptors)
        self.taken.append((directory, lock, report, definition))
        return True

    def give_up(self, waited_s: float) -> None:
        self.waited_s = waited_s

    def begin(self) -> None:
        for descriptors in self.taken:
            supervisor = NewSupervisor("/late")
            assert supervisor.start(descriptors)
            for fd in descriptors:
                os.close(fd)
            supervisor.settle()
            supervisor.close()


def test_a_job_taken_back_from_a_launcher_is_never_run_by_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    late = LateLauncher()
    job = workshop.create(f"echo ran >> {tmp_path}/ran; exec sleep 60").start(launcher=late)
    assert late.waited_s > 0
    wait_until((tmp_path / "ran").exists, what="the run")
    late.begin()
    wait_until(lambda: not supervisors_shown("/late"), what="the late one's end")
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert job.directory.has_supervisor(), "the late one left the lock alone"
    os.kill(job.pid, signal.SIGKILL)
    job.wait()


def supervisors_shown(word: str) -> list[str]:
    """The processes with that word on their command line."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            if name.isdigit() and word.encode() in words:
                found.append(name)
    return found


_CHANGED = f"""
import os, resource, sys
sys.path[:0] = [{CORE!r}, {TESTS!r}]
from pathlib import Path
from agent_exec.process.prewarmed import PrewarmedLauncher
from support.jobs import Workshop
with Workshop(Path(sys.argv[1])) as workshop, PrewarmedLauncher() as launcher:
    before = workshop.create("ulimit -n; id -u; id -G; nice").start(launcher=launcher).wait()
    first = launcher.pid
    CHANGE
    for _ in range(2):
        job = workshop.create("ulimit -n; id -u; id -G; nice").start(launcher=launcher).wait()
        assert launcher.pid not in (0, first)
        print(" ".join(job.read("stdout.log").decode().split()))
"""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("resource.setrlimit(resource.RLIMIT_NOFILE, (77, 99))", "77 "),
        ("os.nice(3)", " 3"),
        pytest.param(
            "os.setgroups([4242])",
            " 4242 ",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its groups"),
        ),
    ],
)
def test_a_job_gets_the_limits_its_starter_has_now(tmp_path: Path, change: str, told: str) -> None:
    program = _CHANGED.replace("CHANGE", change)
    words = [sys.executable, "-c", program, str(tmp_path / "root")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(told in line for line in lines), lines


def test_the_terminals_signals_do_not_reach_it(launcher: PrewarmedLauncher) -> None:
    assert os.getpgid(launcher.pid) != os.getpgrp()


def test_a_closed_launcher_starts_nothing_and_says_so(
    workshop: Workshop, launcher: PrewarmedLauncher
) -> None:
    launcher.close()
    launcher.close()
    assert workshop.create("exit 2").start(launcher=launcher).wait().state.result.exit_code == 2


def test_its_supervisors_share_most_of_their_memory(
    workshop: Workshop, launcher: PrewarmedLauncher
) -> None:
    jobs = [workshop.create("exec sleep 60").start(launcher=launcher) for _ in range(10)]
    end = time.monotonic() + 0.3
    wait_until(lambda: time.monotonic() > end)
    sizes_kb = []
    for job in jobs:
        rollup = Path(f"/proc/{job.supervisor_pid}/smaps_rollup").read_text()
        sizes_kb += [int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:"]
    assert sorted(sizes_kb)[5] < 2000


def test_a_spawned_supervisor_is_small(workshop: Workshop) -> None:
    job = workshop.create("exec sleep 60").start()
    status = Path(f"/proc/{job.supervisor_pid}/status").read_text()
    rss_kb = next(int(line.split()[1]) for line in status.splitlines() if line[:6] == "VmRSS:")
    assert rss_kb < 12 * 1024
