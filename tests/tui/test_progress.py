"""Progress is recognised from what known programs print, and from nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_exec_tui.demo import Demo
from agent_exec_tui.progress import TAIL_BYTES, Progress, find_progress, last_progress
from support.hostile_text import hostile_text
from support.waiting import wait_until


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("[ 34%] Building C object src/main.c.o", 34),  # cmake
        ("tests/unit/test_state.py ........F....... [  6%]", 6),  # pytest
        ("Progress: [ 34%] [#########.................]", 34),  # apt
        (" 34%|███▍      | 34/100 [00:10<00:20,  3.30it/s]", 34),  # tqdm
        ("Loading:  12%|#2        | 1.2M/10.0M [00:01<00:07]", 12),
        ("100%|██████████| 100/100", 100),
        ("   Building [=======>           ] 34/120: serde, syn", 28),  # cargo
        ("     ━━━━━━━━━━╸━━━━━━━━━━━━━ 12.5/50.0 MB 3.4 MB/s eta 0:00:10", 25),  # pip
        ("Working... ━━━━━━━━━━━╺━━━━━━  34% 0:00:10", 34),  # rich
        ("[12/80] Building CXX object lib/x.cc.o", 15),  # ninja
        ("[1/4] Resolving packages...", 25),  # yarn
        ("      1,234,567  34%   12.34MB/s    0:00:12 (xfr#1, to-chk=3/5)", 34),  # rsync
        ("data.bin     34%[=====>          ]  12.3M  1.2MB/s    eta 9s", 34),  # wget
        ("  3450K .......... .......... .......... .......... .......... 34% 1.2M 3s", 34),
        ("#################                         34.5%", 34),  # curl -#
        ("Receiving objects:  34% (41/120), 1.20 MiB | 2.00 MiB/s", 34),  # git
        ("#7 [ 3/10] RUN make", 30),  # buildkit
        ("#12 [builder 3/10] RUN make", 30),
        ("34/100 [=====>........] - ETA: 3s - loss: 0.1", 34),  # keras
        ("34/100 ━━━━━━━━━━━━━━━━━━━━ 3s 10ms/step", 34),
        ("[####    ] 34%", 34),
        ("done 34% [####....]", 34),
        ("Progress: 34.9 %", 34),
        ("compiling foo [12/80]", 15),
        ("[  0%] Built target x", 0),
    ],
)
def test_displays_of_known_programs_are_recognised(line: str, percent: int) -> None:
    found = find_progress(line.strip())
    assert found is not None
    assert found.percent == percent
    assert found.quoted


@pytest.mark.parametrize(
    "line",
    [
        "disk 93% full",
        "coverage: 87%",
        "CPU 34% MEM 12%",
        "34% of users agree",
        "took 3/4 of the time",
        "12/25 is Christmas",
        "GET /a/1/2 200",
        "[134%] is too much",
        "[5/4] cannot be",
        "[0/0]",
        "[25/Nov/2026:20:00:00] GET /",
        "[12/25/2026] entry",
        "list[1/2]",
        "see section [1] and [2/]",
        "http://host/34%20/x",
        "[INFO] 3 tests",
        "| 34% | a table |",
        f"[{'9' * 200}/{'9' * 250}] huge",
        "",
    ],
)
def test_what_only_looks_like_progress_is_none(line: str) -> None:
    assert find_progress(line) is None


def test_the_quote_is_what_was_recognised() -> None:
    assert find_progress("tests/x.py ... [ 34%]") == Progress(34, "[ 34%]")
    assert find_progress("[12/80] cc x.o") == Progress(15, "[12/80]")
    found = find_progress("34%|" + "█" * 100 + "|")
    assert found is not None
    assert len(found.quoted) == 40


def test_the_lowest_of_the_last_lines_counts_and_overwritten_ones_do_not() -> None:
    assert last_progress("[ 1%]\n[ 2%] x\nwarning: y\n\n") == Progress(2, "[ 2%]")
    assert last_progress(" 1%|a|\r 2%|b|\r 3%|c|") == Progress(3, "3%|c|")
    assert last_progress("\x1b[32m[ 40%]\x1b[0m Building\n") == Progress(40, "[ 40%]")
    assert last_progress("[ 9%]\n" + "other\n" * 5) is None


@given(st.text(max_size=600))
def test_any_text_has_an_answer_within_bounds(text: str) -> None:
    found = last_progress(text)
    assert found is None or (0 <= found.percent <= 100 and found.quoted.isprintable())


@given(st.integers(0, 100), st.integers(1, 500), st.integers(0, 500))
def test_numbers_are_read_as_they_were_printed(percent: int, total: int, done: int) -> None:
    assert find_progress(f"[{percent:3}%] x") == Progress(percent, f"[{percent:3}%]")
    found = find_progress(f"[{done}/{total}] x")
    assert (found is None) == (done > total)
    assert found is None or found.percent == 100 * done // total


@settings(deadline=None)
@given(hostile_text(TAIL_BYTES))
def test_hostile_text_has_an_answer_soon(text: str) -> None:
    begun_s = time.thread_time()
    found = last_progress(text)
    assert time.thread_time() - begun_s < 0.3
    assert found is None or 0 <= found.percent <= 100


def test_the_training_of_the_demonstration_shows_its_progress() -> None:
    def shown() -> list[Progress]:
        tails = [log.read_text() for log in Path(demo.root).glob("*/stdout.log")]
        return [found for tail in tails if "epoch" in tail and (found := last_progress(tail))]

    with Demo() as demo:
        wait_until(shown)
        (found,) = shown()
    assert found.quoted.endswith("/40]")
