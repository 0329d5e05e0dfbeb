"""What a soak's root has to live with: each attacker is a thread that goes on until it is over."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from faults.bench import Bench, Call, Document
from faults.processes import Seen, see
from faults.soak_journal import LIVING, MAKERS, PREY, Journal, Told
from faults.soak_worker import script
from faults.tools import MUTATING
from support.peers import VERSIONS, peer_binary
from support.programs import CHECKOUT

CANARIES: Final = 4
WORKERS: Final = 8
LAST_PID: Final = Path("/proc/sys/kernel/ns_last_pid")
_REUSED: Final = 30
_CALL_LIMIT_S: Final = 60.0
_KILL_EVERY_S: Final = 0.25
_STEPS: Final = (*MUTATING.split(","), "flock", "openat")
_RIGHT: Final = ("invalid_state", "job_not_found", "unverified_process")

_STRANGER: Final = """
import signal, sys
numbers = set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
print(flush=True)
while True:
    print(signal.sigwaitinfo(numbers), flush=True)
"""


class Field:
    """What all attackers share.

    Attributes:
        peers_signal: whether the real program may signal the jobs that it ran.
        packages: where the package lies that callers run from.
        done: how often each attacker did something.
        problems: what must not be.
        slowest_s: the slowest call of a program.
    """

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench = bench
        self.seed = seed
        self.ends_at = 0.0
        # Of these it is not known yet whose they are.
        self.torn: list[tuple[str, str]] = []
        self.is_over = threading.Event()
        self.packages = bench.scratch / "packages"
        self.protected: frozenset[str] = frozenset()
        self.peers_signal = False
        self.done: Counter[str] = Counter()
        self.problems: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.workers: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count(WORKERS)

    # -- callers ---------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """What callers inherit: they run from the copy that is exchanged meanwhile."""
        extra = {"SOAK_RUNS": str(self.bench.scratch / "runs"), "PYTHONDONTWRITEBYTECODE": "1"}
        environment = self.bench.environment(extra)
        current = self.packages / "current"
        places = (current, Path(CHECKOUT, "tests"))
        environment["PYTHONPATH"] = ":".join(str(place) for place in places)
        return environment

    def begin_worker(
        self, seconds: float, *rest: str, prefix: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """A process that does random things until its time is over."""
        number = next(self._numbers)
        folders = (str(self.bench.root), str(self.bench.scratch))
        words = (*folders, f"worker{number}", str(seconds), str(self.seed + number), *rest)
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "faults.soak_worker", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )

    def call(self, *arguments: str, prefix: Sequence[str] = (), peer: str = "") -> Call | None:
        """A call of a program from outside; None if it had to be killed, being stuck."""
        words = self.bench.words(*arguments)
        if peer:
            words = [peer, *words[len(self.bench.command) :]]
        began_s = time.monotonic()
        try:
            done = subprocess.run(
                [*prefix, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_CALL_LIMIT_S,
                env=self.environment(),
                cwd=self.bench.scratch,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.problems.append(f"no answer within {_CALL_LIMIT_S:g} s: {peer} {arguments}")
            return None
        took_s = time.monotonic() - began_s
        if not peer:
            self.slowest_s = max(self.slowest_s, took_s)
        text = done.stderr.decode(errors="replace")
        return Call(tuple(arguments), done.returncode, done.stdout, text, took_s)

    def jobs(self) -> list[str]:
        """Those that may be changed."""
        return [each for each in self.every_job() if each not in self.protected]

    def every_job(self) -> list[str]:
        """Those that may be looked at."""
        with contextlib.suppress(OSError):
            return sorted(each.name for each in self.bench.root.glob("[!.]*"))
        return []

    def journal(self, name: str) -> Journal:
        """A new attacker's."""
        path = self.bench.scratch / f"journal-{name}{next(self._numbers)}"
        return Journal(path.open("a", encoding="utf-8"))


Attack = Callable[[Field, random.Random], None]


# -- kill -9 --------------------------------------------------------------------------------


def kill_supervisors(field: Field, chance: random.Random) -> None:
    """SIGKILL one supervisor after the other."""
    while not field.is_over.wait(chance.expovariate(1 / _KILL_EVERY_S)):
        paths = [field.bench.root / name / "supervision.json" for name in field.jobs()]
        victim = _supervisor_of(chance.choice(paths)) if paths else None
        if victim is not None:
            victim.send(signal.SIGKILL)
            field.done["supervisors killed"] += 1


