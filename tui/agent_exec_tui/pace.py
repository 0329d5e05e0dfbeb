"""When what was read is shown: at once while little happens, in even steps in a rush; pure."""

from __future__ import annotations

from collections import deque

AT_ONCE = 4
"""So many pictures a second are shown without delay."""
RUSH_S = 0.25
COVERED_S = 1.0
"""Behind a dialog: each picture of the list is one of the whole screen then."""


class Pace:
    """Spreads the pictures of many news, so that keys have their time between them."""

    def __init__(self) -> None:
        self._shown_s: deque[float] = deque(maxlen=AT_ONCE)

    def wait_s(self, now_s: float, *, is_covered: bool) -> float:
        """How long what came at *now_s* is to wait; 0 is not at all."""
        if not self._shown_s:
            return 0.0
        if is_covered:
            return max(self._shown_s[-1] + COVERED_S - now_s, 0.0)
        is_rush = len(self._shown_s) == AT_ONCE and now_s - self._shown_s[0] < 1.0
        return max(self._shown_s[-1] + RUSH_S - now_s, 0.0) if is_rush else 0.0

    def shown(self, now_s: float) -> None:
        """Note that a picture was drawn."""
        self._shown_s.append(now_s)
