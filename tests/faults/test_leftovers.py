"""Directories a crash, another program or an enemy left in the root."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.rows import covers
from faults.tools import Measured

pytestmark = pytest.mark.faults

LEFT = "1eftove4" * 4
SLOWEST_S = 5.0
MEMORY_KB = 250_000


def _records(bench: Bench) -> tuple[Path, dict[str, object], dict[str, object]]:
    """A directory under the root, and the two records of an ended job to spoil."""
    template = bench.create("sh", "-c", "exit 3")
    bench.must("start", "--no-wait", "--no-auto-gc", template)
    bench.wait_over(template)
    bench.wait_supervisor_gone(template)
    meta, state = bench.record(template, "meta.json"), bench.record(template, "state.json")
    bench.must("delete", template)
    meta["job"] = {"id": LEFT}
    state["job"] = {**_job_of(state), "id": LEFT}
    directory = bench.root / LEFT
    directory.mkdir(mode=0o700)
    return directory, meta, state


def _job_of(state: dict[str, object]) -> dict[str, object]:
    job = state["job"]
    assert isinstance(job, dict)
    return job


def _healthy(bench: Bench) -> str:
    job_id = bench.create("sh", "-c", "echo healthy")
    bench.must("start", "--no-wait", "--no-auto-gc", job_id)
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id)
    return job_id


def _look_with_every_command(bench: Bench, job_id: str, healthy: str) -> None:
    for words in (
        ("list", "--all"),
        ("status", job_id),
        ("tail", job_id),
        ("wait", "--until", "2", job_id),
        ("kill", job_id),
        ("tag", "set", job_id, "--tag", "one"),
        ("notify", "set", job_id, "--command", "true"),
        ("gc", "--older-than", "30d"),
        ("repair", "--dry-run", job_id),
        ("--json",),
    ):
        with Measured(bench.scratch) as measured:
            call = bench.call(*words, prefix=measured.prefix)
        assert call.is_orderly, call
        assert call.took_s < SLOWEST_S, call
        assert measured.peak_kb < MEMORY_KB, call
    assert healthy in bench.listed()


def _check(bench: Bench) -> None:
    """The promise to every leftover, once it lies there."""
    healthy = _healthy(bench)
    _look_with_every_command(bench, LEFT, healthy)
    deleted = bench.call("delete", LEFT)
    assert deleted.is_orderly
    assert deleted.took_s < SLOWEST_S
    assert deleted.ok, deleted
    assert not (bench.root / LEFT).exists()
    assert healthy in bench.listed()
    assert bench.litter() == []


@covers("left: empty directory")
def test_an_empty_directory_disturbs_nobody(bench: Bench) -> None:
    _records(bench)
    _check(bench)


@covers("left: no state.json")
def test_a_job_without_state_disturbs_nobody(bench: Bench) -> None:
    directory, meta, _ = _records(bench)
    (directory / "meta.json").write_text(json.dumps(meta))
    _check(bench)


@covers("left: no meta.json")
def test_a_job_without_meta_disturbs_nobody(bench: Bench) -> None:
    directory, _, state = _records(bench)
    (directory / "state.json").write_text(json.dumps(state))
    _check(bench)


@covers("left: empty state.json", "left: truncated state.json")
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_state_cut_off_disturbs_nobody(bench: Bench, share: float) -> None:
    directory, meta, state = _records(bench)
    (directory / "meta.json").write_text(json.dumps(meta))
    text = json.dumps(state)
    (directory / "state.json").write_text(text[: int(len(text) * share)])
    _check(bench)


@covers("left: state.json a directory")
def test_a_directory_as_state_disturbs_nobody(bench: Bench) -> None:
    directory, meta, _ = _records(bench)
    (directory / "meta.json").write_text(json.dumps(meta))
    (directory / "state.json").mkdir()
    _check(bench)


@covers("left: meta.json not UTF-8")
def test_a_meta_that_is_not_utf8_disturbs_nobody(bench: Bench) -> None:
    directory, meta, state = _records(bench)
    data = json.dumps(meta).encode().replace(b"exit 3", b"exit \xff\xfe")
    (directory / "meta.json").write_bytes(data)
    (directory / "state.json").write_text(json.dumps(state))
    _check(bench)


@covers("left: meta.json 200,000 deep")
def test_a_meta_nested_without_end_disturbs_nobody(bench: Bench) -> None:
    directory, _, state = _records(bench)
    (directory / "meta.json").write_text("[" * 200_000 + "]" * 200_000)
    (directory / "state.json").write_text(json.dumps(state))
    _check(bench)


@covers("left: wrong types, unknown status")
def test_records_of_wrong_types_disturb_nobody(bench: Bench) -> None:
    directory, meta, state = _records(bench)
    wrong = {**meta, "command": "true", "tags": 7, "created_at": []}
    (directory / "meta.json").write_text(json.dumps(wrong))
    odd = {**state, "pid": "many", "job": {"id": 5, "status": "levitating"}}
    (directory / "state.json").write_text(json.dumps(odd))
    _check(bench)


@covers("left: multi-byte finished_at", "left: poisoned timestamp")
def test_a_poisoned_timestamp_disturbs_nobody(bench: Bench) -> None:
    directory, meta, state = _records(bench)
    poison = "2026-01-01T00:00:0\N{SNOWMAN}\N{SNOWMAN}Z"
    assert len(poison.encode()[:19].decode(errors="ignore").encode()) != 19
    (directory / "meta.json").write_text(json.dumps(meta))
    (directory / "state.json").write_text(json.dumps({**state, "finished_at": poison}))
    answer = bench.must("run", "--auto-gc-older-than", "1s", "--", "true")
    assert bench.wait_over(str(answer["job_id"])) == ("exited", 0)
    assert directory.is_dir(), "what cannot be dated is never old"
    _check(bench)


@covers("left: state.json a fifo")
def test_a_fifo_as_state_holds_nobody_up(bench: Bench) -> None:
    directory, meta, _ = _records(bench)
    (directory / "meta.json").write_text(json.dumps(meta))
    os.mkfifo(directory / "state.json")
    _check(bench)


@covers("left: state.json -> /dev/zero", "left: meta.json -> /dev/zero")
@pytest.mark.parametrize("name", ["state.json", "meta.json"])
def test_a_record_without_end_fills_nobody(bench: Bench, name: str) -> None:
    directory, meta, state = _records(bench)
    (directory / "meta.json").write_text(json.dumps(meta))
    (directory / "state.json").write_text(json.dumps(state))
    (directory / name).unlink()
    (directory / name).symlink_to("/dev/zero")
    _check(bench)


@covers("left: 100 MB meta.json")
def test_a_huge_meta_fills_nobody(bench: Bench) -> None:
    directory, meta, state = _records(bench)
    with (directory / "meta.json").open("wb") as file:
        file.write(json.dumps({**meta, "tags": []})[:-1].encode() + b', "x": "')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}')
    (directory / "state.json").write_text(json.dumps(state))
    _check(bench)


@covers("left: a 5,000-digit number")
def test_a_number_without_end_disturbs_nobody(bench: Bench) -> None:
    directory, meta, state = _records(bench)
    (directory / "meta.json").write_text(json.dumps(meta))
    text = json.dumps({**state, "pid": -12345}).replace("-12345", "9" * 5000)
    (directory / "state.json").write_text(text)
    _check(bench)


@covers("left: unknown fields")
def test_records_of_the_future_are_ordinary_and_keep_their_fields(bench: Bench) -> None:
    directory, meta, state = _records(bench)
    future = {"schema_version": "9.9", "from_tomorrow": {"deep": [1, 2]}}
    (directory / "meta.json").write_text(json.dumps({**meta, **future}))
    (directory / "state.json").write_text(json.dumps({**state, **future}))
    assert bench.listed()[LEFT]["state"] == "exited"
    assert bench.must("status", LEFT)["exit_code"] == 3
    bench.must("tag", "set", LEFT, "--tag", "kept")
    after = bench.record(LEFT, "meta.json")
    assert after == {**meta, **future, "tags": ["kept"]}


@covers("left: another job's id")
def test_a_job_is_listed_under_its_directory_only(bench: Bench) -> None:
    healthy = _healthy(bench)
    directory, meta, state = _records(bench)
    (directory / "meta.json").write_text(json.dumps({**meta, "job": {"id": healthy}}))
    created = {**state, "job": {"id": healthy, "status": "created"}}
    (directory / "state.json").write_text(json.dumps(created))
    jobs = bench.must("list", "--all")["jobs"]
    assert isinstance(jobs, list)
    assert sorted(job["job_id"] for job in jobs) == sorted([healthy, LEFT])
    started = bench.call("start", "--no-wait", LEFT)
    assert started.error_code == "invalid_state"
    assert bench.ending(healthy) == ("exited", 0)


@covers("left: odd names")
def test_odd_names_in_the_root_disturb_nobody(bench: Bench) -> None:
    healthy = _healthy(bench)
    for name in (b"line\nbreak", b"es\x1b[31mcape", b"not-\xff\xfe-utf8"):
        shutil.copytree(bench.root / healthy, bench.root / os.fsdecode(name))
    (bench.root / "a-file").write_text("plain")
    (bench.root / "dangling").symlink_to("/nonexistent/target")
    for words in (("list", "--all"), ("gc", "--older-than", "30d"), ("--json",)):
        call = bench.call(*words)
        assert call.is_orderly, call
        assert b"\x1b" not in call.stdout
        assert b"\x1b" not in call.stderr.encode(errors="surrogateescape")
    assert healthy in bench.listed()
    bench.must("gc", "--older-than", "0s")
    assert (bench.root / "a-file").exists()
    assert (bench.root / "dangling").is_symlink()


@covers("left: .gc.lock")
def test_a_gc_lock_left_by_a_crash_does_not_stop_automatic_gc(bench: Bench) -> None:
    old = _healthy(bench)
    lock = bench.root / ".gc.lock"
    lock.touch()
    long_ago_s = time.time() - 3600
    os.utime(lock, (long_ago_s, long_ago_s))
    bench.make_old(old)
    bench.must("run", "--auto-gc-older-than", "1s", "--", "true")
    assert not bench.file(old, "").exists()
    assert not lock.exists()


@covers("left: unreadable directory")
def test_a_job_that_may_not_be_read_hides_nothing_else(
    nobodys_bench: Bench, figure: Callable[[str], None]
) -> None:
    bench = nobodys_bench
    healthy = _healthy(bench)
    locked = bench.root / LEFT
    locked.mkdir(mode=0o000)
    call = bench.must("list", "--all")
    assert healthy in bench.listed()
    assert call["skipped"] == 1 or LEFT in bench.listed()
    for words in (
        ("status", LEFT),
        ("tail", LEFT),
        ("delete", LEFT),
        ("gc", "--older-than", "30d"),
    ):
        assert bench.call(*words).is_orderly
    answer = bench.must("run", "--no-auto-gc", "--", "true")
    assert bench.wait_over(str(answer["job_id"])) == ("exited", 0)
    figure("as a user without privileges")
