"""How quickly commands answer and jobs start."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from agent_exec import (
    NO_WAIT,
    JobDefinition,
    JobStore,
    PrewarmedLauncher,
    create_job,
    kill_job,
    start_job,
)
from benchmarks.harness import Run, seconds
from benchmarks.many_starts import start_many
from benchmarks.programs import answer, call, create, our_command, peer
from support.peers import SEED, TODAY

MANY = 1000


def run_true(run: Run, scratch: Path) -> None:
    """``run -- true``: the answer holds the end."""
    seed = peer(SEED)

    def until_answered(command: list[str], root: Path) -> float:
        begin = time.perf_counter()
        document = answer(command, root, "run", "--", "true")
        elapsed = time.perf_counter() - begin
        assert (document["state"], document["exit_code"]) == ("exited", 0), document
        return elapsed

    run.compare(
        "run-true",
        "`run -- true` until its end is answered",
        lambda: until_answered(our_command(), scratch / "ours"),
        (lambda: until_answered(seed, scratch / "peer")) if seed else None,
        unit="ms",
        factor=1000,
        other_name=f"ms {SEED}",
        bound=0.75,
        rounds=run.quick_rounds,
    )


def verbs(run: Run, scratch: Path) -> None:
    """create, status and list on 100 jobs, as whole processes, against a bare interpreter."""
    root, command = scratch / "root", our_command()
    job_ids = [create(command, root, "true") for _ in range(100)]
    bare = [sys.executable, "-I", "-S", "-c", "pass"]
    for verb, arguments in (
        ("create", ("create", "--", "true")),
        ("status", ("status", job_ids[0])),
        ("list", ("list", "--all")),
    ):
        run.compare(
            "verbs",
            f"`{verb}` on {len(job_ids)} jobs, whole process",
            lambda arguments=arguments: seconds(lambda: call(command, root, *arguments)),  # type: ignore[misc]
            lambda: seconds(lambda: subprocess.run(bare, check=True)),
            unit="ms",
            factor=1000,
            other_name="ms bare python",
            bound=5,
            rounds=run.quick_rounds,
        )


def library_start(run: Run, scratch: Path) -> None:
    """start_job() from a process that is up, until running with the child's pid."""
    store, today = JobStore(str(scratch / "root")), peer(TODAY)
    started: list[str] = []

    def ours() -> float:
        job_id = create_job(store, JobDefinition(command=("sleep", "60"))).job_id
        begin = time.perf_counter()
        start = start_job(store, job_id, observation=NO_WAIT, launcher=launcher)
        elapsed = time.perf_counter() - begin
        assert start.state == "running", start
        started.append(job_id)
        return elapsed

    def theirs() -> float:
        assert today is not None
        job_id = create(today, scratch / "peer", "true")
        return seconds(lambda: answer(today, scratch / "peer", "start", "--no-wait", job_id))

    with PrewarmedLauncher() as launcher:
        try:
            ours()  # the first one also starts the launcher
            run.compare(
                "library-start",
                "start_job() until running, from a warm process",
                ours,
                theirs if today else None,
                unit="ms",
                factor=1000,
                other_name=f"ms {TODAY}",
                bound=0.5,
                rounds=run.quick_rounds,
            )
        finally:
            for job_id in started:
                kill_job(store, job_id, signal="KILL")


def many(run: Run, scratch: Path) -> None:
    """1,000 jobs started one after another through the library."""
    count = run.scaled(MANY)
    elapsed_s = start_many(scratch / "root", count)
    run.absolute("many-starts", f"{count:,} jobs `true` in a row, all ended", elapsed_s, "s", 60)


ROWS = {
    "run-true": run_true,
    "verbs": verbs,
    "library-start": library_start,
    "many-starts": many,
}
