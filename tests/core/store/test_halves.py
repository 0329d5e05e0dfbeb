"""Work shared with a child process gives what it gives alone, and survives the child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.many_jobs import make_finished_jobs
from support.programs import environment

_COMPARE = """
import os, sys
from agent_exec.store import halves, index
from agent_exec.store.jobs import JobStore
index.SPLIT_JOBS, index.INDEXED_JOBS = 10, 5
store, kind = JobStore(sys.argv[1]), sys.argv[2]
alone = index._gather
forks = []
def counted(work, init=halves.OtherHalf):
    forks.append(1)
    return init(work)
index.OtherHalf = counted
if kind == "dies":
    def die(*args):
        if os.getpid() != me:
            os.kill(os.getpid(), 9)
        return alone(*args)
    me, index._gather = os.getpid(), die
both = index.read_entries(store)
index._gather = alone
index.SPLIT_JOBS = 10**9
assert sorted(both) == sorted(index.read_entries(store)), "not the same"
print(len(both), len(forks))
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
@pytest.mark.parametrize("kind", ["lives", "dies"])
def test_two_halves_are_the_whole(tmp_path: Path, kind: str) -> None:
    make_finished_jobs(str(tmp_path / "root"), 31)
    done = subprocess.run(
        [sys.executable, "-c", _COMPARE, str(tmp_path / "root"), kind],
        env=environment({"XDG_CACHE_HOME": str(tmp_path / "cache")}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["31", "1"]
