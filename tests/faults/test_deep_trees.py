"""Trees in a job's directory that no path and no call stack can hold, or nobody may enter."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from agent_exec.store import trees
from faults.bench import Bench
from faults.rows import covers

pytestmark = pytest.mark.faults

DEEP = 5000


def nest(top: Path, depth: int) -> None:
    fd = os.open(top, trees.OPEN_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", trees.OPEN_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


@covers("left: a tree 5,000 deep")
def test_a_deep_tree_is_one_jobs_and_no_fault(bench: Bench) -> None:
    deep, other = (bench.run("true") for _ in range(2))
    for job_id in (deep, other):
        bench.wait_over(job_id)
        bench.make_old(job_id)
    nest(bench.root / deep, DEEP)
    words = ["prlimit", f"--nofile=64:{resource.getrlimit(resource.RLIMIT_NOFILE)[1]}"]
    assert bench.must("gc", "--dry-run", prefix=words)["candidate_count"] == 2
    assert bench.call("--json", prefix=words).exit_status == 0
    refused = bench.call("delete", deep, prefix=words)
    assert (refused.error_code, "(d)" in refused.message) == ("invalid_state", True)
    # What run removes besides is that job, and run answers with its id.
    made = str(bench.must("run", "--", "true", prefix=words)["job_id"])
    assert bench.wait_over(made) == ("exited", 0)
    assert bench.must("gc", prefix=words)["failed"] == 0
    assert sorted(bench.listed()) == [made]
    assert bench.litter() == []


@covers("left: directories without rights")
def test_their_owner_is_not_kept_out_by_his_own_modes(nobodys_bench: Bench) -> None:
    bench = nobodys_bench
    script = (
        'cd "$0"; for m in 000 100 400 500 600; do mkdir -p x$m/y/z; touch x$m/f x$m/y/f; '
        "chmod $m x$m/y/z x$m/y x$m; done"
    )
    job_id = bench.create("true")
    bench.must("start", job_id)
    bench.wait_over(job_id)
    bench.make_old(job_id)
    filler = bench.must("run", "--no-auto-gc", "--", "sh", "-c", script, str(bench.root / job_id))
    bench.wait_over(str(filler["job_id"]))
    report = bench.must("gc")
    assert (report["deleted"], report["failed"]) == (1, 0)
    assert bench.litter() == []
