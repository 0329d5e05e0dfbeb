"""What several tests of the dashboard start from."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def two_hours_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock on the wall that is two hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EAST-2")
        time.tzset()
        yield
    time.tzset()
