"""A directory that takes no record for a while: the end of the job lands when it does again."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_exec.process.liveness import Verdict, assess
from support.jobs import Job, Workshop
from support.waiting import wait_until

pytestmark = pytest.mark.faults


def set_writable(path: Path, is_writable: bool) -> bool:
    """Change it so that it holds for root, too; False where that is not possible."""
    if os.geteuid() != 0:
        path.chmod(0o700 if is_writable else 0o500)
        return True
    flag = "-i" if is_writable else "+i"
    return subprocess.run(["chattr", flag, str(path)], check=False).returncode == 0


@pytest.fixture
def waiting_job(tmp_path: Path) -> Iterator[Job]:
    """A job that ends with 3 once something is written to ``go``."""
    os.mkfifo(tmp_path / "go")
    with Workshop(tmp_path / "root") as workshop:
        job = workshop.create(f"read x < {tmp_path}/go; exit 3")
        yield job.start()
        set_writable(job.path, True)


def test_the_end_is_recorded_once_the_directory_takes_it(waiting_job: Job, tmp_path: Path) -> None:
    job = waiting_job
    if not set_writable(job.path, False):
        pytest.skip("this file system has no immutable directories, and root minds no other")
    (tmp_path / "go").write_text("\n")
    end = time.monotonic() + 1.0
    wait_until(lambda: time.monotonic() > end)
    assert job.state.status == "running"
    assert assess(job.directory, job.state, job.supervision).verdict is Verdict.RUNNING
    set_writable(job.path, True)
    job.wait(timeout_s=25).wait_released()
    assert (job.state.status, job.state.result.exit_code) == ("exited", 3)
    assert "could not be written at once" in str(job.supervision.reason)
