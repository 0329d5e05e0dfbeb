"""How fast output gets from the command into the three logs."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from benchmarks.harness import Figure, Measurement, Run, in_turn, seconds
from benchmarks.processes import peak_memory_mb, supervisor_of
from benchmarks.programs import answer, our_command, peer, run_unwatched
from support.peers import TODAY
from support.waiting import wait_until

LINES = 20_000_000
PEER_LINES = 200_000
BULK_BYTES = 1 << 30
LONG_LINE_BYTES = 512 << 20
STAMP = "2026-01-01T00:00:00Z [STDOUT] "


def _logged(command: list[str], root: Path, producer: str) -> tuple[float, Path]:
    """Seconds from the launch until the logs are complete, and the job's directory."""
    begin = time.perf_counter()
    job_id = run_unwatched(command, root, "sh", "-c", producer)
    ended = answer(command, root, "wait", "--forever", job_id)
    elapsed = time.perf_counter() - begin
    assert ended["exit_code"] == 0, ended
    return elapsed, root / job_id


def _piped(scratch: Path, producer: str) -> float:
    """Seconds the shell takes to write the same bytes."""
    first, second = scratch / "a", scratch / "b"
    shell = f"{producer} | tee {first} | sed 's/^/{STAMP}/' > {second}"
    elapsed = seconds(lambda: subprocess.run(["sh", "-c", shell], check=True))
    first.unlink()
    second.unlink()
    return elapsed


def _check(directory: Path, producer: str) -> None:
    """All three logs hold what they must."""
    checks = (
        f"{producer} | cmp - {directory}/stdout.log",
        f"cut -d' ' -f3- {directory}/full.log | cmp - {directory}/stdout.log",
        f"! cut -d' ' -f2 {directory}/full.log | grep -qvxF '[STDOUT]'",
        f"cmp {directory}/stderr.log /dev/null",
    )
    for check in checks:
        subprocess.run(["sh", "-c", check], check=True)


class _Job:
    """A producer run as a job, its logs checked once and removed each time."""

    def __init__(self, root: Path, producer: str) -> None:
        self._root = root
        self._producer = producer
        self._is_checked = False

    def __call__(self) -> float:
        elapsed, directory = _logged(our_command(), self._root, self._producer)
        if not self._is_checked:
            _check(directory, self._producer)
            self._is_checked = True
        for log in directory.glob("*.log"):
            log.unlink()
        return elapsed


def short_lines(run: Run, scratch: Path) -> None:
    """20 million short lines, beside the shell and beside a few of them by the real program."""
    lines, peer_lines = run.scaled(LINES), run.scaled(PEER_LINES)
    producer, today = f"seq 1 {lines}", peer(TODAY)
    sides: list[Measurement] = [_Job(scratch / "root", producer), lambda: _piped(scratch, producer)]
    if today:
        sides.append(lambda: _logged(today, scratch / "peer", f"seq 1 {peer_lines}")[0])
    ours_s, piped_s, *theirs_s = in_turn(run.rounds, *sides)
    run.add(
        Figure(
            row="pump-lines",
            what=f"{lines:,} short lines, start to drained",
            unit="s",
            ours=ours_s,
            other=piped_s,
            other_name="s tee|sed",
            bound=1.2,
        )
    )
    run.add(
        Figure(
            row="pump-lines",
            what=f"the same, beside {peer_lines:,} lines by {TODAY}",
            unit="lines/s",
            ours=lines / ours_s,
            other=peer_lines / theirs_s[0] if theirs_s else None,
            other_name=f"lines/s {TODAY}" if today else f"{TODAY} is missing",
            bound=40,
            at_least=True,
        )
    )


def bulk(run: Run, scratch: Path) -> None:
    """1 GiB of 4 KiB lines."""
    size = run.scaled(BULK_BYTES // 4096) * 4096
    producer = f"yes {'x' * 4095} | head -c {size}"
    run.compare(
        "pump-bulk",
        f"{size:,} bytes in lines of 4 KiB",
        _Job(scratch / "root", producer),
        lambda: _piped(scratch, producer),
        other_name="s tee|sed",
        bound=1.5,
    )


def long_line(run: Run, scratch: Path) -> None:
    """One line of 512 MiB without an end: bytes identical, memory bounded."""
    size = run.scaled(LONG_LINE_BYTES)
    command, root = our_command(), scratch / "root"
    producer = f"head -c {size} /dev/zero | tr '\\0' x"
    job_id = run_unwatched(command, root, "sh", "-c", f"{producer}; exec sleep 600")
    stdout, full = root / job_id / "stdout.log", root / job_id / "full.log"
    wait_until(lambda: stdout.stat().st_size >= size, timeout_s=300, what="the line")
    peak_mb = peak_memory_mb(supervisor_of(root, job_id))
    answer(command, root, "kill", "--signal", "KILL", job_id)
    answer(command, root, "wait", job_id)
    for check in (f"cmp - {stdout}", f"cmp - {full}"):
        head, end = (f"head -c {len(STAMP)} {full};", "; echo") if str(full) in check else ("", "")
        shell = f"{{ {head} {producer}{end}; }} | {check}"
        subprocess.run(["sh", "-c", shell], check=True)
    run.absolute("pump-long-line", f"one line of {size:,} bytes: peak memory", peak_mb, "MB", 64)


ROWS = {"pump-lines": short_lines, "pump-bulk": bulk, "pump-long-line": long_line}