def _supervisor_of(path: Path) -> Seen | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        recorded = json.loads(path.read_text())["supervisor"]
        seen = see(recorded["pid"])
        is_same = seen.start_ticks == recorded["start_ticks"]
        return seen if is_same and "/agent_exec/supervisor/" in seen.command() else None
    return None


def pause_some(field: Field, chance: random.Random) -> None:
    """Stop one supervisor or caller after the other for a while, as a busy machine does."""
    while not field.is_over.wait(chance.expovariate(1 / 0.5)):
        paths = [field.bench.root / name / "supervision.json" for name in field.jobs()]
        victim = None
        if chance.random() < 0.5:
            victim = _supervisor_of(chance.choice(paths)) if paths else None
        else:
            worker = chance.choice(field.workers)
            with contextlib.suppress(ProcessLookupError):
                victim = see(worker.pid)
        if victim is not None:
            victim.send(signal.SIGSTOP)
            field.is_over.wait(chance.expovariate(1 / 0.7))
            victim.send(signal.SIGCONT)
            field.done["paused"] += 1


def kill_callers(field: Field, chance: random.Random) -> None:
    """SIGKILL one worker after the other, whatever it is at; another one takes its place."""
    until_s = field.ends_at
    while not field.is_over.wait(chance.expovariate(1 / 1.5)):
        left_s = until_s - time.monotonic()
        if left_s < 1:
            return
        place = chance.randrange(len(field.workers))
        victim = field.workers[place]
        if victim.poll() is None:
            victim.kill()
            victim.communicate()
            field.workers[place] = field.begin_worker(left_s)
            field.done["callers killed"] += 1


def kill_at_steps(field: Field, chance: random.Random) -> None:
    """Have calls killed before one of their system calls."""
    journal = field.journal("steps")
    while not field.is_over.wait(chance.random() * 0.3):
        names = field.jobs()
        verb = chance.choice(("gc", "delete", "restart", "start", "tag", "run", "create"))
        job_id = chance.choice(names) if names and verb not in ("gc", *MAKERS) else ""
        if verb not in ("gc", *MAKERS) and (
            not job_id or (job_id.startswith(LIVING) and verb in ("restart", "start"))
        ):
            continue
        words = {
            "gc": ("gc", "--older-than", "30d"),
            "delete": ("delete", job_id),
            "tag": ("tag", "set", job_id, "--tag", f"soak.n{chance.randrange(9)}"),
        }.get(verb, (verb, "--no-wait", "--no-auto-gc", job_id))
        if verb in MAKERS:
            flags = ("--no-wait",) if verb == "run" else ()
            words = (verb, *flags, "--", "sh", "-c", script(chance))
        step = chance.choice(_STEPS)
        turn = 1 + int(chance.expovariate(1 / (60 if step == "openat" else 4)))
        rule = f"inject={step}:signal=KILL:when={turn}"
        prefix = ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={step}", "-e", rule)
        call = journal.begin(Told(verb, job_id))
        done = field.call(*words, prefix=prefix)
        if done is not None and done.exit_status in (-9, 137):
            field.done["calls killed at a step"] += 1
        elif done is not None:
            _finish(field, journal, call, done)


def _finish(field: Field, journal: Journal, call: Told, done: Call) -> None:
    """Write down what a program answered."""
    call.ms = int(done.took_s * 1000)
    try:
        document: Document = done.document
    except ValueError:
        if done.exit_status != 2:
            call.error, call.message = "unexpected", repr((done.stdout[:300], done.stderr[-2000:]))
        else:
            call.error, call.message = "usage", done.stderr[-300:]
        journal.end(call)
        return
    if not done.ok:
        call.error, call.message = done.error_code or "unexpected", done.message
        if "No space left" in done.message or "os error 28" in done.message:
            call.error = "no room"
        error = document.get("error")
        details = error.get("details") if isinstance(error, dict) else None
        if isinstance(details, dict) and "job_id" in details:
            call.ids = [str(details["job_id"])]
    elif call.verb in ("gc", "clean"):
        jobs = document.get("jobs") or []
        assert isinstance(jobs, list)
        call.ids = [str(each["job_id"]) for each in jobs if each["action"] == "deleted"]
    elif call.verb in (*MAKERS, "start", "restart", "delete"):
        call.ids = [str(document.get("job_id", call.job))]
    journal.end(call)


