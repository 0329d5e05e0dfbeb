from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from agent_exec_tui import formatting

NOON_S = 1_772_366_400.0  # 2026-03-01T12:00:00Z


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"), (0, "0.00s"), (0.02, "0.02s"), (6.31, "6.31s"), (9.999, "9s"), (48, "48s"),
        (134, "2m14s"), (723, "12m03s"), (3720, "1h02m"), (93_600, "1d02h"), (-5, "0.00s"),
        (400 * 86400, "400d"),
    ],
)  # fmt: skip
def test_durations_are_written_in_at_most_six_characters(seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text
    assert len(text) <= 6


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (96, "96 B"), (1023, "1023 B"), (4198, "4.1 KiB"), (640 * 2**20, "640 MiB"),
     (2**40, "1.0 TiB"), (1048575, "1.0 MiB")],
)  # fmt: skip
def test_sizes_have_a_unit_that_fits(count: int, text: str) -> None:
    assert formatting.size(count) == text


@given(st.integers(min_value=0, max_value=2**59))
def test_short_sizes_have_at_most_four_characters(count: int) -> None:
    assert len(formatting.short_size(count)) <= 4


@given(st.text(), st.integers(min_value=0, max_value=60))
def test_what_is_shortened_in_the_middle_fits(text: str, width: int) -> None:
    short = formatting.shorten_middle(text, width)
    assert cell_len(short) <= width or short == text == ""
    if cell_len(text) <= width:
        assert short == text


def test_a_shortened_command_keeps_its_first_and_last_words() -> None:
    command = "python train.py --seed 1 --epochs 40 --out /srv/models/run-17.bin"
    short = formatting.shorten_middle(command, 30)
    assert short.startswith("python train.py")
    assert short.endswith("run-17.bin")


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [("15", "TERM"), ("9", "KILL"), ("TERM", "TERM"), ("SIGUSR1", "USR1"), ("200", "sig200"),
     (None, None)],
)  # fmt: skip
def test_signals_are_named_whichever_way_they_were_recorded(
    recorded: str | None, shown: str | None
) -> None:
    assert formatting.signal_name(recorded) == shown


def test_a_path_in_the_home_directory_is_written_with_a_tilde() -> None:
    assert formatting.short_path("/home/me/x", "/home/me") == "~/x"
    assert formatting.short_path("/home/melanie", "/home/me") == "/home/melanie"
    assert formatting.short_path("/x", "/") == "/x"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "<1m"), (59, "<1m"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86_399, "23h"),
     (86_400, "1d"), (9999 * 86_400, "9999d")],
)  # fmt: skip
def test_ages_are_coarse_and_have_at_most_five_characters(seconds: float, text: str) -> None:
    assert formatting.age(seconds) == text
    assert len(text) <= 5


@pytest.mark.parametrize(
    ("moment_s", "text"),
    [(None, "–"), (NOON_S, "12:00:00"), (NOON_S - 12 * 3600, "00:00:00"),
     (NOON_S - 12 * 3600 - 1, "2026-02-28"), (NOON_S + 86_400, "2026-03-02"), (1e30, "–")],
)  # fmt: skip
def test_a_moment_of_today_is_a_time_and_any_other_a_date(
    moment_s: float | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        assert formatting.clock_or_date(moment_s, NOON_S) == text
    finally:
        monkeypatch.undo()
        time.tzset()
