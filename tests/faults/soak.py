"""A soak: many processes at one root while supervisors are killed, and every job accounted for.

python tests/faults/soak.py --minutes 10
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / folder) for folder in ("core", "tui", "tests")]

from faults.bench import TERMINAL, Bench
from faults.processes import Seen, end_all, see
from faults.soak_worker import EXIT_CODE, LINES
from support.waiting import wait_until

WORKERS: Final = 8
_KILL_EVERY_S: Final = 0.25
_ENDING_LIMIT_S: Final = 60.0
_LAUNCHES: Final = ("run", "start", "restart")
_EXPECTED: Final = {
    "invalid_state",
    "job_not_found",
    "launch_failed",
    "supervisor_lost",
    "unverified_process",
}


@dataclass
class Report:
    """What a soak came to.

    Attributes:
        problems: what must not be; empty if all is well.
    """

    seconds: float
    verbs: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    created: int = 0
    removed: int = 0
    runs: int = 0
    supervisors_killed: int = 0
    reads: int = 0
    slowest_ms: int = 0
    problems: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The figures, for people."""
        yield f"{self.seconds:.0f} s, {WORKERS} processes, {sum(self.verbs.values())} calls"
        yield "calls: " + _told(self.verbs)
        yield "refused: " + _told(self.refusals)
        yield f"{self.supervisors_killed} supervisors killed, {self.runs} runs of commands"
        yield f"{self.created} jobs created, {self.removed} removed, left: {_told(self.states)}"
        yield f"{self.reads} reads of records, slowest call {self.slowest_ms} ms"
        yield from self.problems or ["every job accounted for, nothing left behind"]


def _told(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counter.most_common()) or "none"


def soak(bench: Bench, seconds: float, seed: int) -> Report:
    """Let the workers loose on a bench's root, then end everything and count."""
    report = Report(seconds)
    bench.root.mkdir(mode=0o700)
    runs = bench.scratch / "runs"
    runs.touch()
    is_over = threading.Event()
    watchers = [
        threading.Thread(target=_kill_supervisors, args=(bench, is_over, seed, report)),
        threading.Thread(target=_read_records, args=(bench, is_over, report)),
    ]
    workers = [_begin_worker(bench, number, seconds, seed) for number in range(WORKERS)]
    for watcher in watchers:
        watcher.start()
    try:
        for worker in workers:
            _, stderr = worker.communicate(timeout=seconds + _ENDING_LIMIT_S)
            if worker.returncode:
                report.problems.append(f"a worker ended with {worker.returncode}: {stderr!r}")
    finally:
        is_over.set()
        for watcher in watchers:
            watcher.join()
        for worker in workers:
            worker.kill()
    calls = _calls(bench)
    _end_everything(bench, report)
    _account(bench, calls, report)
    return report


