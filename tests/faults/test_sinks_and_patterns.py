"""Notifications and patterns that hang, fail, flood or explode."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from faults.bench import Bench
from faults.rows import covers
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

SINK_LIMIT_S = 30.0
MATCHES = 400


def _completion(bench: Bench, job_id: str) -> dict[str, Any]:
    path = bench.file(job_id, "completion_event.json")
    wait_until(path.exists, timeout_s=10, what="the completion event")
    document = json.loads(path.read_text())
    assert isinstance(document, dict)
    return document


@pytest.mark.timeout(90)
@covers("endless notification: state", "endless notification: limit")
def test_a_notification_that_never_ends_is_ended(bench: Bench, figure: Figure) -> None:
    began_s = time.monotonic()
    job_id = bench.run("true", flags=["--notify-command", "sleep 600"])
    bench.wait_status(job_id, "exited", timeout_s=1.5)
    supervisor = bench.supervisor(job_id)
    wait_until(bench.marked, what="the sink")
    sinks = bench.marked()
    wait_until(
        lambda: not supervisor.is_alive and not any(sink.is_alive for sink in sinks),
        timeout_s=SINK_LIMIT_S + 10,
        what="the end of sink and supervisor",
    )
    wait_until(lambda: not bench.marked(), what="the end of what the sink had started")
    assert bench.ending(job_id) == ("exited", 0)
    figure(f"gone after {time.monotonic() - began_s:.0f} s")


@covers("failing notification", "unwritable notify file")
@pytest.mark.parametrize(
    "flags", [("--notify-command", "exit 3"), ("--notify-file", "/proc/nowhere/events")]
)
def test_a_notification_that_fails_is_recorded_and_changes_nothing(
    bench: Bench, flags: tuple[str, str]
) -> None:
    job_id = bench.run("sh", "-c", "exit 5", flags=flags)
    assert bench.wait_over(job_id) == ("exited", 5)
    bench.wait_supervisor_gone(job_id)
    results = json.dumps(_completion(bench, job_id)["delivery_results"])
    assert '"success": false' in results
    assert bench.ending(job_id) == ("exited", 5)


@covers("fifo as notify file")
def test_a_fifo_without_a_reader_holds_nobody_up(bench: Bench) -> None:
    fifo = bench.scratch / "fifo"
    os.mkfifo(fifo)
    job_id = bench.run("true", flags=["--notify-file", str(fifo)])
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id, timeout_s=5)


@covers("flooding notification")
def test_a_flooding_notification_fills_nobody(bench: Bench, figure: Figure) -> None:
    flood = "exec 0<&-; sleep 0.5; head -c 100000000 /dev/zero; head -c 100000000 /dev/zero >&2"
    job_id = bench.run("true", flags=["--notify-command", flood])
    bench.wait_status(job_id, "exited", timeout_s=3)
    peak_kb = 0

    def are_gone() -> bool:
        nonlocal peak_kb
        peak_kb = max([peak_kb, *(each.figure_kb("VmHWM") for each in bench.supervisors())])
        return not bench.supervisors()

    wait_until(are_gone, timeout_s=20, what="the supervisor's end")
    assert 0 < peak_kb < 64 * 1024
    size_bytes = sum(path.stat().st_size for path in bench.file(job_id, "").iterdir())
    assert size_bytes < 1_000_000
    figure(f"200 MB of it, peak {peak_kb // 1024} MiB")


@covers("endless match command: exit", "endless match command: output")
def test_a_match_command_that_never_ends_holds_no_job_up(bench: Bench) -> None:
    flags = ["--output-pattern", "needle", "--output-command", "sleep 600"]
    script = "echo a needle; head -c 200000 /dev/zero | tr '\\0' x; exit 4"
    began_s = time.monotonic()
    job_id = bench.run("sh", "-c", script, flags=flags)
    assert bench.wait_over(job_id, timeout_s=5) == ("exited", 4)
    assert time.monotonic() - began_s < 5
    assert bench.file(job_id, "stdout.log").read_bytes() == b"a needle\n" + b"x" * 200_000


@covers("many matches")
def test_many_matches_are_each_told_or_counted(bench: Bench, figure: Figure) -> None:
    told = bench.scratch / "told"
    flags = ["--output-pattern", "match", "--output-command", f"sleep 0.02; echo told >> {told}"]
    job_id = bench.run("sh", "-c", f"seq -f 'match %g' {MATCHES}", flags=flags)
    most = 0
    bench.wait_over(job_id, timeout_s=5)

    def are_done() -> bool:
        nonlocal most
        most = max(most, sum("sleep 0.02" in each.command() for each in bench.marked()))
        return not bench.supervisors()

    wait_until(are_done, timeout_s=60, what="the last sink")
    events = bench.file(job_id, "notification_events.ndjson").read_text().splitlines()
    supervision = bench.record(job_id, "supervision.json")
    dropped = supervision.get("dropped_matches", 0)
    assert isinstance(dropped, int)
    assert len(events) + dropped == MATCHES
    assert most <= 50
    assert told.read_text().count("told") <= len(events)
    figure(f"{len(events)} recorded, {dropped} counted as dropped, {most} sinks at once at most")


@covers("pattern that explodes")
def test_a_pattern_that_explodes_elsewhere_does_not(bench: Bench, figure: Figure) -> None:
    flags = ["--output-match-type", "regex", "--output-pattern", "(x+x+)+y"]
    flags += ["--output-file", str(bench.scratch / "events")]
    line = "x" * 5000
    began_s = time.monotonic()
    job_id = bench.run("sh", "-c", f"for n in 1 2 3; do echo {line}; done; echo xxy", flags=flags)
    bench.wait_over(job_id, timeout_s=5)
    wait_until(lambda: (bench.scratch / "events").exists(), timeout_s=5, what="the one match")
    assert (bench.scratch / "events").read_text().count("\n") == 1
    figure(f"over after {time.monotonic() - began_s:.1f} s")


@covers("invalid pattern")
@pytest.mark.parametrize("verb", ["create", "run", "notify"])
def test_a_pattern_that_is_none_is_refused_when_given(bench: Bench, verb: str) -> None:
    flags = ("--output-match-type", "regex", "--output-pattern", "(")
    if verb == "notify":
        words = ("notify", "set", bench.create("true"), *flags)
    else:
        words = (verb, *flags, "--", "true")
    answer = bench.call(*words)
    assert answer.error_code == "invalid_argument" or answer.exit_status == 2
    assert "(" in answer.message
    assert bench.litter() == []
    assert len(bench.listed()) == (verb == "notify")


@covers("10 MB line against a pattern")
@pytest.mark.parametrize("kind", ["contains", "regex"])
def test_a_huge_line_against_a_pattern_stays_small(bench: Bench, kind: str, figure: Figure) -> None:
    flags = ["--output-match-type", kind, "--output-pattern", "needle"]
    flags += ["--output-file", str(bench.scratch / "events")]
    job_id = bench.run(
        "sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x; sleep 0.3", flags=flags
    )
    peak_kb = 0

    def has_ended() -> bool:
        nonlocal peak_kb
        peak_kb = max([peak_kb, *(each.figure_kb("VmHWM") for each in bench.supervisors())])
        return bench.status(job_id) == "exited"

    wait_until(has_ended, timeout_s=10, what="the job's end")
    assert 0 < peak_kb < 100 * 1024
    assert bench.file(job_id, "stdout.log").stat().st_size == 10_000_000
    figure(f"{kind}: peak {peak_kb // 1024} MiB")
