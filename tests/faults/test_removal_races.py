"""Everything that removes, at once, over jobs of peers that must not go."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.delete import delete_job, delete_jobs
from agent_exec.commands.gc import GcPolicy, collect_garbage
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.restart import restart_job
from agent_exec.commands.run import run_job
from agent_exec.commands.tag import set_tags
from agent_exec.errors import AgentExecError
from agent_exec.store.clock import timestamp_of
from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import Trash
from faults.bench import Bench
from faults.rows import covers
from faults.tools import kill_rules, strace
from support.built_jobs import put_job

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]
# Hours of it: AGENT_EXEC_REMOVAL_S=7200 python -m pytest -m faults tests/faults/test_removal_races.py
SECONDS: Final = float(os.environ.get("AGENT_EXEC_REMOVAL_S", "4"))
LIVING: Final = 40
WORKERS: Final = 4


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    begun = [subprocess.Popen(["sleep", "86400"], start_new_session=True) for _ in range(LIVING)]
    yield begun
    for process in begun:
        process.kill()
        process.wait()


def put_living(store: JobStore, job_id: str, pid: int) -> None:
    """A job of a peer that is ``killed`` on record while its process lives."""
    put_job(
        store,
        job_id,
        "killed",
        started_at=timestamp_of(time.time()),
        finished_at="2020-01-01T00:00:00Z",
        pid=pid,
    )


def work(root: str, trash: str, seconds: float, seed: int) -> None:
    """Do random things until the time is over; what is refused is refused."""
    chance, store = random.Random(seed), JobStore(root)
    living = [f"living{number}" for number in range(LIVING)]
    until_s, made = time.monotonic() + seconds, 0

    def run() -> None:
        run_job(store, JobDefinition(command=("true",)), observation=NO_WAIT)

    def put_over() -> None:
        nonlocal made
        made += 1
        put_job(store, f"over{seed}-{made}", finished_at="2020-01-01T00:00:00Z")

    def clean_and_undo() -> None:
        moved = Trash(trash)
        only = frozenset(name for name in store.names() if name not in living[4:])
        collect_garbage(store, GcPolicy(older_than="1h"), only=only, use_trash=moved)
        moved.undo()

    verbs: list[Callable[[], object]] = [
        lambda: collect_garbage(store, GcPolicy(older_than="0s")),
        lambda: collect_garbage(store, GcPolicy(max_jobs=1), independent=True),
        lambda: delete_job(store, "no-such-job"),
        lambda: delete_job(store, chance.choice(living)),
        lambda: delete_jobs(store, cwd=None),
        # Of a few only: it leaves a job.lock, and jobs without one are what this is about.
        lambda: set_tags(store, chance.choice(living[:4]), (f"n.n{chance.randrange(9)}",)),
        lambda: restart_job(store, f"over{seed}-{made}", observation=NO_WAIT),
        clean_and_undo,
        put_over,
        put_over,
        run,
    ]
    while time.monotonic() < until_s:
        try:
            chance.choice(verbs)()
        except AgentExecError:
            continue


def begin(root: Path, trash: Path, seconds: float, seed: int) -> subprocess.Popen[bytes]:
    script = "import sys; from faults.test_removal_races import work; work(*eval(sys.argv[1]))"
    words = repr((str(root), str(trash), seconds, seed))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", script, words], env=environment)


@covers("removals at once")
def test_no_remover_takes_what_another_only_looks_at(
    bench: Bench, sleepers: list[subprocess.Popen[bytes]], figure: Figure
) -> None:
    bench.root.mkdir()
    store = JobStore(bench.root)
    for number, process in enumerate(sleepers):
        put_living(store, f"living{number}", process.pid)
    trash = bench.scratch / "trash"
    chance, until_s, kills = random.Random(1), time.monotonic() + SECONDS, 0
    workers = [begin(bench.root, trash, SECONDS, seed) for seed in range(WORKERS)]
    # One after the other is killed wherever it is, and another one goes on.
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, chance.uniform(0.3, 1)))
        if until_s - time.monotonic() > 0.5:
            victim = workers.pop(0)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            kills += 1
            left_s = max(0.1, until_s - time.monotonic())
            workers.append(begin(bench.root, trash, left_s, WORKERS + kills))
    for worker in workers:
        assert worker.wait(60) == 0
    expected = {f"living{number}" for number in range(LIVING)}
    assert expected <= set(store.names())
    for name in expected:
        assert bench.status(name) == "killed"
    collect_garbage(store, GcPolicy(older_than="0s"))
    assert [name for name in bench.litter() if "/" not in name and name != ".gc.lock"] == []
    figure(f"{WORKERS} processes, {kills} of them killed, for {SECONDS:g} s: none of {LIVING} lost")


@covers("removal killed")
def test_a_gc_killed_at_any_step_moves_nothing_that_was_to_stay(
    bench: Bench, sleepers: list[subprocess.Popen[bytes]], figure: Figure
) -> None:
    bench.root.mkdir()
    store = JobStore(bench.root)

    def lay_out() -> None:
        if "living" not in store.names():
            put_living(store, "living", sleepers[0].pid)
        put_job(store, "over", finished_at="2020-01-01T00:00:00Z")

    log = bench.scratch / "trace"
    calls = "rename,renameat,renameat2,unlink,unlinkat,rmdir,flock"
    lay_out()
    bench.must("gc", "--older-than", "0s", prefix=strace(log, calls=calls))
    rules = kill_rules(log)
    for rule in rules:
        lay_out()
        bench.call("gc", "--older-than", "0s", prefix=strace(log, rule, calls=calls))
        assert "living" in store.names(), rule
        assert bench.must("gc", "--older-than", "0s")["failed"] == 0
        assert [*store.names(), *bench.litter()] == ["living"], rule
    figure(f"{len(rules)} steps")
