"""A signal reaches a job's whole tree and nobody else; what lives on is named."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from agent_exec.process import identity, tree
from agent_exec.process.descendants import living_descendants
from support.jobs import CORE, ENDED, Job, Workshop, is_alive, python
from support.waiting import wait_until

# Says who it is in a file, in the working directory.
HERE = "echo $$ > {name}.tmp; mv {name}.tmp {name}; "


def begin(workshop: Workshop, script: str) -> Job:
    job = workshop.create(script)
    return job.start(job.spec(cwd=str(job.path)))


def pid_in(job: Job, name: str) -> int:
    wait_until((job.path / name).exists, what=name)
    return int((job.path / name).read_text())


def send(job: Job, number: int) -> tree.Delivery:
    return tree.signal_job(job.directory, job.state, job.supervision, number)


def daemon(name: str, body: str = "exec sleep 60", first: str = "") -> str:
    """A script's line that starts a process in a session of its own, its parent gone."""
    inner = first + HERE.format(name=name) + body
    return f"(setsid sh -c '{inner}' > /dev/null 2>&1 &) ; "


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_group_sessions_and_daemons_are_ended(workshop: Workshop, number: int) -> None:
    script = daemon("away") + "sh -c '" + HERE.format(name="near") + "exec sleep 60' & sleep 60"
    job = begin(workshop, script)
    others = {pid_in(job, "away"), pid_in(job, "near")}
    delivery = send(job, number)
    assert delivery.signalled[0] == job.pid
    assert others <= set(delivery.signalled)
    job.wait(ENDED)
    wait_until(lambda: not any(map(is_alive, others)), 3)
    assert job.state.result.signal == str(int(number))


def test_without_a_supervisor_the_mark_finds_what_descent_does_not(workshop: Workshop) -> None:
    job = begin(workshop, daemon("away") + "exec sleep 60")
    away = pid_in(job, "away")
    os.kill(job.supervisor_pid, signal.SIGKILL)
    job.wait_released(1)
    assert {each.pid for each in survivors(job)} == {job.pid, away}
    send(job, signal.SIGKILL)
    wait_until(lambda: not is_alive(away) and not is_alive(job.pid), 3)


def survivors(job: Job) -> tuple[tree.Survivor, ...]:
    return tree.survivors(job.directory, job.state, job.supervision)


def test_who_outlives_the_job_is_named(workshop: Workshop) -> None:
    stubborn = daemon("away", "while :; do sleep 0.1; done", first='trap "" TERM; ')
    job = begin(workshop, stubborn + "exec sleep 60")
    away = pid_in(job, "away")
    send(job, signal.SIGTERM)
    job.wait(ENDED)
    found = {each.pid: each.command for each in survivors(job)}
    assert "trap" in found[away]
    assert job.pid not in found


def test_a_signal_for_the_program_stays_in_its_group(workshop: Workshop) -> None:
    script = daemon("away") + "trap 'echo got' USR1; while :; do sleep 0.05; done"
    job = begin(workshop, script)
    away = pid_in(job, "away")
    wait_until(lambda: catches(job.pid, signal.SIGUSR1))
    send(job, signal.SIGUSR1)
    job.wait_for_text("got")
    assert is_alive(away)
    assert job.state.status == "running"


def catches(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) & 1 << (number - 1))


def test_a_stopped_child_can_be_ended(workshop: Workshop) -> None:
    job = begin(workshop, "exec sleep 60")
    os.kill(job.pid, signal.SIGSTOP)
    wait_until(lambda: (stat := identity.read_stat(job.pid)) is not None and stat.state == "T")
    send(job, signal.SIGTERM)
    assert job.wait(ENDED).state.result.signal == "15"


def test_a_job_that_ended_meanwhile_gets_nothing(workshop: Workshop) -> None:
    job = begin(workshop, "exec sleep 60")
    state, supervision = job.state, job.supervision
    send(job, signal.SIGKILL)
    job.wait().wait_released()
    assert tree.signal_job(job.directory, state, supervision, 15).signalled == ()


