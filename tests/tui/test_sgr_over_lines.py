"""Colours go on over the ends of lines, as in a terminal, wherever one looks into a log."""

from __future__ import annotations

import time
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec_tui.ansi import Span
from agent_exec_tui.log_index import BLOCK_BYTES
from agent_exec_tui.log_source import LogSource
from agent_exec_tui.log_window import LogLine, WindowRequest, build_window
from agent_exec_tui.sgr import PLAIN, Sgr, apply_sgr, look_after

if TYPE_CHECKING:
    from pathlib import Path

RED = Sgr(fg=1)
params = st.sampled_from(
    ["", "0", "31", "1", "22", "39", "0;4", "44;1", ";7", "38;5;9", "27", "49"]
)


def lines_at(source: LogSource, at: int | None, *, count: int = 3) -> tuple[LogLine, ...]:
    return build_window(source, source.refresh(), WindowRequest(at, count, count, count)).lines


@given(st.lists(st.tuples(st.text("ab\n", max_size=600), params)))
def test_what_is_left_behind_is_what_each_sequence_in_turn_makes(
    parts: list[tuple[str, str]],
) -> None:
    data = "".join(f"{text}\x1b[{codes}m" for text, codes in parts).encode()
    wanted = reduce(apply_sgr, (codes for _, codes in parts), Sgr(italic=True))
    assert look_after(Sgr(italic=True), data) == wanted


def test_a_colour_goes_on_over_lines_until_it_is_reset(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"plain\n\x1b[31mred\nstill\n\x1b[0mplain again\n")
    looks = [line.spans[0] for line in lines_at(LogSource(str(path)), 0, count=9)]
    assert looks == [
        Span("plain", PLAIN), Span("red", RED), Span("still", RED), Span("plain again", PLAIN),
    ]  # fmt: skip


@pytest.mark.parametrize("is_counted", [False, True])
def test_a_line_looks_the_same_from_wherever_one_came(tmp_path: Path, is_counted: bool) -> None:
    path = tmp_path / "log"
    line = b"x" * 99 + b"\n"
    path.write_bytes(line * 9000 + b"\x1b[31m" + line * 2000 + b"\x1b[0m" + line * 9000)
    source = LogSource(str(path))
    source.refresh()
    while is_counted and source.advance(4):
        pass
    red_start = 9000 * 100
    for number in (0, 8999, 9000, 9001, 10_000, 10_999, 11_000, 19_000):
        start = number * 100 + (5 if number > 9000 else 0) + (4 if number > 11_000 else 0)
        found = next(line for line in lines_at(source, start) if line.start == start)
        is_red = red_start <= start < red_start + 5 + 2000 * 100
        assert found.spans[-1].style == (RED if is_red else PLAIN), number


def test_a_colour_never_reset_is_known_far_behind_it_once_the_lines_are_counted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    line = b"x" * 99 + b"\n"
    path.write_bytes(b"\x1b[31m" + line * (8 * BLOCK_BYTES // 100))
    source = LogSource(str(path))
    assert lines_at(source, None)[-1].spans[0].style == PLAIN  # not read yet, and not guessed
    while source.advance(4):
        pass
    assert lines_at(source, None)[-1].spans[0].style == RED
    path.write_bytes(line)
    assert lines_at(source, None)[-1].spans[0].style == PLAIN


def test_colours_taken_back_one_by_one_look_the_same_from_wherever_one_came(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = [b"\x1b[3%dmword\x1b[39m and \x1b[1mmore\x1b[22m\n" % (n % 8) for n in range(40_000)]
    lines[5] = b"\x1b[3m" + lines[5]  # slanted from here on
    path.write_bytes(b"".join(lines))
    source = LogSource(str(path))
    source.refresh()
    while source.advance(4):
        pass
    for number in (4, 5, 6, 20_000):
        start = len(b"".join(lines[:number]))
        style = lines_at(source, start, count=1)[-1].spans[-1].style
        assert style.italic == (number >= 5), number
    sought = sum(map(len, lines[:39_990]))
    carried = lines_at(source, sought, count=9)
    alone = [lines_at(source, line.start, count=1)[-1] for line in carried]
    assert [line.spans for line in alone] == [line.spans for line in carried]


def test_colours_do_not_slow_counting_the_lines(tmp_path: Path) -> None:
    def counted_s(name: str, line: bytes) -> float:
        path = tmp_path / name
        path.write_bytes(b"".join(line % (n % 8) for n in range(8 * 2**20 // len(line))))
        source = LogSource(str(path))
        source.refresh()
        begun_s = time.thread_time()
        while source.advance(16):
            pass
        assert source.line_count() == (8 * 2**20 // len(line), True)
        return time.thread_time() - begun_s

    plain_s = min(
        counted_s("plain", b"%d a line of output without any colours\n") for _ in range(3)
    )
    coloured_s = min(
        counted_s("coloured", b"\x1b[3%dma line that sets a colour\n") for _ in range(3)
    )
    assert coloured_s < 3 * plain_s


@pytest.mark.parametrize("code", [b"\x1b[3%dm", b"\x1b[38;2;%d;9;9m"])
def test_a_look_far_into_colours_never_reset_is_bounded(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(code % (n % 8) + b"x" * 20 + b"\n" for n in range(800_000)))
    source = LogSource(str(path))
    source.refresh()
    while source.advance(16):
        pass
    begun_s = time.thread_time()
    assert lines_at(source, None)[-1].spans[-1].style.fg is not None
    assert time.thread_time() - begun_s < 0.5
