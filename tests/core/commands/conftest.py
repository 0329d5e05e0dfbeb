"""A root of its own for each test, and no process left behind."""

from __future__ import annotations

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
