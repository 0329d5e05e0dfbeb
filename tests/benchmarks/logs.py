"""How quickly logs open, jump and are searched, whatever their size."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from agent_exec_tui.log_pattern import compile_pattern
from agent_exec_tui.log_source import LogSource
from benchmarks import processes
from benchmarks.dashboard_terminal import dashboard, has_rows
from benchmarks.harness import Figure, Run, in_turn, seconds
from benchmarks.terminal import Terminal, terminal
from support.many_jobs import make_finished_jobs
from support.programs import environment

HUGE_BYTES, LARGE_BYTES = 10 << 30, 1 << 30
PAGE_MS, GROWTH_MB = 100, 60
LINE_BYTES = 64
LITERAL, REGEX = "ERROR 503", r"ERROR 50[0-9] after [0-9]+ ms"
HIT_EVERY_LINES = 1000
_BLOCK_LINES = 1 << 18
_COUNT_LIMIT_S = 600
_ADVANCE_BLOCKS = 16


def _line(text: str) -> bytes:
    return text.ljust(LINE_BYTES - 1).encode() + b"\n"


def make_log(path: Path, size_bytes: int, marks: dict[float, str]) -> int:
    """Fill a log with lines of one length; returns how many.

    Args:
        marks: texts of lines, by where they stand: from 0 for the first to 1 for the last.
    """
    ordinary = _line("2026-01-01 12:00:00 INFO  GET /status answered in 13 ms")
    hit = _line("2026-01-01 12:00:00 ERROR 503 after 2000 ms: no answer")
    period = ordinary * (HIT_EVERY_LINES - 1) + hit
    block = (period * (_BLOCK_LINES // HIT_EVERY_LINES + 1))[: _BLOCK_LINES * LINE_BYTES]
    lines = size_bytes // LINE_BYTES
    with path.open("wb") as file:
        for first in range(0, lines, _BLOCK_LINES):
            file.write(block[: (lines - first) * LINE_BYTES])
        for share, text in marks.items():
            file.seek(int(share * (lines - 1)) * LINE_BYTES)
            file.write(_line(text))
    return lines


# -- opening and jumping ---------------------------------------------------------------------

FIRST, MIDDLE, LAST = "the very first line", "the line in the middle", "the very last line"


def opening(run: Run, scratch: Path) -> None:
    """Open the end of a log of 10 GiB; jump to its start, middle and end; what memory it takes."""
    root, size = scratch / "root", run.scaled(HUGE_BYTES)
    make_finished_jobs(str(root), 2)
    # The newer one stands first in the list; the older one has the log.
    job = min(
        root.iterdir(), key=lambda each: json.loads((each / "meta.json").read_text())["created_at"]
    )
    lines = make_log(job / "stdout.log", size, {0: FIRST, 0.5: MIDDLE, 1: LAST})

    names = ("first page after its selection", "jump to the start", "to the end", "to the middle")
    jumps_s: dict[str, list[float]] = {name: [] for name in names}
    growths_mb: list[float] = []

    def ours() -> float:
        with dashboard(root, scratch / "home") as shown:
            shown.wait(has_rows)
            shown.settle()
            before_mb = processes.resident_mb(shown.pid)
            for name, taken_s in zip(names, _jumps(shown, lines), strict=True):
                jumps_s[name].append(taken_s)
            growths_mb.append(processes.peak_memory_mb(shown.pid) - before_mb)
        return jumps_s[names[0]][-1]

    _, less_s = in_turn(run.rounds, ours, lambda: _less(job / "stdout.log"))
    for name in names:
        is_first = name == names[0]
        run.add(
            Figure(
                row="log-open",
                what=f"log of {size / (1 << 30):.3g} GiB: {name}",
                unit="ms",
                ours=sorted(jumps_s[name])[len(jumps_s[name]) // 2] * 1000,
                other=less_s * 1000 if is_first else None,
                other_name="ms less +G" if is_first else "",
                bound=PAGE_MS,
                judge_ratio=False,
            )
        )
    run.absolute("log-open", "growth at most, every line counted", max(growths_mb), "MB", GROWTH_MB)


def _jumps(shown: Terminal, lines: int) -> list[float]:
    pressed_s = shown.press("j")
    taken_s = [shown.wait_for(LAST) - pressed_s]
    shown.press("2")
    shown.settle()
    for key, text in (("g", FIRST), ("G", LAST)):
        pressed_s = shown.press(key)
        taken_s.append(shown.wait_for(text) - pressed_s)
        shown.settle(0.1)
    # Going to a line by its number needs them counted, which happens in the background.
    shown.wait_for(f"{lines:,} lines", _COUNT_LIMIT_S)
    shown.press(":")
    shown.settle()
    shown.press("go to line")
    shown.wait_for("Go to a line number")
    shown.settle()
    shown.press("\r")
    shown.settle()
    shown.press(str(int(0.5 * (lines - 1)) + 1))
    shown.settle()
    pressed_s = shown.press("\r")
    taken_s.append(shown.wait_for(MIDDLE) - pressed_s)
    return taken_s


def _less(path: Path) -> float:
    with terminal(["/usr/bin/env", "less", "+G", str(path)], environment(), path.parent) as shown:
        return shown.wait_for(LAST) - shown.began_s


# -- searching -------------------------------------------------------------------------------

NEEDLE = "NEEDLE-7f3a"


def searching(run: Run, scratch: Path) -> None:
    """All hits of a literal and a regex in 1 GiB against grep -c; the first one on screen."""
    root, size = scratch / "root", run.scaled(LARGE_BYTES)
    make_finished_jobs(str(root), 1)
    (job,) = root.iterdir()
    log = job / "stdout.log"
    make_log(log, size, {0.4: f"a {NEEDLE} in it", 1: LAST})
    where = f"{size / (1 << 30):.3g} GiB"
    for what, pattern, is_regex in (("literal", LITERAL, False), ("regex", REGEX, True)):
        expected = int(_grep(log, pattern))
        run.compare(
            "log-search",
            f"{where}: all {expected:,} hits of a {what}",
            lambda pattern=pattern, is_regex=is_regex, expected=expected: seconds(  # type: ignore[misc]
                lambda: _count(log, pattern, is_regex, expected)
            ),
            lambda pattern=pattern: seconds(lambda: _grep(log, pattern)),  # type: ignore[misc]
            other_name="s grep -c",
            bound=3,
        )
    found_s, cancelled_s = [], []
    for _ in range(run.rounds):
        with dashboard(root, scratch / "home") as shown:
            shown.wait_for(LAST)
            shown.settle()
            found_s.append(_find_on_screen(shown))
        with dashboard(root, scratch / "home") as shown:
            shown.wait_for(LAST)
            shown.settle()
            cancelled_s.append(_cancel_on_screen(shown))
    for what, samples in (
        ("the only hit, at 40 %, on screen", found_s),
        ("a search is given up after", cancelled_s),
    ):
        median_ms = sorted(samples)[len(samples) // 2] * 1000
        run.absolute("log-search", f"{where}: {what}", median_ms, "ms", None)


def _grep(path: Path, pattern: str) -> bytes:
    return subprocess.run(
        ["grep", "-cE", pattern, str(path)], stdout=subprocess.PIPE, check=True
    ).stdout


def _count(path: Path, text: str, is_regex: bool, expected: int) -> None:
    source = LogSource(str(path))
    source.refresh()
    source.set_pattern(compile_pattern(text, regex=is_regex))
    while not source.hit_count()[1]:
        source.advance(_ADVANCE_BLOCKS)
    assert source.hit_count() == (expected, True), source.hit_count()


def _open_search(shown: Terminal) -> None:
    shown.press("2")
    shown.settle()
    shown.press("/")
    shown.wait_for("search (^r: regex)")
    shown.settle()


def _find_on_screen(shown: Terminal) -> float:
    _open_search(shown)
    typed_s = shown.press(NEEDLE + "\r")
    return shown.wait_for(f"a {NEEDLE} in it") - typed_s


def _cancel_on_screen(shown: Terminal) -> float:
    """Seconds from giving up a search in progress until the next key of the log is obeyed."""
    _open_search(shown)
    shown.press("nothing like it\r")
    time.sleep(0.1)  # well into the search, which reads the whole log
    shown.press("\x1b")
    time.sleep(0.15)  # terminals tell a lone escape from a key's first byte by time
    pressed_s = shown.press("#")
    return shown.wait(lambda lines: any("1 2026-01-01" in line for line in lines)) - pressed_s


ROWS = {"log-open": opening, "log-search": searching}
