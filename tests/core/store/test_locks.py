"""A lock let go of is free, whoever was forked while it was held."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.run import run_job
from agent_exec.commands.tag import set_tags
from agent_exec.commands.wait import wait_job
from agent_exec.process.spawn import NewSupervisor
from agent_exec.store.jobs import JobStore
from support.waiting import wait_until

if TYPE_CHECKING:
    from agent_exec.process.fd_passing import Descriptors


@contextmanager
def forked() -> Iterator[None]:
    """A process with a copy of every descriptor that is open now, as a pool's worker has them."""
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "root")


def test_a_job_can_be_changed_though_somebody_was_forked_in_a_change(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("true",))).job_id
    with store.open(job_id) as job:
        lock = job.locked()
        lock.__enter__()
        with forked():
            lock.__exit__(None, None, None)
            began_s = time.monotonic()
            set_tags(store, job_id, ["a"])
            assert time.monotonic() - began_s < 5


class ForkingLauncher:
    """Starts supervisors as usual; in the middle of it another thread forks."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self.forked = forked()

    def start(self, descriptors: Descriptors) -> bool:
        self.forked.__enter__()
        return NewSupervisor(self._shown).start(descriptors)

    def give_up(self, waited_s: float) -> None:
        raise AssertionError(f"no answer in {waited_s} s")


def test_a_supervisor_s_end_is_seen_though_somebody_was_forked_at_its_start(
    store: JobStore,
) -> None:
    launcher = ForkingLauncher(store.root)
    try:
        job_id = run_job(store, JobDefinition(command=("true",)), launcher=launcher).job_id
        wait_job(store, job_id)
        with store.open(job_id) as job:
            wait_until(lambda: not job.has_supervisor(), what="the supervisor's end")
    finally:
        launcher.forked.__exit__(None, None, None)
