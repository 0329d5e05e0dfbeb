"""Text that can be read on any background, in its own colour as far as that goes."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.color import Color
from rich.style import Style

LEAST: Final = 4.5
"""What the WCAG asks of text, of 1 to 21."""

_STEPS: Final = 20

Rgb = tuple[int, int, int]


@lru_cache(maxsize=512)
def readable(style: Style) -> Style:
    """Return *style*, its text moved towards white or black as far as its background asks for.

    Where either is the terminal's own nothing is known of it, and nothing changes.
    """
    text, ground = _rgb(style.color), _rgb(style.bgcolor)
    if text is None or ground is None:
        return style
    end = max(((0, 0, 0), (255, 255, 255)), key=lambda each: contrast(each, ground))
    for step in range(_STEPS + 1):
        moved = _between(text, end, step / _STEPS)
        if contrast(moved, ground) >= LEAST:
            break
    return style if moved == text else style + Style(color=Color.from_rgb(*moved))


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the WCAG's ratio, from 1 to 21."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _between(begin: Rgb, end: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(begin, end, strict=True))
    return red, green, blue


def _rgb(colour: Color | None) -> Rgb | None:
    triplet = colour.triplet if colour is not None else None
    return (triplet.red, triplet.green, triplet.blue) if triplet is not None else None
