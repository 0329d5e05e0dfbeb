"""What `list` shows, in which order, and what it leaves out."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.list import list_jobs
from agent_exec.errors import InvalidArgumentError, InvalidTagError
from agent_exec.store.clock import timestamp_of
from agent_exec.store.jobs import JobStore
from support.built_jobs import put_job as put

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


def ids(store: JobStore, **wanted: object) -> list[str]:
    return [job.job_id for job in list_jobs(store, **wanted).jobs]  # type: ignore[arg-type]


def test_a_job_is_shown_with_its_records(store: JobStore) -> None:
    put(store, "0123456789ab", tags=("a.b",))
    listing = list_jobs(store)
    assert (listing.root, listing.truncated, listing.skipped) == (store.root, False, 0)
    (job,) = listing.jobs
    assert job.short_job_id == "0123456"
    assert (job.state, job.exit_code, job.command, job.tags) == (
        "exited",
        0,
        ("echo", "test"),
        ("a.b",),
    )
    assert (job.finished_at, job.updated_at) == (None, "2026-01-01T00:00:00Z")


def test_the_latest_start_comes_first_and_the_unstarted_last(store: JobStore) -> None:
    put(store, "b-old", started_at="2024-01-01T00:00:00Z")
    put(store, "a-new", started_at="2026-01-01T00:00:00Z")
    put(store, "created", "created", started_at=None)
    put(store, "nostate", None)
    put(store, "failed", "failed", started_at=None)
    assert ids(store) == ["a-new", "b-old", "nostate", "failed", "created"]


def test_within_one_second_the_later_claim_comes_first(store: JobStore) -> None:
    for number, name in enumerate(["m", "z", "a"]):
        claim = os.path.join(put(store, name), "supervisor.ack")
        os.utime(claim, ns=(0, 1_000_000 + number))
    assert ids(store) == ["a", "z", "m"]
    assert ids(store, limit=2) == ["a", "z"]


def test_without_claims_ids_decide(store: JobStore) -> None:
    for name in ("m", "z", "a"):
        os.unlink(os.path.join(put(store, name), "supervisor.ack"))
    assert ids(store) == ["z", "m", "a"]


def test_the_limit_cuts_and_says_so(store: JobStore) -> None:
    for number in range(6):
        put(store, f"job{number}", started_at=f"2024-01-0{1 + number // 2}T00:00:00Z")
    full = ids(store, limit=0)
    assert len(full) == 6
    for limit in range(1, 6):
        listing = list_jobs(store, limit=limit)
        assert [job.job_id for job in listing.jobs] == full[:limit]
        assert listing.truncated
    assert not list_jobs(store, limit=6).truncated


def test_a_running_job_without_its_process_is_unknown(store: JobStore) -> None:
    put(store, "gone", "running")
    put(store, "nopid", "running", pid=None)
    put(store, "pid1", "running", pid=1)
    assert {job.state for job in list_jobs(store).jobs} == {"unknown"}
    assert ids(store, state="running") == []
    assert len(ids(store, state="unknown")) == 3


def test_a_running_job_whose_process_lives_is_running(store: JobStore) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            now = timestamp_of(time.time())
            put(store, "alive", "running", pid=process.pid, started_at=now)
            put(store, "stranger", "running", pid=process.pid, started_at="2020-01-01T00:00:00Z")
            assert ids(store, state="running") == ["alive"]
            assert ids(store, state="unknown") == ["stranger"]
        finally:
            process.kill()


def test_unreadable_jobs_are_counted_not_shown(store: JobStore) -> None:
    put(store, "a")
    os.mkdir(os.path.join(store.root, "empty"))
    with open(os.path.join(put(store, "damaged"), "meta.json"), "wb") as file:
        file.write(b"{")
    with open(os.path.join(store.root, "file"), "wb"):
        pass
    os.symlink("a", os.path.join(store.root, "link"))
    os.mkdir(os.path.join(store.root, ".new-x"))
    listing = list_jobs(store)
    assert [job.job_id for job in listing.jobs] == ["a"]
    assert listing.skipped == 2


def test_a_record_of_another_job_is_shown_under_the_directorys_name(store: JobStore) -> None:
    os.rename(put(store, "b"), os.path.join(store.root, "a"))
    assert ids(store) == ["a"]


def test_directory_tags_and_state_select(store: JobStore, tmp_path: Path) -> None:
    here = os.path.realpath(tmp_path)
    put(store, "here", cwd=here, tags=("ns.one", "x"))
    put(store, "there", "killed", cwd="/elsewhere", tags=("ns",))
    put(store, "nowhere", cwd=None)
    (tmp_path / "link").symlink_to(here)
    assert ids(store, cwd=here) == ["here"]
    assert ids(store, cwd=str(tmp_path / "link")) == ["here"]
    assert ids(store, tags=["ns.*"]) == ["there", "here"]
    assert ids(store, tags=["ns.*", "x"]) == ["here"]
    assert ids(store, tags=["ns"]) == ["there"]
    assert ids(store, state="killed") == ["there"]


def test_nonsense_is_refused(store: JobStore) -> None:
    with pytest.raises(InvalidArgumentError):
        list_jobs(store, state="done")
    with pytest.raises(InvalidArgumentError):
        list_jobs(store, limit=-1)
    with pytest.raises(InvalidTagError):
        list_jobs(store, tags=["a..b"])


def test_a_missing_root_has_no_jobs(tmp_path: Path) -> None:
    listing = list_jobs(JobStore(tmp_path / "none"))
    assert (listing.jobs, listing.truncated, listing.skipped) == ((), False, 0)


def test_hostile_directory_names_are_shown_as_they_are(store: JobStore) -> None:
    put(store, "new\nline\x1b[31m")
    path = put(store, "plain")
    os.rename(path.encode(), os.path.join(os.fsencode(store.root), b"not-utf8-\xff"))
    assert sorted(ids(store)) == ["new\nline\x1b[31m", os.fsdecode(b"not-utf8-\xff")]
