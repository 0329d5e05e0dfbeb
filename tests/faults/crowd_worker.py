"""Starts a crowd of jobs, and kills it when told to.

python -m faults.crowd_worker ROOT COUNT: prints the ids once all run; at a line of input it kills
all of them, and prints how many.
"""

from __future__ import annotations

import json
import sys

from agent_exec import NO_WAIT, JobDefinition, JobStore, PrewarmedLauncher, kill_job, run_job


def _tell(answer: object) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


def main() -> None:
    store, count = JobStore(sys.argv[1]), int(sys.argv[2])
    command = JobDefinition(command=("sleep", "600"), shell_wrapper=("sh", "-c"))
    with PrewarmedLauncher() as launcher:
        ids = [
            run_job(store, command, observation=NO_WAIT, launcher=launcher).job_id
            for _ in range(count)
        ]
    _tell(ids)
    sys.stdin.readline()
    for job_id in ids:
        kill_job(store, job_id)
    _tell(len(ids))


if __name__ == "__main__":
    main()
