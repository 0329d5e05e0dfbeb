from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.jobs import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    with Workshop(tmp_path / "root") as workshop:
        yield workshop
