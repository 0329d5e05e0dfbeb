"""What `delete` removes, and that it never removes anything else."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.delete import DeleteReport, delete_job, delete_jobs
from agent_exec.errors import InvalidArgumentError, InvalidStateError, JobNotFoundError
from agent_exec.model.filter_terms import FilterError
from agent_exec.store.clock import timestamp_of
from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import Trash
from support.built_jobs import put_job
from support.cgroups import cgroups_in, new_cgroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def told(report: DeleteReport) -> dict[str, str]:
    return {job.job_id: f"{job.state} {job.action} {job.reason}" for job in report.jobs}


@pytest.mark.parametrize("status", ["created", "exited", "killed", "failed"])
def test_one_job_goes_whatever_its_state(store: JobStore, status: str) -> None:
    put_job(store, "abcdef", status)
    put_job(store, "other")
    report = delete_job(store, "abc")
    assert told(report) == {"abcdef": f"{status} deleted explicit_delete"}
    assert (report.deleted, report.skipped, report.failed, report.cwd_scope) == (1, 0, 0, None)
    assert os.listdir(store.root) == ["other"]


def test_a_dry_run_changes_nothing(store: JobStore) -> None:
    path = put_job(store, "a")
    before = sorted(os.listdir(path))
    report = delete_job(store, "a", dry_run=True)
    assert told(report) == {"a": "exited would_delete explicit_delete"}
    assert report.deleted == 0
    assert sorted(os.listdir(path)) == before


@pytest.mark.parametrize("status", [None, "exited"])
def test_damaged_and_empty_directories_go(store: JobStore, status: str | None) -> None:
    os.unlink(os.path.join(put_job(store, "damaged", status), "meta.json"))
    os.mkdir(os.path.join(store.root, "empty"))
    os.mkdir(os.path.join(store.root, "statedir"))
    os.mkdir(os.path.join(store.root, "statedir", "state.json"))
    for name in ("damaged", "empty", "statedir"):
        delete_job(store, name)
    assert os.listdir(store.root) == []


def test_a_directory_with_foreign_files_stays_and_they_are_named(store: JobStore) -> None:
    photos = os.path.join(store.root, "photos")
    os.mkdir(photos)
    for name in ("cat.jpg", "dog.jpg"):
        with open(os.path.join(photos, name), "wb"):
            pass
    with pytest.raises(InvalidStateError, match=r"cat\.jpg, dog\.jpg") as caught:
        delete_job(store, "photos")
    assert caught.value.details == {"foreign": ["cat.jpg", "dog.jpg"]}
    assert sorted(os.listdir(photos)) == ["cat.jpg", "dog.jpg"]


@pytest.mark.parametrize("job_id", ["", ".", "..", "../victim", "/etc", "a/../victim", "x" * 5000])
def test_only_ids_name_jobs(store: JobStore, tmp_path: Path, job_id: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    put_job(store, "a")
    with pytest.raises(InvalidArgumentError):
        delete_job(store, job_id)
    assert victim.is_dir()
    assert store.names() == ["a"]


def test_links_are_not_followed(store: JobStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").touch()
    os.symlink(outside, os.path.join(store.root, "linked"))
    with pytest.raises(JobNotFoundError):
        delete_job(store, "linked")
    os.symlink(outside, os.path.join(put_job(store, "a"), "link"))
    delete_job(store, "a")
    assert (outside / "keep").exists()
    assert os.listdir(store.root) == ["linked"]


def test_a_living_job_stays(store: JobStore, sleeper: subprocess.Popen[bytes]) -> None:
    now = timestamp_of(time.time())
    put_job(store, "running", "running", started_at=now, pid=sleeper.pid)
    put_job(store, "said-killed", "killed", started_at=now, pid=sleeper.pid)
    with pytest.raises(InvalidStateError, match="cannot delete job run: job is currently running"):
        delete_job(store, "run")
    with pytest.raises(InvalidStateError, match="still lives"):
        delete_job(store, "said-killed")
    assert len(store.names()) == 2


def test_a_record_that_names_a_stranger_goes_and_the_stranger_lives(
    store: JobStore, sleeper: subprocess.Popen[bytes]
) -> None:
    put_job(store, "a", "running", started_at="2020-01-01T00:00:00Z", pid=sleeper.pid)
    delete_job(store, "a")
    assert sleeper.poll() is None
    assert store.names() == []


def test_all_takes_the_finished_jobs_of_one_directory(
    store: JobStore, tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    here = os.path.realpath(tmp_path)
    now = timestamp_of(time.time())
    put_job(store, "done", cwd=here)
    put_job(store, "elsewhere", cwd="/elsewhere")
    put_job(store, "nowhere", cwd=None)
    put_job(store, "waiting", "created", cwd=here)
    put_job(store, "nostate", None, cwd=here)
    put_job(store, "running", "running", cwd=here, started_at=now, pid=sleeper.pid)
    put_job(store, "living", "killed", cwd=here, started_at=now, pid=sleeper.pid)
    os.mkdir(os.path.join(store.root, "nometa"))
    expected = {
        "waiting": "created skipped created",
        "nostate": "unknown skipped state_unreadable",
        "running": "running skipped running",
        "living": "killed skipped pid_alive",
    }
    report = delete_jobs(store, cwd=str(tmp_path), dry_run=True)
    assert told(report) == {**expected, "done": "exited would_delete terminal_in_cwd"}
    assert report.deleted == 0
    report = delete_jobs(store, cwd=str(tmp_path))
    assert told(report) == {**expected, "done": "exited deleted terminal_in_cwd"}
    assert (report.deleted, report.skipped, report.out_of_scope, report.failed) == (1, 4, 7, 0)
    assert report.cwd_scope == here
    assert "done" not in store.names()
    assert len(store.names()) == 7


def test_a_filter_narrows_what_goes(store: JobStore) -> None:
    put_job(store, "a", tags=("ci.unit",))
    put_job(store, "b", tags=("ci.unit",), command=("sleep", "1"))
    put_job(store, "c")
    report = delete_jobs(store, cwd="/srv", filter="tag:ci.* !sleep")
    assert told(report) == {"a": "exited deleted terminal_in_cwd"}
    assert report.out_of_scope == 2
    with pytest.raises(FilterError):
        delete_jobs(store, cwd="/srv", filter="state:none-such")
    assert sorted(store.names()) == ["b", "c"]


def test_jobs_are_deleted_by_what_is_doubtful_about_them_and_by_their_age(store: JobStore) -> None:
    put_job(store, "old", finished_at="2026-01-01T00:00:01Z")
    put_job(store, "new", finished_at=timestamp_of(time.time()))
    put_job(store, "never", "created", started_at=None, pid=None)
    put_job(store, "running", "running")
    report = delete_jobs(store, cwd="/srv", filter="ended:>1h", dry_run=True)
    assert told(report) == {"old": "exited would_delete terminal_in_cwd"}
    for text in ("state:stale?", "state:unknown"):
        report = delete_jobs(store, cwd="/srv", filter=text, dry_run=True)
        assert list(told(report)) == ["running"]
    report = delete_jobs(store, cwd="/srv", filter="ended:<1h age:>1h")
    assert list(told(report)) == ["new"]
    assert sorted(store.names()) == ["never", "old", "running"]


def test_deleting_many_sweeps_the_cgroups_that_lie_empty(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_job(store, "over")
    with new_cgroup() as directory:
        monkeypatch.setenv("AGENT_EXEC_CGROUP", str(directory))
        (directory / "agent-exec-deleted_long_ago-7").mkdir()
        delete_jobs(store, cwd=None, dry_run=True)
        assert len(cgroups_in(directory)) == 1
        assert delete_jobs(store, cwd=None).deleted == 1
        assert cgroups_in(directory) == []


def test_a_missing_root_has_nothing_to_delete(tmp_path: Path) -> None:
    report = delete_jobs(JobStore(tmp_path / "none"), cwd="/srv")
    assert (report.jobs, report.deleted) == ((), 0)


def test_a_second_delete_sweeps_what_a_crashed_one_left(store: JobStore) -> None:
    os.rename(put_job(store, "a"), os.path.join(store.root, ".removed-a-1"))
    with pytest.raises(JobNotFoundError):
        delete_job(store, "a")
    assert os.listdir(store.root) == []


def test_a_deleted_job_can_come_back(store: JobStore, tmp_path: Path) -> None:
    put_job(store, "a")
    trash = Trash(str(tmp_path / "trash"))
    delete_job(store, "a", trash=trash)
    assert store.names() == []
    assert trash.undo().restored == ("a",)
    assert store.names() == ["a"]


def test_a_created_job_that_is_just_being_started_stays(store: JobStore) -> None:
    """Its starter waits 6 s only, a supervisor on a slow directory takes longer."""
    path = put_job(store, "a", "created", started_at=None, pid=None)
    with open(os.path.join(path, "supervisor.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InvalidStateError, match="being started by another process"):
            delete_job(store, "a")
        assert store.names() == ["a"]
    assert delete_job(store, "a").deleted == 1


def test_an_id_as_long_as_a_name_may_be_goes(store: JobStore) -> None:
    put_job(store, "漢" * 85)
    assert delete_job(store, "漢" * 85).deleted == 1
    assert os.listdir(store.root) == []
