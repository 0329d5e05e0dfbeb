"""Jobs of another user in a root that others can write: looked at, never acted on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.processes import Seen, see
from faults.rows import covers
from faults.tools import NOBODY

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user"),
]

ACTING = (
    ("start", "--no-wait"),
    ("kill",),
    ("restart", "--no-wait"),
    ("delete",),
    ("tag", "set", "--tag", "mine"),
    ("notify", "set", "--command", "true"),
)


@pytest.fixture
def stranger() -> Iterator[Seen]:
    """A process that is nobody's job, leading a group of its own as a job's child does."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield see(process.pid)
    process.kill()
    process.wait()


def _give_away(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _plant(bench: Bench, *command: str) -> str:
    """A whole job of another user's in a root that has become everybody's."""
    job_id = bench.create(*command)
    bench.root.chmod(0o1777)
    for path in (*bench.file(job_id, "").iterdir(), bench.file(job_id, "")):
        _give_away(path)
    return job_id


def _name_running(bench: Bench, job_id: str, seen: Seen) -> None:
    """Have a record say that a job of ours runs with somebody's pid, all identities right."""
    moment = "2026-01-01T00:00:00Z"
    bench.change_state(job_id, status="running", started_at=moment, pid=seen.pid)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    named = {
        "pid": seen.pid,
        "start_ticks": seen.start_ticks,
        "boot_id": boot,
        "pid_namespace": os.stat("/proc/self/ns/pid").st_ino,
    }
    record = {"supervisor": named, "child": named, "started_at": moment}
    bench.file(job_id, "supervision.json").write_text(json.dumps(record))


def _contents(bench: Bench, job_id: str) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in bench.file(job_id, "").iterdir()}


@covers("planted job")
@pytest.mark.parametrize("verb", ACTING, ids=lambda words: words[0])
def test_no_verb_acts_on_another_users_job(bench: Bench, verb: tuple[str, ...]) -> None:
    trace = bench.scratch / "ran"
    job_id = _plant(bench, "touch", str(trace))
    before = _contents(bench, job_id)
    answer = bench.call(*verb, job_id)
    assert answer.error_code == "unsafe_job"
    assert not trace.exists()
    assert _contents(bench, job_id) == before


@covers("planted job")
def test_a_planted_record_of_a_running_job_ends_nobody(bench: Bench, stranger: Seen) -> None:
    job_id = _plant(bench, "true")
    _name_running(bench, job_id, stranger)
    for name in ("state.json", "supervision.json"):
        _give_away(bench.file(job_id, name))
    for verb in (("kill",), ("kill", "--signal", "KILL"), ("restart",), ("delete",)):
        assert bench.call(*verb, job_id).error_code == "unsafe_job"
    repaired = bench.must("repair", "--kill", job_id)
    assert "unsafe" in str(repaired["jobs"]) or "belongs to user" in str(repaired["jobs"])
    assert stranger.is_alive
    assert bench.status(job_id) == "running"


@covers("planted job")
def test_cleaning_leaves_another_users_jobs(bench: Bench) -> None:
    job_id = _plant(bench, "true")
    state = bench.record(job_id)
    job = state["job"]
    assert isinstance(job, dict)
    job["status"] = "exited"
    state |= {"finished_at": "2026-01-01T00:00:00Z"}
    for has_lock in (True, False):
        bench.file(job_id, "state.json").write_text(json.dumps(state))
        if not has_lock:
            bench.file(job_id, "job.lock").unlink()
        answer = bench.must("gc", "--older-than", "1d")
        assert answer["deleted"] == 0
        assert "unsafe_job" in str(answer["jobs"])
        assert bench.must("delete", "--all")["deleted"] == 0
        assert bench.file(job_id, "").is_dir()


@covers("planted record")
@pytest.mark.parametrize(
    "name", ["state.json", "meta.json", "job.lock", "supervisor.lock", "supervision.json"]
)
def test_a_single_record_of_another_user_is_enough(bench: Bench, stranger: Seen, name: str) -> None:
    job_id = bench.create("true")
    _name_running(bench, job_id, stranger)
    _give_away(bench.file(job_id, name))
    for verb in (("kill",), ("restart",), ("tag", "set", "--tag", "mine")):
        answer = bench.call(*verb, job_id)
        assert answer.error_code == "unsafe_job"
        assert name in answer.message
    assert stranger.is_alive


@covers("planted job")
def test_what_only_reads_marks_another_users_job(bench: Bench) -> None:
    own, planted = bench.create("true"), _plant(bench, "true")
    listed = bench.listed()
    assert listed[planted]["owner_uid"] == NOBODY
    assert "owner_uid" not in listed[own]
    assert bench.must("status", planted)["owner_uid"] == NOBODY
    shown = bench.must("--json")["jobs"]
    assert isinstance(shown, list)
    owners = {each["job_id"]: each.get("owner_uid") for each in shown}
    assert owners == {own: None, planted: NOBODY}
    warned = bench.call("list")
    assert "put into jobs root" in warned.stderr
