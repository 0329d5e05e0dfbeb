"""Dates that cannot be read are never old, durations are read as the peers do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent_exec.errors import InternalError
from agent_exec.model.timestamps import parse_duration_s, parse_timestamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 2_592_000), ("24h", 86_400), ("60m", 3600), ("3600s", 3600), (" 5 ", 5), ("0s", 0)],
)
def test_durations_have_a_unit_or_are_seconds(text: str, seconds: int) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "1w", "-1", "1.5h", "٣d", "1 d x", "9" * 40])
def test_other_durations_are_refused_with_the_formats(text: str) -> None:
    with pytest.raises(InternalError, match="expected formats: 30d, 24h, 60m, 3600s"):
        parse_duration_s(text)


@pytest.mark.parametrize("text", [None, "", "yesterday", "10000-01-01T00:00:00Z", "2026-11-2é6T"])
def test_an_unreadable_date_is_no_date(text: str | None) -> None:
    assert parse_timestamp(text) is None


def test_offsets_and_fractions_are_understood() -> None:
    moment = datetime(2026, 11, 22, 16, 39, tzinfo=UTC)
    assert parse_timestamp("2026-11-22T16:39:00Z") == moment
    assert parse_timestamp("2026-11-22T18:39:00.000+02:00") == moment
