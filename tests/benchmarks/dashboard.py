"""How quickly the dashboard shows what there is, and answers."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from agent_exec import JobDefinition, JobStore, create_job, kill_job
from agent_exec.model.job import JobMeta, JobRef, JobState, JobStatus, StateJob
from agent_exec.model.records import dump_record
from agent_exec.model.wire import encode_state
from agent_exec.store.clock import now_timestamp
from benchmarks import processes
from benchmarks.dashboard_terminal import (
    PAGE_DOWN,
    cursor_id,
    cursor_seconds,
    dashboard,
    filter_seconds,
    has_rows,
    knows_all,
    row_shows,
)
from benchmarks.harness import Figure, Run, in_turn, p95
from benchmarks.programs import answer, our_command, run_unwatched
from benchmarks.terminal import Terminal, terminal
from support.many_jobs import make_finished_jobs, write_job
from support.programs import environment

FEW, MANY = 10_000, 100_000
START_ALLOWANCE_S = 0.35
ALL_KNOWN_S = {FEW: 1.0, MANY: 6.0}
KEY_MS = 50
NEWS_MS = 150
START_MS = 250
SAMPLES = 40
IDLE_S = 60
SILENT_JOBS = 20
WRITER_BYTES_S = 100_000_000
WRITER_LIMIT_S = 40

_BARE_APP = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("ready")
Bare().run()
"""

# So many bytes a second, in lines as programs print them.
_WRITER = f"""
import os, time
block = b"".join(b"%07d the quick brown fox jumps over the lazy dog\\n" % n for n in range(20000))
due = time.monotonic()
end = due + {WRITER_LIMIT_S}
while due < end:
    os.write(1, block)
    due += len(block) / {WRITER_BYTES_S}
    time.sleep(max(0, due - time.monotonic()))
"""


def _milliseconds(samples: list[float]) -> float:
    return p95(samples) * 1000


# -- from nothing to rows --------------------------------------------------------------------


