"""The reading process: what it tells, that it ends, and that nothing is lost with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agent_exec.store.jobs import JobStore
from agent_exec.store.watch import WatchMode
from agent_exec_tui.feed import JobFeed
from agent_exec_tui.feed_process import FeedProcess, FeedProcesses
from agent_exec_tui.job_rows import JobRow
from agent_exec_tui.news import Feed, News, RowsNews, SizesNews, StateNews
from support.many_jobs import make_finished_jobs
from support.programs import environment
from support.waiting import wait_until

COUNT = 150  # more than the first batch


class Listener:
    """What a feed has told so far."""

    def __init__(self) -> None:
        self.rows: dict[str, JobRow] = {}
        self.complete = 0
        self.grown: set[str] = set()
        self.gone = ""
        self.warnings: list[str] = []

    def sizes_known(self) -> bool:
        return len(self.rows) == COUNT and all(row.log_bytes for row in self.rows.values())

    def hear(self, news: News) -> None:
        if isinstance(news, RowsNews):
            self.rows.update({row.job_id: row for row in news.rows})
            for name in news.removed:
                self.rows.pop(name, None)
            self.complete += news.is_complete
            self.grown |= news.grown
        elif isinstance(news, StateNews):
            self.warnings.append(news.warning)
        elif isinstance(news, SizesNews):
            for name, sizes in news.sizes.items():
                out, err, full = sizes
                self.rows[name] = replace(
                    self.rows[name], stdout_bytes=out, stderr_bytes=err, full_bytes=full
                )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobStore:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_finished_jobs(str(tmp_path / "root"), COUNT)
    return JobStore(tmp_path / "root")


@pytest.fixture
def feed(store: JobStore) -> Iterator[FeedProcess]:
    made = FeedProcess(store)
    try:
        yield made
    finally:
        made.stop()


def all_read(feed: Feed) -> Listener:
    listener = Listener()
    feed.start(listener.hear)
    wait_until(lambda: listener.complete == 1 and listener.sizes_known(), timeout_s=20)
    return listener


def first_rows(feed: Feed) -> tuple[JobRow, ...]:
    told: list[News] = []
    feed.start(told.append)
    try:
        wait_until(lambda: any(isinstance(n, RowsNews) and n.is_complete for n in told))
    finally:
        feed.stop()
    assert isinstance(told[0], RowsNews)
    return told[0].rows


def edit_status(store: JobStore, name: str, status: str) -> None:
    path = os.path.join(store.root, name, "state.json")
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    state["job"]["status"] = status
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(path + ".new", path)


def exists(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # which nobody may collect
    except psutil.NoSuchProcess:
        return False


def test_it_tells_what_a_feed_in_threads_tells(store: JobStore, feed: FeedProcess) -> None:
    here = JobFeed(store)
    try:
        assert all_read(feed).rows == all_read(here).rows
    finally:
        here.stop()


def test_it_tells_what_changes_afterwards(store: JobStore, feed: FeedProcess) -> None:
    listener = all_read(feed)
    name = next(iter(listener.rows))
    shutil.rmtree(os.path.join(store.root, name))
    make_finished_jobs(store.root, 1, seed=2)
    wait_until(lambda: name not in listener.rows and len(listener.rows) == COUNT)


def test_the_last_output_of_a_burst_is_told_though_nothing_follows_it(
    store: JobStore, feed: FeedProcess
) -> None:
    listener = all_read(feed)
    name = next(iter(listener.rows))
    path = os.path.join(store.root, name, "stdout.log")

    def is_told() -> bool:
        with open(path, "ab") as log:
            log.write(b"line\n")
        return name in listener.grown

    wait_until(is_told)  # it is watched from some moment after the first look on
    for _ in range(4):  # within the second after that
        listener.grown.clear()
        wait_until(is_told)
    size = os.stat(path).st_size
    wait_until(lambda: listener.rows[name].stdout_bytes == size)


def test_what_a_job_writes_before_it_is_watched_is_told(store: JobStore) -> None:
    name = store.names()[0]
    edit_status(store, name, "running")
    feed, listener = JobFeed(store), Listener()

    def hear(news: News) -> None:
        listener.hear(news)
        if isinstance(news, RowsNews) and news.is_complete:  # and nothing is watched yet
            with open(os.path.join(store.root, name, "stdout.log"), "ab") as log:
                log.write(b"a line more\n")

    feed.start(hear)
    try:
        wait_until(lambda: listener.complete == 1)
        size = os.stat(os.path.join(store.root, name, "stdout.log")).st_size
        wait_until(lambda: listener.rows[name].stdout_bytes == size)
    finally:
        feed.stop()


def test_it_reads_at_once_what_it_is_asked_for(store: JobStore, feed: FeedProcess) -> None:
    listener = all_read(feed)
    name = next(iter(listener.rows))
    listener.rows.clear()
    feed.refresh([name])
    wait_until(lambda: name in listener.rows)


def test_its_work_goes_on_here_when_it_is_killed(store: JobStore, feed: FeedProcess) -> None:
    listener = all_read(feed)
    os.kill(feed.pid, signal.SIGKILL)
    wait_until(lambda: listener.complete == 2, timeout_s=20)
    make_finished_jobs(store.root, 1, seed=2)
    wait_until(lambda: len(listener.rows) == COUNT + 1)


def test_stopping_ends_the_process(store: JobStore) -> None:
    feed = FeedProcess(store)
    listener = all_read(feed)
    feed.stop()
    assert not exists(feed.pid)
    assert listener.complete == 1  # nobody took over


def test_a_feed_that_nobody_asked_for_is_ended(store: JobStore) -> None:
    feeds = FeedProcesses(store)
    first = feeds._first
    assert first is not None
    feeds.close()
    assert not exists(first.pid)


def test_the_feed_of_another_root_does_not_come_from_the_first(
    store: JobStore, tmp_path: Path
) -> None:
    feeds = FeedProcesses(store)
    first = feeds._first
    assert first is not None
    other = feeds(JobStore(tmp_path / "other"))
    try:
        assert isinstance(other, FeedProcess)
        assert other.store.root == str(tmp_path / "other")
        assert not exists(first.pid)
    finally:
        other.stop()


def test_where_no_process_can_be_made_it_is_read_here(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    feed = FeedProcesses(store)(store)
    try:
        assert len(all_read(feed).rows) == COUNT
    finally:
        feed.stop()


_OWNER = """
import signal, sys, time
from agent_exec.store.jobs import JobStore
from agent_exec_tui.feed_process import FeedProcess
feed = FeedProcess(JobStore(sys.argv[1]))
feed.start(lambda news: None)
print(feed.pid, flush=True)
signal.pause()
"""


def test_it_ends_though_its_owner_was_killed(store: JobStore) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, store.root], stdout=subprocess.PIPE, env=environment()
    )
    try:
        assert owner.stdout is not None
        with owner.stdout as told:
            pid = int(told.readline())
    finally:
        owner.kill()
        owner.wait()
    wait_until(lambda: not exists(pid))


@pytest.mark.parametrize("module", ["agent_exec_tui.running", "agent_exec_tui.feed_program"])
def test_nothing_slow_is_loaded_before_the_first_jobs_are_read(module: str) -> None:
    slow = {"textual", "pydantic", "watchfiles", "asyncio", "psutil", "multiprocessing"}
    code = f"import {module}, sys; print(*sorted({slow!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, check=True
    )
    assert done.stdout.split() == []


def test_the_newest_of_the_last_time_are_told_before_all_are_looked_at(store: JobStore) -> None:
    before = JobFeed(store)
    newest = {row.job_id for row in first_rows(before)}
    gone = newest.pop()
    shutil.rmtree(os.path.join(store.root, gone))
    again = JobFeed(store)
    assert {row.job_id for row in first_rows(again)} == newest


def test_what_is_remembered_and_gone_by_now_is_no_row(store: JobStore) -> None:
    before = JobFeed(store)
    first_rows(before)
    listener = Listener()
    again = JobFeed(store)
    hear = listener.hear

    def remove_one(news: News) -> None:
        hear(news)
        if isinstance(news, RowsNews) and news.rows and not listener.gone:
            listener.gone = news.rows[0].job_id  # told as remembered: and now it goes
            shutil.rmtree(os.path.join(store.root, listener.gone))

    again.start(remove_one)
    try:
        wait_until(lambda: listener.complete == 1)
        assert listener.gone not in listener.rows
    finally:
        again.stop()


def test_what_is_read_later_is_told_later(store: JobStore) -> None:
    feed = JobFeed(store)
    told: list[str] = []
    name = store.names()[0]
    gate, entered = threading.Event(), threading.Event()

    def hear(news: News) -> None:
        if not isinstance(news, RowsNews):
            return
        if news.grown:  # its rows were read by now; the others must wait until it is through
            entered.set()
            assert gate.wait(5)
        told.extend(row.word for row in news.rows if row.job_id == name)

    feed.start(hear)
    try:
        wait_until(lambda: len(told) == 1)
        slow = threading.Thread(target=feed._reread, args=([name],), kwargs={"grown": {name}})
        slow.start()
        assert entered.wait(5)
        edit_status(store, name, "killed")
        feed.refresh([name])
        gate.set()
        slow.join(5)
        wait_until(lambda: told[-1] == "killed" and len(told) >= 3)
        assert told[1] == "bad"
    finally:
        gate.set()
        feed.stop()


def test_a_root_that_can_be_read_only_later_is_read_then(store: JobStore) -> None:
    os.rename(store.root, store.root + ".aside")
    Path(store.root).touch()
    feed, listener = JobFeed(store), Listener()
    feed.start(listener.hear)
    try:
        wait_until(lambda: listener.warnings)
        assert "Not a directory" in listener.warnings[0]
        os.rename(store.root + ".aside", store.root + ".new")
        os.unlink(store.root)
        os.rename(store.root + ".new", store.root)
        wait_until(lambda: listener.complete == 1)
        assert len(listener.rows) == COUNT
        assert listener.warnings[-1] == ""
    finally:
        feed.stop()


def test_what_is_known_stays_while_the_root_is_away(store: JobStore) -> None:
    feed, listener = JobFeed(store), Listener()
    feed.start(listener.hear)
    try:
        wait_until(lambda: listener.complete == 1 and feed._watcher.mode is WatchMode.EVENTS)
        os.rename(store.root, store.root + ".away")
        wait_until(lambda: listener.warnings and "root is gone, as of" in listener.warnings[-1])
        assert len(listener.rows) == COUNT
        gone = next(iter(listener.rows))
        shutil.rmtree(os.path.join(store.root + ".away", gone))
        os.rename(store.root + ".away", store.root)
        wait_until(lambda: gone not in listener.rows and listener.warnings[-1] == "")
        assert len(listener.rows) == COUNT - 1
    finally:
        feed.stop()
