"""A dashboard that is open while another process starts 500 jobs, and kills them, answers."""

from __future__ import annotations

import json
import re
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.dashboard_terminal import cursor_seconds, dashboard, knows_all
from benchmarks.harness import p95
from benchmarks.terminal import Terminal
from faults.bench import Bench
from faults.rows import covers
from support.many_jobs import make_finished_jobs
from support.waiting import wait_until

pytestmark = pytest.mark.faults

CROWD, PRESENT = 500, 40
LIMIT_S = 60.0
ANSWER_LIMIT_S = 2.0  # most take 0.1 s; 500 other processes want the same two cores
_GLYPHS = {"●": "running", "⊘": "killed", "✓": "ok", "✗": "bad"}
_COUNT = re.compile(r"(\S)(\d+)\b")


def _told(lines: list[str]) -> dict[str, int]:
    """How many jobs of each state the header tells of."""
    found = dict(_COUNT.findall(lines[0]))
    return {word: int(found[glyph]) for glyph, word in _GLYPHS.items() if glyph in found}


def _keys_until_told(shown: Terminal, worker: subprocess.Popen[bytes]) -> tuple[list[float], bytes]:
    """Move the cursor to and fro until the worker says something; how long each key took."""
    assert worker.stdout is not None
    samples: list[float] = []
    while not select.select([worker.stdout], [], [], 0)[0]:
        samples += cursor_seconds(shown, "jk")
    return samples, worker.stdout.readline()


@covers("500 jobs, watched")
@pytest.mark.timeout(300)  # on a machine that is busy with other things
def test_every_key_is_answered_while_500_jobs_start_and_are_killed(
    bench: Bench, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    make_finished_jobs(str(bench.root), PRESENT)
    words = [sys.executable, "-m", "faults.crowd_worker", str(bench.root), str(CROWD)]
    paths = f"{bench.environment()['PYTHONPATH']}:{Path(__file__).parents[1]}"
    began_s = time.monotonic()
    with dashboard(bench.root, tmp_path / "home") as shown:
        shown.wait(lambda lines: knows_all(lines, PRESENT))
        shown.settle()
        others = _told(shown.lines)
        assert sum(others.values()) == PRESENT
        with subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=bench.environment({"PYTHONPATH": paths}),
        ) as worker:
            starting, answer = _keys_until_told(shown, worker)
            ids = json.loads(answer)
            assert len(set(ids)) == CROWD
            shown.wait(lambda lines: _told(lines) == {**others, "running": CROWD})
            supervisors = {bench.supervisor(job_id) for job_id in ids}
            assert len(supervisors) == CROWD
            memory_mib = sum(each.shared_memory_kb() for each in supervisors) / 1024
            assert worker.stdin is not None
            worker.stdin.write(b"kill\n")
            worker.stdin.close()
            killing, answer = _keys_until_told(shown, worker)
            assert json.loads(answer) == CROWD
        wait_until(lambda: not any(each.is_alive for each in supervisors), LIMIT_S, "their end")
        shown.wait(lambda lines: _told(lines) == {**others, "killed": CROWD})
        assert knows_all(shown.lines, CROWD + PRESENT)
    assert Counter(bench.ending(job_id) for job_id in ids) == {("killed", "15"): CROWD}
    samples = starting + killing
    assert starting
    assert killing
    assert max(samples) < ANSWER_LIMIT_S
    figure(
        f"{len(starting)} keys while they start, {len(killing)} while they are killed, p95 "
        f"{p95(samples) * 1000:.0f} ms, worst {max(samples) * 1000:.0f}; all in "
        f"{time.monotonic() - began_s:.0f} s; supervisors {memory_mib:.0f} MiB in all"
    )
