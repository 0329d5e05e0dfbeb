"""Changes on disk reach the iterating thread, whatever the way they are noticed."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent_exec.store import filesystem
from agent_exec.store.watch import Changes, JobWatcher, WatchMode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_S = 10.0


class Watched:
    """A watcher in its thread, and what it said so far."""

    def __init__(self, watcher: JobWatcher) -> None:
        self.watcher = watcher
        self.said: queue.Queue[Changes] = queue.Queue()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for changes in self.watcher.changes():
            self.said.put(changes)

    def until_mode(self, mode: WatchMode) -> None:
        deadline = time.monotonic() + LIMIT_S
        while self.watcher.mode is not mode:
            assert time.monotonic() < deadline, f"still {self.watcher.mode}"
            time.sleep(0.005)

    def until(self, record: str | None = None, log: str | None = None) -> Changes:
        deadline = time.monotonic() + LIMIT_S
        while True:
            changes = self.said.get(timeout=max(0.0, deadline - time.monotonic()))
            if record in changes.records or log in changes.logs:
                return changes


@contextmanager
def watching(watcher: JobWatcher, mode: WatchMode) -> Iterator[Watched]:
    watched = Watched(watcher)
    watched.thread.start()
    try:
        watched.until_mode(mode)
        yield watched
    finally:
        watcher.stop()
        watched.thread.join(LIMIT_S)
        assert not watched.thread.is_alive()


def put_job(root: Path, job_id: str) -> None:
    staging = root / f".new-{job_id}"
    staging.mkdir()
    (staging / "stdout.log").touch()
    (staging / "meta.json").write_text("{}")
    staging.rename(root / job_id)


def replace_state(root: Path, job_id: str) -> None:
    temp = root / job_id / ".tmp-1"
    temp.write_text("{}")
    temp.rename(root / job_id / "state.json")


def make_watcher(root: Path, mode: WatchMode) -> JobWatcher:
    return JobWatcher(
        str(root),
        force_polling=mode is WatchMode.POLLING,
        max_watches=2 if mode is WatchMode.NEWEST else None,
        poll_s=0.02,
    )


ALL_WAYS = pytest.mark.parametrize("mode", [WatchMode.EVENTS, WatchMode.NEWEST, WatchMode.POLLING])


@ALL_WAYS
def test_jobs_made_changed_and_removed_are_told(tmp_path: Path, mode: WatchMode) -> None:
    for number in range(5):
        put_job(tmp_path, f"old{number}")
    with watching(make_watcher(tmp_path, mode), mode) as watched:
        assert bool(watched.watcher.reason) is (mode is not WatchMode.EVENTS)
        put_job(tmp_path, "fresh")
        watched.until(record="fresh")
        watched.until_mode(mode)
        replace_state(tmp_path, "fresh")
        changes = watched.until(record="fresh")
        assert not any(job_id.startswith(".") for job_id in changes.ids)
        shutil.rmtree(tmp_path / "fresh")
        watched.until(record="fresh")


def test_output_is_told_apart_from_records(tmp_path: Path) -> None:
    put_job(tmp_path, "a")
    with watching(JobWatcher(str(tmp_path)), WatchMode.EVENTS) as watched:
        with (tmp_path / "a" / "stdout.log").open("ab") as log:
            log.write(b"hello\n")
        assert watched.until(log="a").records == frozenset()


def test_locks_and_temporary_files_are_no_news(tmp_path: Path) -> None:
    put_job(tmp_path, "a")
    put_job(tmp_path, "b")
    with watching(JobWatcher(str(tmp_path)), WatchMode.EVENTS) as watched:
        (tmp_path / "a" / "job.lock").touch()
        (tmp_path / "a" / ".tmp-9").touch()
        (tmp_path / ".gc.lock").touch()
        replace_state(tmp_path, "b")
        assert watched.until(record="b").ids == {"b"}


def test_a_root_that_appears_later_is_watched(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with watching(JobWatcher(str(root), poll_s=0.02), WatchMode.WAITING) as watched:
        root.mkdir()
        put_job(root, "a")
        watched.until(record="a")
        watched.until_mode(WatchMode.EVENTS)
        shutil.rmtree(root)
        watched.until(record="a")
        watched.until_mode(WatchMode.WAITING)
        root.mkdir()
        put_job(root, "b")
        watched.until(record="b")


def test_running_jobs_are_watched_however_old(tmp_path: Path) -> None:
    for number in range(6):
        put_job(tmp_path, f"job{number}")
        os.utime(tmp_path / f"job{number}", (number, number))
    watcher = JobWatcher(str(tmp_path), running=lambda: ["job0"], max_watches=3)
    with watching(watcher, WatchMode.NEWEST) as watched:
        with (tmp_path / "job0" / "stdout.log").open("ab") as log:
            log.write(b"x")
        watched.until(log="job0")


def test_a_root_behind_a_link_is_watched(tmp_path: Path) -> None:
    root, link = tmp_path / "root", tmp_path / "link"
    root.mkdir()
    link.symlink_to(root)
    with watching(JobWatcher(str(link)), WatchMode.EVENTS) as watched:
        put_job(root, "a")
        watched.until(record="a")


def test_file_systems_are_told_by_their_longest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    remote = tmp_path / "far away"
    (remote / "jobs").mkdir(parents=True)
    escaped = str(remote).replace(" ", "\\040")
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {escaped} nfs4 rw 0 0\nnonsense\n")
    monkeypatch.setattr(filesystem, "_MOUNTS_FILE", str(mounts))
    assert filesystem.is_network(str(remote / "jobs"))
    assert filesystem.is_network(str(remote))
    assert not filesystem.is_network(str(tmp_path / "far away too"))
    monkeypatch.setattr(filesystem, "_MOUNTS_FILE", str(tmp_path / "none"))
    assert not filesystem.is_network(str(remote))