def test_a_job_started_by_a_job_is_not_part_of_it(workshop: Workshop) -> None:
    inner = workshop.create("exec sleep 60")
    code = f"""
import sys, time
sys.path[:0] = {[str(Path(tree.__file__).parents[2])]!r}
from agent_exec.process.handover import LaunchSpec
from agent_exec.process.launch import launch
from agent_exec.store.jobs import JobStore
with JobStore({inner.store.root!r}).open({inner.id!r}) as directory:
    launch(directory, LaunchSpec(job_id={inner.id!r}, command={inner.command!r},
        shell_wrapper=("sh", "-c"), cwd="/", environment={{"PATH": "/usr/bin:/bin"}}, umask=0o22))
print("started", flush=True)
time.sleep(60)
"""
    outer = workshop.create(*python(code)).start().wait_for_text("started")
    assert [each.pid for each in survivors(outer)] == [outer.pid]
    send(outer, signal.SIGKILL)
    outer.wait().wait_released()
    assert inner.state.status == "running"
    assert inner.directory.has_supervisor()
    send(inner, signal.SIGKILL)
    wait_until(lambda: inner.state.is_terminal)


_NESTING = """
import os, signal, subprocess, sys, time
sys.path[:0] = [{core!r}]
from agent_exec.model.records import load_record
from agent_exec.process.handover import LaunchSpec
from agent_exec.process.launch import launch
from agent_exec.store.jobs import JobStore
with JobStore({root!r}).open({inner!r}) as directory:
    launch(directory, LaunchSpec(job_id={inner!r}, command=("exec sleep 60",),
        shell_wrapper=("sh", "-c"), cwd="/", environment={{"PATH": "/usr/bin:/bin"}}, umask=0o22))
    os.kill(directory.read_supervision().supervisor.pid, signal.SIGKILL)
own = subprocess.Popen(["sleep", "60"], start_new_session=True)
print("own", own.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("marks_environment", [True, False])
@pytest.mark.parametrize("way", ["kill", "time limit", "terminate"])
def test_a_job_started_by_a_job_lives_on_though_its_supervisor_died(
    workshop: Workshop, way: str, marks_environment: bool
) -> None:
    inner = workshop.create("exec sleep 60")
    code = _NESTING.format(core=CORE, root=inner.store.root, inner=inner.id)
    outer = workshop.create(*python(code))
    # A mark that is given to a job is its own, too.
    environment = {**os.environ, "AGENT_EXEC_JOB_ID": "given"}
    spec = outer.spec(
        environment=environment,
        marks_environment=marks_environment,
        timeout_ms=1500 if way == "time limit" else 0,
        kill_after_ms=300,
    )
    outer.start(spec).wait_for_text("own")
    own = int(outer.read("stdout.log").split()[1])
    wait_until(lambda: not inner.directory.has_supervisor(), what="the inner supervisor's end")
    assert sorted(each.pid for each in survivors(outer)) == sorted([outer.pid, own])
    if way == "kill":
        send(outer, signal.SIGTERM)
    elif way == "terminate":
        os.kill(outer.supervisor_pid, signal.SIGTERM)
    outer.wait().wait_released()
    wait_until(lambda: not is_alive(own), what="the end of the outer job's own")
    assert is_alive(inner.pid)
    send(inner, signal.SIGKILL)
    wait_until(lambda: not is_alive(inner.pid), what="the inner job's end")


def test_a_bomb_of_forks_is_killed(workshop: Workshop) -> None:
    code = """
import os, time
end = time.monotonic() + 15
if os.fork():
    time.sleep(60)
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.003)
"""
    job = workshop.create(*python(code)).start()
    wait_until(lambda: len(survivors(job)) > 1)
    send(job, signal.SIGKILL)
    job.wait().wait_released(4)
    assert survivors(job) == ()


def test_what_was_started_and_never_recorded_is_ended(workshop: Workshop) -> None:
    job, other = workshop.create("true"), workshop.create("true")
    processes = [
        subprocess.Popen(
            ["sleep", "60"],
            env={**os.environ, "AGENT_EXEC_JOB_ID": each.directory.job_id},
            start_new_session=True,
        )
        for each in (job, other)
    ]
    try:
        assert tree.end_unrecorded(job.directory) == (processes[0].pid,)
        assert processes[0].wait(timeout=5) == -signal.SIGKILL
        assert processes[1].poll() is None
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_nobody_has_no_descendants() -> None:
    assert living_descendants(0) == []
    assert living_descendants(-1) == []
