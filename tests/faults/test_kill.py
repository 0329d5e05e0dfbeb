"""What a kill reaches, and what is told of it."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from faults.bench import Bench
from faults.processes import Seen
from faults.rows import covers
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 600 & wait; done"


def _ready(bench: Bench, script: str, *flags: str) -> str:
    """A running job that has said something."""
    job_id = bench.run("sh", "-c", script, flags=flags)
    log = bench.file(job_id, "stdout.log")
    wait_until(lambda: log.stat().st_size > 0, what="the job's first word")
    return job_id


def _gone(processes: list[Seen], timeout_s: float = 5.0) -> None:
    wait_until(lambda: not any(each.is_alive for each in processes), timeout_s, "their end")


@covers("TERM ignored: told", "TERM ignored: exit")
def test_a_job_that_ignores_term_runs_on_and_keeps_its_result(bench: Bench) -> None:
    trigger = bench.scratch / "go"
    script = f"trap '' TERM; echo ready; until [ -e {trigger} ]; do sleep 0.05; done; exit 7"
    job_id = _ready(bench, script)
    assert bench.must("kill", job_id)["state"] == "running"
    assert bench.status(job_id) == "running"
    assert bench.must("status", job_id)["state"] == "running"
    assert bench.listed()[job_id]["state"] == "running"
    trigger.touch()
    assert bench.wait_over(job_id) == ("exited", 7)


@covers("TERM ignored: KILL")
def test_what_ignores_term_is_ended_by_kill(bench: Bench) -> None:
    job_id = _ready(bench, STUBBORN)
    child = bench.child(job_id)
    bench.must("kill", "--no-wait", job_id)
    answer = bench.must("kill", "--signal", "KILL", job_id)
    assert not child.is_alive
    assert (answer["state"], answer["terminated_signal"]) == ("killed", "9")
    assert bench.wait_over(job_id) == ("killed", "9")


@covers("stopped child: TERM")
def test_a_stopped_job_is_never_told_killed_while_it_exists(bench: Bench) -> None:
    job_id = bench.run("sleep", "600")
    child = bench.child(job_id)
    child.send(signal.SIGSTOP)
    bench.must("kill", job_id)
    assert bench.status(job_id) == "running" or not child.is_alive
    bench.wait_status(job_id, "killed")
    assert not child.is_alive


@covers("TERM ignored: delete, gc")
def test_the_directory_of_a_living_job_stays(bench: Bench) -> None:
    job_id = _ready(bench, STUBBORN)
    bench.must("kill", "--no-wait", job_id)
    assert bench.call("delete", job_id).error_code == "invalid_state"
    assert bench.must("gc", "--older-than", "0s")["deleted"] == 0
    bench.must("delete", "--all")
    assert bench.status(job_id) == "running"
    assert bench.child(job_id).is_alive


@covers("grandchildren in the group")
def test_kill_ends_the_whole_group(bench: Bench) -> None:
    job_id = _ready(bench, "sleep 600 & sleep 600 & echo ready; wait")
    wait_until(lambda: len(bench.marked()) == 3, what="three processes")
    processes = bench.marked()
    bench.must("kill", job_id)
    _gone(processes)


@covers("grandchild in a session of its own")
def test_kill_ends_a_grandchild_that_left_the_session(bench: Bench) -> None:
    job_id = _ready(bench, "setsid sleep 600 & echo ready; wait")
    wait_until(lambda: len({each.session for each in bench.marked()}) == 2, what="two sessions")
    processes = bench.marked()
    bench.must("kill", job_id)
    _gone(processes)


@covers("double-forked daemon")
def test_kill_ends_a_daemon_whose_parent_is_gone(bench: Bench) -> None:
    job_id = _ready(bench, "(setsid sh -c 'sleep 600 & exit' &); sleep 0.1; echo ready; sleep 600")
    supervisor = bench.supervisor(job_id)
    wait_until(
        lambda: any(
            each.parent_pid == supervisor.pid and each.session != bench.child(job_id).pid
            for each in bench.marked()
        ),
        what="an adopted daemon",
    )
    processes = bench.marked()
    bench.must("kill", job_id)
    _gone(processes)


@covers("grandchild that ignores TERM")
def test_what_survives_a_kill_is_named(bench: Bench, figure: Figure) -> None:
    job_id = _ready(bench, "sh -c \"trap '' TERM; echo ready; exec sleep 600\" & wait")
    wait_until(lambda: len(bench.marked()) == 2, what="both processes")
    wait_until(lambda: any(each.command() == "sleep 600 " for each in bench.marked()))
    answer = bench.must("kill", job_id)
    left = {each.pid for each in bench.marked()}
    named = answer.document.get("survivors", [])
    assert isinstance(named, list)
    assert left == {each["pid"] for each in named}
    figure(f"{len(left)} survivor, named")


@covers("time limit, TERM ignored")
def test_a_time_limit_ends_the_whole_stubborn_tree(bench: Bench, figure: Figure) -> None:
    script = f'setsid sh -c "{STUBBORN}" & {STUBBORN}'
    job_id = _ready(bench, script, "--timeout", "1", "--kill-after", "1")
    wait_until(lambda: len(bench.marked()) >= 4, what="the tree")
    processes = bench.marked()
    _gone(processes, timeout_s=8)
    assert bench.wait_over(job_id) == ("killed", "9")
    assert bench.must("status", job_id)["cause"] == "timeout"
    assert bench.marked() == []
    figure(f"{len(processes)} processes in two sessions")


@covers("kill of an ended job", "kill of a created job")
def test_kill_leaves_the_record_of_what_does_not_run(bench: Bench) -> None:
    ended, created = bench.create("sh", "-c", "exit 3"), bench.create("true")
    bench.must("start", "--no-wait", ended)
    bench.wait_over(ended)
    bench.wait_supervisor_gone(ended)
    for job_id in (ended, created):
        before = bench.file(job_id, "state.json").read_bytes()
        answer = bench.call("kill", "--signal", "KILL", job_id)
        assert answer.ok is (job_id == ended)
        assert answer.error_code in (None, "invalid_state")
        assert bench.file(job_id, "state.json").read_bytes() == before


@covers("unknown signals")
@pytest.mark.parametrize("name", ["SEGV", "11", "MADEUP", "SIGMADEUP", "0", "-9", "64", ""])
def test_a_signal_jobs_are_not_sent_is_refused(bench: Bench, name: str) -> None:
    job_id = bench.run("sleep", "600")
    answer = bench.call("kill", f"--signal={name}", job_id)
    assert answer.error_code == "invalid_signal"
    assert bench.status(job_id) == "running"
    assert bench.child(job_id).is_alive


@covers("USR1", "HUP")
@pytest.mark.parametrize("name", ["USR1", "HUP"])
def test_a_handled_signal_is_delivered_as_itself(bench: Bench, name: str) -> None:
    script = f"trap 'echo got {name}' {name}; echo ready; while :; do sleep 0.05; done"
    job_id = _ready(bench, script)
    bench.must("kill", "--no-wait", "--signal", name, job_id)
    log = bench.file(job_id, "stdout.log")
    wait_until(lambda: f"got {name}" in log.read_text(), what="the signal")
    assert log.read_text() == f"ready\ngot {name}\n"
    assert bench.status(job_id) == "running"
    assert bench.child(job_id).is_alive
