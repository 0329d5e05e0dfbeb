"""A sandbox refuses system calls: each has a way round, or the answer says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from faults.bench import Bench, finish
from faults.rows import covers
from faults.tools import strace
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

_REFUSING: Final = str(Path(__file__).with_name("refusing.py"))
# What the engine or its libraries might call and can do without, all at once.
_DISPENSABLE: Final = (
    "close_range=EPERM,prctl@36=EINVAL,prctl@15=EPERM,setsid=EPERM,inotify_init1=ENOSYS,"
    "fallocate=EOPNOTSUPP,copy_file_range=EPERM,sendfile=EPERM,splice=EPERM,openat2=EPERM,"
    "renameat2=EPERM,sched_getaffinity=EPERM,sched_setaffinity=EPERM,setpriority=EPERM,"
    "ioprio_set=EPERM,mlock=EPERM,getrandom=ENOSYS,statx=ENOSYS,getxattr=EPERM,sysinfo=EPERM,"
    "timer_create=EPERM,setitimer=EPERM,fsync=EINVAL,fdatasync=EINVAL"
)
_IN_MEMORY: Final = "memfd_create=ENOSYS"
_PROFILE: Final = "clone3=EPERM,memfd_create=EPERM"

_JOB: Final = ("sh", "-c", "echo hi; sleep 600 & setsid sleep 600 & wait")


def refusing(rules: str) -> list[str]:
    """A prefix for calls whose system calls are refused, and those of all they start."""
    words = [sys.executable, _REFUSING, rules]
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(done.stderr.strip())
    return words


def _live_through(bench: Bench, prefix: list[str]) -> None:
    """A job's whole life, everything about it called within the sandbox."""
    job_id = str(bench.must("create", "--", *_JOB, prefix=prefix)["job_id"])
    bench.must("start", "--no-wait", job_id, prefix=prefix)
    follower = bench.begin("tail", "--follow", job_id, prefix=prefix)
    assert bench.must("status", job_id, prefix=prefix)["state"] == "running"
    wait_until(lambda: bench.file(job_id, "stdout.log").read_text() == "hi\n", what="its output")
    ended = bench.must("kill", job_id, prefix=prefix)
    assert ended["state"] == "killed"
    assert "survivors" not in ended.document
    assert bench.must("wait", job_id, prefix=prefix)["state"] == "killed"
    assert json.loads(_output_of(follower).splitlines()[-1])["type"] == "tail_end"
    bench.must("restart", "--no-wait", job_id, prefix=prefix)
    assert bench.must("kill", "--signal", "KILL", job_id, prefix=prefix)["state"] == "killed"
    wait_until(lambda: not bench.supervisors(), what="the supervisor's end")
    ran = bench.must("run", "--stdin", "text", "--", "sh", "-c", "cat; exit 3", prefix=prefix)
    assert (ran["stdout"], ran["exit_code"]) == ("text", 3)
    counted = bench.must("--json", prefix=prefix)["counts"]
    assert isinstance(counted, dict)
    assert (counted["killed"], counted["exited"]) == (1, 1)
    assert bench.must("delete", job_id, prefix=prefix)["deleted"] == 1


def _output_of(process: subprocess.Popen[bytes]) -> bytes:
    stdout, stderr = process.communicate(timeout=10)
    assert stderr == b""
    return stdout


def _remove_all(bench: Bench, prefix: list[str]) -> None:
    for job_id in bench.listed():
        bench.make_old(job_id)
    bench.must("gc", "--older-than", "1d", prefix=prefix)
    assert list(bench.root.iterdir()) == []


@covers("refused: what can be done without")
@pytest.mark.parametrize("memory", [_IN_MEMORY, "memfd_create=EPERM"])
def test_a_job_lives_where_a_sandbox_refuses_what_can_be_done_without(
    bench: Bench, memory: str, figure: Figure
) -> None:
    prefix = refusing(f"{_DISPENSABLE},{memory}")
    _live_through(bench, prefix)
    _remove_all(bench, prefix)
    figure(f"{len(_DISPENSABLE.split(',')) + 1} calls refused at once")


@covers("refused: pidfd")
@pytest.mark.parametrize(
    "rule",  # alone: where setsid is refused, too, the group is all there is to reach
    [
        "pidfd_open=ENOSYS",
        "pidfd_open=EPERM",
        "pidfd_open=EMFILE",
        "pidfd_send_signal=ENOSYS",
        "pidfd_send_signal=EPERM",
        "pidfd_send_signal=EINVAL",
    ],
)
def test_a_whole_tree_is_reached_where_pidfds_are_refused(bench: Bench, rule: str) -> None:
    _live_through(bench, refusing(rule))


@covers("refused: no clone3")
def test_a_job_lives_where_an_old_profile_refuses_clone3(bench: Bench) -> None:
    prefix = refusing(_PROFILE)
    _live_through(bench, prefix)
    _remove_all(bench, prefix)
    program = bench.call("--json", "--watch", prefix=prefix)  # needs a thread, which is refused
    assert program.stdout.splitlines()
    last = json.loads(program.stdout.splitlines()[-1])
    assert "can't start new thread" in last["error"]["message"]
    assert "a bug of" not in last["error"]["message"]


@covers("refused: watches")
@pytest.mark.parametrize("rule", ["inotify_init1=EMFILE", "inotify_add_watch=ENOSPC"])
def test_a_watch_goes_on_by_looking_where_the_kernel_gives_no_events(
    bench: Bench, rule: str
) -> None:
    bench.run("sleep", "600")
    watching = bench.begin("--json", "--watch", prefix=refusing(rule))
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    assert first["counts"]["running"] == 1
    second = bench.run("true")
    line = json.loads(watching.stdout.readline())
    assert second in json.dumps(line)
    watching.terminate()
    finish(watching)


@covers("refused: no locks")
@pytest.mark.parametrize("refusal", ["ENOLCK", "ENOSYS"])
def test_without_flock_nothing_is_started_and_the_answer_says_why(
    bench: Bench, refusal: str
) -> None:
    prefix = refusing(f"flock={refusal}")
    done = bench.call("run", "--", "true", prefix=prefix)
    assert done.is_orderly
    assert "lock" in done.message
    assert "--root" in done.message
    assert not bench.marked()
    assert bench.listed() == {}, "a job that nobody knows of, and nobody can start"
    assert list(bench.root.iterdir()) == []
    assert bench.must("list", "--all", prefix=prefix)["jobs"] == []


@covers("refused: no locks")
def test_a_job_that_was_made_before_the_locks_went_is_named(bench: Bench) -> None:
    trace = bench.scratch / "trace"
    prefix = strace(trace, "flock:error=ENOLCK:when=6+", calls="flock")
    done = bench.call("run", "--no-auto-gc", "--", "true", prefix=prefix)
    assert "lock" in done.message
    error = done["error"]
    assert isinstance(error, dict)
    assert [error["details"]["job_id"]] == list(bench.listed())


@covers("refused: no clone3")
def test_a_regular_expression_is_looked_for_where_clone3_is_refused(bench: Bench) -> None:
    told = bench.scratch / "told"
    flags = ["--output-match-type", "regex", "--output-pattern", "ne+dle"]
    prefix = refusing(_PROFILE)
    ran = bench.must(
        "run",
        *flags,
        *("--output-command", f"cat >> {told}"),
        "--",
        "echo",
        "neeeedle",
        prefix=prefix,
    )
    wait_until(lambda: told.exists() and "neeeedle" in told.read_text(), what="the notification")
    assert "matcher" not in bench.file(str(ran["job_id"]), "supervision.json").read_text()
