"""One of the soak's processes: does random things to random jobs and writes down what came of it.

python -m faults.soak_worker ROOT SCRATCH NAME SECONDS SEED [neighbour]
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent_exec import (
    NO_WAIT,
    AgentExecError,
    GcPolicy,
    JobDefinition,
    JobStore,
    NotificationChange,
    collect_garbage,
    create_job,
    delete_job,
    job_status,
    kill_job,
    list_jobs,
    repair_jobs,
    restart_job,
    run_job,
    set_notification,
    set_tags,
    start_job,
    tail_job,
    wait_job,
)
from agent_exec.commands.auto_gc import AutoGc
from agent_exec.commands.delete import delete_jobs
from faults.soak_journal import LIVING, PREY, Journal, Told
from support.built_jobs import NO_PROCESS, put_job

LINES: Final = 20
EXIT_CODE: Final = 3
STUCK_S: Final = 60.0
_CROWDED: Final = 120  # jobs in the root from which on more go than come
_PAUSE_S: Final = 0.01
_BIN: Final = "soak.bin"  # whatever has this tag may go

Names = list[str]
Verb = Callable[..., Names]

# Tells of each run; then output, a while of work, an end that can be told from any other.
_SCRIPT: Final = """\
echo "$AGENT_EXEC_JOB_ID" >> "$SOAK_RUNS"
n=0; while [ $n -lt {lines} ]; do n=$((n + 1)); echo "line $n"; done
{background}sleep {duration_s:.2f}
exit {exit_code}
"""
_BACKGROUND: Final = ("", "", "setsid sleep 20 >/dev/null 2>&1 & ", "sleep 20 & ")


def script(chance: random.Random) -> str:
    """A random job's."""
    return _SCRIPT.format(
        lines=LINES,
        exit_code=EXIT_CODE,
        background=chance.choice(_BACKGROUND),
        duration_s=chance.expovariate(1 / 0.8),
    )


def is_full(error: BaseException) -> bool:
    """Whether it says that there is no room on the disk."""
    if isinstance(error, AgentExecError):
        return os.strerror(errno.ENOSPC) in str(error)
    return isinstance(error, OSError) and error.errno == errno.ENOSPC


