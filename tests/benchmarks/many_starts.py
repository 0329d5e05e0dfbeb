"""Many jobs started one after another through the library, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from agent_exec import NO_WAIT, JobDefinition, JobStore, PrewarmedLauncher, run_job, wait_job
from support.programs import environment

END_LIMIT_S = 60


def begin_many(root: Path, count: int) -> subprocess.Popen[bytes]:
    """Start *count* jobs ``true`` in the background; ``finish_many`` waits for them."""
    paths = environment()["PYTHONPATH"] + f":{Path(__file__).parents[1]}"
    return subprocess.Popen(
        [sys.executable, __file__, str(root), str(count)],
        stdout=subprocess.PIPE,
        env=environment({"PYTHONPATH": paths}),
    )


def finish_many(starter: subprocess.Popen[bytes]) -> float:
    """Seconds from the first start to the last end; every job has ended as it should."""
    answered, _ = starter.communicate(timeout=600)
    assert starter.returncode == 0, answered
    elapsed_s, lost = json.loads(answered)
    assert not lost, f"lost: {lost}"
    return float(elapsed_s)


def start_many(root: Path, count: int) -> float:
    """Start *count* jobs ``true`` and wait for all; how many seconds it took."""
    return finish_many(begin_many(root, count))


def main() -> None:
    store, count = JobStore(sys.argv[1]), int(sys.argv[2])
    true = JobDefinition(command=("true",))
    begin_s = time.perf_counter()
    with PrewarmedLauncher() as launcher:
        job_ids = [
            run_job(store, true, observation=NO_WAIT, launcher=launcher).job_id
            for _ in range(count)
        ]
        ends = [wait_job(store, job_id, until_s=END_LIMIT_S) for job_id in job_ids]
    elapsed_s = time.perf_counter() - begin_s
    print(json.dumps([elapsed_s, [end.job_id for end in ends if end.exit_code != 0]]))


if __name__ == "__main__":
    main()
