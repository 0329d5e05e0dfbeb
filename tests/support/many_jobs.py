"""Fill a root with any number of finished jobs, as the programs leave them.

python tests/support/many_jobs.py ROOT COUNT [CWD]
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime, timedelta

from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from agent_exec.model.records import dump_record
from agent_exec.model.wire import encode_meta, encode_state

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
COMMANDS = (("sh", "-c", "echo hello; sleep 1"), ("pytest", "-q", "--maxfail=1", "tests/unit"))


def make_finished_jobs(root: str, count: int, *, cwd: str = "/srv/project", seed: int = 1) -> None:
    """Write *count* finished jobs, started one second after the other, ids at random."""
    chance = random.Random(seed)
    os.makedirs(root, exist_ok=True)
    for number in range(count):
        moment = (FIRST + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        job_id = f"{chance.getrandbits(128):032x}"
        write_job(
            root,
            JobMeta(
                job=JobRef(job_id),
                schema_version="0.1",
                command=COMMANDS[number % len(COMMANDS)],
                created_at=moment,
                root=root,
                env_keys=(),
                cwd=cwd,
                tags=(f"batch.n{number % 10}",),
                shell_wrapper=("sh", "-lc"),
            ),
            JobState(
                job=StateJob(id=job_id, status=JobStatus.EXITED, started_at=moment),
                result=JobResult(exit_code=number % 3, duration_ms=number),
                pid=2**22 + number,
                finished_at=moment,
                updated_at=moment,
            ),
            stdout=b"hello\n",
        )


def write_job(
    root: str, meta: JobMeta | None, state: JobState | None, *, stdout: bytes = b""
) -> str:
    """Write one job directory with what is given of it; returns its path."""
    job_id = meta.id if meta else state.job.id if state else "empty"
    path = os.path.join(root, job_id)
    os.mkdir(path)
    contents = {"stdout.log": stdout, "stderr.log": b"", "full.log": b"", "supervisor.ack": b""}
    if meta:
        contents["meta.json"] = dump_record(encode_meta(meta))
    if state:
        contents["state.json"] = dump_record(encode_state(state))
    for name, data in contents.items():
        fd = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, data)
        os.close(fd)
    return path


if __name__ == "__main__":
    make_finished_jobs(sys.argv[1], int(sys.argv[2]), cwd=(sys.argv[3:] or ["/srv/project"])[0])
