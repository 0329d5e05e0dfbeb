"""The end of a job's output, once and as it grows."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.commands.tail import TailChunk, follow_job, tail_job
from agent_exec.commands.tail_end import TailEnd, TailEndReason
from agent_exec.errors import JobNotFoundError, RecordUnreadableError
from agent_exec.model.job import JobStatus
from agent_exec.store.jobs import JobStore
from agent_exec.store.logs import LogFollower
from support.built_jobs import NO_PROCESS, put_job
from support.launching import lose_both
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


def write(path: str, data: bytes, name: str = "stdout.log") -> None:
    with open(os.path.join(path, name), "ab") as file:
        file.write(data)


def test_the_last_lines_of_both_streams_are_given(store: JobStore) -> None:
    path = put_job(store, "abc", stdout=b"1\n2\n3\n")
    write(path, b"bad \xff\n", "stderr.log")
    tail = tail_job(store, "ab", lines=2)
    assert (tail.stdout, tail.stdout_range, tail.stdout_total_bytes) == ("2\n3\n", (2, 6), 6)
    assert (tail.stderr, tail.stderr_range, tail.encoding) == ("bad �\n", (0, 6), "utf-8-lossy")
    assert tail.stdout_log_path == os.path.join(path, "stdout.log")


def test_neither_records_nor_logs_are_needed(store: JobStore) -> None:
    os.mkdir(os.path.join(store.root, "empty"))
    tail = tail_job(store, "empty")
    assert (tail.stdout, tail.stderr, tail.stdout_range) == ("", "", (0, 0))


def test_a_log_that_is_a_link_is_not_read(store: JobStore) -> None:
    path = put_job(store, "a")
    os.unlink(os.path.join(path, "stdout.log"))
    os.symlink("/etc/passwd", os.path.join(path, "stdout.log"))
    with pytest.raises(RecordUnreadableError, match=r"stdout\.log: is a symbolic link"):
        tail_job(store, "a")
    with pytest.raises(RecordUnreadableError):
        next(follow_job(store, "a"))
    with pytest.raises(JobNotFoundError):
        tail_job(store, "none")


class Follower:
    """Follows in a thread; joins when the iteration ends by itself."""

    def __init__(self, store: JobStore, job_id: str, until_s: float = 30.0) -> None:
        self.chunks: list[TailChunk] = []
        self.end: TailEnd | None = None
        self._chunks = follow_job(store, job_id, lines=2, until_s=until_s)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.chunks.append(next(self._chunks))
            except StopIteration as over:
                self.end = over.value
                return

    def data(self, stream: str = "stdout") -> bytes:
        return b"".join(chunk.data for chunk in self.chunks if chunk.stream == stream)

    def text(self, stream: str = "stdout") -> str:
        return "".join(chunk.text for chunk in self.chunks if chunk.stream == stream)

    def until(self, condition: Callable[[], object]) -> None:
        wait_until(condition)

    def join(self) -> TailEnd:
        self.thread.join(10)
        assert not self.thread.is_alive()
        assert self.end is not None
        return self.end


def test_a_finished_job_is_read_out_and_that_is_all(store: JobStore) -> None:
    put_job(store, "a", stdout=b"1\n2\n3\n")
    follower = Follower(store, "a")
    follower.join()
    assert follower.data() == b"2\n3\n"
    assert [chunk.range for chunk in follower.chunks] == [(2, 6)]
    assert follower.end == TailEnd(
        job_id="a", reason=TailEndReason.ENDED, state=JobStatus.EXITED, exit_code=0
    )


def test_a_running_job_is_followed_to_its_very_end(store: JobStore) -> None:
    script = "printf 'one\\n'; read x; printf 'two\\n'; printf err >&2; printf '\\303'"
    fifo = os.path.join(store.root, ".gate")
    os.mkfifo(fifo)
    job = run_job(
        store,
        JobDefinition(command=(f"exec < '{fifo}'; {script}",)),
        observation=NO_WAIT,
    )
    follower = Follower(store, job.job_id)
    with open(fifo, "wb") as gate:
        follower.until(lambda: follower.data() == b"one\n")
        gate.write(b"go\n")
    end = follower.join()
    assert (end.reason, end.state, end.exit_code) == ("ended", "exited", 0)
    assert follower.data() == b"one\ntwo\n\xc3"
    assert follower.text() == "one\ntwo\n�"
    assert follower.text("stderr") == "err"


def test_characters_cut_between_chunks_stay_whole(store: JobStore) -> None:
    path = put_job(store, "a", "created")
    follower = Follower(store, "a")
    write(path, b"\xe2\x82")
    follower.until(lambda: follower.data() == b"\xe2\x82")
    write(path, b"\xac!")
    follower.until(lambda: follower.text() == "€!")
    remove(store, path)
    follower.join()


def remove(store: JobStore, path: str) -> None:
    os.rename(path, os.path.join(store.root, ".gone"))


def test_a_restart_begins_anew_and_says_so(store: JobStore) -> None:
    path = put_job(store, "a", "created", stdout=b"old\n")
    follower = Follower(store, "a")
    follower.until(lambda: follower.data() == b"old\n")
    with open(os.path.join(path, "stdout.log"), "wb") as file:
        file.write(b"new\n")
    follower.until(lambda: follower.data() == b"old\nnew\n")
    assert [chunk.restarted for chunk in follower.chunks] == [None, True]
    remove(store, path)
    end = follower.join()
    assert (end.reason, end.state) == ("removed", None)


def test_the_end_comes_with_the_record_or_the_deadline(store: JobStore) -> None:
    path = put_job(store, "a", "created")
    end = Follower(store, "a", until_s=0.05).join()
    assert (end.reason, end.state) == ("timeout", "created")
    follower = Follower(store, "a")
    write(path, b"last")
    document: dict[str, object] = {
        "job": {"id": "a", "status": "exited"},
        "result": {},
        "updated_at": "",
    }
    with store.open("a") as job:
        job.write_record("state.json", document)
    follower.join()
    assert follower.data() == b"last"


def test_a_job_that_nobody_ended_is_told_as_lost(store: JobStore) -> None:
    job = run_job(store, JobDefinition(command=("sleep", "60")), observation=NO_WAIT)
    follower = Follower(store, job.job_id)
    lose_both(store, job.job_id)
    end = follower.join()
    assert (end.reason, end.state, end.exit_code) == ("lost", "running", None)


@pytest.mark.parametrize("damage", ["missing", "torn", "foreign"])
def test_following_ends_where_nobody_runs_the_job_and_its_record_is_damaged(
    store: JobStore, damage: str
) -> None:
    path = put_job(store, "a", "running", stdout=b"1\n")
    state = os.path.join(path, "state.json")
    os.unlink(state)
    if damage == "foreign":
        os.symlink("/etc/passwd", state)
    elif damage == "torn":
        write(path, b'{"job": ', "state.json")
    follower = Follower(store, "a")
    end = follower.join()
    assert (end.reason, end.state) == ("unreadable", None)
    assert follower.data() == b"1\n"


@pytest.mark.parametrize("pid", [NO_PROCESS, None, 4294967295, 0])
def test_following_ends_with_another_programs_job_that_nobody_runs(
    store: JobStore, pid: int | None
) -> None:
    put_job(store, "a", "running", pid=pid, stdout=b"1\n")
    follower = Follower(store, "a")
    end = follower.join()
    assert (end.reason, end.state) == ("lost", "running")
    assert follower.data() == b"1\n"


def test_the_last_words_before_a_restart_are_read(store: JobStore) -> None:
    path = put_job(store, "a", "created", stdout=b"old\n")
    log = os.path.join(path, "stdout.log")
    with LogFollower(log) as follower:
        assert follower.read() is not None
        write(path, b"last words\n")
        os.rename(log, log + ".last")
        write(path, b"new\n")
        chunks = [follower.read(), follower.read(), follower.read()]
    told = [(chunk.data, chunk.restarted) for chunk in chunks if chunk]
    assert told == [(b"last words\n", False), (b"new\n", True)]


def test_following_goes_on_while_what_was_left_behind_still_writes(store: JobStore) -> None:
    fifo = os.path.join(store.root, ".gate")
    os.mkfifo(fifo)
    script = f"(read x <'{fifo}'; echo late) & echo early"
    job = run_job(store, JobDefinition(command=(script,)), observation=NO_WAIT)
    follower = Follower(store, job.job_id)
    with store.open(job.job_id) as opened:
        wait_until(lambda: opened.read_state().logs_drained and opened.read_state().is_terminal)
        still = opened.read_supervision()
        assert still is not None
        assert still.still_capturing
    with open(fifo, "wb") as gate:
        gate.write(b"go\n")
    end = follower.join()
    assert (end.reason, follower.data()) == ("ended", b"early\nlate\n")


def test_whoever_follows_may_stop(store: JobStore) -> None:
    put_job(store, "a", "created", stdout=b"1\n")
    chunks = follow_job(store, "a", should_stop=lambda: True)
    assert next(chunks).text == "1\n"
    with pytest.raises(StopIteration) as over:
        next(chunks)
    assert over.value.value.reason is TailEndReason.INTERRUPTED
