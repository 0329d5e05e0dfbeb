"""Every job directory gives a record, whatever lies in it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from agent_exec.store import listing
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import read_job, scan
from support.many_jobs import make_finished_jobs, write_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = "2026-01-01T12:00:00Z"


def meta_of(job_id: str, **changes: object) -> JobMeta:
    values: dict[str, object] = {
        "job": JobRef(job_id),
        "schema_version": "0.1",
        "command": ("echo", "hi"),
        "created_at": NOON,
        "root": "/srv/jobs",
        "env_keys": (),
        "cwd": "/srv",
    }
    return JobMeta(**{**values, **changes})  # type: ignore[arg-type]


def state_of(job_id: str, status: JobStatus = JobStatus.EXITED) -> JobState:
    return JobState(
        job=StateJob(id=job_id, status=status, started_at=NOON),
        result=JobResult(exit_code=0),
        pid=2**22 + 7,
        updated_at=NOON,
    )


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    root = tmp_path / "root"
    root.mkdir()
    return JobStore(root)


def put(store: JobStore, job_id: str) -> str:
    return write_job(store.root, meta_of(job_id), state_of(job_id), stdout=b"hello")


def test_a_whole_job_is_read(store: JobStore) -> None:
    put(store, "a")
    record = read_job(store, "a")
    assert record is not None
    assert record.problem is None
    assert record.meta == meta_of("a", abandon_job_after_ms=0)
    assert record.state == state_of("a")
    assert (record.stdout_bytes, record.stderr_bytes, record.log_bytes) == (5, 0, 5)
    assert record.claimed_ns > 0


@pytest.mark.parametrize("name", ["none", "", ".", "..", "../root", "file", "link", "dangling"])
def test_what_is_no_job_directory_is_no_record(store: JobStore, name: str) -> None:
    put(store, "a")
    os.symlink("a", os.path.join(store.root, "link"))
    os.symlink("nowhere", os.path.join(store.root, "dangling"))
    with open(os.path.join(store.root, "file"), "wb"):
        pass
    assert read_job(store, name) is None
    assert [record.job_id for record in scan(store)] == ["a"]


def _write(name: str, data: bytes) -> Callable[[str], None]:
    def change(path: str) -> None:
        with open(os.path.join(path, name), "wb") as file:
            file.write(data)

    return change


def _replace(name: str, make: Callable[[str], None]) -> Callable[[str], None]:
    def change(path: str) -> None:
        target = os.path.join(path, name)
        os.unlink(target)
        make(target)

    return change


DAMAGE: dict[str, tuple[Callable[[str], None], str]] = {
    "no state": (_replace("state.json", lambda target: None), "state.json: No such file"),
    "no meta": (_replace("meta.json", lambda target: None), "meta.json: No such file"),
    "empty state": (_write("state.json", b""), "state.json: not JSON"),
    "cut state": (_write("state.json", b'{"job": {"id"'), "state.json: not JSON"),
    "state is a directory": (_replace("state.json", os.mkdir), "state.json: "),
    "not UTF-8": (_write("meta.json", b'{"job": "\xff"}'), "meta.json: not UTF-8"),
    "nested": (_write("meta.json", b"[" * 200_000), "meta.json: "),
    "wrong type": (_write("state.json", b'{"job": 1, "result": []}'), "state.json: `job`"),
    "unknown status": (
        _write(
            "state.json", json.dumps({"job": {"id": "a", "status": "x"}, "result": {}}).encode()
        ),
        "state.json: `job.status`",
    ),
    "fifo": (_replace("state.json", os.mkfifo), "state.json: "),
    "link to a device": (
        _replace("meta.json", lambda target: os.symlink("/dev/zero", target)),
        "meta.json: is a symbolic link",
    ),
    "too large": (_write("meta.json", b" " * 17_000_000), "meta.json: too large"),
    "digits": (
        _write("state.json", b'{"pid": ' + b"9" * 5000 + b"}"),
        "state.json: not JSON",
    ),
    "keys missing": (_write("meta.json", b'{"job": {"id": "a"}}'), "meta.json: `schema_version`"),
}


@pytest.mark.parametrize("bulk_jobs", [0, 10**9])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_a_record_with_its_reason(
    store: JobStore, monkeypatch: pytest.MonkeyPatch, damage: str, bulk_jobs: int
) -> None:
    monkeypatch.setattr(listing, "BULK_JOBS", bulk_jobs)
    put(store, "healthy")
    change, reason = DAMAGE[damage]
    change(put(store, "a"))
    found = {record.job_id: record for record in scan(store)}
    assert set(found) == {"a", "healthy"}
    assert found["healthy"].problem is None
    problem = found["a"].problem
    assert problem is not None
    assert problem.startswith(reason)


def test_a_foreign_identity_is_shown_under_the_directorys_name(store: JobStore) -> None:
    path = put(store, "b")
    os.rename(path, os.path.join(store.root, "a"))
    record = read_job(store, "a")
    assert record is not None
    assert record.job_id == "a"
    assert record.problem == "metadata identity mismatch: meta.json has b"


@pytest.mark.skipif(os.geteuid() == 0, reason="rights do not bind root")
def test_a_directory_without_rights_is_a_record(store: JobStore) -> None:
    path = put(store, "a")
    os.chmod(path, 0)
    try:
        record = read_job(store, "a")
    finally:
        os.chmod(path, 0o700)
    assert record is not None
    assert record.problem == "job directory: Permission denied"


def test_damage_that_is_not_fresh_is_not_waited_for(store: JobStore) -> None:
    for number in range(40):
        path = put(store, f"job{number}")
        _write("state.json", b"{")(path)
        os.utime(os.path.join(path, "state.json"), (1, 1))
    begin = time.monotonic()
    assert len(list(scan(store))) == 40
    assert time.monotonic() - begin < 1  # patience with each would take 2 s


def test_jobs_come_last_changed_first(store: JobStore) -> None:
    for number, name in enumerate(["old", "newest", "middle"]):
        path = put(store, name)
        os.utime(path, ns=(0, [1, 3, 2][number] * 10**9))
    assert [record.job_id for record in scan(store)] == ["newest", "middle", "old"]
    assert [record.job_id for record in scan(store, ["old", "gone", "middle"])] == ["old", "middle"]


def test_reading_in_bulk_gives_the_same(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    make_finished_jobs(store.root, 20)
    slowly = {record.job_id: record for record in scan(store)}
    monkeypatch.setattr(listing, "BULK_JOBS", 1)
    assert {record.job_id: record for record in scan(store)} == slowly


@pytest.mark.parametrize(("started_at", "is_ours"), [(NOON, True), ("2026-01-01T13:00:00Z", False)])
def test_supervision_of_another_run_is_ignored(
    store: JobStore, started_at: str, is_ours: bool
) -> None:
    path = put(store, "a")
    me = {"pid": 2**22 + 7, "start_ticks": 1, "boot_id": "x"}
    document = {"supervisor": me, "child": me, "started_at": started_at}
    _write("supervision.json", json.dumps(document).encode())(path)
    record = read_job(store, "a")
    assert record is not None
    assert (record.supervision is not None) is is_ours


def test_a_missing_root_has_no_jobs(tmp_path: Path) -> None:
    assert list(scan(JobStore(tmp_path / "none"))) == []
