"""A bench for each test: a root of its own, and everything it starts is ended afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.table import FIGURE, ROW
from faults.tools import NOBODY, python_for_nobody


@pytest.fixture(autouse=True)
def _tell_rows(request: pytest.FixtureRequest) -> None:
    for marker in request.node.iter_markers("row"):
        for name in marker.args:
            request.node.user_properties.append((ROW, name))


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say what was done or measured; it stands in the table at the end."""

    def note(text: str) -> None:
        request.node.user_properties.append((FIGURE, text))

    return note


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as made:
        yield made


@pytest.fixture
def nobodys_bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench that belongs to a user without privileges, who makes every call."""
    if os.geteuid() != 0:
        with Bench(tmp_path) as made:
            yield made
        return
    words = python_for_nobody()
    # Not in tmp_path, whose parents only this user may enter.
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as path:
        os.chown(path, NOBODY, NOBODY)
        with Bench(Path(path), command=[*words, "-m", "agent_exec_tui"]) as made:
            yield made
