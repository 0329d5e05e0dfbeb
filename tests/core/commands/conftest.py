"""A root of its own for each test, and no process left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_exec.store.jobs import JobStore
from support.launching import end_all


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "root")
    yield store
    end_all(store)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A living process in a group of its own that is no job's."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def gone_pid() -> int:
    """A pid that was somebody's and is nobody's now."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid
