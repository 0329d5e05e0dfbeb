"""For terminals that show ASCII only: every other sign on the screen becomes one they have."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

_SIGNS = str.maketrans(
    {
        "–": "-", "—": "-", "…": "~", "·": "|", "•": "*", "↑": "^", "↓": "v", "←": "<", "→": ">",
        "×": "x", "●": "R", "○": "C", "✓": "K", "✗": "E", "⊘": "T", "−": "-", "␛": "^",
        "≠": "!", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": "<", "»": ">", "✔": "K",
        "✖": "x", "✘": "x", "⇒": ">", "▶": ">", "►": ">", "◀": "<", "❯": ">", "⚠": "!",
        "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "◌": "?",
        **dict.fromkeys("─━╌╍┄┅═╸╺▔▁▂▃", "-"), **dict.fromkeys("▀▄▅▆▇", "="),
        **dict.fromkeys("│┃║▏▎▍▌▋▊▉█▐▕", "|"), **dict.fromkeys("░▒▓", "#"),
        **dict.fromkeys("┌┏╭┐┓╮└┗╰┘┛╯├┤┬┴┼▖▗▘▙▚▛▜▝▞▟", "+"),
    }
)  # fmt: skip


class AsciiFilter(LineFilter):
    """Sees every line on its way to the terminal; widths stay as they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what is not ASCII."""
        return [
            segment
            if segment.text.isascii()
            else Segment(to_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def to_ascii(text: str) -> str:
    """Write *text* in ASCII, as wide as it was."""
    known = text.translate(_SIGNS)
    if known.isascii():
        return known
    return "".join(char if char.isascii() else _likeness(char) for char in known)


@lru_cache(maxsize=4096)
def _likeness(char: str) -> str:
    """A letter without its accents; of what has no likeness one "?", and a blank if it is wide."""
    cells = cell_len(char)
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if part.isascii())
    if bare and len(bare) == cells and bare.isprintable():
        return bare
    return f"{'?':<{cells}}" if cells else ""
