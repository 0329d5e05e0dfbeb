"""The dashboard in a terminal: what it shows, and how long keys take."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.programs import our_command
from benchmarks.terminal import Terminal, terminal
from support.programs import environment

SHORT_ID_CHARS = 8
PAGE_DOWN = "\x1b[6~"
ESCAPE = "\x1b"
KEY_LIMIT_S = 20.0
# People pause longer between keys; this lets what one key set off end before the next.
PAUSE_S = 0.05
_CURSOR_ROW = re.compile(r"^\W*> . +\w+ +([0-9a-f]{7,})")
_TITLE = re.compile(r"Jobs ([\d,]+)/([\d,]+)")
_READING = re.compile(r"reading [\d,]+ of [\d,]+")


@contextmanager
def dashboard(root: Path, home: Path) -> Iterator[Terminal]:
    """The dashboard on *root*, nothing of the user's in it; *home* is where it may keep things."""
    places = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "STATE")}
    home.mkdir(parents=True, exist_ok=True)
    with terminal([*our_command(), "--root", str(root)], environment(places), home) as opened:
        yield opened


def has_rows(lines: list[str]) -> bool:
    """A screenful of jobs is to be seen."""
    return cursor_id(lines) is not None


def knows_all(lines: list[str], count: int) -> bool:
    """The list has *count* jobs and reads no more."""
    text = "\n".join(lines)
    title = _TITLE.search(text)
    return title is not None and title[2] == f"{count:,}" and not _READING.search(text)


def cursor_id(lines: list[str]) -> str | None:
    """The short id of the job under the cursor."""
    for line in lines:
        if found := _CURSOR_ROW.match(line):
            return found[1]
    return None


def row_shows(job_id: str, word: str) -> Callable[[list[str]], bool]:
    """Whether the row of a job has *word* in it."""
    short_id = job_id[:SHORT_ID_CHARS]
    return lambda lines: any(short_id in line and word in line for line in lines)


def cursor_seconds(shown: Terminal, keys: str) -> list[float]:
    """For each of *keys*, which must move the cursor, seconds until it is seen elsewhere."""
    samples = []
    for key in re.findall(r"\x1b\[\d~|.", keys):
        before = cursor_id(shown.lines)
        pressed_s = shown.press(key)
        moved_s = shown.wait(
            lambda lines: cursor_id(lines) not in (before, None),  # noqa: B023 (waits at once)
            KEY_LIMIT_S,
        )
        samples.append(moved_s - pressed_s)
        shown.settle(PAUSE_S, limit_s=PAUSE_S * 4)
    return samples


def filter_seconds(shown: Terminal, word: str) -> list[tuple[float, float]]:
    """Type *word* as a filter; for each letter, seconds until it is seen, and the list obeys it."""
    shown.press("/")
    shown.wait_for("filter: words")
    shown.settle(PAUSE_S, limit_s=PAUSE_S * 4)
    samples = []
    for end in range(1, len(word) + 1):
        pressed_s = shown.press(word[end - 1])
        typed = re.compile(rf"\W*{word[:end]}\W*")
        seen_s = shown.wait(
            lambda lines: any(map(typed.fullmatch, lines)),  # noqa: B023 (waits at once)
            KEY_LIMIT_S,
        )
        obeyed_s = shown.wait_for(f"filter: {word[:end]}", KEY_LIMIT_S)
        samples.append((seen_s - pressed_s, obeyed_s - pressed_s))
        shown.settle(PAUSE_S, limit_s=PAUSE_S * 4)
    for _ in range(2):  # out of the input, then out of the filter
        shown.press(ESCAPE)
        time.sleep(0.15)  # terminals tell a lone escape from a key's first byte by time
    shown.wait(lambda lines: not any("filter: " in line for line in lines))
    return samples