def _begin_worker(bench: Bench, number: int, seconds: float, seed: int) -> subprocess.Popen[bytes]:
    words = (str(bench.root), str(bench.scratch / f"journal{number}"), str(seconds))
    return subprocess.Popen(
        [sys.executable, "-m", "faults.soak_worker", *words, str(seed + number)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(bench),
    )


def _environment(bench: Bench) -> dict[str, str]:
    environment = bench.environment({"SOAK_RUNS": str(bench.scratch / "runs")})
    environment["PYTHONPATH"] += f":{HERE.parent}"
    return environment


# -- while they work -------------------------------------------------------------------------


def _kill_supervisors(bench: Bench, is_over: threading.Event, seed: int, report: Report) -> None:
    chance = random.Random(seed)
    while not is_over.wait(chance.expovariate(1 / _KILL_EVERY_S)):
        paths = list(bench.root.glob("[0-9a-f]*/supervision.json"))
        victim = _supervisor_of(chance.choice(paths)) if paths else None
        if victim is not None:
            victim.send(signal.SIGKILL)
            report.supervisors_killed += 1


def _supervisor_of(path: Path) -> Seen | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        recorded = json.loads(path.read_text())["supervisor"]
        seen = see(recorded["pid"])
        is_same = seen.start_ticks == recorded["start_ticks"]
        return seen if is_same and "/agent_exec/supervisor/" in seen.command() else None
    return None


def _read_records(bench: Bench, is_over: threading.Event, report: Report) -> None:
    while not is_over.wait(0.02):
        for directory in bench.root.glob("[0-9a-f]*"):
            for name in ("meta.json", "state.json"):
                flaw = _flaw(directory / name)
                if flaw and directory.exists():
                    report.problems.append(f"{directory.name}/{name}: {flaw}")
                report.reads += 1


def _flaw(path: Path) -> str:
    try:
        document = json.loads(path.read_bytes())
        return "" if document["job"]["id"] == path.parent.name else "another job's id"
    except FileNotFoundError:
        return ""  # being deleted; the final count finds what is missing for good
    except (OSError, ValueError, KeyError, TypeError) as error:
        return repr(error)


# -- the reckoning ---------------------------------------------------------------------------


def _calls(bench: Bench) -> list[dict[str, object]]:
    journals = sorted(bench.scratch.glob("journal*"))
    return [json.loads(line) for each in journals for line in each.read_text().splitlines()]


def _end_everything(bench: Bench, report: Report) -> None:
    """Kill what runs, repair what is left, as a user would."""
    for job_id, job in bench.listed().items():
        if job["state"] not in (*TERMINAL, "created"):
            bench.call("kill", "--signal", "KILL", job_id)
    answer = bench.must("repair", "--all", "--kill")
    if answer["failed"] or answer["reported"]:
        report.problems.append(f"repair could not settle all: {answer['jobs']}")
    with contextlib.suppress(AssertionError):
        # What our own kill ended needs a moment; supervisors take their leave by themselves.
        wait_until(lambda: not bench.marked() and not bench.supervisors(), timeout_s=30)
    report.problems += [f"orphan: {each.pid} {each.command()}" for each in bench.marked()]
    report.problems += [f"left: {each.pid} {each.command()}" for each in bench.supervisors()]
    bench.make_litter_old()
    bench.must("repair", "--all")
    bench.must("gc", "--older-than", "1000d")  # removes nothing but what crashes left
    report.problems += [f"litter: {name}" for name in bench.litter()]


def _account(bench: Bench, calls: list[dict[str, object]], report: Report) -> None:
    made: set[str] = set()
    gone: Counter[str] = Counter()
    launches: Counter[str] = Counter()
    for call in calls:
        verb, ids, error = str(call["verb"]), call.get("ids") or [], call.get("error")
        assert isinstance(ids, list)
        report.verbs[verb] += 1
        report.slowest_ms = max(report.slowest_ms, int(str(call["ms"])))
        if error is not None:
            report.refusals[str(error)] += 1
            if error not in _EXPECTED:
                report.problems.append(f"{verb} {call['job']}: {error}: {call['message']}")
        if verb in ("run", "create"):
            made.update(ids)
        elif verb in ("delete", "gc") and error is None:
            gone.update(ids)
        if verb in _LAUNCHES and (error is None or error == "launch_failed"):
            launches.update(ids or [str(call["job"])])
    report.created, report.removed = len(made), len(gone)
    report.problems += [
        f"removed {count} times: {each}" for each, count in gone.items() if count > 1
    ]
    left = {path.name for path in bench.root.iterdir()}
    report.problems += [f"lost: {each}" for each in made - left - set(gone)]
    report.problems += [f"came back: {each}" for each in left & set(gone)]
    report.problems += [f"from nowhere: {each}" for each in left - made]
    _check_runs(bench, launches, report)
    for job_id in left:
        _check_job(bench, job_id, report)


def _check_runs(bench: Bench, launches: Counter[str], report: Report) -> None:
    runs = Counter((bench.scratch / "runs").read_text().split())
    report.runs = sum(runs.values())
    for job_id, count in runs.items():
        if count > launches[job_id]:
            report.problems.append(f"{job_id}: {count} runs of {launches[job_id]} launches")


def _check_job(bench: Bench, job_id: str, report: Report) -> None:
    for name in ("meta.json", "state.json"):
        flaw = _flaw(bench.file(job_id, name)) or (
            "" if bench.file(job_id, name).exists() else "missing"
        )
        if flaw:
            report.problems.append(f"{job_id}/{name}: {flaw}")
            return
    state, ending = bench.ending(job_id)
    report.states[state] += 1
    if state not in (*TERMINAL, "created"):
        report.problems.append(f"{job_id} is still {state}")
    if state == "exited":
        expected = "".join(f"line {number}\n" for number in range(1, LINES + 1))
        found = bench.file(job_id, "stdout.log").read_text()
        if ending != EXIT_CODE or found != expected:
            report.problems.append(f"{job_id}: exit {ending}, output {found!r}")


def main() -> None:
    """Soak for as long as asked, print the figures, exit 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python tests/faults/soak.py", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as path, Bench(Path(path)) as bench:
        print(f"seed {options.seed}, root {bench.root}", flush=True)  # noqa: T201
        report = soak(bench, options.minutes * 60, options.seed)
        end_all(bench.supervisors)
    for line in report.lines():
        print(line)  # noqa: T201
    sys.exit(1 if report.problems else 0)


if __name__ == "__main__":
    main()
