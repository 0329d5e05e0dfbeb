"""Jobs appear whole or not at all, are found safely, and stay private."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_exec.errors import (
    InternalError,
    InvalidArgumentError,
    InvalidStateError,
    JobNotFoundError,
    RecordMissingError,
    RecordUnreadableError,
)
from agent_exec.model.job import JobMeta, JobRef, JobState, JobStatus, StateJob
from agent_exec.store.jobs import JobDir, JobStore


def definition(job: JobDir) -> tuple[JobMeta, JobState]:
    moment = "2026-01-01T00:00:00Z"
    meta = JobMeta(
        job=JobRef(job.job_id),
        schema_version="0.1",
        command=("true",),
        created_at=moment,
        root=job.root,
        env_keys=(),
    )
    status = StateJob(id=job.job_id, status=JobStatus.CREATED)
    return meta, JobState(job=status, updated_at=moment)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "root")


def test_a_created_job_is_read_back(store: JobStore) -> None:
    job_id = store.create(definition)
    with store.open(job_id[:8]) as job:
        assert job.job_id == job_id
        assert job.read_meta().command == ("true",)
        assert job.read_state().status is JobStatus.CREATED
        assert job.read_supervision() is None
        assert not job.has_supervisor()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o377])
def test_a_job_is_private_whatever_the_umask(store: JobStore, umask: int) -> None:
    before = os.umask(umask)
    try:
        job_id = store.create(definition)
    finally:
        os.umask(before)
    directory = Path(store.root, job_id)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_a_new_root_is_private(store: JobStore) -> None:
    store.create(definition)
    assert stat.S_IMODE(Path(store.root).stat().st_mode) == 0o700


@pytest.mark.parametrize("problem", [KeyboardInterrupt, OSError, RuntimeError])
def test_a_failed_creation_leaves_nothing(store: JobStore, problem: type[BaseException]) -> None:
    def build(job: JobDir) -> tuple[JobMeta, JobState]:
        Path(job.root, f".new-{job.job_id}", "stdin.bin").write_bytes(b"half")
        raise problem(28, "No space left on device")

    expected = InternalError if problem is OSError else problem
    with pytest.raises(expected):
        store.create(build)
    assert os.listdir(store.root) == []


def test_a_job_in_the_making_is_not_seen(store: JobStore) -> None:
    seen: list[list[str]] = []

    def build(job: JobDir) -> tuple[JobMeta, JobState]:
        seen.append(store.names())
        return definition(job)

    store.create(build)
    assert seen == [[]]


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.write_text("x")
    with pytest.raises(InternalError, match=r"create jobs root .*file: File exists"):
        JobStore(root).create(definition)
    with pytest.raises(InternalError, match=r"failed to read root directory .*Not a directory"):
        JobStore(root).names()


def test_a_missing_root_has_no_jobs(store: JobStore) -> None:
    assert store.names() == []
    with pytest.raises(JobNotFoundError, match="job not found: abc"):
        store.open("abc")


@pytest.mark.parametrize("bad", ["", ".", "..", "/etc", "a/../b", "x\0y"])
def test_an_id_that_leaves_the_root_is_refused_before_any_path(store: JobStore, bad: str) -> None:
    with pytest.raises(InvalidArgumentError):
        store.open(bad)


def test_a_link_in_the_root_is_no_job(store: JobStore, tmp_path: Path) -> None:
    store.create(definition)
    outside = JobStore(tmp_path / "outside")
    victim = outside.create(definition)
    Path(store.root, "linked").symlink_to(Path(outside.root, victim))
    assert "linked" not in store.names()
    with pytest.raises(JobNotFoundError):
        store.open("linked")


def test_a_record_behind_a_link_is_not_read(store: JobStore, tmp_path: Path) -> None:
    job_id = store.create(definition)
    state = Path(store.root, job_id, "state.json")
    state.unlink()
    state.symlink_to("/dev/zero")
    with store.open(job_id) as job, pytest.raises(RecordUnreadableError, match="symbolic link"):
        job.read_state()


def test_a_fifo_in_place_of_a_record_does_not_hang(store: JobStore) -> None:
    job_id = store.create(definition)
    state = Path(store.root, job_id, "state.json")
    state.unlink()
    os.mkfifo(state)
    with store.open(job_id) as job, pytest.raises(RecordUnreadableError, match="not a regular"):
        job.read_state()


def test_a_missing_record_is_told_in_the_peers_words(store: JobStore) -> None:
    job_id = store.create(definition)
    Path(store.root, job_id, "state.json").unlink()
    with store.open(job_id) as job, pytest.raises(RecordMissingError) as caught:
        job.read_state()
    assert str(caught.value) == "No such file or directory (os error 2)"


def test_a_huge_record_is_not_swallowed(store: JobStore) -> None:
    job_id = store.create(definition)
    with Path(store.root, job_id, "meta.json").open("r+b") as file:
        file.truncate(100 * 1024 * 1024)
    with store.open(job_id) as job, pytest.raises(RecordUnreadableError, match="too large"):
        job.read_meta()


def test_a_torn_state_is_read_again_until_it_is_whole(store: JobStore) -> None:
    job_id = store.create(definition)
    path = Path(store.root, job_id, "state.json")
    whole = path.read_text()
    path.write_text(whole[:40])
    with store.open(job_id) as job:
        mender = threading.Timer(0.015, path.write_text, [whole])
        mender.start()
        assert job.read_state().status is JobStatus.CREATED
        mender.join()


def test_only_one_may_change_a_job_at_a_time(store: JobStore) -> None:
    job_id = store.create(definition)
    refused = pytest.raises(InvalidStateError, match="being changed by another process")
    with (
        store.open(job_id) as first,
        store.open(job_id) as second,
        first.locked(),
        refused,
        second.locked(timeout_s=0.05),
    ):
        pytest.fail("both hold the lock")
    with store.open(job_id) as third, third.locked(timeout_s=0.05):
        pass


def test_who_waited_for_a_removed_job_is_told_that_it_is_gone(store: JobStore) -> None:
    job_id = store.create(definition)
    with store.open(job_id) as job:
        os.rename(job.path, job.path + "-elsewhere")
        with pytest.raises(JobNotFoundError), job.locked():
            pytest.fail("the job is gone")


def _read_after(store: JobStore, job_id: str, change: Callable[[JobDir], None]) -> None:
    with store.open(job_id) as job:
        change(job)
        job.read_state()


def test_a_job_deleted_while_it_is_looked_at_is_not_found(store: JobStore) -> None:
    job_id = store.create(definition)
    with pytest.raises(JobNotFoundError):
        _read_after(store, job_id, lambda job: shutil.rmtree(job.path))


def _lock_after(store: JobStore, job_id: str, change: Callable[[JobDir], None]) -> None:
    with store.open(job_id) as job:
        change(job)
        with job.locked():
            pytest.fail("the job is gone")


def _write_after(store: JobStore, job_id: str, change: Callable[[JobDir], None]) -> None:
    with store.open(job_id) as job, job.locked():
        change(job)
        job.write_record("meta.json", {})


@pytest.mark.parametrize("act", [_lock_after, _write_after])
def test_a_job_deleted_while_it_is_to_be_changed_is_not_found(
    store: JobStore, act: Callable[[JobStore, str, Callable[[JobDir], None]], None]
) -> None:
    job_id = store.create(definition)
    with pytest.raises(JobNotFoundError):
        act(store, job_id, lambda job: shutil.rmtree(job.path))


def test_a_job_in_place_without_a_record_is_told_to_lack_it(store: JobStore) -> None:
    job_id = store.create(definition)
    with pytest.raises(RecordMissingError):
        _read_after(store, job_id, lambda job: os.unlink(job.file_path("state.json")))
