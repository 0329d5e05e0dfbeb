"""SGR parameters (``CSI ... m``) as data: which colours and attributes a span has."""

from __future__ import annotations

import re
from functools import lru_cache, reduce
from typing import Final, NamedTuple

_MAX_ITEMS: Final = 64

Color = int | tuple[int, int, int]


class Sgr(NamedTuple):
    """Look of a span. A colour is 0..255 of the palette, or red, green and blue."""

    fg: Color | None = None
    bg: Color | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False
    mark: bool = False
    """Written by us in place of something that cannot be shown; not the job's own text."""


PLAIN: Final = Sgr()
MARK: Final = Sgr(mark=True)
_SETS: Final = re.compile(rb"\x1b\[([0-9;:]*)m")
_TAIL_BYTES: Final = 1024
_RESET: Final = re.compile("0*(;|$)")

_SWITCHES: Final[dict[int, dict[str, bool]]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    9: {"strike": True},
    21: {"underline": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    29: {"strike": False},
}


@lru_cache(maxsize=1024)
def apply_sgr(style: Sgr, params: str) -> Sgr:
    """Return *style* after ``CSI params m``; what is not on the allow-list changes nothing."""
    items = params.split(";")[:_MAX_ITEMS]
    position = 0
    while position < len(items):
        item = items[position]
        position += 1
        if ":" in item:
            style = _apply_colon(style, [_number(part) for part in item.split(":")[:8]])
            continue
        code = _number(item)
        if code in (38, 48, 58):
            color, used = _extended(items[position : position + 4])
            position += used
            style = _with_color(style, code, color)
        else:
            style = _apply_code(style, code)
    return style


def look_after(look: Sgr, data: bytes) -> Sgr:
    """Return the look that *data*, which begins with *look*, leaves behind."""
    sets, is_reset = last_sets(data)
    return reduce(apply_sgr, reversed(sets), PLAIN if is_reset else look)


def last_sets(data: bytes) -> tuple[list[str], bool]:
    """Return what colour sequences *data* leaves in force, the last first; whether one resets.

    Each sets what it sets whatever was before it, so of those that are the same only the last
    counts, and nothing before a reset does. Mostly that stands near the end.
    """
    # One byte is looked for at the speed of memory, two take as long as counting the lines does.
    if b"\x1b" not in data and b"\x9b" not in data:
        return [], False
    part = data[-_TAIL_BYTES:]
    while True:
        sets: list[str] = []
        for params in dict.fromkeys(reversed(_SETS.findall(_with_escapes(part)))):
            sets.append(params.decode())
            if _RESET.match(sets[-1]):
                return sets, True
        if len(part) == len(data):
            return sets, False
        part = data


def _with_escapes(data: bytes) -> bytes:
    # A pattern that begins one way is searched three times as quickly as one that has two.
    return data.replace(b"\xc2\x9b", b"\x1b[") if b"\x9b" in data else data


def _apply_code(style: Sgr, code: int) -> Sgr:
    if code == 0:
        return PLAIN
    if code in _SWITCHES:
        return style._replace(**_SWITCHES[code])
    if 30 <= code <= 37 or 90 <= code <= 97:
        return style._replace(fg=code - 30 if code < 90 else code - 82)
    if 40 <= code <= 47 or 100 <= code <= 107:
        return style._replace(bg=code - 40 if code < 100 else code - 92)
    if code == 39:
        return style._replace(fg=None)
    return style._replace(bg=None) if code == 49 else style


def _apply_colon(style: Sgr, parts: list[int]) -> Sgr:
    """Apply the colon form: ``4:3`` (curly), ``38:5:n``, ``38:2:r:g:b``, ``38:2:space:r:g:b``."""
    code = parts[0]
    if code == 4:
        return style._replace(underline=parts[1] != 0)
    color: Color | None = None
    if parts[1] == 5 and len(parts) >= 3 and parts[2] <= 255:
        color = parts[2]
    elif parts[1] == 2 and len(parts) >= 5:
        red, green, blue = parts[3:6] if len(parts) >= 6 else parts[2:5]
        color = (red, green, blue) if max(red, green, blue) <= 255 else None
    return _with_color(style, code, color)


def _extended(items: list[str]) -> tuple[Color | None, int]:
    """Read what follows 38 or 48; return the colour and how many items it took."""
    numbers = [_number(item) for item in items]
    if len(numbers) >= 2 and numbers[0] == 5:
        return (numbers[1] if numbers[1] <= 255 else None), 2
    if len(numbers) >= 4 and numbers[0] == 2:
        red, green, blue = numbers[1:4]
        return ((red, green, blue) if max(red, green, blue) <= 255 else None), 4
    return None, len(numbers)


def _with_color(style: Sgr, code: int, color: Color | None) -> Sgr:
    if color is None or code not in (38, 48):
        return style
    return style._replace(fg=color) if code == 38 else style._replace(bg=color)


def _number(text: str) -> int:
    # Longer ones are no code anyone means, and int() refuses thousands of digits.
    return int(text) if 0 < len(text) <= 4 else 0
