"""A bench for each test: a root of its own, and everything it starts is ended afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.table import FIGURE, ROW


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
