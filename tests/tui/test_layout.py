from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from agent_exec_tui.hints import fit_hints
from agent_exec_tui.layout import PANES, Mode, Part, Wish, mode_of, parts_for
from agent_exec_tui.widgets.job_columns import (
    COMMAND_MIN_CELLS,
    DROPPED_IN_ORDER,
    FIELD_OF_WORD,
    GUTTER_CELLS,
    Field,
    WidthClass,
    columns_for,
    field_at,
)

WISHES = st.builds(
    Wish,
    current=st.sampled_from(PANES),
    stream=st.sampled_from([Part.STDOUT, Part.STDERR]),
    is_zoomed=st.booleans(),
    detail=st.sampled_from([None, True, False]),
)


@given(st.integers(40, 250), st.integers(10, 80), WISHES)
def test_the_focused_pane_is_always_on_the_screen(width: int, height: int, wish: Wish) -> None:
    assert wish.current in parts_for(width, height, wish)


@pytest.mark.parametrize(
    ("size", "mode"),
    [((39, 20), Mode.TINY), ((40, 9), Mode.TINY), ((40, 10), Mode.SINGLE), ((79, 50), Mode.SINGLE),
     ((80, 24), Mode.STACKED), ((120, 36), Mode.SPLIT), ((160, 50), Mode.WIDE)],
)  # fmt: skip
def test_the_width_alone_chooses_the_arrangement(size: tuple[int, int], mode: Mode) -> None:
    assert mode_of(*size) is mode


@given(st.integers(36, 250))
def test_columns_fill_the_width_exactly(cells: int) -> None:
    columns = columns_for(cells)
    assert GUTTER_CELLS + sum(column.cells + 1 for column in columns) == cells + 1
    assert columns[-1].field is Field.COMMAND


@given(st.integers(42, 250))
def test_the_command_always_keeps_its_cells(cells: int) -> None:
    assert columns_for(cells)[-1].cells >= COMMAND_MIN_CELLS


def test_columns_go_in_the_order_of_their_worth() -> None:
    shown = [{column.field for column in columns_for(cells)} for cells in (120, 85, 70, 40)]
    assert Field.CPU in shown[0]
    assert Field.CPU not in shown[1]
    assert Field.TAGS in shown[1]
    assert Field.TAGS not in shown[2]
    assert Field.EXIT in shown[2]
    assert Field.EXIT not in shown[3]


CHOICES = st.lists(st.sampled_from(sorted(FIELD_OF_WORD.values())), unique=True).map(tuple)


@given(st.integers(42, 250), CHOICES)
def test_chosen_columns_keep_their_order_and_leave_the_command_its_cells(
    cells: int, chosen: tuple[Field, ...]
) -> None:
    columns = columns_for(cells, dict.fromkeys(WidthClass, chosen))
    fields = [column.field for column in columns]
    assert GUTTER_CELLS + sum(column.cells + 1 for column in columns) == cells + 1
    assert fields[0] is Field.GLYPH
    wanted = chosen if Field.COMMAND in chosen else (*chosen, Field.COMMAND)
    assert fields[1:] == [field for field in wanted if field in fields]
    assert columns[fields.index(Field.COMMAND)].cells >= COMMAND_MIN_CELLS
    gone = [field in fields for field in DROPPED_IN_ORDER if field in chosen]
    assert gone == sorted(gone)  # those that left come first in the order of leaving
    assert {field_at(x, columns) for x in range(GUTTER_CELLS, cells)} == set(fields)


def test_only_the_width_classes_that_were_given_columns_have_others() -> None:
    chosen = {WidthClass.MEDIUM: (Field.COMMAND, Field.AGE)}
    assert [column.field for column in columns_for(70, chosen)] == [
        Field.GLYPH,
        Field.COMMAND,
        Field.AGE,
    ]
    for cells in (40, 90, 150):
        assert columns_for(cells, chosen) == columns_for(cells)


@given(
    st.lists(st.tuples(st.text("ab", min_size=1, max_size=3), st.text("xyz", max_size=9))),
    st.integers(8, 100),
)
def test_hints_are_whole_and_help_is_last(hints: list[tuple[str, str]], width: int) -> None:
    fitted = fit_hints([*hints, ("?", "help")], width)
    assert fitted[-1] == ("?", "help")
    assert all(hint in [*hints, ("?", "help")] for hint in fitted)
    line = "  ".join(f"{key} {label}" for key, label in fitted)
    assert cell_len(line) <= width
