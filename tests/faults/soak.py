"""A soak: many processes at one root, attacked from all sides, and every job accounted for.

python tests/faults/soak.py --minutes 10 --seed 7 --without disk,peers
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
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

from faults.bench import Bench
from faults.soak_account import check, end_everything
from faults.soak_attackers import (
    ATTACKS,
    CANARIES,
    LAST_PID,
    WORKERS,
    Field,
    Strangers,
    lay_package,
)
from faults.soak_journal import LIVING, read_journals
from faults.soak_worker import EXIT_CODE, LINES
from support.built_jobs import put_job
from support.peers import VERSIONS, peer_binary

_LIVING_JOBS: Final = 8
_KEEPERS: Final = 4
_DISK: Final = "64m"
_PRIVATE: Final = "SOAK_IS_PRIVATE"
_ENDING_LIMIT_S: Final = 120.0

# Writes a line now and then until it may end, and then some more.
_KEEPER: Final = """\
echo begun; until [ -e {go} ]; do echo on; sleep 0.5; done
n=0; while [ $n -lt {lines} ]; do n=$((n + 1)); echo "line $n"; done
exit {exit_code}
"""


@dataclass
class Report:
    """What a soak came to.

    Attributes:
        problems: what must not be; empty if all is well.
    """

    seconds: float
    attacks: list[str]
    done: Counter[str]
    verbs: Counter[str] = field(default_factory=Counter)
    peers_verbs: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    created: int = 0
    removed: int = 0
    runs: int = 0
    losses_told: int = 0
    slowest: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The figures, for people."""
        yield f"{self.seconds:.0f} s, {WORKERS} processes, {sum(self.verbs.values())} calls"
        yield f"attackers: {', '.join(self.attacks)}"
        yield "they did: " + told(self.done)
        yield "calls: " + told(self.verbs)
        yield "calls of the real program: " + told(self.peers_verbs)
        yield "refused: " + told(self.refusals)
        yield f"{self.runs} runs of commands, {self.losses_told} with a loss that was told"
        yield f"{self.created} jobs created, {self.removed} removed, left: {told(self.states)}"
        slow = sorted(self.slowest.items(), key=lambda each: -each[1])[:6]
        yield "slowest: " + ", ".join(f"{verb} {ms} ms" for verb, ms in slow)
        yield from self.problems or ["every job accounted for, nothing left behind"]


def told(counter: Counter[str]) -> str:
    """A counter in words."""
    return ", ".join(f"{count} {word}" for word, count in counter.most_common()) or "none"


def soak(bench: Bench, seconds: float, seed: int, attacks: list[str]) -> Report:
    """Let the workers and attackers loose on a bench's root, then end everything and count."""
    ground = Field(bench, seed)
    report = Report(seconds, attacks, ground.done)
    # Either the real program signals, or numbers come back: it would hit whoever has one now.
    ground.peers_signal = "peers" in attacks and ("pids" not in attacks or seed % 2 == 0)
    strangers = Strangers(CANARIES)
    _lay_out(ground, strangers)
    living = _put_living(bench, strangers)
    keepers = _begin_keepers(bench)
    ground.protected = frozenset([*keepers, *living])
    (bench.scratch / "protected").write_text("\n".join(keepers))
    _attack(ground, seconds, attacks)
    report.problems += ground.problems
    _end_keepers(bench, keepers, report.problems)
    calls = read_journals(bench.scratch)
    end_everything(bench, report.problems)
    report.problems += strangers.end()
    check(bench, calls, ground, keepers=keepers, living=living, report=report)
    return report


def _lay_out(ground: Field, strangers: Strangers) -> None:
    bench = ground.bench
    bench.root.mkdir(mode=0o700)
    bench.root.with_name("workshop").mkdir(mode=0o700)
    for name in ("runs", "matches"):
        (bench.scratch / name).touch()
    (bench.scratch / "strangers").write_text(" ".join(map(str, strangers.pids)))
    lay_package(ground.packages)


def _put_living(bench: Bench, strangers: Strangers) -> list[str]:
    """Jobs of a peer that are ``killed`` on record while their process lives."""
    from agent_exec import JobStore
    from agent_exec.store.clock import timestamp_of

    store, now_s = JobStore(bench.root), time.time()
    names = [f"{LIVING}{number}" for number in range(_LIVING_JOBS)]
    for number, name in enumerate(names):
        put_job(
            store,
            name,
            "killed",
            started_at=timestamp_of(now_s),
            finished_at=timestamp_of(now_s - 864000),  # ten days: old by our rules only
            pid=strangers.pids[number % CANARIES],
            cwd="/",
        )
    return names


def _begin_keepers(bench: Bench) -> list[str]:
    script = _KEEPER.format(go=bench.scratch / "go", lines=LINES, exit_code=EXIT_CODE)
    running = [bench.run("sh", "-c", script) for _ in range(_KEEPERS)]
    return running + [bench.create("sh", "-c", script) for _ in range(_KEEPERS)]