def start(run: Run, scratch: Path) -> None:
    """Process start to the first picture with rows, and until all rows are known."""
    for full_count in (FEW, MANY):
        count, root = run.scaled(full_count), scratch / f"root{full_count}"
        make_finished_jobs(str(root), count)
        known_s: list[float] = []
        loading_keys: list[float] = []

        def ours(root: Path = root, count: int = count, known: list[float] = known_s) -> float:
            with dashboard(root, scratch / "home") as shown:
                first_s = shown.wait(has_rows) - shown.began_s
                known.append(shown.wait(lambda lines: knows_all(lines, count)) - shown.began_s)
            return first_s

        ours_s, bare_s = in_turn(run.rounds, ours, lambda: _bare_start(scratch))
        run.add(
            Figure(
                row="dashboard-start",
                what=f"{count:,} jobs: process start to rows on screen",
                unit="s",
                ours=ours_s,
                other=bare_s,
                other_name="s bare Textual",
                bound=round(bare_s + START_ALLOWANCE_S, 3),
                judge_ratio=False,
            )
        )
        what = f"{count:,} jobs: process start to all rows known"
        median_s = sorted(known_s)[len(known_s) // 2]
        run.absolute("dashboard-start", what, median_s, "s", ALL_KNOWN_S[full_count])
        for _ in range(run.rounds):
            loading_keys += _keys_while_loading(root, scratch / "home", count)
        what = f"{count:,} jobs: key to repaint while they are read, p95"
        run.absolute("dashboard-start", what, _milliseconds(loading_keys), "ms", None)
        shutil.rmtree(root)


def _bare_start(scratch: Path) -> float:
    with terminal([sys.executable, "-c", _BARE_APP], environment(), scratch) as shown:
        return shown.wait_for("ready") - shown.began_s


def _keys_while_loading(root: Path, home: Path, count: int) -> list[float]:
    samples: list[float] = []
    with dashboard(root, home) as shown:
        shown.wait(has_rows)
        while not knows_all(shown.lines, count) and len(samples) < SAMPLES:
            samples += cursor_seconds(shown, "j")
    return samples


# -- keys ------------------------------------------------------------------------------------


def keys(run: Run, scratch: Path) -> None:
    """Key to repaint at 100,000 jobs, at rest and while the shown job writes 100 MB/s."""
    count, root = run.scaled(MANY), scratch / "root"
    make_finished_jobs(str(root), count)
    with dashboard(root, scratch / "home") as shown:
        shown.wait(lambda lines: knows_all(lines, count))
        shown.settle()
        _measure_keys(run, shown, f"{count:,} jobs")
    job_id = run_unwatched(our_command(), root, sys.executable, "-c", _WRITER)
    try:
        with dashboard(root, scratch / "home") as shown:
            shown.wait(lambda lines: knows_all(lines, count + 1))
            shown.wait(lambda lines: cursor_id(lines) == job_id[:8])
            shown.wait_for("the quick brown fox")
            samples = cursor_seconds(shown, "jk" * (run.scaled(SAMPLES) // 2 + 1))
            what = "the same, and 100 MB/s into the shown log: cursor, p95"
            run.absolute("dashboard-keys", what, _milliseconds(samples), "ms", KEY_MS)
            _measure_filter(run, shown, "brown"[: run.scaled(5)], 1, "the same, and 100 MB/s")
    finally:
        answer(our_command(), root, "kill", "--signal", "KILL", job_id)


def _measure_keys(run: Run, shown: Terminal, where: str) -> None:
    presses = run.scaled(SAMPLES)
    for what, samples in (
        ("cursor down", cursor_seconds(shown, "j" * presses)),
        ("page down", cursor_seconds(shown, PAGE_DOWN * presses)),
    ):
        run.absolute(
            "dashboard-keys", f"{where}: {what}, p95", _milliseconds(samples), "ms", KEY_MS
        )
    _measure_filter(run, shown, "pytest", run.rounds, where)


def _measure_filter(run: Run, shown: Terminal, word: str, times: int, where: str) -> None:
    pairs = [pair for _ in range(times) for pair in filter_seconds(shown, word)]
    seen_s, obeyed_s = zip(*pairs, strict=True)
    for what, samples, bound in (
        ("filter letter", seen_s, KEY_MS),
        ("filter letter until the list obeys it", obeyed_s, None),
    ):
        run.absolute(
            "dashboard-keys", f"{where}: {what}, p95", _milliseconds(list(samples)), "ms", bound
        )


# -- news ------------------------------------------------------------------------------------


def news(run: Run, scratch: Path) -> None:
    """A state change on disk to its row on screen, and `s` pressed to `running` on screen."""
    count, root = run.scaled(FEW), scratch / "root"
    make_finished_jobs(str(root), count)
    store, samples = JobStore(str(root)), run.scaled(SAMPLES)
    _measure_changes(run, root, scratch / "home", count, samples)
    job_ids = [
        create_job(store, JobDefinition(command=("sleep", "600"))).job_id for _ in range(samples)
    ]
    try:
        _measure_starts(run, root, scratch / "home", job_ids)
    finally:
        for job_id in job_ids:
            kill_job(store, job_id, signal="KILL", wait=False)


def _measure_changes(run: Run, root: Path, home: Path, count: int, samples: int) -> None:
    seen_s: list[float] = []
    with dashboard(root, home) as shown:
        shown.wait(lambda lines: knows_all(lines, count))
        shown.settle()
        for number in range(samples):
            job_id = f"{number:032x}"[::-1]
            _write_created(root, job_id)
            _go_to_newest(shown, job_id)
            changed_s = _write_end(root, job_id)
            seen_s.append(shown.wait(row_shows(job_id, "exited")) - changed_s)
            shown.settle()
    what = f"{count:,} jobs: state change on disk to its row on screen, p95"
    run.absolute("dashboard-news", what, _milliseconds(seen_s), "ms", NEWS_MS)


def _go_to_newest(shown: Terminal, job_id: str) -> None:
    """The newest job comes first, but the list stays where the cursor is."""
    shows = row_shows(job_id, "created")
    for _ in range(10):
        shown.settle()
        if shows(shown.lines):
            return
        shown.press("g")
    raise TimeoutError(f"the new job is not to be seen:\n{shown.text}")


def _write_created(root: Path, job_id: str) -> None:
    moment = now_timestamp()
    write_job(
        str(root),
        JobMeta(
            job=JobRef(job_id),
            schema_version="0.1",
            command=("true",),
            created_at=moment,
            root=str(root),
            env_keys=(),
            cwd=str(root),
        ),
        JobState(job=StateJob(id=job_id, status=JobStatus.CREATED), updated_at=moment),
    )


def _write_end(root: Path, job_id: str) -> float:
    """Replace state.json as every program does; the moment before."""
    moment = now_timestamp()
    job = StateJob(id=job_id, status=JobStatus.EXITED, started_at=moment)
    state = JobState(job=job, finished_at=moment, updated_at=moment)
    fresh = root / job_id / ".state.new"
    fresh.write_bytes(dump_record(encode_state(state)))
    before_s = time.perf_counter()
    fresh.replace(root / job_id / "state.json")
    return before_s


def _measure_starts(run: Run, root: Path, home: Path, job_ids: list[str]) -> None:
    seen_s = []
    with dashboard(root, home) as shown:
        shown.wait(has_rows)
        shown.settle(1.0)
        for job_id in reversed(job_ids):
            while cursor_id(shown.lines) != job_id[:8]:
                cursor_seconds(shown, "j")
            shown.settle()
            pressed_s = shown.press("s")
            seen_s.append(shown.wait(row_shows(job_id, "running")) - pressed_s)
            shown.settle()
    what = "`s` pressed to `running` on screen, p95"
    run.absolute("dashboard-news", what, _milliseconds(seen_s), "ms", START_MS)


# -- rest ------------------------------------------------------------------------------------


def idle(run: Run, scratch: Path) -> None:
    """CPU of the dashboard while nothing happens."""
    count, root = run.scaled(FEW), scratch / "root"
    make_finished_jobs(str(root), count)
    _measure_idle(run, root, scratch / "home", f"idle with {count:,} jobs")
    command = our_command()
    job_ids = [run_unwatched(command, root, "sleep", "3600") for _ in range(SILENT_JOBS)]
    try:
        what = f"idle with {SILENT_JOBS} running silent ones besides"
        _measure_idle(run, root, scratch / "home", what)
    finally:
        for job_id in job_ids:
            answer(command, root, "kill", "--signal", "KILL", job_id)


def _measure_idle(run: Run, root: Path, home: Path, what: str) -> None:
    idle_s = run.scaled(IDLE_S)
    with dashboard(root, home) as shown:
        shown.wait(has_rows)
        shown.settle(3.0)
        family = [shown.pid, *processes.children_of(shown.pid)]
        used_s = sum(map(processes.cpu_seconds, family))
        time.sleep(idle_s)  # the interval that is measured, not a wait for something
        used_s = sum(map(processes.cpu_seconds, family)) - used_s
    run.absolute("dashboard-idle", what, used_s / idle_s * 100, "% of a core", 1)


ROWS = {
    "dashboard-start": start,
    "dashboard-keys": keys,
    "dashboard-news": news,
    "dashboard-idle": idle,
}
