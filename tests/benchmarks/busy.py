"""How the dashboard answers while much happens to the jobs it shows."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.dashboard import KEY_MS
from benchmarks.dashboard_terminal import (
    KEY_LIMIT_S,
    PAUSE_S,
    cursor_seconds,
    dashboard,
    has_rows,
    knows_all,
)
from benchmarks.harness import Run, p95
from benchmarks.many_starts import begin_many, finish_many
from benchmarks.terminal import Terminal
from support.many_jobs import make_finished_jobs

STARTS, CLEANED, PRESENT = 1000, 10_000, 100
START_LIMIT_S = 60
_CLEAN, _REMOVE, _TAB = "C", "\x13", "\t"
_STOPPED = re.compile(r"removed [\d,]+, failed .* stopped")
_PROGRESS = re.compile(r"removed [\d,]+ of [\d,]+")


def starts(run: Run, scratch: Path) -> None:
    """Keys while 1,000 jobs are started one after another by another process."""
    count, root = run.scaled(STARTS), scratch / "root"
    make_finished_jobs(str(root), PRESENT)
    samples: list[float] = []
    with dashboard(root, scratch / "home") as shown:
        shown.wait(lambda lines: knows_all(lines, PRESENT))
        shown.settle()
        starter = begin_many(root, count)
        try:
            while starter.poll() is None:
                samples += cursor_seconds(shown, "jk")
        finally:
            elapsed_s = finish_many(starter)
        shown.wait(lambda lines: knows_all(lines, PRESENT + count))
    what = f"{count:,} jobs started in a row beside the dashboard, all ended"
    run.absolute("dashboard-starts", what, elapsed_s, "s", START_LIMIT_S)
    what = f"key to repaint meanwhile, p95 of {len(samples)}"
    run.absolute("dashboard-starts", what, p95(samples) * 1000, "ms", KEY_MS)


def cleaning(run: Run, scratch: Path) -> None:
    """Clean up 10,000 jobs in the dashboard: keys meanwhile, progress, stopping."""
    count = run.scaled(CLEANED)
    samples: list[float] = []
    for number in range(run.rounds):
        samples += _keys_while_cleaning(scratch / f"root{number}", scratch / "home", count)
    if samples:
        what = f"key to repaint while {count:,} jobs are cleaned up, p95 of {len(samples)}"
        run.absolute("dashboard-clean", what, p95(samples) * 1000, "ms", KEY_MS)
    else:
        run.skip("dashboard-clean", f"{count:,} jobs were gone before a key could be pressed")
    root = scratch / "stopped"
    make_finished_jobs(str(root), count)
    with dashboard(root, scratch / "home") as shown:
        _begin_cleaning(shown, count)
        shown.wait(lambda lines: any(map(_PROGRESS.search, lines)))
        pressed_s = shown.press("\r")
        taken_s = shown.wait(lambda lines: any(map(_STOPPED.search, lines))) - pressed_s
    left = sum(1 for path in root.iterdir() if not path.name.startswith("."))
    assert 0 < left < count, left
    run.absolute("dashboard-clean", "cleaning up is stopped after", taken_s * 1000, "ms", None)


def _keys_while_cleaning(root: Path, home: Path, count: int) -> list[float]:
    """Type into the dialog's first field, which changes nothing that is being done."""
    make_finished_jobs(str(root), count)
    samples: list[float] = []

    def is_done(lines: list[str]) -> bool:
        return _shows(lines, f"removed {count:,}, ")

    with dashboard(root, home) as shown:
        _begin_cleaning(shown, count)
        shown.press(_TAB * 2)  # from "Stop" over "Close" to the field
        typed = "x"
        shown.press(typed)
        shown.wait(lambda lines: is_done(lines) or _shows(lines, "7dx"))  # the focus has arrived
        shown.settle(PAUSE_S, limit_s=PAUSE_S)
        while True:
            typed += "x"
            pressed_s = shown.press("x")
            seen_s = shown.wait(
                lambda lines, typed=typed: is_done(lines) or _shows(lines, f"7d{typed}"),  # type: ignore[misc]
                KEY_LIMIT_S,
            )
            if is_done(shown.lines):  # which moves the focus: that key went elsewhere
                break
            samples.append(seen_s - pressed_s)
            shown.settle(PAUSE_S, limit_s=PAUSE_S)
    return samples


def _shows(lines: list[str], text: str) -> bool:
    return any(text in line for line in lines)


def _begin_cleaning(shown: Terminal, count: int) -> None:
    shown.wait(has_rows)
    shown.wait(lambda lines: knows_all(lines, count))
    shown.settle()
    shown.press(_CLEAN)
    shown.wait_for(f"Remove {count:,}")
    shown.settle()
    shown.press(_REMOVE)
    shown.wait_for("· removing")  # which also moves the focus to "Stop"


ROWS = {"dashboard-starts": starts, "dashboard-clean": cleaning}
