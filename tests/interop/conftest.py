"""Every test here runs the real agent-exec; without it they are skipped and say so."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.programs import OURS, Program, program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.peer)


def _program(name: str) -> Program:
    found = program(name)
    if found is None:
        pytest.skip(f"agent-exec {name} is not installed (tests/interop/install_peers.sh)")
    return found


@pytest.fixture
def ours() -> Program:
    return _program(OURS)


@pytest.fixture
def creator(request: pytest.FixtureRequest) -> Program:
    return _program(request.param)


@pytest.fixture
def starter(request: pytest.FixtureRequest) -> Program:
    return _program(request.param)


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Program:
    return _program(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A jobs root whose running jobs are ended afterwards, whoever started them."""
    path = tmp_path / "root"
    yield path
    for record in path.glob("*/state.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            state = json.loads(record.read_text())
            pid = state["pid"]
            # Only a process that leads its own group, as every job's child does.
            if state["job"]["status"] == "running" and pid > 1 and os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
