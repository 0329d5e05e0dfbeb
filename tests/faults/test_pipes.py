"""Descendants that keep the job's output open after it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from faults.bench import Bench
from faults.processes import await_idle
from faults.rows import covers
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]


@covers(
    "pipe held: the exit",
    "pipe held: soon",
    "pipe held: late",
    "pipe held: SIGPIPE",
    "pipe held: the supervisor",
)
def test_late_output_of_a_grandchild_is_kept_and_delays_nothing(
    bench: Bench, figure: Figure
) -> None:
    rest = bench.scratch / "rest"
    late = f"sleep 0.8; echo at 1; sleep 2.2; echo at 3; sleep 2; echo at 5; echo $? > {rest}"
    began_s = time.monotonic()
    job_id = bench.run("sh", "-c", f"({late}) & exit 5")
    bench.wait_status(job_id, "exited", timeout_s=1.5)
    told_s = time.monotonic() - began_s
    assert bench.ending(job_id) == ("exited", 5)
    supervisor = bench.supervisor(job_id)
    answer = bench.must("wait", "--until", "10", job_id)
    assert answer["exit_code"] == 5
    assert time.monotonic() - began_s < 4.5, "wait is not to wait for stragglers"
    wait_until(rest.exists, timeout_s=10, what="the grandchild's end")
    assert rest.read_text() == "0\n", "killed or told off by SIGPIPE"
    wait_until(lambda: not supervisor.is_alive, timeout_s=5, what="the supervisor's end")
    assert bench.file(job_id, "stdout.log").read_text() == "at 1\nat 3\nat 5\n"
    assert bench.file(job_id, "full.log").read_text().count("[STDOUT] at ") == 3
    assert bench.ending(job_id) == ("exited", 5)
    figure(f"exit told after {told_s:.1f} s, last word 5 s later kept")


@covers("pipe held for ever")
def test_a_silent_holder_of_the_pipe_costs_nothing(bench: Bench, figure: Figure) -> None:
    job_id = bench.run("sh", "-c", "sleep 600 & exit 5")
    bench.wait_status(job_id, "exited", timeout_s=1.5)
    bench.wait_over(job_id)
    supervisor = bench.supervisor(job_id)
    await_idle(supervisor)
    before_ns, began_s = supervisor.cpu_ns(), time.monotonic()
    wait_until(lambda: time.monotonic() - began_s > 4, timeout_s=5)
    used_s = (supervisor.cpu_ns() - before_ns) / 1e9
    assert used_s < 0.05
    figure(f"{used_s * 1000:.1f} ms of CPU in 4 s")
