"""One document that says what the dashboard would show."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.snapshot import DashboardSnapshot, dashboard_snapshot
from agent_exec.errors import InvalidArgumentError
from agent_exec.store.clock import timestamp_of
from agent_exec.store.jobs import JobStore
from support.built_jobs import NO_PROCESS, put_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


def look(store: JobStore, text: str | None = None, config: Path | None = None) -> DashboardSnapshot:
    environ = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(config) if config else ""}
    return dashboard_snapshot(store, filter_text=text, environ=environ)


def ids(snapshot: DashboardSnapshot) -> list[str]:
    return [job.job_id for job in snapshot.jobs]


def test_every_job_is_told_and_counted(store: JobStore) -> None:
    path = put_job(store, "done", stdout=b"12345", tags=("a",), started_at="2026-01-03T00:00:00Z")
    put_job(store, "made", "created", started_at=None, pid=None)
    put_job(store, "lost", "running", started_at="2026-01-02T00:00:00Z")
    os.mkdir(os.path.join(store.root, "empty"))
    snapshot = look(store)
    assert ids(snapshot) == ["done", "lost", "made", "empty"]
    counts = snapshot.counts
    assert (counts.exited, counts.created, counts.unknown, counts.unreadable) == (1, 1, 1, 1)
    assert (counts.running, counts.total) == (0, 4)
    done, lost, made, empty = snapshot.jobs
    assert (done.stdout_total_bytes, done.exit_code, done.cwd, done.tags) == (5, 0, "/srv", ("a",))
    assert done.stdout_log_path == os.path.join(path, "stdout.log")
    assert (done.liveness, done.problem, made.state) == (None, None, "created")
    assert (lost.state, lost.pid) == ("unknown", NO_PROCESS)
    assert lost.liveness is not None
    assert lost.liveness.verdict == "unverified"
    assert str(NO_PROCESS) in lost.liveness.evidence
    assert (empty.state, empty.command) == ("unreadable", None)
    assert empty.problem is not None
    assert empty.problem.startswith("meta.json: ")
    everything = sum(
        os.stat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(store.root)
        for name in names
    )
    assert snapshot.disk_bytes == everything


def test_a_living_process_is_told_with_its_evidence(store: JobStore) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            now = timestamp_of(time.time())
            put_job(store, "a", "running", started_at=now, pid=process.pid)
            (job,) = look(store).jobs
        finally:
            process.kill()
    assert job.state == "running"
    assert job.liveness is not None
    assert str(process.pid) in job.liveness.evidence


def test_the_filter_selects_jobs_not_counts(store: JobStore) -> None:
    put_job(store, "a", tags=("ci.x",))
    put_job(store, "b", "killed")
    snapshot = look(store, "tag:ci.* state:exited")
    assert (ids(snapshot), snapshot.filter, snapshot.counts.total) == (
        ["a"],
        "tag:ci.* state:exited",
        2,
    )
    assert (snapshot.matched.exited, snapshot.matched.killed, snapshot.matched.total) == (1, 0, 1)
    everything = look(store)
    assert everything.matched == everything.counts
    with pytest.raises(InvalidArgumentError):
        look(store, "re:(")


def test_a_job_in_doubt_is_found_by_its_doubt_and_one_that_ended_by_when(store: JobStore) -> None:
    put_job(store, "doubtful", "running")
    put_job(store, "old", finished_at="2026-01-01T00:00:01Z")
    put_job(store, "new", finished_at=timestamp_of(time.time()))
    assert ids(look(store, "state:stale?")) == ["doubtful"]
    assert ids(look(store, "state:unknown age:>1h")) == ["doubtful"]
    assert ids(look(store, "ended:<1h")) == ["new"]
    assert ids(look(store, "ended:>1h")) == ["old"]


def test_the_configured_cleaning_is_tried_dry(store: JobStore, tmp_path: Path) -> None:
    put_job(store, "old", finished_at="2020-01-01T00:00:00Z")
    put_job(store, "new", finished_at=timestamp_of(time.time()))
    gc = look(store).gc
    assert (gc.older_than, gc.candidate_count, gc.jobs) == ("30d", 1, ("old",))
    assert gc.freed_bytes
    config = tmp_path / "agent-exec" / "config.toml"
    config.parent.mkdir()
    config.write_text('[gc]\nolder_than = "9999d"\n')
    assert look(store, config=tmp_path).gc.jobs == ()
    config.write_text("nonsense")
    assert "parse config file" in (look(store, config=tmp_path).gc.problem or "")
    assert sorted(store.names()) == ["new", "old"]


def test_a_missing_root_is_an_empty_one(tmp_path: Path) -> None:
    snapshot = look(JobStore(tmp_path / "none"))
    assert (snapshot.jobs, snapshot.counts.total, snapshot.disk_bytes) == ((), 0, 0)


def test_a_snapshot_needs_no_textual(store: JobStore) -> None:
    put_job(store, "a")
    code = (
        "import sys\n"
        "from agent_exec.commands.snapshot import dashboard_snapshot\n"
        "from agent_exec.store.jobs import JobStore\n"
        f"dashboard_snapshot(JobStore({store.root!r}))\n"
        "print(sorted({'textual', 'rich', 'pydantic', 'asyncio'} & sys.modules.keys()))"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
