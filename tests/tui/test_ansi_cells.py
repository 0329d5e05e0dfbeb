"""A line looks as a terminal shows it; pyte is the terminal asked."""

from __future__ import annotations

import sys
import time
import unicodedata

import pytest
import wcwidth
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_exec_tui.ansi import sanitize_line
from agent_exec_tui.log_window import cells_of
from agent_exec_tui.sgr import PLAIN, Sgr

pyte = pytest.importorskip("pyte")

COLUMNS = 250  # ours has no right margin: what is drawn stays left of it
moves = st.builds("\x1b[{}{}".format, st.integers(1, 12), st.sampled_from("CDGX"))
erasures = st.sampled_from(["\x1b[K", "\x1b[0K", "\x1b[1K", "\x1b[2K"])
words = st.text("ab7%#. ", min_size=1, max_size=9)
parts = st.one_of(
    words, st.sampled_from(["\r", "\b", "\b\b", "\t", "\x1b[31m", "\x1b[0m"]), moves, erasures
)
lines = st.lists(parts, max_size=12).map("".join)
wide_lines = st.lists(
    st.sampled_from(["日本", "é", "e\u0301", "x", "한글", "\t", "\x1b[32m"]), max_size=12
).map("".join)


def terminal_line(text: str) -> str:
    screen = pyte.Screen(COLUMNS, 3)
    pyte.Stream(screen).feed(text)
    return str(screen.display[0]).rstrip()


@settings(max_examples=500)
@given(lines)
def test_overwriting_moving_and_erasing_is_what_a_terminal_does(text: str) -> None:
    shown = sanitize_line(text.rstrip("\r")).text.rstrip()
    wanted = terminal_line(text)
    if wanted:
        assert shown == wanted
    # Of a line wiped at its end we show what it said; a terminal shows nothing.


@settings(max_examples=200)
@given(lines, st.integers(0, 40))
def test_what_comes_in_pieces_ends_up_as_what_comes_at_once(text: str, cut: int) -> None:
    assert sanitize_line(text.encode()).text == sanitize_line(text).text
    head = sanitize_line(text[:cut]).text
    assert "\x1b" not in head


@given(
    st.lists(
        st.sampled_from(["ab", "abc", "a", "12 %", "   ", "\r", "\r", "\x1b[31m", "\x1b[0m"])
    ).map("".join)
)
def test_leaving_out_what_is_covered_changes_nothing(text: str) -> None:
    many = "\r" * 9 + text
    with_erasure = f"\x1b[1X{many}"  # which is not looked through for what is covered
    assert cells_without_blanks(many) == cells_without_blanks(with_erasure)


def cells_without_blanks(text: str) -> list[tuple[int, str, Sgr]]:
    looks = [(char, span.style) for span in sanitize_line(text).spans for char in span.text]
    return [(at, char, look) for at, (char, look) in enumerate(looks) if char != " "]


@given(wide_lines)
def test_wide_and_combining_letters_take_the_cells_a_terminal_gives_them(text: str) -> None:
    shown = unicodedata.normalize("NFC", sanitize_line(text).text.rstrip())  # as pyte does
    assert shown == unicodedata.normalize("NFC", terminal_line(text))


@given(
    st.lists(st.one_of(parts, st.text(st.characters(exclude_categories=["Cs"]), max_size=5))).map(
        "".join
    )
)
def test_every_line_is_as_wide_as_its_cells_say(text: str) -> None:
    line = sanitize_line(text)
    assert "".join(span.text for span in line.spans) == line.text
    cells = cells_of(line.text)
    total = len(line.text) if cells is None else cells[-1]
    assert total >= 0
    assert not line.text.startswith("\u0301")


def test_every_character_is_as_wide_as_terminals_take_it_to_be() -> None:
    """Those of a Unicode version that this Python does not know are left out, as terminals vary."""
    wrong = []
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in ("Cn", "Cs", "Co"):
            continue
        text = sanitize_line("x" + char).text
        cells = cells_of(text)
        if (len(text) if cells is None else cells[-1]) != sum(map(wcwidth.wcwidth, text)):
            wrong.append(f"{code:X}")
    assert not wrong


@pytest.mark.parametrize(
    "unit",
    [
        "\x1b[2KX",
        "\x1b[1K",
        "X\x1b[K\r",
        "\r\x1b[200GX",
        "\r\x00",
        "\r\u200b\x1b[m",
        "\x1b[99CX",
        "X\b \b",
        "\r\tX",
        "\x1b[1G\x1b[9X",
        "日\b",
        "日\rX\r",
        "\x9d",
        "\x1b]8;;",
        "\x1b]8;;\x1b",
        "\U0001f468\u200d",
        "\x1b[" + "1;" * 30 + "m",
        "a\u0301",
    ],
    ids=ascii,
)
def test_the_time_for_a_hostile_line_grows_with_its_length_only(unit: str) -> None:
    head = "x" * 20_000 + "\r" + "\t" * 500

    def took_s(repeats: int) -> float:
        text = head + unit * repeats
        best = 60.0
        for _ in range(2):
            started = time.thread_time()
            sanitize_line(text, limit=None)
            best = min(best, time.thread_time() - started)
        return best

    assert took_s(16_000) < max(30 * took_s(1_000), 0.25)  # a quadratic one takes 256 times as long


def test_a_display_of_many_overwrites_keeps_what_none_of_them_covered() -> None:
    text = "".join(f"\r{'|/-'[number % 3]}" for number in range(20_000))
    line = sanitize_line(f"  Installing deps{text}", limit=None)
    assert line.text == "- Installing deps"[:1].replace("-", "/") + " Installing deps"
    assert line.spans[0].style == PLAIN