# -- readers --------------------------------------------------------------------------------


def read_records(field: Field, _chance: random.Random) -> None:
    """Read every record again and again: none may be torn."""
    while not field.is_over.wait(0.05):
        for name in field.every_job():
            for record in ("meta.json", "state.json"):
                path = field.bench.root / name / record
                found = flaw(path)
                if found and path.parent.exists():
                    field.torn.append((name, f"{name}/{record}: {found}"))
                field.done["records read"] += 1


def flaw(path: Path) -> str:
    """What is wrong with a record; empty if it is whole, or not there."""
    try:
        document = json.loads(path.read_bytes())
        return "" if document["job"]["id"] == path.parent.name else "another job's id"
    except FileNotFoundError:
        return ""  # being deleted; the final count finds what is missing for good
    except (OSError, ValueError, KeyError, TypeError) as error:
        return repr(error)


def ask(field: Field, chance: random.Random) -> None:
    """Make the calls that only read; each has its answer."""
    while not field.is_over.wait(chance.random() * 0.5):
        names = field.every_job()
        if not names:
            continue
        job_id = chance.choice(names)
        words = chance.choice(
            (
                ("list", "--all", "--limit", "0"),
                ("status", job_id),
                ("tail", job_id),
                ("wait", "--until", "1", job_id),
                ("--json",),
                ("gc", "--dry-run", "--older-than", "1s"),
                ("delete", "--dry-run", job_id),
            )
        )
        done = field.call(*words)
        if done is None:
            continue
        field.done["questions"] += 1
        is_right = done.is_orderly and (done.error_code or "job_not_found") in _RIGHT
        if is_right or "No space left" in done.message:
            continue
        told = f"{words}: {done.exit_status} {done.stdout!r} {done.stderr}"
        if job_id in words and "No such file" in done.message:
            field.torn.append((job_id, told))
        else:
            field.problems.append(told)


# -- other programs -------------------------------------------------------------------------


def use_peers(field: Field, chance: random.Random) -> None:
    """Use the real program, in each version that is here, on the same jobs."""
    journal = field.journal("peers")
    programs = {each: path for each in VERSIONS if (path := peer_binary(each))}
    own: list[str] = []
    while programs and not field.is_over.wait(chance.random() * 0.2):
        version = chance.choice(sorted(programs))
        names = [name for name in field.jobs() if not name.startswith((PREY, LIVING))]
        own = [name for name in own if name in names]
        verbs = ["run", "run", "create", "gc", "list"]
        verbs += ["start", "status", "tail", "tag", "delete", "wait"] if names else []
        verbs += ["kill"] if own and field.peers_signal else []
        verbs += ["restart"] if own and field.peers_signal and version != VERSIONS[0] else []
        verb = chance.choice(verbs)
        job_id = ""
        if verb not in ("run", "create", "gc", "list"):
            job_id = chance.choice(own if verb in ("kill", "restart") else names)
        call = journal.begin(Told(verb, job_id, by=version))
        done = field.call(*_peers_words(verb, job_id, chance), peer=programs[version])
        if done is None:
            continue
        _finish(field, journal, call, done)
        field.done["calls of the real program"] += 1
        if verb in ("run", "create"):
            own += call.ids


def _peers_words(verb: str, job_id: str, chance: random.Random) -> tuple[str, ...]:
    if verb in ("run", "create"):
        flags = ("--no-wait",) if verb == "run" else ()
        return (verb, *flags, "--", "sh", "-c", script(chance))
    if verb == "gc":
        return ("gc", "--older-than", "30d")
    if verb == "list":
        return ("list", "--all")
    assert job_id, "never without a job"
    return {
        "tag": ("tag", "set", job_id, "--tag", f"theirs.n{chance.randrange(9)}"),
        "wait": ("wait", "--until", "1", job_id),
        "start": ("start", "--no-wait", job_id),
        "restart": ("restart", "--no-wait", "--no-auto-gc", job_id),
    }.get(verb, (verb, job_id))


