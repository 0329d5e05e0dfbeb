"""Which columns the job table has at a width, and how wide each is; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agent_exec_tui.arrangement import Sort
from agent_exec_tui.job_rows import ID_CHARS

if TYPE_CHECKING:
    from collections.abc import Mapping

GUTTER_CELLS = 3
COMMAND_MIN_CELLS = 20


class Field(StrEnum):
    """What a column shows, by its heading."""

    GLYPH = "S"
    STATE = "STATE"
    ID = "ID"
    STARTED = "STARTED"
    AGE = "AGE"
    ELAPSED = "ELAPSED"
    EXIT = "EXIT"
    CPU = "CPU"
    MEMORY = "MEM"
    SIZE = "SIZE"
    PID = "PID"
    TAGS = "TAGS"
    CWD = "CWD"
    COMMAND = "COMMAND"


# How settings name the columns that can be chosen; the glyph is always there.
FIELD_OF_WORD = {
    "memory" if field is Field.MEMORY else field.value.lower(): field
    for field in Field
    if field is not Field.GLYPH
}

SORT_OF_FIELD = {
    Field.GLYPH: Sort.STATE,
    Field.STATE: Sort.STATE,
    Field.ID: Sort.ID,
    Field.STARTED: Sort.STARTED,
    Field.AGE: Sort.NEWEST,
    Field.ELAPSED: Sort.ELAPSED,
    Field.EXIT: Sort.EXIT,
    Field.SIZE: Sort.OUTPUT,
    Field.TAGS: Sort.TAGS,
    Field.CWD: Sort.CWD,
    Field.COMMAND: Sort.COMMAND,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its width in cells, without the space after it."""

    field: Field
    cells: int
    is_right: bool = False


_WIDTHS = {
    Field.GLYPH: 1,
    Field.STATE: 8,
    Field.ID: ID_CHARS,
    Field.STARTED: 10,
    Field.AGE: 5,
    Field.ELAPSED: 7,
    Field.EXIT: 5,
    Field.CPU: 5,
    Field.MEMORY: 5,
    Field.SIZE: 5,
    Field.PID: 7,
    Field.TAGS: 12,
    Field.CWD: 20,
}
_RIGHT = frozenset({
    Field.STARTED, Field.AGE, Field.ELAPSED, Field.EXIT, Field.CPU, Field.MEMORY, Field.SIZE,
    Field.PID,
})  # fmt: skip


class WidthClass(StrEnum):
    """How much room the list has; settings name its columns by this word."""

    NARROW = "narrow"
    MEDIUM = "medium"
    WIDE = "wide"
    FULL = "full"

    @classmethod
    def of(cls, cells: int) -> WidthClass:
        """The class of a list so wide."""
        return next(name for least, name in _LEAST_CELLS if cells >= least)


_LEAST_CELLS = (
    (94, WidthClass.FULL),
    (82, WidthClass.WIDE),
    (62, WidthClass.MEDIUM),
    (0, WidthClass.NARROW),
)
_DEFAULTS = {
    WidthClass.FULL: (
        Field.STATE, Field.ID, Field.ELAPSED, Field.EXIT, Field.CPU, Field.MEMORY, Field.TAGS,
    ),
    WidthClass.WIDE: (Field.STATE, Field.ID, Field.ELAPSED, Field.EXIT, Field.TAGS),
    WidthClass.MEDIUM: (Field.STATE, Field.ID, Field.ELAPSED, Field.EXIT),
    WidthClass.NARROW: (Field.ID, Field.ELAPSED),
}  # fmt: skip
# What leaves first where the command would not keep its cells; id and elapsed time never do.
DROPPED_IN_ORDER = (
    Field.CPU, Field.MEMORY, Field.PID, Field.CWD, Field.SIZE, Field.AGE, Field.STARTED, Field.TAGS,
    Field.EXIT, Field.STATE,
)  # fmt: skip


def columns_for(
    cells: int, chosen: Mapping[WidthClass, tuple[Field, ...]] | None = None
) -> tuple[Column, ...]:
    """Choose the columns for a table *cells* wide; the command takes what is left.

    Args:
        cells: the width of the list inside its frame.
        chosen: the user's columns in their order; classes not named there keep ours.
    """
    width_class = WidthClass.of(cells)
    fields = list((chosen or {}).get(width_class, _DEFAULTS[width_class]))
    if Field.COMMAND not in fields:
        fields.append(Field.COMMAND)
    widths = dict(_WIDTHS)

    def command_cells() -> int:
        others = [Field.GLYPH, *(field for field in fields if field is not Field.COMMAND)]
        return cells - GUTTER_CELLS - sum(widths[field] + 1 for field in others)

    for field in DROPPED_IN_ORDER:
        if field in fields and command_cells() < COMMAND_MIN_CELLS:
            fields.remove(field)
    widths[Field.COMMAND] = max(command_cells(), 1)
    return tuple(Column(field, widths[field], field in _RIGHT) for field in (Field.GLYPH, *fields))


def field_at(x: int, columns: tuple[Column, ...]) -> Field | None:
    """The column under a horizontal position."""
    right = GUTTER_CELLS
    for column in columns:
        right += column.cells + 1
        if GUTTER_CELLS <= x < right:
            return column.field
    return None
