"""Few news are shown at once; a rush of them, and what a dialog covers, in even steps."""

from __future__ import annotations

import pytest

from agent_exec_tui.pace import AT_ONCE, COVERED_S, RUSH_S, Pace


def paced(*shown_s: float) -> Pace:
    pace = Pace()
    for moment_s in shown_s:
        pace.shown(moment_s)
    return pace


def test_the_first_ones_wait_for_nothing() -> None:
    pace = paced()
    for moment_s in (10.0, 10.01, 10.02, 10.03):
        assert pace.wait_s(moment_s, is_covered=False) == 0
        pace.shown(moment_s)


def test_in_a_rush_one_is_shown_every_quarter_of_a_second() -> None:
    pace = paced(*(10.0 + number / 100 for number in range(AT_ONCE)))
    last_s = 10.0 + (AT_ONCE - 1) / 100
    assert pace.wait_s(last_s + 0.1, is_covered=False) == pytest.approx(RUSH_S - 0.1)
    assert pace.wait_s(last_s + RUSH_S + 0.001, is_covered=False) == 0


def test_the_rush_is_over_after_a_second() -> None:
    pace = paced(*(10.0 + number / 100 for number in range(AT_ONCE)))
    assert pace.wait_s(11.1, is_covered=False) == 0


def test_behind_a_dialog_one_is_shown_every_second() -> None:
    pace = paced(10.0)
    assert pace.wait_s(10.4, is_covered=True) == pytest.approx(COVERED_S - 0.4)
    assert pace.wait_s(11.01, is_covered=True) == 0
