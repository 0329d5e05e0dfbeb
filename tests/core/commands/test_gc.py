"""What a cleaning removes, what it never touches, and what it says about both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.gc import GcPolicy, GcProgress, GcReport, collect_garbage, plan
from agent_exec.commands.list import list_jobs
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.errors import InternalError
from agent_exec.model.job import JobStatus
from agent_exec.store.clock import timestamp_of
from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import Trash
from support.built_jobs import put_job
from support.launching import child_of, is_alive, state_of, supervision_of
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def put_old(store: JobStore, job_id: str, day: int = 1, status: str = "exited") -> str:
    return put_job(store, job_id, status, finished_at=f"2020-01-{day:02}T00:00:00Z", stdout=b"x")


def told(report: GcReport) -> dict[str, str]:
    return {job.job_id: f"{job.action} {job.reason}" for job in report.jobs}


def counts(report: GcReport) -> tuple[int, int, int, int, int]:
    return (
        report.deleted,
        report.skipped,
        report.out_of_scope,
        report.failed,
        report.candidate_count,
    )


def test_a_dry_run_says_all_and_changes_nothing(store: JobStore) -> None:
    path = put_old(store, "old-exited")
    put_old(store, "old-killed", status="killed")
    put_job(store, "old-running", "running")
    put_job(store, "old-created", "created")
    put_job(store, "nostate", None)
    put_job(store, "new", finished_at=timestamp_of(time.time()))
    report = collect_garbage(store, GcPolicy(), dry_run=True)
    assert told(report) == {
        "old-exited": "would_delete older_than",
        "old-killed": "would_delete older_than",
        "old-running": "skipped active_job",
        "old-created": "skipped active_job",
        "nostate": "skipped state_unreadable",
        "new": "skipped too_recent",
    }
    assert counts(report) == (0, 4, 4, 0, 2)
    size = sum(entry.stat().st_size for entry in os.scandir(path))
    assert {job.bytes for job in report.jobs if job.job_id == "old-exited"} == {size}
    assert report.freed_bytes >= 2 * size - 1
    assert (report.older_than, report.older_than_source, report.scanned_dirs) == (
        "30d",
        "default",
        6,
    )
    assert len(store.names()) == 6


def test_a_cleaning_removes_what_its_dry_run_listed(store: JobStore) -> None:
    for day in (3, 1, 2):
        put_old(store, f"job{day}", day)
    put_job(store, "young", finished_at=timestamp_of(time.time()))
    policy = GcPolicy(older_than="7d", max_jobs=1)
    listed = told(collect_garbage(store, policy, dry_run=True))
    report = collect_garbage(store, policy)
    assert told(report) == {
        job: words.replace("would_delete", "deleted") for job, words in listed.items()
    }
    assert [job.job_id for job in report.jobs] == ["young", "job3", "job1", "job2"]
    assert counts(report) == (2, 2, 2, 0, 2)
    assert (report.older_than, report.older_than_source) == ("7d", "flag")
    assert sorted(store.names()) == ["job3", "young"]
    assert sorted(os.listdir(store.root)) == ["job3", "young"]


def test_independent_rules_take_young_jobs_too(store: JobStore) -> None:
    now = time.time()
    for age in range(4):
        put_job(store, f"job{age}", finished_at=timestamp_of(now - age * 60))
    report = collect_garbage(store, GcPolicy(max_jobs=1), independent=True)
    assert sorted(store.names()) == ["job0"]
    assert (report.older_than, report.older_than_source, report.independent) == (None, None, True)
    assert told(report)["job0"] == "skipped policy_not_matched"


@pytest.mark.parametrize("words", ["", "yesterday", "2020-01-01T00:00:0é", "9999-12-31T00:00:00Z"])
def test_an_unreadable_or_future_date_is_never_old(store: JobStore, words: str) -> None:
    put_job(store, "a", finished_at=words, updated_at=LONG_AGO)
    collect_garbage(store, GcPolicy(older_than="0s"))
    collect_garbage(store, GcPolicy(older_than="0s"), independent=True)
    assert store.names() == ["a"]


@pytest.mark.parametrize(
    "words", ["1969-12-31T23:59:59Z", "2020-01-01T00:00:00.5Z", "2020-01-01T05:00:00+05:00"]
)
def test_any_readable_date_counts(store: JobStore, words: str) -> None:
    put_job(store, "a", finished_at=words)
    assert collect_garbage(store, GcPolicy()).deleted == 1


def test_a_bad_duration_is_an_error_only_where_there_is_a_root(tmp_path: Path) -> None:
    report = collect_garbage(JobStore(tmp_path / "none"), GcPolicy(older_than="bogus"))
    assert (report.older_than, report.older_than_source, report.jobs) == ("bogus", "flag", ())
    with pytest.raises(InternalError, match="invalid duration: bogus"):
        collect_garbage(JobStore(tmp_path), GcPolicy(older_than="bogus"))


def test_links_and_strangers_stay(store: JobStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("me")
    job = put_old(store, "a")
    os.symlink(outside, os.path.join(job, "link"))
    os.symlink(put_old(JobStore(tmp_path), "elsewhere"), os.path.join(store.root, "linked"))
    os.mkdir(os.path.join(store.root, "empty"))
    report = collect_garbage(store, GcPolicy())
    assert told(report) == {"a": "deleted older_than", "empty": "skipped state_unreadable"}
    assert (outside / "keep").read_text() == "me"
    assert (tmp_path / "elsewhere" / "state.json").exists()


def test_a_job_whose_process_lives_stays(store: JobStore, sleeper: subprocess.Popen[bytes]) -> None:
    now = timestamp_of(time.time())
    put_job(store, "a", "killed", started_at=now, finished_at=LONG_AGO, pid=sleeper.pid)
    report = collect_garbage(store, GcPolicy())
    assert told(report) == {"a": "skipped pid_alive"}
    assert counts(report) == (0, 1, 1, 0, 0)


@pytest.mark.parametrize("has_lock", [True, False])
def test_a_job_restarted_meanwhile_stays_where_it_is(store: JobStore, has_lock: bool) -> None:
    path = put_old(store, "a")
    put_old(store, "b", 2)
    if has_lock:
        for name in ("a", "b"):
            with open(os.path.join(store.root, name, "job.lock"), "wb"):
                pass

    def restart_b(_progress: GcProgress) -> None:
        with store.open("b") as job:
            job.write_record(
                "state.json",
                {"job": {"id": "b", "status": "created"}, "result": {}, "updated_at": LONG_AGO},
            )

    report = collect_garbage(store, GcPolicy(), progress=restart_b)
    assert told(report) == {"a": "deleted older_than", "b": "skipped active_job"}
    assert os.listdir(store.root) == ["b"]
    assert not os.path.exists(path)


def test_a_job_somebody_changes_stays(store: JobStore) -> None:
    put_old(store, "a")
    with store.open("a") as job, job.locked():
        assert told(collect_garbage(store, GcPolicy())) == {"a": "skipped being_changed"}
    assert collect_garbage(store, GcPolicy()).deleted == 1


HOLD_LOCK = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_job_that_still_captures_output_stays(store: JobStore) -> None:
    path = os.path.join(put_old(store, "a"), "supervisor.lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for dry_run in (True, False):
            report = collect_garbage(store, GcPolicy(), dry_run=dry_run)
            assert told(report) == {"a": "skipped still_capturing"}
        assert plan(store, GcPolicy(), independent=True).choices == ()
        holder.communicate()
    assert collect_garbage(store, GcPolicy()).deleted == 1


def test_spared_and_unlisted_jobs_stay(store: JobStore) -> None:
    for name in ("a", "b", "c"):
        put_old(store, name)
    report = collect_garbage(store, GcPolicy(), spare=frozenset({"a"}), only=frozenset({"a", "b"}))
    assert told(report) == {
        "a": "skipped spared",
        "b": "deleted older_than",
        "c": "skipped not_listed",
    }
    assert sorted(store.names()) == ["a", "c"]


def test_progress_is_told_and_a_stop_is_heeded(store: JobStore) -> None:
    for day in range(1, 5):
        put_old(store, f"job{day}", day)
    seen: list[GcProgress] = []
    report = collect_garbage(
        store, GcPolicy(), progress=seen.append, should_stop=lambda: len(seen) == 2
    )
    assert [(each.done, each.total, each.last.job_id) for each in seen] == [
        (1, 4, "job1"),
        (2, 4, "job2"),
    ]
    assert report.stopped is True
    assert (report.deleted, report.skipped) == (2, 2)
    assert told(report)["job4"] == "skipped stopped"
    assert sorted(store.names()) == ["job3", "job4"]


def test_limits_bound_what_is_looked_at_and_removed(store: JobStore) -> None:
    for day in range(1, 10):
        put_old(store, f"job{day}", day)
    report = collect_garbage(store, GcPolicy(scan_limit=5, delete_limit=2))
    assert (report.scanned_dirs, report.deleted, len(store.names())) == (5, 2, 7)
    reasons = [job.reason for job in report.jobs if job.action == "skipped"]
    assert reasons == ["delete_budget_exhausted"] * 3
    for _ in range(200):
        if collect_garbage(store, GcPolicy(scan_limit=1)).scanned_dirs == 0:
            break
    assert store.names() == []


def test_jobs_can_be_moved_to_the_trash_instead(store: JobStore, tmp_path: Path) -> None:
    put_old(store, "a")
    put_old(store, "b")
    trash = Trash(str(tmp_path / "trash"))
    trash.begin()
    assert collect_garbage(store, GcPolicy(), use_trash=trash).deleted == 2
    assert store.names() == []
    assert sorted(trash.undo().restored) == ["a", "b"]
    assert sorted(job.job_id for job in list_jobs(store).jobs) == ["a", "b"]


def test_what_crashed_removals_left_is_swept(store: JobStore) -> None:
    os.rename(put_old(store, "a"), os.path.join(store.root, ".removed-a-00"))
    abandoned = os.path.join(store.root, ".new-b")
    os.mkdir(abandoned)
    os.utime(abandoned, (1, 1))
    os.mkdir(os.path.join(store.root, ".new-c"))
    os.mkdir(os.path.join(store.root, ".other"))
    collect_garbage(store, GcPolicy())
    assert sorted(os.listdir(store.root)) == [".new-c", ".other"]


@pytest.mark.skipif(os.geteuid() == 0, reason="rights do not bind root")
def test_what_cannot_be_removed_is_told_and_swept_later(store: JobStore) -> None:
    locked = os.path.join(put_old(store, "a"), "locked")
    os.mkdir(locked)
    with open(os.path.join(locked, "file"), "wb"):
        pass
    os.chmod(locked, 0o500)
    put_old(store, "b")
    report = collect_garbage(store, GcPolicy())
    assert told(report) == {
        "a": "skipped delete_failed: Permission denied",
        "b": "deleted older_than",
    }
    assert counts(report) == (1, 1, 0, 1, 2)
    (hidden,) = os.listdir(store.root)
    assert hidden.startswith(".removed-a-")
    os.chmod(os.path.join(store.root, hidden, "locked"), 0o700)
    collect_garbage(store, GcPolicy())
    assert os.listdir(store.root) == []


def test_a_plan_changes_nothing(store: JobStore) -> None:
    put_old(store, "a")
    planned = plan(store, GcPolicy(max_bytes=0), independent=True)
    assert [choice.reason for choice in planned.choices] == ["max_bytes"]
    assert not os.path.exists(os.path.join(store.root, "a", "job.lock"))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_as_root_is_an_error_and_stays(tmp_path: Path, dry_run: bool) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(InternalError):
        collect_garbage(JobStore(file), GcPolicy(), dry_run=dry_run)
    assert file.read_text() == "kept"


def test_what_was_listed_as_untouched_keeps_its_record(store: JobStore) -> None:
    """A lost job is repaired by a cleaning in general, but not by one told what it may touch."""
    put_job(store, "done")
    lost = run_job(store, JobDefinition(command=("sleep", "60")), observation=NO_WAIT).job_id
    child = child_of(store, lost)
    for pid in (supervision_of(store, lost).supervisor.pid, child):
        os.kill(pid, signal.SIGKILL)
    with store.open(lost) as job:
        wait_until(lambda: not job.has_supervisor() and not is_alive(child))
    path = Path(store.root, lost, "state.json")
    before = path.read_bytes()
    report = collect_garbage(store, GcPolicy(older_than="0s"), only=frozenset({"done"}))
    assert report.deleted == 1
    assert path.read_bytes() == before
    collect_garbage(store, GcPolicy(older_than="1d"))
    assert state_of(store, lost).status is JobStatus.FAILED
