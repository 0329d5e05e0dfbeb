"""Output in amounts and shapes that hurt; 100 MB and 2,000,000 lines, so that two cores do."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.bench import Bench, finish
from faults.rows import covers
from faults.tools import Measured
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

PEAK_KB = 64 * 1024
STAMPED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[STD(?:OUT|ERR)\] ")
MIB = 1024 * 1024


def _writer(bench: Bench, code: str) -> tuple[str, ...]:
    """A command that runs Python, which waits for the end so that its peak can be read."""
    script = bench.scratch / "writer.py"
    script.write_text(code)
    return (sys.executable, "-I", "-S", str(script))


def _peak_kb(bench: Bench, command: tuple[str, ...], timeout_s: float) -> tuple[str, int, float]:
    """Run a job to its end; its id, its supervisor's peak memory and the time it took."""
    job_id = bench.run(*command)
    supervisor = bench.supervisor(job_id)
    began_s = time.monotonic()
    peak_kb = 0

    def has_ended() -> bool:
        nonlocal peak_kb
        peak_kb = max(peak_kb, supervisor.figure_kb("VmHWM"))
        return bench.status(job_id) == "exited"

    wait_until(has_ended, timeout_s, "the job's end")
    took_s = time.monotonic() - began_s
    assert bench.wait_over(job_id) == ("exited", 0)
    assert peak_kb > 0
    return job_id, peak_kb, took_s


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@covers("much: bytes", "much: memory")
def test_much_output_is_kept_whole_fast_and_in_little_memory(bench: Bench, figure: Figure) -> None:
    line = bytes(33 + number % 90 for number in range(99)) + b"\n"
    lines = 1_000_000
    code = f"import os, sys\nline = {line!r}\nfor _ in range({lines // 1000}):\n    "
    code += "sys.stdout.buffer.write(line * 1000)\n"
    job_id, peak_kb, took_s = _peak_kb(bench, _writer(bench, code), timeout_s=60)
    expected = hashlib.sha256()
    for _ in range(lines // 1000):
        expected.update(line * 1000)
    assert _digest(bench.file(job_id, "stdout.log")) == expected.hexdigest()
    assert peak_kb < PEAK_KB
    speed = lines * len(line) / MIB / took_s
    assert speed > 20, "a fifth of what an idle machine must reach; this one is shared"
    figure(f"{lines * len(line) // MIB} MiB, {speed:.0f} MiB/s, peak {peak_kb // 1024} MiB")


@covers("short lines: bytes", "short lines: full.log")
def test_short_lines_are_kept_whole_and_each_is_stamped(bench: Bench, figure: Figure) -> None:
    lines = 2_000_000
    job_id, peak_kb, took_s = _peak_kb(
        bench, ("seq", "1000000000", f"{1000000000 + lines - 1}"), 60
    )
    expected = b"".join(b"%d\n" % (1000000000 + number) for number in range(lines))
    assert bench.file(job_id, "stdout.log").read_bytes() == expected
    number = 1000000000
    with bench.file(job_id, "full.log").open("rb") as file:
        for stamped in file:
            assert stamped[20:] == b" [STDOUT] %d\n" % number, stamped
            number += 1
    assert number == 1000000000 + lines
    assert peak_kb < PEAK_KB
    assert lines / took_s > 100_000, "a fifth of what an idle machine must reach"
    figure(f"{lines} lines, {lines / took_s / 1e6:.1f} M/s, peak {peak_kb // 1024} MiB")


@covers("endless line: bytes", "endless line: memory", "endless line: readers")
def test_a_line_without_end_is_kept_whole_in_little_memory(bench: Bench, figure: Figure) -> None:
    size_mib = 250
    code = f"import sys\nblock = b'0123456789abcdef' * {MIB // 16}\nfor _ in range({size_mib}):\n"
    code += "    sys.stdout.buffer.write(block)\n"
    job_id, peak_kb, took_s = _peak_kb(bench, _writer(bench, code), timeout_s=60)
    expected = hashlib.sha256()
    for _ in range(size_mib):
        expected.update(b"0123456789abcdef" * (MIB // 16))
    assert _digest(bench.file(job_id, "stdout.log")) == expected.hexdigest()
    assert peak_kb < PEAK_KB
    slowest_s, largest_kb = 0.0, 0
    for verb in ("tail", "status", "wait"):
        with Measured(bench.scratch) as measured:
            answer = bench.must(verb, job_id, prefix=measured.prefix)
        slowest_s = max(slowest_s, answer.took_s)
        largest_kb = max(largest_kb, measured.peak_kb)
        assert len(answer.stdout) < 2 * MIB
    assert slowest_s < 1.0
    assert largest_kb < 128 * 1024
    figure(
        f"{size_mib} MiB in {took_s:.1f} s, peak {peak_kb // 1024} MiB, readers {slowest_s:.2f} s"
    )


@covers("many writers")
def test_many_writers_lose_tear_and_mix_up_no_line(bench: Bench, figure: Figure) -> None:
    writers, lines = 8, 4000
    code = f"""
import os
for writer in range({writers}):
    if os.fork() == 0:
        for number in range({lines}):
            os.write(1 + number % 2, b"w%d n%d %s\\n" % (writer, number, b"x" * (number % 60)))
        os._exit(0)
for _ in range({writers}):
    os.wait()
"""
    job_id = bench.run(*_writer(bench, code))
    assert bench.wait_over(job_id, timeout_s=40) == ("exited", 0)
    both: list[bytes] = []
    for parity, name in enumerate(("stdout.log", "stderr.log")):
        found = bench.file(job_id, name).read_bytes().splitlines()
        both += found
        for writer in range(writers):
            mine = [line for line in found if line.startswith(b"w%d " % writer)]
            assert mine == [
                b"w%d n%d %s" % (writer, number, b"x" * (number % 60))
                for number in range(parity, lines, 2)
            ]
    full = bench.file(job_id, "full.log").read_bytes().splitlines()
    assert all(STAMPED.match(line) for line in full)
    assert sorted(STAMPED.sub(b"", line) for line in full) == sorted(both)
    for label, name in ((b"[STDOUT]", "stdout.log"), (b"[STDERR]", "stderr.log")):
        of_stream = [STAMPED.sub(b"", line) for line in full if line[21:29] == label]
        assert of_stream == bench.file(job_id, name).read_bytes().splitlines()
    figure(f"{writers} writers of {lines} lines")


@covers("binary", "no newline at the end")
def test_binary_output_is_kept_byte_for_byte(bench: Bench) -> None:
    data = bytes(range(256)) * 40 + b"\xff\xfe\r\x1b[31m\0\0 \xe2\x82 \xc0\xaf last words"
    source = bench.scratch / "data"
    source.write_bytes(data)
    job_id = bench.run("cat", str(source))
    assert bench.wait_over(job_id) == ("exited", 0)
    assert bench.file(job_id, "stdout.log").read_bytes() == data
    full = bench.file(job_id, "full.log").read_bytes()
    assert full.endswith(b" last words\n")
    answer = bench.must("tail", job_id)
    assert json.loads(answer.stdout)["stdout"].endswith(" last words")


@covers("burst and exit: at the exit", "burst and exit: at wait's answer", "burst and exit: later")
def test_a_burst_before_the_exit_is_complete_or_told_to_be_draining(
    bench: Bench, figure: Figure
) -> None:
    size_bytes = 10 * 16384
    incomplete = 0
    for _ in range(12):
        job_id = bench.run("sh", "-c", f"head -c {size_bytes} /dev/zero")
        log = bench.file(job_id, "stdout.log")
        wait = bench.begin("wait", "--until", "10", job_id)
        bench.wait_status(job_id, "exited")
        seen_bytes, drained = log.stat().st_size, bench.record(job_id)["logs_drained"]
        assert seen_bytes == size_bytes or not drained
        incomplete += seen_bytes != size_bytes
        assert finish(wait).ok
        assert log.stat().st_size == size_bytes
        bench.wait_supervisor_gone(job_id)
        assert log.stat().st_size == size_bytes
    figure(f"12 bursts, {incomplete} still draining at the exit and told so")


@covers("slow match command")
def test_a_slow_match_command_costs_no_output(bench: Bench, figure: Figure) -> None:
    flags = ["--output-pattern", "match", "--output-command", "sleep 0.5"]
    job_id = bench.run("sh", "-c", "yes 'a match' | head -c 160000", flags=flags)
    began_s = time.monotonic()
    assert bench.wait_over(job_id, timeout_s=8) == ("exited", 0)
    assert bench.file(job_id, "stdout.log").read_bytes() == b"a match\n" * 20000
    figure(f"20,000 matching lines, over after {time.monotonic() - began_s:.1f} s")