def _end_keepers(bench: Bench, keepers: list[str], problems: list[str]) -> None:
    """Start those that were only created, and have all of them end by themselves."""
    (bench.scratch / "go").touch()
    for job_id in keepers[_KEEPERS:]:
        done = bench.call("start", "--no-wait", "--no-auto-gc", job_id)
        if not done.ok:
            problems.append(f"keeper {job_id} cannot be started: {done.message}")
    for job_id in keepers:
        done = bench.call("wait", "--until", "20", job_id)
        if not done.ok or done["exit_code"] != EXIT_CODE:
            problems.append(f"keeper {job_id} did not end by itself: {done}")


def _attack(ground: Field, seconds: float, attacks: list[str]) -> None:
    ground.ends_at = time.monotonic() + seconds
    ground.workers = [ground.begin_worker(seconds) for _ in range(WORKERS)]
    threads = [
        threading.Thread(target=_guarded, args=(ground, name, random.Random(ground.seed + number)))
        for number, name in enumerate([*ATTACKS, "steps", "steps", "peers"])
        if name in attacks
    ]
    for thread in threads:
        thread.start()
    try:
        ground.is_over.wait(seconds)
    finally:
        ground.is_over.set()
        for thread in threads:
            thread.join()
        for worker in ground.workers:
            try:
                _, stderr = worker.communicate(timeout=_ENDING_LIMIT_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                _, stderr = worker.communicate()
            if worker.returncode:
                ground.problems.append(
                    f"a worker ended with {worker.returncode}: {stderr.decode()}"
                )


def _guarded(ground: Field, name: str, chance: random.Random) -> None:
    try:
        ATTACKS[name](ground, chance)
    except Exception as error:  # noqa: BLE001  (one that fails must not make the soak easier)
        ground.problems.append(f"attacker {name}: {error!r}")


# -- a machine of its own --------------------------------------------------------------------


def possible(without: set[str]) -> tuple[list[str], dict[str, str]]:
    """The attackers that can be had here, and why others cannot."""
    missing = {}
    if not shutil.which("strace"):
        missing["steps"] = "no strace"
    if not os.access(LAST_PID, os.W_OK):
        missing["pids"] = "numbers of processes cannot be set here"
    if not any(peer_binary(each) for each in VERSIONS):
        missing["peers"] = "not installed (tests/interop/install_peers.sh)"
    if not os.environ.get(_PRIVATE):
        missing |= dict.fromkeys(("disk", "neighbours", "peers", "pids"), "no namespaces to be had")
    kept = [name for name in ATTACKS if name not in without and name not in missing]
    return kept, missing


def _enter_private() -> int | None:
    """Run this program again in PID and mount namespaces of its own; None where that is refused.

    What signals strangers by mistake finds none of the machine's there.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    enter = ["unshare", *user, *["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]]
    if shutil.which("unshare") is None or subprocess.run([*enter, "true"], check=False).returncode:
        return None
    # A shell is the first process: it collects what loses its parent.
    words = [*enter, "sh", "-c", '"$@" & wait $!', "--", sys.executable, *sys.argv]
    return subprocess.run(words, check=False, env={**os.environ, _PRIVATE: "1"}).returncode


def main() -> None:
    """Soak for as long as asked, print the figures, exit 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python tests/faults/soak.py", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--without", default="", help=f"leave out, of: {', '.join(ATTACKS)}")
    parser.add_argument("--keep", metavar="DIR", help="copy the root and the journals there")
    options = parser.parse_args()
    without = set(options.without.split(",")) - {""}
    if unknown := without - set(ATTACKS):
        parser.error(f"no such attackers: {', '.join(sorted(unknown))}")
    if not os.environ.get(_PRIVATE) and (status := _enter_private()) is not None:
        sys.exit(status)
    attacks, missing = possible(without)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as path,
        _mounted(Path(path), "disk" in attacks) as root,
        Bench(Path(path)) as bench,
    ):
        bench.root = root
        print(f"seed {options.seed}, root {bench.root}", flush=True)  # noqa: T201
        for name, reason in missing.items():
            print(f"not here: {name} ({reason})")  # noqa: T201
        report = soak(bench, options.minutes * 60, options.seed, attacks)
        if options.keep:
            shutil.copytree(path, options.keep, symlinks=True, dirs_exist_ok=True)
    for line in report.lines():
        print(line)  # noqa: T201
    sys.exit(1 if report.problems else 0)


@contextlib.contextmanager
def _mounted(scratch: Path, is_wanted: bool) -> Iterator[Path]:
    """Where the root is to be: on a small disk of its own, if wanted."""
    disk = scratch / "disk"
    disk.mkdir()
    if is_wanted:
        words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=700", "none", str(disk)]
        subprocess.run(words, check=True)
    try:
        yield disk / "root"
    finally:
        if is_wanted:
            subprocess.run(["umount", "-l", str(disk)], check=True)


if __name__ == "__main__":
    main()
