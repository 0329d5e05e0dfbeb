"""Disks that are full, read-only or not there, and limits of the system."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.bench import TERMINAL, Bench, Call
from faults.rows import covers
from faults.tools import Volume, await_text, strace, volume
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

VERBS = (
    ("create", "--", "true"),
    ("run", "--", "true"),
    ("list", "--all"),
    ("status", "x"),
    ("start", "x"),
    ("tail", "x"),
    ("wait", "x"),
    ("kill", "x"),
    ("delete", "x"),
    ("restart", "x"),
    ("tag", "set", "x", "--tag", "one"),
    ("notify", "set", "x", "--command", "true"),
    ("gc",),
    ("repair", "--all"),
    ("--json",),
)


class DiskBench(Bench):
    """A bench whose root lies on a volume of its own; records are read from outside."""

    def __init__(self, scratch: Path, disk: Volume) -> None:
        super().__init__(scratch)
        self.disk = disk
        self.inside = disk.inside / "root"
        self.root = disk.outside / "root"

    def on_disk(self, *arguments: str) -> Call:
        return self.call(*arguments, root=self.inside, prefix=self.disk.enter)

    def fill(self) -> None:
        """Leave not a byte; root may use what others may not."""
        with (self.disk.outside / "filler").open("wb", buffering=0) as file:
            for size_bytes in (65536, 4096, 1):
                try:
                    while file.write(b"x" * size_bytes):
                        pass
                except OSError:
                    continue


@pytest.fixture
def small(tmp_path: Path) -> Iterator[DiskBench]:
    with (
        volume(tmp_path / "disk", "size=2m,mode=700") as disk,
        DiskBench(tmp_path, disk) as bench,
    ):
        yield bench


def _flooded(small: DiskBench) -> tuple[str, Path]:
    """A job that fills the disk, tells so elsewhere and goes on until it may end."""
    marker, go = small.scratch / "marker", small.scratch / "go"
    script = (
        f"head -c 10000000 /dev/zero; echo done > {marker}; "
        f"until [ -e {go} ]; do sleep 0.05; done; exit 3"
    )
    answer = small.on_disk("run", "--no-wait", "--no-auto-gc", "--", "sh", "-c", script)
    assert answer.ok, answer
    await_text(marker, "done", timeout_s=10)
    return str(answer["job_id"]), go


@covers("full: the child", "full: the end", "full: the loss", "full: commands", "full: afterwards")
def test_a_full_disk_costs_output_but_neither_job_nor_result(
    small: DiskBench, figure: Figure
) -> None:
    job_id, go = _flooded(small)
    assert small.child(job_id).is_alive
    small.fill()
    assert os.statvfs(small.disk.outside).f_bavail == 0
    go.touch()
    small.wait_status(job_id, "exited", timeout_s=10)
    assert small.ending(job_id) == ("exited", 3)
    kept_bytes = small.file(job_id, "stdout.log").stat().st_size
    status = small.on_disk("status", job_id)
    dropped = status["dropped_bytes"]
    assert isinstance(dropped, dict)
    assert kept_bytes + dropped["stdout"] == 10_000_000
    assert status["drop_reason"]
    assert job_id in {job["job_id"] for job in _jobs(small.on_disk("list", "--all"))}
    for words in (("tail", job_id), ("wait", job_id), ("repair", "--all")):
        assert small.on_disk(*words).ok, words
    (small.disk.outside / "filler").unlink()
    small.wait_supervisor_gone(job_id, timeout_s=25)
    assert small.ending(job_id) == ("exited", 3)
    small.fill()
    assert small.on_disk("delete", job_id).ok
    assert not small.file(job_id, "").exists()
    assert os.statvfs(small.disk.outside).f_bavail > 0
    assert small.litter() == []
    figure(f"10 MB into 2 MB: {kept_bytes} bytes kept, {dropped['stdout']} told lost")


def _jobs(answer: Call) -> list[dict[str, object]]:
    jobs = answer["jobs"]
    assert isinstance(jobs, list)
    return jobs


@covers("full: run")
def test_run_on_a_full_disk_leaves_and_starts_nothing(small: DiskBench) -> None:
    kept = str(small.on_disk("create", "--", "true")["job_id"])
    small.fill()
    runs = small.scratch / "runs"
    for verb in ("create", "run"):
        answer = small.on_disk(verb, "--stdin", "x" * 9000, "--", "sh", "-c", f"echo run >> {runs}")
        assert answer.exit_status == 1
        assert "No space left" in answer.message
    answer = small.on_disk("run", "--", "sh", "-c", f"echo run >> {runs}")
    assert answer.is_orderly
    assert not answer.ok
    started = small.on_disk("start", kept)
    assert started.is_orderly
    assert not runs.exists() or started.ok
    wait_until(lambda: not small.litter(), what="the last tidying")
    names = {path.name for path in small.root.iterdir()}
    assert names == {kept}, "what could not be made whole was left behind"


@covers("read-only")
def test_a_read_only_root_gives_clear_errors(small: DiskBench) -> None:
    job_id = str(small.on_disk("create", "--", "true")["job_id"])
    small.disk.make_read_only()
    for words in (("create", "--", "true"), ("run", "--", "true"), ("start", job_id)):
        answer = small.on_disk(*words)
        assert answer.exit_status == 1
        assert "Read-only file system" in answer.message, answer
    for words in (("status", job_id), ("list", "--all"), ("tail", job_id)):
        assert small.on_disk(*words).ok
    delete = small.on_disk("delete", job_id)
    assert delete.is_orderly
    assert not delete.ok


@covers("no inodes")
def test_a_disk_without_inodes_leaves_nothing_half_made(tmp_path: Path) -> None:
    with (
        volume(tmp_path / "disk", "size=4m,nr_inodes=12,mode=700") as disk,
        DiskBench(tmp_path, disk) as bench,
    ):
        runs = bench.scratch / "runs"
        for _ in range(3):
            answer = bench.on_disk("run", "--no-auto-gc", "--", "sh", "-c", f"echo run >> {runs}")
            assert answer.is_orderly
            if not answer.ok:
                assert "No space left" in answer.message
        assert not answer.ok
        wait_until(lambda: not bench.litter(), what="the last tidying")
        for path in bench.root.iterdir():
            json.loads((path / "meta.json").read_text())
            assert bench.status(path.name) in ("created", *TERMINAL)


@covers("the root is a file")
def test_a_file_as_root_gives_clear_errors_everywhere(bench: Bench) -> None:
    bench.root.write_text("not a directory")
    for words in VERBS:
        answer = bench.call(*words)
        assert answer.is_orderly, answer
        assert answer.exit_status == 1, answer
        assert answer.message
    assert bench.root.read_text() == "not a directory"


@covers("file size limit")
def test_a_file_size_limit_ends_neither_job_nor_supervisor(bench: Bench, figure: Figure) -> None:
    limited = ["sh", "-c", 'ulimit -f 64; exec "$@"', "--"]
    script = "head -c 10000000 /dev/zero; exit 3"
    answer = bench.call("run", "--no-wait", "--", "sh", "-c", script, prefix=limited)
    assert answer.ok, answer
    job_id = str(answer["job_id"])
    assert bench.wait_over(job_id) == ("exited", 3)
    kept_bytes = bench.file(job_id, "stdout.log").stat().st_size
    dropped = bench.must("status", job_id)["dropped_bytes"]
    assert isinstance(dropped, dict)
    assert kept_bytes + dropped["stdout"] == 10_000_000
    figure(f"{kept_bytes} bytes kept, the rest told lost")


@covers("few descriptors")
@pytest.mark.parametrize("count", [6, 10, 16, 24])
def test_few_descriptors_work_or_fail_clearly(bench: Bench, count: int, figure: Figure) -> None:
    limited = ["sh", "-c", f'ulimit -n {count}; exec "$@"', "--"]
    answer = bench.call("run", "--no-auto-gc", "--", "sh", "-c", "exit 3", prefix=limited)
    figure(f"{count}: {'works' if answer.ok else 'refused'}")
    if not answer.stdout:
        assert count < 8, "too few for the interpreter itself"
        return
    assert answer.is_orderly, answer
    if answer.ok:
        assert bench.wait_over(str(answer["job_id"])) == ("exited", 3)
    else:
        for job_id in bench.listed():
            if bench.status(job_id) == "created":  # without a descriptor nothing can be recorded
                bench.start_later(job_id)
            bench.wait_status(job_id, *TERMINAL)
    wait_until(lambda: not bench.supervisors(), what="the supervisor's end")


@covers("full for a while")
def test_a_disk_with_room_again_is_written_to_again_behind_a_mark(small: DiskBench) -> None:
    go = small.scratch / "go"
    script = (
        "echo first; head -c 3000000 /dev/zero; echo; echo lost-one; "
        f"until [ -e {go} ]; do sleep 0.05; done; "
        "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; sleep 0.05; done"
    )
    answer = small.on_disk("run", "--no-wait", "--no-auto-gc", "--", "sh", "-c", script)
    job_id = str(answer["job_id"])

    def is_told() -> bool:
        return "dropped_bytes" in small.record(job_id, "supervision.json")

    wait_until(is_told, what="the loss while the job runs")
    assert small.status(job_id) == "running"
    assert small.on_disk("status", job_id)["dropped_bytes"]
    small.disk.make_larger("32m")
    go.touch()
    assert small.wait_over(job_id, timeout_s=15) == ("exited", 0)
    stdout = small.file(job_id, "stdout.log").read_bytes().split(b"\n")
    marks = [line for line in stdout if line.startswith(b"[AGENT-EXEC]")]
    assert len(marks) == 1
    assert stdout[-2] == b"line 60"
    tail = stdout[stdout.index(marks[0]) + 1 : -1]
    assert tail == [b"line %d" % n for n in range(61 - len(tail), 61)]
    dropped = small.record(job_id, "supervision.json")["dropped_bytes"]
    assert isinstance(dropped, dict)
    assert int(marks[0].split()[1]) == dropped["stdout"]
    full = small.file(job_id, "full.log").read_bytes().split(b"\n")
    assert all(line.startswith(b"20") for line in full if line)
    assert full[-2].endswith(b"[STDOUT] line 60")
    assert any(b"stdout is stored again" in line for line in full)


@covers("full: a long record")
def test_a_record_longer_than_a_block_is_whole_on_a_full_disk(small: DiskBench) -> None:
    log = small.disk.inside / ("é" * 120) / ("é" * 120) / ("é" * 120) / ("é" * 120) / "f.log"
    go = small.scratch / "go"
    script = f"until [ -e {go} ]; do sleep 0.05; done; exit 3"
    words = ("run", "--no-wait", "--no-auto-gc", "--log", str(log), "--timeout", "30")
    answer = small.on_disk(*words, "--", "sh", "-c", script)
    assert answer.ok, answer
    job_id = str(answer["job_id"])
    small.fill()
    go.touch()
    small.wait_status(job_id, "exited")
    assert small.ending(job_id) == ("exited", 3)
    data = small.file(job_id, "supervision.json").read_bytes()
    assert b"\0" not in data
    assert json.loads(data)["cause"] == "exit"


@pytest.mark.timeout(60)
@covers("slow sink, fast pattern")
def test_a_slow_sink_of_a_fast_pattern_costs_neither_memory_nor_disk(
    bench: Bench, figure: Figure
) -> None:
    flags = ["--output-pattern", "x", "--output-command", "sleep 30", "--timeout", "4"]
    job_id = bench.run("sh", "-c", "yes " + "x" * 200, flags=[*flags, "--log-max", "1000"])
    peak_kb = 0

    def is_over() -> bool:
        nonlocal peak_kb
        peak_kb = max([peak_kb, *(each.figure_kb("VmHWM") for each in bench.supervisors())])
        return bench.status(job_id) != "running"

    wait_until(is_over, timeout_s=15, what="the time limit")
    supervision = bench.record(job_id, "supervision.json")
    assert int(str(supervision["dropped_matches"])) > 100_000
    assert peak_kb < 64 * 1024
    events = bench.file(job_id, "notification_events.ndjson")
    assert not events.exists() or events.stat().st_size < 1_000_000
    figure(f"{supervision['dropped_matches']} counted, peak {peak_kb // 1024} MiB")


@covers("directories that cannot be synced")
def test_a_file_system_that_syncs_no_directory_holds_jobs(bench: Bench) -> None:
    log = bench.scratch / "trace"
    prefix = strace(log, "fsync:error=EINVAL:when=3+", calls="fsync")
    for verb in ("create", "run"):
        answer = bench.call(verb, "--", "true", prefix=prefix)
        assert "EINVAL" in log.read_text()
        assert answer.ok, answer
