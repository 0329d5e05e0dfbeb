"""Which columns the job table has at a width, and how wide each is; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent_exec_tui.arrangement import Sort
from agent_exec_tui.job_rows import ID_CHARS

GUTTER_CELLS = 3
COMMAND_MIN_CELLS = 20
NARROW_ID_CHARS = 7  # as many as people need to name a job on the command line


class Field(StrEnum):
    """What a column shows."""

    GLYPH = "S"
    STATE = "STATE"
    ID = "ID"
    ELAPSED = "ELAPSED"
    EXIT = "EXIT"
    CPU = "CPU"
    MEMORY = "MEM"
    TAGS = "TAGS"
    COMMAND = "COMMAND"


SORT_OF_FIELD = {
    Field.GLYPH: Sort.STATE,
    Field.STATE: Sort.STATE,
    Field.ID: Sort.ID,
    Field.ELAPSED: Sort.ELAPSED,
    Field.EXIT: Sort.EXIT,
    Field.TAGS: Sort.TAGS,
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
    Field.ELAPSED: 7,
    Field.EXIT: 5,
    Field.CPU: 5,
    Field.MEMORY: 5,
    Field.TAGS: 12,
}
_RIGHT = frozenset({Field.ELAPSED, Field.EXIT, Field.CPU, Field.MEMORY})

# From roomy to tight: what each width class has. CPU and memory go first, then tags, then exit.
_CLASSES: tuple[tuple[int, tuple[Field, ...]], ...] = (
    (94, (Field.STATE, Field.ID, Field.ELAPSED, Field.EXIT, Field.CPU, Field.MEMORY, Field.TAGS)),
    (82, (Field.STATE, Field.ID, Field.ELAPSED, Field.EXIT, Field.TAGS)),
    (62, (Field.STATE, Field.ID, Field.ELAPSED, Field.EXIT)),
    (0, (Field.ID, Field.ELAPSED)),
)


def columns_for(cells: int) -> tuple[Column, ...]:
    """Choose the columns for a table *cells* wide; the command takes what is left."""
    fields = next(fields for least, fields in _CLASSES if cells >= least)
    columns = [Column(Field.GLYPH, 1)]
    for field in fields:
        width = NARROW_ID_CHARS if field is Field.ID and len(fields) == 2 else _WIDTHS[field]
        columns.append(Column(field, width, field in _RIGHT))
    used = GUTTER_CELLS + sum(column.cells + 1 for column in columns)
    columns.append(Column(Field.COMMAND, max(cells - used, 1)))
    return tuple(columns)


def field_at(x: int, columns: tuple[Column, ...]) -> Field | None:
    """The column under a horizontal position."""
    right = GUTTER_CELLS
    for column in columns:
        right += column.cells + 1
        if GUTTER_CELLS <= x < right:
            return column.field
    return None
