"""A row of numbers as a small picture, in braille or ASCII; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_BRAILLE: Final = 0x2800
# Dots of the left and the right column from the lowest up, by how many are set.
_LEFT: Final = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT: Final = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_ASCII: Final = " .:-=+*#"


def sparkline(values: Sequence[float], *, top: float, is_ascii: bool = False) -> str:
    """Draw *values*, oldest first: two to a character, or one in ASCII.

    What is more than nothing shows at least one dot; *top* and more fill the height.
    """
    if is_ascii:
        return "".join(_ASCII[_level(value, top, len(_ASCII) - 1)] for value in values)
    levels = [_level(value, top, 4) for value in values]
    if len(levels) % 2:
        levels.insert(0, 0)
    return "".join(
        chr(_BRAILLE + _LEFT[left] + _RIGHT[right])
        for left, right in zip(levels[::2], levels[1::2], strict=True)
    )


def _level(value: float, top: float, most: int) -> int:
    if value < 0.5 or top <= 0:
        return 0
    return min(max(round(value / top * most), 1), most)
