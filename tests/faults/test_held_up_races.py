"""Two verbs at one job, the first held up by strace where it hurts most."""

from __future__ import annotations

import subprocess

import pytest

from faults.bench import Bench, finish
from faults.rows import covers
from faults.tools import strace
from support.waiting import wait_until

pytestmark = pytest.mark.faults

FORKS = "clone,clone3,vfork,fork"
RENAMES = "rename,renameat,renameat2"
UNLINKS = "unlink,unlinkat"
SIGNALS = "kill,pidfd_send_signal,tgkill"


def _held_up(bench: Bench, calls: str, delay_s: float, *arguments: str) -> subprocess.Popen[bytes]:
    """Begin a call that is delayed before the first of those system calls."""
    log = bench.scratch / "trace"
    log.write_text("")
    # Each name on its own: a rule's turn is counted by name, and one of them comes first.
    rules = [f"{name}:delay_enter={int(delay_s * 1e6)}:when=1" for name in calls.split(",")]
    return bench.begin(*arguments, prefix=strace(log, *rules, calls=calls))


@covers("slow launcher")
@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_launcher_held_up_at_its_renames_never_undoes_the_end(bench: Bench, verb: str) -> None:
    words = ["--", "true"] if verb == "run" else [bench.create("true")]
    rules = [f"{name}:delay_enter=800000" for name in f"{RENAMES},fsync,{FORKS}".split(",")]
    log = bench.scratch / "trace"
    prefix = strace(log, *rules, calls=f"{RENAMES},fsync,{FORKS}")
    answer = bench.must(verb, *words, prefix=prefix)
    assert "INJECTED" in log.read_text() or "DELAYED" in log.read_text()
    job_id = str(answer["job_id"])
    assert bench.wait_over(job_id) == ("exited", 0)
    bench.wait_supervisor_gone(job_id)
    assert bench.ending(job_id) == ("exited", 0)


@covers("delete held up")
def test_a_start_in_the_middle_of_a_delete_is_refused(bench: Bench) -> None:
    runs = bench.scratch / "runs"
    job_id = bench.create("sh", "-c", f"echo run >> {runs}")
    delete = _held_up(bench, UNLINKS, 1.0, "delete", job_id)
    wait_until(lambda: _is_being_deleted(bench, job_id), timeout_s=10)
    start = bench.call("start", "--no-wait", job_id)
    deleted = finish(delete)
    assert start.is_orderly
    assert start.ok is not deleted.ok
    if deleted.ok:
        assert not bench.file(job_id, "").exists()
        assert not runs.exists()
    wait_until(lambda: not bench.litter(), what="the last tidying")


def _is_being_deleted(bench: Bench, job_id: str) -> bool:
    # Its first unlink comes after the directory was put aside, or with it still in place.
    held = (bench.scratch / "trace").read_text() != ""
    return held or not bench.file(job_id, "").exists()


@covers("start held up, delete")
def test_a_delete_in_the_middle_of_a_start_is_refused(bench: Bench) -> None:
    job_id = bench.create("sleep", "60")
    start = _held_up(bench, FORKS, 1.0, "start", "--no-wait", job_id)
    wait_until(bench.file(job_id, "supervisor.ack").exists, timeout_s=10)
    deleted = bench.call("delete", job_id)
    started = finish(start)
    assert started.ok
    assert deleted.error_code == "invalid_state"
    assert bench.status(job_id) == "running"
    assert bench.child(job_id).is_alive


@covers("kill held up")
def test_a_signal_that_comes_after_the_exit_changes_nothing(bench: Bench) -> None:
    job_id = str(bench.must("run", "--", "sh", "-c", "echo ready; sleep 0.8; exit 7")["job_id"])
    kill = _held_up(bench, SIGNALS, 1.6, "kill", job_id)
    bench.wait_status(job_id, "exited")
    was_over_first = kill.poll() is None
    assert finish(kill).is_orderly
    assert was_over_first
    assert bench.wait_over(job_id) == ("exited", 7)


@covers("start held up, start")
def test_a_second_start_in_the_middle_of_one_is_refused(bench: Bench) -> None:
    runs = bench.scratch / "runs"
    job_id = bench.create("sh", "-c", f"echo run >> {runs}; sleep 0.2")
    first = _held_up(bench, FORKS, 1.0, "start", "--no-wait", job_id)
    wait_until(bench.file(job_id, "supervisor.ack").exists, timeout_s=10)
    second = bench.call("start", "--no-wait", job_id)
    answers = [finish(first), second]
    assert sorted(answer.ok for answer in answers) == [False, True]
    assert {answer.error_code for answer in answers} == {None, "invalid_state"}
    assert bench.wait_over(job_id) == ("exited", 0)
    assert runs.read_text() == "run\n"
