"""Clocks that jump, times that make no sense, and order within one second."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from faults.bench import Bench
from faults.rows import covers
from faults.tools import need_faketime
from faults.wrapped import start_wrapped

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]


def _moment(ahead: timedelta) -> str:
    return (datetime.now(UTC) + ahead).strftime("%Y-%m-%dT%H:%M:%SZ")


@covers("order within a second")
def test_jobs_of_one_second_are_listed_newest_first(bench: Bench, figure: Figure) -> None:
    started = [bench.run("true") for _ in range(12)]
    for job_id in started:
        bench.wait_over(job_id)
    assert list(bench.listed()) == started[::-1]
    seconds = {str(bench.record(job_id)["updated_at"]) for job_id in started}
    figure(f"12 jobs within {len(seconds)} different seconds")


@covers("clock ahead at the start")
def test_a_clock_that_was_ahead_at_the_start_confuses_nobody(bench: Bench) -> None:
    ahead = " ".join([*need_faketime(), "+2h"])
    job_id = bench.create("sleep", "600")
    assert start_wrapped(bench, f'#!/bin/sh\nexec {ahead} {sys.executable} "$@"\n', job_id).ok
    started_at = str(bench.must("status", job_id)["started_at"])
    assert started_at > _moment(timedelta(hours=1)), "the clock was not ahead"
    answer = bench.must("status", job_id)
    assert answer["state"] == "running"
    assert answer["elapsed_ms"] == 0
    liveness = answer["liveness"]
    assert isinstance(liveness, dict)
    assert liveness["verdict"] == "running"
    assert bench.listed()[job_id]["state"] == "running"
    assert bench.must("gc", "--older-than", "0s")["deleted"] == 0
    bench.must("--json")
    bench.must("kill", job_id)
    assert bench.wait_over(job_id) == ("killed", "15")
    duration_ms = bench.must("status", job_id)["duration_ms"]
    assert isinstance(duration_ms, int)
    assert 0 <= duration_ms < 60_000


@covers("clock set back")
def test_a_clock_set_back_during_a_job_gives_no_negative_duration(bench: Bench) -> None:
    job_id = bench.run("sh", "-c", "sleep 0.5; exit 3")
    assert bench.wait_over(job_id) == ("exited", 3)
    bench.wait_supervisor_gone(job_id)
    future = _moment(timedelta(hours=1))
    bench.change_state(job_id, started_at=future, finished_at=future)
    assert bench.must("gc", "--older-than", "0s")["deleted"] == 0
    answer = bench.must("status", job_id)
    duration_ms = answer["duration_ms"]
    assert isinstance(duration_ms, int)
    assert 500 <= duration_ms < 5000
    assert bench.listed()[job_id]["state"] == "exited"


@covers("odd finished_at")
@pytest.mark.parametrize(
    ("finished_at", "is_old"),
    [
        ("", False),
        ("yesterday", False),
        ("9999-12-31T23:59:59Z", False),
        ("99999-01-01T00:00:00Z", False),
        ("1969-12-31T23:59:59Z", True),
        ("0000-00-00T00:00:00Z", False),
        ("2026-01-01T00:00:00.123456789Z", True),
        ("2026-01-01T02:00:00+02:00", True),
        ("2026-02-30T00:00:00Z", False),
    ],
)
def test_an_odd_end_is_shown_and_old_only_if_it_can_be_read(
    bench: Bench, finished_at: str, is_old: bool
) -> None:
    job_id = bench.run("true")
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id)
    bench.change_state(job_id, finished_at=finished_at)
    assert bench.listed()[job_id]["state"] == "exited"
    for words in (("status", job_id), ("--json",), ("tail", job_id)):
        assert bench.call(*words).is_orderly
    bench.must("gc", "--older-than", "1d")
    assert bench.file(job_id, "").exists() is not is_old


@covers("duration")
def test_the_duration_is_that_of_the_job(bench: Bench, figure: Figure) -> None:
    job_id = bench.run("sleep", "0.7")
    bench.wait_over(job_id)
    duration_ms = bench.must("status", job_id)["duration_ms"]
    assert isinstance(duration_ms, int)
    assert 650 <= duration_ms < 1500
    figure(f"{duration_ms} ms of 700")
