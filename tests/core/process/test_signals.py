"""Signals are read by name or number; what jobs are not sent is refused."""

from __future__ import annotations

import signal

import pytest

from agent_exec.errors import InvalidSignalError
from agent_exec.process.signals import ALLOWED_NAMES, parse_signal


@pytest.mark.parametrize("text", ["TERM", "term", "SIGTERM", "sigTerm", "15", " TERM "])
def test_a_signal_may_be_written_in_many_ways(text: str) -> None:
    found = parse_signal(text)
    assert (found.number, found.name) == (signal.SIGTERM, "TERM")


@pytest.mark.parametrize("name", ALLOWED_NAMES)
def test_every_allowed_signal_keeps_its_number(name: str) -> None:
    assert parse_signal(name).number == signal.Signals[f"SIG{name}"]


@pytest.mark.parametrize(
    "text",
    ["SEGV", "FOO", "", "0", "-9", "99", "SIGSIGTERM", "９", "1" * 9],
)
def test_other_signals_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidSignalError, match="is not one jobs are sent"):
        parse_signal(text)
