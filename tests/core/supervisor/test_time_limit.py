"""A time limit ends the whole tree: TERM, time, KILL."""

from __future__ import annotations

import os
import time

from agent_exec.model.supervision import EndCause
from agent_exec.process import identity
from support.jobs import Job, Workshop, is_alive, python
from support.waiting import wait_until

# Ignores TERM, in a session of its own, whose parent has gone.
STUBBORN_DAEMON = (
    'setsid sh -c \'trap "" TERM; echo $$ > daemon.tmp; mv daemon.tmp daemon; '
    "while :; do sleep 0.1; done' > /dev/null 2>&1 &"
)


def run_limited(workshop: Workshop, script: str, timeout_ms: int, kill_after_ms: int) -> Job:
    job = workshop.create(script)
    spec = job.spec(cwd=str(job.path), timeout_ms=timeout_ms, kill_after_ms=kill_after_ms)
    return job.start(spec)


def test_a_child_over_its_limit_is_asked_to_end(workshop: Workshop) -> None:
    started = time.monotonic()
    job = run_limited(workshop, "exec sleep 60", 200, 5000).wait()
    assert time.monotonic() - started < 2
    assert (job.state.status, job.state.result.signal) == ("killed", "15")
    assert job.supervision.cause is EndCause.TIMEOUT


def test_a_child_may_end_in_its_own_way(workshop: Workshop) -> None:
    script = "trap 'echo cleaned; exit 9' TERM; while :; do sleep 0.05; done"
    job = run_limited(workshop, script, 200, 5000).wait()
    assert job.read("stdout.log") == b"cleaned\n"
    assert (job.state.status, job.state.result.exit_code) == ("exited", 9)
    assert job.supervision.cause is EndCause.TIMEOUT


def test_without_time_to_end_it_is_killed_at_once(workshop: Workshop) -> None:
    job = run_limited(workshop, "trap '' TERM; while :; do sleep 0.05; done", 200, 0).wait()
    assert (job.state.status, job.state.result.signal) == ("killed", "9")


def test_the_whole_tree_is_ended_wherever_it_went(workshop: Workshop) -> None:
    script = f"trap '' TERM; {STUBBORN_DAEMON} while :; do sleep 0.05; done"
    job = run_limited(workshop, script, 600, 300)
    wait_until((job.path / "daemon").exists)
    daemon = int((job.path / "daemon").read_text())
    job.wait().wait_released()
    assert not is_alive(daemon)


def test_a_tree_that_outlives_its_root_is_killed_all_the_same(workshop: Workshop) -> None:
    job = run_limited(workshop, f"{STUBBORN_DAEMON} exec sleep 60", 600, 300)
    wait_until((job.path / "daemon").exists)
    daemon = int((job.path / "daemon").read_text())
    job.wait()
    assert job.state.result.signal == "15"
    wait_until(lambda: not is_alive(daemon), 3)
    job.wait_released()


def test_a_bomb_of_forks_is_ended(workshop: Workshop) -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end = time.monotonic() + 8
if os.fork():
    time.sleep(60)
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.002)
"""
    job = workshop.create(*python(code))
    started = time.monotonic()
    job.start(job.spec(timeout_ms=400, kill_after_ms=100)).wait().wait_released()
    assert time.monotonic() - started < 4
    mark = f"AGENT_EXEC_JOB_ID={job.id}".encode()
    assert not [
        pid
        for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
        if mark in environment_of(pid)
    ]


def environment_of(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_a_job_that_ends_in_time_is_not_signalled(workshop: Workshop) -> None:
    job = run_limited(workshop, "sleep 60 & echo $!; exit 0", 400, 100).wait()
    sleeper = int(job.read("stdout.log"))
    end = time.monotonic() + 0.8
    wait_until(lambda: time.monotonic() > end)
    assert identity.read_stat(sleeper) is not None
    assert job.supervision.cause is EndCause.EXIT
