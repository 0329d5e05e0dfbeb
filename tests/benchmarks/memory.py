"""What supervisors cost while their jobs do nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path

from agent_exec import NO_WAIT, JobDefinition, JobStore, PrewarmedLauncher, kill_job, run_job
from benchmarks import processes
from benchmarks.harness import Figure, Run
from benchmarks.programs import answer, peer, run_unwatched
from support.peers import TODAY

JOBS = 1000
IDLE_S = 60
SILENT = ("sleep", "3600")


def supervisor(run: Run, scratch: Path) -> None:
    """One spawned by path and a thousand forked by the launcher, at rest."""
    store, count = JobStore(str(scratch / "root")), run.scaled(JOBS)
    definition = JobDefinition(command=SILENT)
    job_ids: list[str] = []
    with PrewarmedLauncher() as launcher, _peer_supervisor(scratch / "peer") as theirs:
        try:
            job_ids.append(run_job(store, definition, observation=NO_WAIT).job_id)
            spawned = processes.supervisor_of(scratch / "root", job_ids[0])
            for _ in range(count):
                started = run_job(store, definition, observation=NO_WAIT, launcher=launcher)
                job_ids.append(started.job_id)
            forked = [processes.supervisor_of(scratch / "root", each) for each in job_ids[1:]]
            _measure_memory(run, spawned, forked, theirs)
            _measure_rest(run, spawned, forked, theirs)
        finally:
            for job_id in job_ids:
                kill_job(store, job_id, signal="KILL", wait=False)


@contextmanager
def _peer_supervisor(root: Path) -> Iterator[int | None]:
    today = peer(TODAY)
    if today is None:
        yield None
        return
    job_id = run_unwatched(today, root, *SILENT)
    try:
        yield processes.supervisor_of(root, job_id)
    finally:
        answer(today, root, "kill", "--signal", "KILL", job_id)


def _measure_memory(run: Run, spawned: int, forked: list[int], theirs: int | None) -> None:
    sizes = [processes.proportional_mb(pid) for pid in forked]
    launchers = [pid for pid in processes.children_of(getpid()) if pid != spawned]
    together = sum(sizes) + sum(processes.proportional_mb(pid) for pid in launchers)
    rss = None if theirs is None else processes.resident_mb(theirs)
    pss = None if theirs is None else processes.proportional_mb(theirs)
    for what, ours, other, bound in (
        ("spawned by path: RSS", processes.resident_mb(spawned), rss, 12.0),
        ("forked by the launcher: PSS of the largest", max(sizes), pss, 1.5),
        (f"{len(forked):,} forked ones and the launcher: PSS", together, None, float(len(forked))),
    ):
        _add(run, "supervisor-memory", what, "MB", ours, other, bound)


def _measure_rest(run: Run, spawned: int, forked: list[int], theirs: int | None) -> None:
    every = [spawned, *forked, *([] if theirs is None else [theirs])]
    idle_s = run.scaled(IDLE_S)
    woken = {pid: processes.wakeups(pid) for pid in every}
    used_s = {pid: processes.cpu_seconds(pid) for pid in every}
    time.sleep(idle_s)  # the interval that is measured, not a wait for something
    woken = {pid: processes.wakeups(pid) - woken[pid] for pid in every}
    used_s = {pid: processes.cpu_seconds(pid) - used_s[pid] for pid in every}
    _add(
        run,
        "supervisor-rest",
        f"wakeups in {idle_s} s of a silent job",
        "",
        max(woken[pid] for pid in (spawned, *forked)),
        None if theirs is None else woken[theirs],
        5,
    )
    percent = 100 / idle_s * JOBS
    _add(
        run,
        "supervisor-rest",
        f"CPU of {JOBS:,} idle ones, from {len(forked):,} (theirs from 1)",
        "% of a core",
        sum(used_s[pid] for pid in forked) / len(forked) * percent,
        None if theirs is None else used_s[theirs] * percent,
        2,
    )


def _add(
    run: Run, row: str, what: str, unit: str, ours: float, other: float | None, bound: float
) -> None:
    run.add(
        Figure(
            row=row,
            what=what,
            unit=unit,
            ours=ours,
            other=other,
            other_name=TODAY if other is not None else "",
            bound=bound,
            judge_ratio=False,
        )
    )


ROWS = {"supervisor": supervisor}
