"""Pairs of texts in two columns: wrapped, with what differs lit and in sight; pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, chop_cells

from agent_exec_tui.first_difference import alike_chars
from agent_exec_tui.formatting import ELLIPSIS, shorten_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_exec_tui.comparison import Verdict

GUTTER_CELLS: Final = 1
LABEL_CELLS: Final = 9
VERDICT_CELLS: Final = 2
BETWEEN_CELLS: Final = 2
LEAST_TAIL: Final = 3  # fewer letters at the end are the same by chance
MAX_LINES: Final = 4
"""A value takes no more lines than this; what differs stays in sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two values to be seen together.

    Attributes:
        key: what the row is, so that a cursor stays on it; "" takes no cursor.
        is_wide: there is one text only, over both columns.
        is_lit: light what differs within the texts.
    """

    key: str
    label: str
    verdict: Verdict
    left: str
    right: str = ""
    is_wide: bool = False
    is_lit: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of one value; characters ``[lit_start, lit_stop)`` differ from the other value."""

    text: str
    lit_start: int = 0
    lit_stop: int = 0


@dataclass(frozen=True, slots=True)
class Laid:
    """One line of the screen."""

    pair: int
    label: str
    verdict: Verdict | None
    left: Cell
    right: Cell | None


def column_cells(width: int) -> int:
    """How wide each of the two columns is."""
    used = GUTTER_CELLS + LABEL_CELLS + VERDICT_CELLS + BETWEEN_CELLS
    return max((width - used) // 2, 1)


def lay_out(pairs: list[Pair], width: int) -> list[Laid]:
    """Wrap all pairs into two columns of a box *width* cells wide."""
    cells = column_cells(width)
    laid: list[Laid] = []
    for index, pair in enumerate(pairs):
        if pair.is_wide:
            left = _wrap(pair.left, 2 * cells + BETWEEN_CELLS, 0, 0)
            right: list[Cell] = []
        else:
            left, right = _wrap_both(pair, cells)
        count = max(len(left), len(right))
        left += [Cell("")] * (count - len(left))
        right += [Cell("")] * (count - len(right))
        laid += [
            Laid(
                index,
                pair.label if line == 0 else "",
                pair.verdict if line == 0 else None,
                left[line],
                None if pair.is_wide else right[line],
            )
            for line in range(count)
        ]
    return laid


def _wrap_both(pair: Pair, cells: int) -> tuple[list[Cell], list[Cell]]:
    left, right = pair.left, pair.right
    if not pair.is_lit:
        return _wrap(left, cells, 0, 0), _wrap(right, cells, 0, 0)
    head = alike_chars(left, right)
    room = cells * MAX_LINES
    if head > room // 3 and max(len(left), len(right)) > room:
        # Alike for longer than can be shown: what differs matters more.
        skipped = head - room // 3
        left, right = ELLIPSIS + left[skipped:], ELLIPSIS + right[skipped:]
        head = alike_chars(left, right)
    tail = alike_chars(left[head:][::-1], right[head:][::-1])
    tail = tail if tail >= LEAST_TAIL else 0
    return (
        _wrap(left, cells, head, len(left) - tail),
        _wrap(right, cells, head, len(right) - tail),
    )


def _words(text: str, cells: int) -> Iterator[str]:
    """Cut into lines, after a blank where one is in the second half; every character is kept."""
    while text and cell_len(text) > cells:
        part = chop_cells(text[: 4 * cells], cells)[0]
        blank = part.rfind(" ") + 1
        if blank > len(part) // 2 and text[len(part)] != " ":
            part = part[:blank]
        yield part
        text = text[len(part) :]
    if text:
        yield text


def _wrap(text: str, cells: int, lit_start: int, lit_stop: int) -> list[Cell]:
    # A character two cells wide fits no column of one.
    parts = list(islice(_words(text, cells), MAX_LINES + 1)) if cells > 1 else [text[:1]]
    if len(parts) > MAX_LINES:  # words whole would push out of sight what differs
        parts = chop_cells(text, cells)
    if len(parts) > MAX_LINES:
        rest = parts[MAX_LINES - 1] + parts[MAX_LINES]
        parts = [*parts[: MAX_LINES - 1], shorten_end(rest, cells)]
    wrapped: list[Cell] = []
    position = 0
    for part in parts or [""]:
        start = min(max(lit_start - position, 0), len(part))
        stop = min(max(lit_stop - position, 0), len(part))
        wrapped.append(Cell(part, start, max(stop, start)))
        position += len(part)
    return wrapped