def be_neighbours(field: Field, chance: random.Random) -> None:
    """Have the root used from another PID namespace, which ends with all that runs in it."""
    enter = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
    prefix = (*enter, '"$@" & wait $!', "--")
    while not field.is_over.is_set():
        seconds = chance.uniform(3, 8)
        worker = field.begin_worker(seconds, "neighbour", prefix=prefix)
        try:
            _, stderr = worker.communicate(timeout=seconds + _CALL_LIMIT_S)
        except subprocess.TimeoutExpired:
            worker.kill()
            field.problems.append("a neighbour did not end")
            return
        if worker.returncode:
            field.problems.append(f"a neighbour ended with {worker.returncode}: {stderr!r}")
        field.done["neighbours"] += 1


# -- the machine ----------------------------------------------------------------------------


def fill_disk(field: Field, chance: random.Random) -> None:
    """Use up the root's disk, and give the room back."""
    path = field.bench.root.with_name("filler")
    while not field.is_over.wait(chance.uniform(2, 8)):
        with path.open("wb", buffering=0) as file:
            for size_bytes in (1 << 20, 65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size_bytes):
                        pass
        field.is_over.wait(chance.uniform(0.2, 1.5))
        path.unlink()
        field.done["disks filled"] += 1


def reuse_pids(field: Field, chance: random.Random) -> None:
    """Give the numbers of what has ended to processes that are nobody's, and must not suffer."""
    if field.peers_signal:
        return  # they signal whoever has the number that they once wrote down
    strangers: list[subprocess.Popen[bytes]] = []
    while not field.is_over.wait(chance.random() * 0.4):
        paths = [field.bench.root / name / "supervision.json" for name in field.jobs()]
        pid = _ended_pid(chance.choice(paths), chance) if paths else 0
        if pid > 300:
            LAST_PID.write_text(str(pid - 1))
            stranger = subprocess.Popen(["sleep", "3600"], start_new_session=True, env={})
            field.done["pids reused"] += stranger.pid == pid
            strangers.append(stranger)
        if len(strangers) > _REUSED:
            _let_go(field, strangers.pop(0))
    for stranger in strangers:
        _let_go(field, stranger)


def _ended_pid(path: Path, chance: random.Random) -> int:
    """The number of a recorded process that is no more; 0 for none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads(path.read_text())
        pid = int(document[chance.choice(("supervisor", "child"))]["pid"])
        return 0 if Path(f"/proc/{pid}").exists() else pid
    return 0


def _let_go(field: Field, stranger: subprocess.Popen[bytes]) -> None:
    if stranger.poll() is not None:
        field.problems.append(f"a stranger ({stranger.pid}) ended: {stranger.returncode}")
    stranger.kill()
    stranger.wait()


def replace_package(field: Field, chance: random.Random) -> None:
    """Put another copy of the package in the place of the one that callers run from."""
    while not field.is_over.wait(chance.uniform(1, 4)):
        lay_package(field.packages)
        field.done["packages replaced"] += 1


def lay_package(folder: Path) -> None:
    """Make a copy the current one, by rename; what was there before is removed."""
    folder.mkdir(exist_ok=True)
    fresh = folder / f"copy{time.monotonic_ns()}"
    for package in ("core/agent_exec", "tui/agent_exec_tui"):
        shutil.copytree(Path(CHECKOUT, package), fresh / Path(package).name)
    link = folder / "fresh"
    link.symlink_to(fresh.name)
    link.rename(folder / "current")
    for each in folder.glob("copy*"):
        if each != fresh:
            shutil.rmtree(each, ignore_errors=True)


class Strangers:
    """Processes that are nobody's; they tell of each signal they get."""

    def __init__(self, count: int) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _STRANGER],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env={},
            )
            for _ in range(count)
        ]
        for each in self._processes:
            assert each.stdout is not None
            each.stdout.readline()

    @property
    def pids(self) -> list[int]:
        return [each.pid for each in self._processes]

    def end(self) -> list[str]:
        """Kill them; tells what they got before."""
        told = []
        for each in self._processes:
            ended = each.poll()
            each.kill()
            heard, _ = each.communicate()
            if ended is not None or heard:
                told.append(f"a stranger ({each.pid}) was signalled: {ended} {heard!r}")
        return told


ATTACKS: Final[dict[str, Attack]] = {
    "supervisors": kill_supervisors,
    "callers": kill_callers,
    "pauses": pause_some,
    "steps": kill_at_steps,
    "records": read_records,
    "questions": ask,
    "peers": use_peers,
    "neighbours": be_neighbours,
    "disk": fill_disk,
    "pids": reuse_pids,
    "package": replace_package,
}
