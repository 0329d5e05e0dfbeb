"""One of the soak's processes: does random things to random jobs and writes down what came of it.

python -m faults.soak_worker ROOT JOURNAL SECONDS SEED
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

from agent_exec import (
    NO_WAIT,
    AgentExecError,
    GcPolicy,
    JobDefinition,
    JobStore,
    collect_garbage,
    create_job,
    delete_job,
    job_status,
    kill_job,
    list_jobs,
    repair_jobs,
    restart_job,
    run_job,
    set_tags,
    start_job,
    wait_job,
)

LINES: Final = 20
EXIT_CODE: Final = 3
_CROWDED: Final = 120  # jobs in the root from which on more go than come
_PAUSE_S: Final = 0.01

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


class Worker:
    """Random verbs on one root."""

    def __init__(self, root: str, journal: TextIO, seed: int) -> None:
        self._store = JobStore(root)
        self._journal = journal
        self._chance = random.Random(seed)

    def work(self, seconds: float) -> None:
        """Go on for that long."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            names = self._store.names()
            verb, arguments = self._choose(names)
            self._do(verb, *arguments)
            time.sleep(self._chance.random() * _PAUSE_S)

    def _choose(self, names: Names) -> tuple[Verb, tuple[str, ...]]:
        makers: list[Verb] = [self.run, self.create, self.create]
        users: list[Verb] = [
            self.start,
            self.start,
            self.start,
            self.restart,
            self.kill,
            self.kill,
            self.status,
            self.tag,
            self.wait,
            self.delete,
        ]
        others: list[Verb] = [self.gc, self.look, self.repair]
        if len(names) > _CROWDED:
            makers, users = [], [self.kill, self.kill, self.delete, self.delete, self.delete]
        if not names:
            users, others = [], []
        verb = self._chance.choice([*makers, *users, *others] or [self.create])
        return verb, (self._chance.choice(names),) if verb in users else ()

    def _do(self, verb: Verb, *arguments: str) -> None:
        began_s = time.monotonic()
        told: dict[str, object] = {"verb": verb.__name__, "job": arguments[0] if arguments else ""}
        try:
            told["ids"] = verb(*arguments)
        except AgentExecError as error:
            told["error"], told["message"] = error.code, str(error)
            if error.details is not None and "job_id" in error.details:
                told["ids"] = [error.details["job_id"]]
        except Exception as error:  # noqa: BLE001  (what no caller expects is what is looked for)
            told["error"], told["message"] = "unexpected", repr(error)
        told["ms"] = int((time.monotonic() - began_s) * 1000)
        self._journal.write(json.dumps(told) + "\n")
        self._journal.flush()

    def _definition(self) -> JobDefinition:
        script = _SCRIPT.format(
            lines=LINES,
            exit_code=EXIT_CODE,
            background=self._chance.choice(_BACKGROUND),
            duration_s=self._chance.expovariate(1 / 0.8),
        )
        return JobDefinition(command=("sh", "-c", script), kill_after_ms=500)

    def run(self) -> Names:
        return [run_job(self._store, self._definition(), observation=NO_WAIT).job_id]

    def create(self) -> Names:
        return [create_job(self._store, self._definition()).job_id]

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

    def tag(self, job_id: str) -> Names:
        set_tags(self._store, job_id, (f"soak.n{self._chance.randrange(100)}",))
        return []

    def wait(self, job_id: str) -> Names:
        wait_job(self._store, job_id, until_s=0.3)
        return []

    def delete(self, job_id: str) -> Names:
        delete_job(self._store, job_id)
        return [job_id]

    def gc(self) -> Names:
        report = collect_garbage(self._store, GcPolicy(older_than="1s", delete_limit=3))
        return [job.job_id for job in report.jobs if job.action == "deleted"]

    def look(self) -> Names:
        list_jobs(self._store, limit=0)
        return []

    def repair(self) -> Names:
        repair_jobs(self._store, None, kill=self._chance.random() < 0.2)
        return []


def main() -> None:
    """Work as the command line says."""
    root, journal_path, seconds, seed = sys.argv[1:5]
    with open(journal_path, "a", encoding="utf-8") as journal:
        Worker(root, journal, int(seed)).work(float(seconds))


if __name__ == "__main__":
    main()
