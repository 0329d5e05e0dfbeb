"""Where /proc hides what has other rights, or is not there at all."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.processes import using
from faults.rows import covers
from faults.tools import namespaces
from support.waiting import wait_until

pytestmark = pytest.mark.faults

_HIDING = "mount --make-rprivate / && mount -t proc -o hidepid=2 proc /proc"


@pytest.fixture
def hiding() -> Iterator[list[str]]:
    with namespaces(_HIDING) as prefix:
        yield prefix


def _set_uid_sleep(bench: Bench) -> str:
    """A program that runs with root's rights, whoever calls it."""
    if os.statvfs(bench.scratch).f_flag & os.ST_NOSUID:
        pytest.skip("no set-uid programs on this file system")
    path = bench.scratch / "set-uid-sleep"
    shutil.copyfile(shutil.which("sleep") or "sleep", path)
    path.chmod(0o4755)
    return str(path)


def _running(bench: Bench, program: str) -> list[int]:
    first = program.encode()
    pids = [each.pid for each in using(program)]
    return [pid for pid in pids if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(first)]


@covers("hidepid")
@pytest.mark.parametrize("number", ["TERM", "KILL"])
def test_a_hidden_leader_is_reached(nobodys_bench: Bench, hiding: list[str], number: str) -> None:
    bench, sleep = nobodys_bench, _set_uid_sleep(nobodys_bench)
    job_id = str(bench.must("run", "--no-wait", "--", sleep, "600", prefix=hiding)["job_id"])
    told = bench.must("status", job_id, prefix=hiding)
    assert (told["state"], told["process_alive"]) == ("running", True)
    ended = bench.must("kill", "--signal", number, job_id, prefix=hiding)
    assert ended["state"] == "killed"
    assert ended["signalled"]
    assert _running(bench, sleep) == []


@covers("hidepid")
def test_hidden_members_are_named_and_reached(nobodys_bench: Bench, hiding: list[str]) -> None:
    bench, sleep = nobodys_bench, _set_uid_sleep(nobodys_bench)
    script = f"trap '' TERM; {sleep} 600 & setsid {sleep} 600 & trap - TERM; wait"
    started = bench.must("run", "--no-wait", "--", "sh", "-c", script, prefix=hiding)
    job_id = str(started["job_id"])
    wait_until(lambda: len(_running(bench, sleep)) == 2)
    first = bench.must("kill", job_id, prefix=hiding)
    assert first["state"] == "killed"
    left = first["survivors"]
    assert isinstance(left, list)
    assert len(left) == 2
    last = bench.must("kill", "--signal", "KILL", job_id, prefix=hiding)
    assert "survivors" not in last.document
    assert _running(bench, sleep) == []


@covers("hidepid")
def test_a_hidden_orphan_is_told_and_nothing_is_proved(
    nobodys_bench: Bench, hiding: list[str]
) -> None:
    bench, sleep = nobodys_bench, _set_uid_sleep(nobodys_bench)
    job_id = str(bench.must("run", "--no-wait", "--", sleep, "600", prefix=hiding)["job_id"])
    for each in using(str(bench.file(job_id, ""))):
        os.kill(each.pid, signal.SIGKILL)
    bench.wait_supervisor_gone(job_id)
    told = bench.must("status", job_id, prefix=hiding)
    assert (told["state"], told["process_alive"]) == ("running", True)
    assert "may not be looked at" in str(told["liveness"])
    for verb in (("kill",), ("restart",)):
        answer = bench.call(*verb, job_id, prefix=hiding)
        assert answer.error_code == "unverified_process"
        assert "may not be looked at" in answer.message
    assert bench.call("delete", job_id, prefix=hiding).error_code == "invalid_state"
    assert bench.must("repair", "--all", "--kill", "--yes", prefix=hiding)["repaired"] == 0
    assert bench.must("gc", "--older-than", "0d", prefix=hiding)["deleted"] == 0
    assert len(_running(bench, sleep)) == 1
    assert bench.status(job_id) == "running"
    assert f"repair --yes {job_id}" in str(bench.must("repair", job_id, prefix=hiding)["jobs"])
    assert bench.must("repair", "--yes", job_id, prefix=hiding)["repaired"] == 1
    assert bench.status(job_id) == "failed"


@covers("no /proc: verbs")
@pytest.mark.parametrize("is_started_there", [False, True])
def test_without_proc_each_verb_works_or_says_what_is_missing(
    bench: Bench, is_started_there: bool
) -> None:
    with namespaces("mount --make-rprivate / && umount -l /proc") as blind:
        ran = bench.must("run", "--", "sh", "-c", "echo hi; exit 3", prefix=blind)
        assert (ran["stdout"], ran["exit_code"]) == ("hi\n", 3)
        with_proc = [*blind, "unshare", "--mount-proc"]
        prefix = blind if is_started_there else with_proc
        job_id = str(bench.must("run", "--no-wait", "--", "sleep", "600", prefix=prefix)["job_id"])
        assert bench.must("status", job_id, prefix=blind)["state"] == "running"
        assert bench.must("wait", "--until", "0.1", job_id, prefix=blind)["state"] == "running"
        for verb in (("kill",), ("kill", "--signal", "KILL"), ("restart",)):
            answer = bench.call(*verb, job_id, prefix=blind)
            assert answer.error_code == "unverified_process"
            assert "/proc is not mounted here" in answer.message
        assert bench.call("delete", job_id, prefix=blind).error_code == "invalid_state"
        assert bench.must("repair", "--all", "--kill", "--yes", prefix=blind)["repaired"] == 0
        assert "/proc is not mounted here" in str(bench.must("doctor", prefix=blind)["checks"])
        # The first one's supervisor may hold its lock for a moment yet, and gc leaves it alone.
        wait_until(lambda: bench.must("gc", "--older-than", "0d", prefix=blind)["deleted"] == 1)
        assert list(bench.listed()) == [job_id]
        assert bench.status(job_id) == "running"
        if not is_started_there:
            assert bench.must("kill", job_id, prefix=with_proc)["state"] == "killed"
