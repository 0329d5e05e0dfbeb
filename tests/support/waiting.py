"""Wait for a condition instead of sleeping for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_S = 0.01


def wait_until(condition: Callable[[], object], timeout_s: float = 5.0, what: str = "") -> None:
    """Return as soon as *condition* holds.

    Raises:
        AssertionError: it did not hold within *timeout_s* seconds.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or 'the condition'} did not come true in {timeout_s:g} s")
        time.sleep(PAUSE_S)