class Worker:
    """Random verbs on one root."""

    def __init__(self, root: str, scratch: Path, name: str, seed: int) -> None:
        self._store = JobStore(root)
        self._scratch = scratch
        self._name = name
        self._put = 0
        self._is_bin = False
        self._journal = Journal((scratch / f"journal-{name}").open("a", encoding="utf-8"))
        self._chance = random.Random(seed)
        self._protected = frozenset((scratch / "protected").read_text().split())

    def work(self, seconds: float, *, is_neighbour: bool = False) -> None:
        """Go on for that long."""
        choose = self._choose_as_neighbour if is_neighbour else self._choose
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            verb, job_id = choose(self._store.names())
            self._do(verb, job_id)
            time.sleep(self._chance.random() * _PAUSE_S)

    def _choose(self, names: Names) -> tuple[Verb, str]:
        names = [name for name in names if name not in self._protected]
        makers: list[Verb] = [self.run, self.create, self.create, self.put]
        users: list[Verb] = [
            *(self.start,) * 3,
            self.restart,
            *(self.kill,) * 2,
            self.status,
            self.tag,
            self.notify,
            self.tail,
            self.wait,
            self.delete,
        ]
        others: list[Verb] = [self.gc, self.gc, self.clean, self.look, self.repair]
        if len(names) > _CROWDED:
            makers, users = [], [self.kill, self.kill, self.delete, self.delete, self.delete]
        if not names:
            users, others = [], []
        verb = self._chance.choice([*makers, *users, *others] or [self.create])
        job_id = self._chance.choice(names) if any(verb == each for each in users) else ""
        if job_id.startswith(LIVING) and verb.__name__ in ("start", "restart"):
            return self.status, job_id
        return verb, job_id

    def _choose_as_neighbour(self, names: Names) -> tuple[Verb, str]:
        """From another PID namespace: every job may be looked at and asked to be killed."""
        users: list[Verb] = [self.status, self.wait, self.tail, self.kill, self.kill]
        verb = self._chance.choice([*users, self.look, self.run, self.run] if names else [self.run])
        return verb, self._chance.choice(names) if any(verb == each for each in users) else ""

    def _do(self, verb: Verb, job_id: str) -> None:
        limit = 3 if verb == self.gc else 0
        call = self._journal.begin(Told(verb.__name__, job_id, limit=limit))
        began_s = time.monotonic()
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        try:
            call.ids = verb(job_id) if job_id else verb()
        except AgentExecError as error:
            call.error, call.message = error.code, str(error)
            if error.details is not None and "job_id" in error.details:
                call.ids = [str(error.details["job_id"])]
            if is_full(error):
                call.error = "no room"
        except Exception as error:  # noqa: BLE001  (what no caller expects is what is looked for)
            call.error, call.message = "unexpected", repr(error)
        faulthandler.cancel_dump_traceback_later()
        call.is_bin = self._is_bin and verb.__name__ in ("run", "create", "put")
        call.ms = int((time.monotonic() - began_s) * 1000)
        self._journal.end(call)

    def _definition(self) -> JobDefinition:
        return JobDefinition(
            command=("sh", "-c", script(self._chance)),
            kill_after_ms=500,
            log_max_bytes=self._chance.choice((None, None, None, 40)),
            tags=self._tags(),
        )

    def _tags(self) -> tuple[str, ...]:
        self._is_bin = self._chance.random() < 0.3
        return (_BIN,) if self._is_bin else ()

    def run(self) -> Names:
        auto_gc = AutoGc(older_than="30d", delete_limit=3)
        definition = self._definition()
        return [
            run_job(self._store, definition, observation=NO_WAIT, auto_gc=auto_gc).job_id,
        ]

    def create(self) -> Names:
        return [create_job(self._store, self._definition()).job_id]

    def put(self) -> Names:
        """A job as a peer left it, long over; or running by the word of a record of old."""
        self._put += 1
        name = f"{PREY}-{self._name}-{os.getpid()}-{self._put}"
        workshop = Path(self._store.root).with_name("workshop")
        strangers = [int(each) for each in (self._scratch / "strangers").read_text().split()]
        is_planted = self._chance.random() < 0.3
        try:
            put_job(
                JobStore(workshop),
                name,
                "running" if is_planted else "exited",
                finished_at=None if is_planted else "2020-01-01T00:00:00Z",
                pid=self._chance.choice(strangers) if is_planted else NO_PROCESS,
                cwd="/",
                tags=self._tags(),
                command=("sh", "-c", script(self._chance)),
            )
            (workshop / name).rename(Path(self._store.root, name))
        except OSError as error:
            shutil.rmtree(workshop / name, ignore_errors=True)
            if not is_full(error):
                raise
            return []
        return [name]

    def start(self, job_id: str) -> Names:
        return [start_job(self._store, job_id, observation=NO_WAIT).job_id]

    def restart(self, job_id: str) -> Names:
        return [restart_job(self._store, job_id, observation=NO_WAIT).job_id]

    def kill(self, job_id: str) -> Names:
        kill_job(self._store, job_id, signal=self._chance.choice(["TERM", "KILL"]))
        return []

    def status(self, job_id: str) -> Names:
        job_status(self._store, job_id)
        return []

    def tail(self, job_id: str) -> Names:
        tail_job(self._store, job_id)
        return []

    def tag(self, job_id: str) -> Names:
        set_tags(self._store, job_id, (f"soak.n{self._chance.randrange(100)}",))
        return []

    def notify(self, job_id: str) -> Names:
        change = NotificationChange(
            output_pattern=f"line {self._chance.randrange(LINES)}",
            output_file=str(self._scratch / "matches"),
        )
        set_notification(self._store, job_id, change)
        return []

    def wait(self, job_id: str) -> Names:
        wait_job(self._store, job_id, until_s=0.3)
        return []

    def delete(self, job_id: str) -> Names:
        delete_job(self._store, job_id)
        return [job_id]

    def gc(self) -> Names:
        policies = (
            GcPolicy(older_than="1s", delete_limit=3),
            GcPolicy(older_than="30d", delete_limit=3),
            GcPolicy(older_than="1s", max_jobs=20, delete_limit=3),
            GcPolicy(older_than="1s", max_bytes=100_000, delete_limit=3),
        )
        report = collect_garbage(self._store, self._chance.choice(policies))
        return [job.job_id for job in report.jobs if job.action == "deleted"]

    def clean(self) -> Names:
        report = delete_jobs(self._store, cwd=None, filter=f"tag:{_BIN}")
        return [job.job_id for job in report.jobs if job.action == "deleted"]

    def look(self) -> Names:
        list_jobs(self._store, limit=0)
        return []

    def repair(self) -> Names:
        repair_jobs(self._store, None, kill=self._chance.random() < 0.2)
        return []


def _work_beside_strangers(worker: Worker, seconds: float) -> None:
    """As a neighbour does, whose namespace has processes that are nobody's job."""
    strangers = [
        subprocess.Popen(["sleep", "3600"], start_new_session=True, env={}) for _ in range(8)
    ]
    worker.work(seconds, is_neighbour=True)
    hit = [each.pid for each in strangers if each.poll() is not None]
    for each in strangers:
        each.kill()
        each.wait()
    if hit:
        sys.exit(f"strangers in another namespace were signalled: {hit}")


def main() -> None:
    """Work as the command line says."""
    root, scratch, name, seconds, seed, *rest = sys.argv[1:]
    os.nice(5)  # there are many of them, and the attackers shall have their turn
    worker = Worker(root, Path(scratch), name, int(seed))
    with contextlib.suppress(KeyboardInterrupt):
        if rest:
            _work_beside_strangers(worker, float(seconds))
        else:
            worker.work(float(seconds))


if __name__ == "__main__":
    main()
