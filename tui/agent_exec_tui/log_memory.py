"""How logs were left, for when they are shown again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

from agent_exec.model.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from agent_exec_tui.log_viewport import Mark

_KEPT: Final = 256
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log was left; ``left_at``: lines (if known) and bytes when following stopped."""

    generation: int
    top_start: int
    top_row: int
    follow: bool
    pan_cells: int
    floor: int
    left_at: tuple[int | None, int]
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for."""

    text: str = ""
    is_regex: bool = False
    only_matching: bool = False


class LogMemory:
    """Places by path, and what is searched for by key; the oldest are forgotten."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._wanted: OrderedDict[str, Wanted] = OrderedDict()

    def keep(self, path: str, place: Place | None, key: str, wanted: Wanted) -> None:
        """Remember how a log is left."""
        _put(self._wanted, key, wanted)
        if place is not None:
            _put(self._places, path, place)

    def recall(self, path: str | None, key: str) -> tuple[Place | None, Wanted]:
        """Return what is remembered."""
        return self._places.get(path or ""), self._wanted.get(key, Wanted())


def _put(kept: OrderedDict[str, _Value], key: str, value: _Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
