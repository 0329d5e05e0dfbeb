"""``--json --watch`` as scripts call it: lines that come, and ends that are quiet."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_exec.cli.main import main
from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.delete import delete_job
from agent_exec.commands.kill import kill_job
from agent_exec.commands.list import LISTED_STATES
from agent_exec.commands.tag import set_tags
from agent_exec.store.jobs import JobStore
from support.console import console, environment
from support.launching import child_of, end_all, lose_supervisor, running
from support.waiting import wait_until

LIMIT_S = 20.0
PIPE_BYTES = 65536
WATCH = [sys.executable, "-m", "agent_exec_tui", "--json", "--watch"]

Line = dict[str, object]


class Watch:
    """The running program, and the lines it has written."""

    def __init__(self, root: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [*WATCH, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(root),
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> Line:
        line = self._lines.get(timeout=LIMIT_S)
        assert line.endswith(b"\n"), line
        document = json.loads(line)
        assert isinstance(document, dict)
        assert document["ok"] is True
        return document

    def until(self, fits: Callable[[Line], object]) -> Line:
        """Read on to the first line that fits."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if fits(line := self.next()):
                return line
        raise AssertionError("no such line")

    def end(self, number: int) -> tuple[int, bytes]:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, bytes]:
        """Exit status and stderr, once it has ended by itself."""
        status = self.process.wait(timeout=LIMIT_S)
        self._reader.join(LIMIT_S)
        assert self.process.stderr is not None
        return status, self.process.stderr.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(LIMIT_S)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    (tmp_path / "root").mkdir(mode=0o700)
    store = JobStore(tmp_path / "root")
    yield store
    end_all(store)


@contextlib.contextmanager
def watching(store: JobStore, *words: str) -> Iterator[Watch]:
    watch = Watch(Path(store.root), *words)
    try:
        yield watch
    finally:
        watch.close()


def job_in(line: Line) -> Line:
    job = line["job"]
    assert isinstance(job, dict)
    return job


def counted(line: Line, state: str) -> object:
    counts = line["counts"]
    assert isinstance(counts, dict)
    return counts[state]


def create(store: JobStore, *tags: str) -> str:
    return create_job(store, JobDefinition(command=("true",), tags=tags)).job_id


def test_time_alone_brings_jobs_into_a_filter_and_out_of_it(store: JobStore) -> None:
    with watching(store, "--filter", "age:>1s age:<4s") as watch:
        assert watch.next()["matched"] == dict.fromkeys((*LISTED_STATES, "unreadable", "total"), 0)
        made = create(store)
        assert watch.next()["change"] == "counts"
        added, removed = watch.next(), watch.next()
        assert (added["change"], job_in(added)["job_id"]) == ("added", made)
        assert (removed["change"], removed["job_id"]) == ("removed", made)
        assert [counted(line, "created") for line in (added, removed)] == [1, 1]
        matched = [line["matched"] for line in (added, removed)]
        assert [isinstance(each, dict) and each["total"] for each in matched] == [1, 0]


def test_the_snapshot_comes_first_then_each_change(store: JobStore) -> None:
    before = create(store)
    with watching(store) as watch:
        snapshot = watch.next()
        assert snapshot["type"] == "dashboard"
        jobs = snapshot["jobs"]
        assert isinstance(jobs, list)
        assert [job["job_id"] for job in jobs] == [before]
        made = create(store, "a")
        added = watch.next()
        assert (added["type"], added["change"]) == ("dashboard.change", "added")
        assert (job_in(added)["job_id"], job_in(added)["tags"]) == (made, ["a"])
        assert counted(added, "created") == 2
        set_tags(store, made, ["b"])
        changed = watch.next()
        assert (changed["change"], job_in(changed)["tags"]) == ("changed", ["b"])
        delete_job(store, before)
        removed = watch.next()
        assert (removed["change"], removed["job_id"]) == ("removed", before)
        assert "job" not in removed
        assert counted(removed, "total") == 1
        assert watch.end(signal.SIGTERM) == (143, b"")


def test_a_job_is_told_from_its_start_to_its_end(store: JobStore) -> None:
    with watching(store) as watch:
        watch.next()
        job_id = running(store, "sh", "-c", "echo hello; sleep 60")
        told = watch.until(lambda line: job_in(line)["stdout_total_bytes"] == 6)
        assert job_in(told)["state"] == "running"
        kill_job(store, job_id)
        end = watch.until(lambda line: job_in(line)["state"] == "killed")
        assert job_in(end)["signal"] == "15"
        assert counted(end, "killed") == 1


