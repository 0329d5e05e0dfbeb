"""A supervisor that dies, and what everybody makes of its job then."""

from __future__ import annotations

import os
import pty
import signal
import time
from collections.abc import Callable

import pytest

from faults.bench import Bench, finish
from faults.processes import await_idle, see
from faults.rows import covers
from faults.tools import await_text
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

NOT_RUNNING = {"killed", "failed", "unknown", "exited"}


def _orphan(bench: Bench) -> str:
    """A job whose supervisor is dead and whose child lives."""
    job_id = bench.run("sleep", "600")
    bench.supervisor(job_id).end()
    return job_id


def _lost(bench: Bench) -> str:
    """A job whose supervisor and child are both dead, with nobody told."""
    job_id = bench.run("sleep", "600")
    child = bench.child(job_id)
    bench.supervisor(job_id).end()
    child.end()
    return job_id


def _liveness(bench: Bench, job_id: str) -> object:
    liveness = bench.must("status", job_id)["liveness"]
    assert isinstance(liveness, dict)
    return liveness["verdict"]


@covers("supervisor dead: told")
def test_an_orphan_is_told_as_such_at_once(bench: Bench) -> None:
    job_id = _orphan(bench)
    assert bench.child(job_id).is_alive
    assert _liveness(bench, job_id) == "supervisor lost, child alive"
    listed = bench.listed()[job_id]
    assert listed["state"] in ("running", "unknown")
    assert listed["verdict"] == "supervisor lost, child alive"
    assert bench.child(job_id).is_alive


@covers("supervisor dead: kill")
def test_kill_reaches_the_orphan(bench: Bench) -> None:
    job_id = _orphan(bench)
    child = bench.child(job_id)
    answer = bench.must("kill", job_id)
    assert not child.is_alive
    assert answer["state"] == "killed"
    assert bench.ending(job_id) == ("killed", "15")


@covers("supervisor dead: status", "supervisor dead: record")
def test_status_of_a_lost_job_tells_and_records_its_end(bench: Bench) -> None:
    job_id = _lost(bench)
    assert bench.status(job_id) == "running"
    answer = bench.must("status", job_id)
    assert answer["state"] == "failed"
    assert answer["cause"] == "lost"
    assert bench.ending(job_id) == ("failed", None)


@covers("supervisor dead: list")
def test_list_does_not_call_a_lost_job_running(bench: Bench) -> None:
    job_id = _lost(bench)
    assert bench.listed()[job_id]["state"] in NOT_RUNNING


@covers("supervisor dead: delete")
def test_delete_takes_a_lost_job(bench: Bench) -> None:
    job_id = _lost(bench)
    bench.must("delete", job_id)
    assert not bench.file(job_id, "").exists()
    assert bench.litter() == []


@covers("supervisor dead: wait")
def test_wait_with_a_limit_ends_early_for_a_lost_job(bench: Bench, figure: Figure) -> None:
    job_id = _lost(bench)
    answer = bench.must("wait", "--until", "25", job_id)
    assert answer["state"] == "failed"
    assert answer.took_s < 12
    figure(f"{answer.took_s:.1f} s of 25")


@covers("supervisor dead: wait for ever")
def test_wait_for_ever_ends_when_the_supervisor_dies_meanwhile(
    bench: Bench, figure: Figure
) -> None:
    job_id = bench.run("sleep", "600")
    child = bench.child(job_id)
    wait = bench.begin("wait", "--forever", job_id)
    await_idle(see(wait.pid))
    assert wait.poll() is None
    bench.supervisor(job_id).end()
    child.end()
    began_s = time.monotonic()
    answer = finish(wait, limit_s=20)
    assert answer.ok
    assert answer["state"] == "failed"
    figure(f"{time.monotonic() - began_s:.1f} s after their death")


@covers("supervisor dead: gc")
def test_gc_collects_a_lost_job(bench: Bench) -> None:
    job_id = _lost(bench)
    bench.must("gc", "--older-than", "0s")
    assert not bench.file(job_id, "").exists()


@covers("supervisor dead: restart")
def test_restart_runs_a_lost_job_again(bench: Bench) -> None:
    job_id = _lost(bench)
    bench.must("restart", "--no-wait", job_id)
    assert bench.status(job_id) == "running"
    assert bench.child(job_id).is_alive
    assert _liveness(bench, job_id) == "running"


@covers("supervisor dead: writer")
def test_a_writers_end_after_its_supervisors_is_not_silent(bench: Bench) -> None:
    script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done"
    job_id = bench.run("sh", "-c", script)
    log = bench.file(job_id, "stdout.log")
    wait_until(lambda: log.read_text().count("\n") >= 3, what="three lines")
    child = bench.child(job_id)
    bench.supervisor(job_id).end()
    # Its next line meets a pipe without a reader.
    wait_until(lambda: not child.is_alive, what="the writer's end")
    answer = bench.must("status", job_id)
    assert answer["state"] == "failed"
    assert answer["cause"] == "lost"
    lines = log.read_text().splitlines(keepends=True)
    assert lines == [f"line {number}\n" for number in range(1, len(lines) + 1)]


@covers("supervisor told to end")
def test_a_supervisor_told_to_end_records_the_true_end(bench: Bench) -> None:
    # Said by what is waited for, as itself: a shell that forks passes on a trap for a moment.
    script = "trap 'echo asked; exit 9' TERM; sh -c 'echo ready; exec sleep 600' & wait"
    job_id = bench.run("sh", "-c", script)
    supervisor = bench.supervisor(job_id)
    await_text(bench.file(job_id, "stdout.log"), "ready")
    supervisor.send(signal.SIGTERM)
    assert bench.wait_over(job_id, timeout_s=6) == ("exited", 9)
    assert bench.file(job_id, "stdout.log").read_text() == "ready\nasked\n"
    assert bench.must("status", job_id)["cause"] == "terminated_with_supervisor"
    wait_until(lambda: not supervisor.is_alive, what="the supervisor's end")


@covers("interrupt at run")
def test_an_interrupted_run_leaves_the_job_its_true_result(bench: Bench) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        _become_run(bench, "--forever", "sh", "-c", "sleep 1; exit 7")
    try:
        job_id = _only_job(bench)
        bench.wait_status(job_id, "running")
        os.write(terminal, b"\x03")
        _collect(pid, terminal)
        assert bench.wait_over(job_id) == ("exited", 7)
    finally:
        os.close(terminal)


@covers("hangup after run")
def test_the_terminals_end_does_not_reach_the_job(bench: Bench) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        _become_run(bench, "--no-wait", "sh", "-c", "sleep 1; exit 7")
    job_id = _only_job(bench)
    bench.wait_status(job_id, "running")
    os.close(terminal)
    os.waitpid(pid, 0)
    assert bench.wait_over(job_id) == ("exited", 7)


def _become_run(bench: Bench, *words: str) -> None:
    """Become a ``run`` on the terminal that this process has."""
    try:
        call = bench.words("run", *words)
        os.execvpe(call[0], call, bench.environment())
    finally:
        os._exit(1)


def _only_job(bench: Bench) -> str:
    def names() -> list[str]:
        found = os.listdir(bench.root) if bench.root.is_dir() else []
        return [name for name in found if not name.startswith(".")]

    wait_until(names, timeout_s=10, what="the job")
    return names()[0]


def _collect(pid: int, terminal: int) -> None:
    """Read a terminal until its last program has ended."""
    while True:
        try:
            if not os.read(terminal, 4096):
                break
        except OSError:
            break
    os.waitpid(pid, 0)
