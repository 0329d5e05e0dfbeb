"""A crowd of running jobs, from the command line and from a pre-warmed launcher."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence

import pytest

from agent_exec import NO_WAIT, JobDefinition, JobStore, kill_job, run_job
from agent_exec.process.prewarmed import PrewarmedLauncher
from faults.bench import Bench, crowd, finish
from faults.processes import Seen
from faults.rows import covers
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

JOBS = 60
CROWD = 500
AT_ONCE = 4


@covers(
    "crowd: running",
    "crowd: memory",
    "crowd: list",
    "crowd: idle",
    "crowd: resources",
    "crowd: kill",
)
def test_a_crowd_runs_idles_is_listed_and_is_killed_whole(bench: Bench, figure: Figure) -> None:
    began_s = time.monotonic()
    answers = crowd(bench, JOBS, AT_ONCE, "run", "--no-wait", "--no-auto-gc", "--", "sleep", "600")
    launch_ms = (time.monotonic() - began_s) / JOBS * 1000
    ids = [str(answer["job_id"]) for answer in answers]
    assert len(set(ids)) == JOBS
    children = [bench.child(job_id) for job_id in ids]
    assert all(child.is_alive for child in children)
    supervisors = [bench.supervisor(job_id) for job_id in ids]
    listed = bench.must("list", "--all", "--limit", "0")
    assert {job["state"] for job in bench.listed().values()} == {"running"}
    assert set(bench.listed()) == set(ids)
    assert listed.took_s < 3
    memory_kb = sum(each.shared_memory_kb() for each in supervisors) / JOBS
    assert 0 < memory_kb < 6 * 1024
    for each in supervisors:
        assert each.count("task") <= 4
        assert each.count("fd") <= 16
    assert len(bench.supervisors()) == JOBS, "one process a job"
    idle_s = _cpu_of_idling(supervisors, seconds=3.0)
    assert idle_s < 0.06, "2 % of a core"
    began_s = time.monotonic()
    _kill_all(bench, ids)
    kill_ms = (time.monotonic() - began_s) / JOBS * 1000
    assert not any(child.is_alive for child in children)
    wait_until(lambda: not bench.supervisors(), timeout_s=10, what="the supervisors' end")
    figure(
        f"{JOBS} jobs: {launch_ms:.0f} ms a launch and {kill_ms:.0f} ms a kill, {AT_ONCE} at a "
        f"time; {memory_kb / 1024:.1f} MiB each; listed in {listed.took_s:.2f} s; "
        f"{idle_s * 1000:.1f} ms of CPU in 3 s"
    )


@pytest.mark.timeout(300)  # on a machine that is busy with other things
@covers("500 jobs by the launcher")
def test_500_jobs_of_a_warm_launcher_run_and_are_killed(bench: Bench, figure: Figure) -> None:
    store = JobStore(bench.root)
    command = JobDefinition(command=("sleep", "600"), shell_wrapper=("sh", "-c"))
    began_s = time.monotonic()
    with PrewarmedLauncher() as launcher:
        wait_until(lambda: _starts_fast(bench, store, command, launcher), what="a warm launcher")
        ids = [
            run_job(
                store, command, observation=NO_WAIT, launcher=launcher, environ=bench.environment()
            ).job_id
            for _ in range(CROWD)
        ]
        launch_ms = (time.monotonic() - began_s) / CROWD * 1000
    assert len(set(ids)) == CROWD
    assert all(bench.status(job_id) == "running" for job_id in ids)
    children = [bench.child(job_id) for job_id in ids]
    assert all(child.is_alive for child in children)
    supervisors = {bench.supervisor(job_id) for job_id in ids}
    assert len(supervisors) == CROWD
    memory_kb = sum(each.shared_memory_kb() for each in supervisors) / CROWD
    assert 0 < memory_kb < 1.5 * 1024
    idle_s = _cpu_of_idling(list(supervisors), seconds=2.0)
    assert idle_s < 0.04, "2 % of a core"
    listed, shown = bench.must("list", "--all", "--limit", "0"), bench.must("--json")
    assert max(listed.took_s, shown.took_s) < 3
    jobs = listed["jobs"]
    assert isinstance(jobs, list)
    assert [job["job_id"] for job in jobs if job["state"] == "running"] == ids[::-1]
    began_s = time.monotonic()
    for job_id in ids:
        kill_job(store, job_id, wait=False)
    wait_until(lambda: not any(child.is_alive for child in children), 30, "the children's end")
    wait_until(lambda: not bench.supervisors(), 30, "the supervisors' end")
    kill_ms = (time.monotonic() - began_s) / CROWD * 1000
    assert all(bench.ending(job_id) == ("killed", "15") for job_id in ids)
    figure(
        f"{CROWD} jobs: {launch_ms:.0f} ms a launch, {kill_ms:.0f} ms a kill; "
        f"{memory_kb / 1024:.2f} MiB each, {memory_kb * CROWD / 1024:.0f} in all; list "
        f"{listed.took_s:.2f} s, --json {shown.took_s:.2f} s; {idle_s * 1000:.1f} ms of CPU in 2 s"
    )


def _starts_fast(
    bench: Bench, store: JobStore, command: JobDefinition, launcher: PrewarmedLauncher
) -> bool:
    """Run a job; True once it was the launcher that started it."""
    job_id = run_job(
        store, command, observation=NO_WAIT, launcher=launcher, environ=bench.environment()
    ).job_id
    words = bench.supervisor(job_id).command()
    kill_job(store, job_id, signal="KILL")
    bench.wait_supervisor_gone(job_id)
    bench.must("delete", job_id)
    return job_id not in words


def _cpu_of_idling(processes: Sequence[Seen], seconds: float) -> float:
    before_ns = sum(each.cpu_ns() for each in processes)
    until_s = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until_s, timeout_s=seconds + 5)
    return (sum(each.cpu_ns() for each in processes) - before_ns) / 1e9


def _kill_all(bench: Bench, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), AT_ONCE):
        calls = [bench.begin("kill", job_id) for job_id in ids[start : start + AT_ONCE]]
        for call in calls:
            answer = finish(call)
            assert answer.ok, answer
            assert answer["state"] == "killed"


@covers("few descriptors")
def test_more_jobs_than_descriptors_are_waited_for(bench: Bench) -> None:
    calls = crowd(bench, 70, AT_ONCE, "run", "--no-wait", "--no-auto-gc", "--", "sleep", "600")
    job_ids = [str(each["job_id"]) for each in calls]
    limited = ["sh", "-c", 'ulimit -n 64; exec "$@"', "--"]
    waiting = bench.begin("wait", "--all", "--until", "60", *job_ids, prefix=limited)
    for job_id in job_ids:
        bench.child(job_id).send(signal.SIGKILL)
    done = finish(waiting)
    assert done.ok, done
    assert done["satisfied"] is True
    jobs = done["jobs"]
    assert isinstance(jobs, list)
    assert {each["state"] for each in jobs} == {"killed"}
