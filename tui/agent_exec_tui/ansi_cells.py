"""A line as a terminal holds it, cell by cell: what was written over, and what is left of it.

Text covers as many cells as it has and no more, moving the cursor erases nothing, and of a wide
letter half covered the other half goes blank. There is no right margin: a log is as wide as it is.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.cells import get_character_cell_size

from agent_exec_tui.sgr import PLAIN, Sgr

if TYPE_CHECKING:
    from collections.abc import Iterator

TAB_CELLS: Final = 8
BASE: Final = "\u25cc"
"""Carries a combining character that has nothing before it."""

_BLANK: Final = " "
_REST_OF_WIDE: Final = ""
_MARGIN: Final = 256  # moves to the right end at this column, or where text ends if that is further
_WORK_PER_CELL: Final = 32
_LEAST_WORK: Final = 1 << 18
_SGR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_FEW_RETURNS: Final = 8


def cells_in(text: str) -> int:
    """Return how many cells *text* takes."""
    return len(text) if text.isascii() else sum(map(get_character_cell_size, text))


def uncovered(text: str) -> str:
    """Leave out of a progress display what a later one at least as long has written over.

    Colours stay, for what follows them; where the cursor moves otherwise, all does.
    """
    if text.count("\r") <= _FEW_RETURNS:
        return text
    bare = _SGR.sub("", text) if "\x1b" in text else text
    if not (bare.isascii() and bare.replace("\r", "").isprintable()):
        return text
    is_bare = bare is text
    kept: list[str] = []
    longest = -1
    for part, shown in zip(reversed(text.split("\r")), reversed(bare.split("\r")), strict=True):
        if len(shown) > longest:
            longest = len(shown)
            kept.append(part)
        elif not is_bare and part != shown:
            kept.append("".join(_SGR.findall(part)))
    kept.reverse()
    return "\r".join(kept)


class CellLine:
    """The line, and where the cursor stands. *size* characters are to come: they bound the work."""

    def __init__(self, size: int) -> None:
        self._chars: list[str] = []
        self._looks: list[Sgr] = []
        self._at = 0
        self._ink = self._peak = 0
        self._cleared: tuple[int, list[str], list[Sgr]] | None = None
        # What we wrote in place of controls takes no cell on a terminal: it hangs before one.
        self._marks: dict[int, tuple[int, list[str], Sgr]] = {}
        self._moves = 0
        self._work_left = _WORK_PER_CELL * size + _LEAST_WORK

    def put(self, text: str, look: Sgr) -> None:
        """Write *text* where the cursor stands."""
        if text.isascii() or all(get_character_cell_size(char) == 1 for char in set(text)):
            self._cover(list(text), look)
        else:
            self._cover(self._measured(text), look)

    def hang(self, text: str, look: Sgr) -> None:
        """Show a mark where the cursor stands; it covers nothing, and goes with what it hangs on."""
        marks = self._marks.get(self._at)
        if marks is None or marks[0] != self._moves:
            self._marks[self._at] = marks = (self._moves, [], look)
        marks[1].append(text)

    def back(self, cells: int) -> None:
        """Move left."""
        self.go(self._at - cells)

    def forward(self, cells: int) -> None:
        """Move right."""
        self.go(self._at + cells)

    def go(self, column: int) -> None:
        """Move to a column, from 0."""
        self._moves += 1
        if column == 0 and self._work_left < 0:
            self._chars, self._looks, self._marks, self._ink = [], [], {}, 0
        self._at = max(min(column, max(len(self._chars), _MARGIN, self._at)), 0)

    def tab(self, count: int) -> None:
        """Move to the next tab stop, or the one so many further."""
        self._moves += 1
        self._at = (self._at // TAB_CELLS + count) * TAB_CELLS

    def erase(self, which: int) -> None:
        """Erase to the right (0), to the left with the cursor's own cell (1), or all (2)."""
        if self._work_left < 0:
            return
        at, size = self._at, len(self._chars)
        if which == 1:
            self._at = 0
            self._cover([_BLANK] * min(at + 1, size), PLAIN)
        elif which == 2 or at < size:
            self._at = 0 if which == 2 else at
            self._cover([_BLANK] * (size - self._at), PLAIN)
            del self._chars[self._at :], self._looks[self._at :]
        self._at = at

    def erase_cells(self, count: int) -> None:
        """Erase so many cells from the cursor on."""
        at = self._at
        if self._work_left >= 0 and at < len(self._chars):
            self._cover([_BLANK] * min(count, len(self._chars) - at), PLAIN)
            self._at = at

    def runs(self) -> Iterator[tuple[str, Sgr]]:
        """Yield the line's text, a look at a time; of a line blanked at once, what it was before."""
        if not self._ink and self._cleared is not None:
            start, chars, looks = self._cleared
            yield _BLANK * start, PLAIN
        else:
            chars, looks = self._chars, self._looks
        marks = self._marks if chars is self._chars else {}
        begin = 0
        for stop in sorted({*marks, len(chars)}):
            for look, group in groupby(
                zip(looks[begin:stop], chars[begin:stop], strict=True), _look
            ):
                yield "".join(char for _, char in group), look
            begin = max(begin, min(stop, len(chars)))
            if stop in marks:
                yield "".join(marks[stop][1]), marks[stop][2]

    def _measured(self, text: str) -> list[str]:
        """Return *text* as cells: a wide letter has two, a combining one is its neighbour's."""
        cells: list[str] = []
        for char in text:
            size = get_character_cell_size(char)
            if size:
                cells.append(char)
                cells += [_REST_OF_WIDE] * (size - 1)
            elif cells:
                cells[-2 if cells[-1] == _REST_OF_WIDE else -1] += char
            elif 0 < self._at <= len(self._chars):
                wide = self._chars[self._at - 1] == _REST_OF_WIDE
                self._chars[self._at - 1 - wide] += char
            else:
                cells.append(BASE + char)
        return cells

    def _cover(self, cells: list[str], look: Sgr) -> None:
        begin, stop = self._at, self._at + len(cells)
        chars, looks = self._chars, self._looks
        self._work_left -= len(cells) + max(begin - len(chars), 0) // 4
        if begin > len(chars):
            looks += [PLAIN] * (begin - len(chars))
            chars += [_BLANK] * (begin - len(chars))
        first = begin - 1 if 0 < begin < len(chars) and chars[begin] == _REST_OF_WIDE else begin
        last = stop + 1 if stop < len(chars) and chars[stop] == _REST_OF_WIDE else stop
        lost, won = _ink(chars[first:last]), _ink(cells)
        if lost == self._ink and not won and (lost > 1 or (lost == 1 and self._peak == 1)):
            # A display that is wiped at its end says more than the blanks it was wiped with.
            self._cleared = first, chars[first:last], looks[first:last]
        self._ink += won - lost
        self._peak = max(self._peak, self._ink) if self._ink else 0
        if first < begin:
            chars[first] = _BLANK
        if last > stop:
            chars[stop] = _BLANK
        chars[begin:stop] = cells
        looks[begin:stop] = [look] * len(cells)
        self._at = stop
        if self._marks:
            self._drop_marks(begin, stop)

    def _drop_marks(self, begin: int, stop: int) -> None:
        hung = self._marks.get(begin)
        if hung is not None and hung[0] != self._moves:
            del self._marks[begin]
        for column in range(begin + 1, stop + 1):
            self._marks.pop(column, None)


def _look(cell: tuple[Sgr, str]) -> Sgr:
    return cell[0]


def _ink(cells: list[str]) -> int:
    return len(cells) - cells.count(_BLANK) - cells.count(_REST_OF_WIDE)