def test_the_end_of_a_supervisor_is_told_though_no_file_changes(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with watching(store) as watch:
        watch.next()
        child = lose_supervisor(store, job_id)
        begin = time.monotonic()

        def verdict_is(line: Line, wanted: str) -> bool:
            liveness = job_in(line).get("liveness")
            return isinstance(liveness, dict) and liveness["verdict"] == wanted

        watch.until(lambda line: verdict_is(line, "supervisor lost, child alive"))
        assert child == child_of(store, job_id)
        os.kill(child, signal.SIGKILL)
        lost = watch.until(lambda line: verdict_is(line, "lost"))
        # Told by the kernel: looking for it would take five seconds each time.
        assert time.monotonic() - begin < 4.0
        assert job_in(lost)["state"] == "unknown"


def test_a_filter_tells_of_its_jobs_and_counts_all(store: JobStore) -> None:
    with watching(store, "--filter", "tag:wanted") as watch:
        assert watch.next()["filter"] == "tag:wanted"
        other = create(store, "other")
        line = watch.next()
        assert (line["change"], counted(line, "total")) == ("counts", 1)
        assert "job" not in line
        set_tags(store, other, ["wanted"])
        line = watch.next()
        assert (line["change"], job_in(line)["job_id"]) == ("added", other)
        set_tags(store, other, [])
        line = watch.next()
        assert (line["change"], line["job_id"]) == ("removed", other)
        assert counted(line, "total") == 1


@pytest.mark.parametrize("words", [["--json"], ["--json", "--filter", "x"]])
def test_a_root_that_is_not_there_is_said(
    tmp_path: Path, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(tmp_path / "none"), *words]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["jobs"] == []
    assert err == f"warning: there is no jobs root {tmp_path}/none yet\n"


def test_a_root_may_come_later(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "later")
    with watching(store) as watch:
        assert watch.next()["jobs"] == []
        job_id = create(store)
        line = watch.until(lambda line: line["change"] == "added")
        assert job_in(line)["job_id"] == job_id


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_quietly(store: JobStore, number: int, status: int) -> None:
    with watching(store) as watch:
        watch.next()
        assert watch.end(number) == (status, b"")


def test_a_reader_that_leaves_ends_it_though_nothing_changes(store: JobStore) -> None:
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        WATCH, stdout=write_end, stderr=subprocess.PIPE, env=environment(Path(store.root))
    )
    os.close(write_end)
    try:
        with open(read_end, "rb") as reader:
            assert reader.readline().startswith(b'{"schema_version":"0.1"')
        _, stderr = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, stderr) == (141, b"")


def test_a_reader_that_stands_still_does_not_keep_it_alive(store: JobStore) -> None:
    for _ in range(120):  # together more than a pipe holds
        create(store, *(f"tag-{number}" for number in range(40)))
    read_end, write_end = os.pipe()
    with open(read_end, "rb"):
        process = subprocess.Popen(
            WATCH, stdout=write_end, stderr=subprocess.PIPE, env=environment(Path(store.root))
        )
        os.close(write_end)
        try:
            wait_until(lambda: _is_full(read_end), LIMIT_S, "a full pipe")
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
            process.wait()
    assert (process.returncode, stderr) == (143, b"")


def _is_full(pipe: int) -> bool:
    waiting = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return bool(waiting >= PIPE_BYTES)


def test_it_loads_nothing_of_the_dashboard(store: JobStore) -> None:
    code = (
        "import sys\n"
        "from agent_exec_tui.__main__ import main\n"
        "import agent_exec.cli.call as call\n"
        "def tell(data):\n"
        "    print(' '.join(sys.modules), file=sys.stderr)\n"
        "    raise BrokenPipeError\n"
        "call.write_stdout = tell\n"
        "sys.argv = ['agent-exec-tui', '--json', '--watch']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(Path(store.root)),
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    loaded = set(done.stderr.decode().split())
    assert "agent_exec.commands.watch_snapshot" in loaded
    assert loaded & {"textual", "rich", "pydantic"} == set()


def test_a_malformed_filter_is_an_error_and_no_watch(store: JobStore) -> None:
    said = console("--json", "--watch", "--filter", "re:(", root=Path(store.root))
    assert (said.exit_status, said.error["code"]) == (1, "invalid_argument")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--watch"], "'--watch' needs '--json'"),
        (["--format", "svg"], "'--format <FORMAT>' needs '--screen'"),
        (["--keys", "j"], "'--keys <KEYS>' needs '--screen'"),
        (["--json", "--screen", "80x24"], "cannot be used with '--json'"),
        (["--json", "--demo"], "cannot be used with '--json'"),
        (["--screen", "80"], "not columns and rows, such as 120x36"),
        (["--screen", "0x24"], "columns and rows go from 1 to 1000"),
        (["--screen", "80x9999"], "columns and rows go from 1 to 1000"),
        (["--screen", "80x24", "--format", "png"], "possible values: text, svg"),
        (["--screen", "80x24", "--yaml"], "cannot be used with '--yaml'"),
        (["--watch", "list"], "cannot be used with a command"),
    ],
)
def test_words_that_do_not_go_together_are_a_usage_error(words: list[str], told: str) -> None:
    said = console(*words)
    assert (said.exit_status, said.stdout) == (2, b"")
    assert told in said.stderr
