"""The selected row keeps the colour of its job's state, and every text of it can be read."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from textual.color import Color as Textual

from agent_exec_tui.contrast import LEAST, contrast, readable
from agent_exec_tui.widgets.job_table import HEADER_LINES
from support.dashboard import Root, app_of, dashboard, frozen_clock, one_of_each

if TYPE_CHECKING:
    from pathlib import Path

    from rich.segment import Segment
    from textual.pilot import Pilot

THEMES = (
    "textual-dark", "textual-light", "nord", "catppuccin-latte",
    "solarized-dark", "solarized-light", "tokyo-night",
)  # fmt: skip


def rgb(color: Color | None) -> tuple[int, int, int]:
    assert color is not None
    assert color.triplet is not None
    return color.triplet.red, color.triplet.green, color.triplet.blue


def ratio(style: Style | None) -> float:
    assert style is not None
    return contrast(rgb(style.color), rgb(style.bgcolor))


def row_at(pilot: Pilot[str], position: int) -> list[Segment]:
    return list(app_of(pilot).main.table.render_line(HEADER_LINES + position))


def base_of(row: list[Segment]) -> Style:
    """The look of the row's first cells."""
    assert row[0].style is not None
    return row[0].style


def state_of(row: list[Segment]) -> Style:
    """The look of the state's sign, the first thing behind the marks."""
    style = next(part.style for part in row if part.text.strip(" >+*"))
    assert style is not None
    return style


def differ(one: Style, other: Style) -> float:
    """How far apart two hues are, of a whole circle."""
    hues = [Textual(*rgb(style.color)).hsl.h for style in (one, other)]
    apart = abs(hues[0] - hues[1])
    return min(apart, 1 - apart)


async def test_a_selected_or_marked_row_can_be_read_and_keeps_its_states_colour(
    tmp_path: Path,
) -> None:
    with Root(tmp_path / "root") as root:
        one_of_each(root)
        async with dashboard(root.path, clock=frozen_clock) as pilot:
            app = app_of(pilot)
            table = app.main.table
            last = len(table.jobs.shown) - 1
            table.marks = {table.jobs.shown[last - 1].job_id}
            for name, pane in product(THEMES, ("1", "2")):
                app.theme = name
                await pilot.press(pane)  # the list has the focus, or only its selection
                for position, job in enumerate(table.jobs.shown):
                    table.move_to(last if position != last else 0)
                    plain = row_at(pilot, position)
                    table.move_to(position)
                    selected = row_at(pilot, position)
                    where = f"{name}, {job.kind}: {selected}"
                    assert min(ratio(part.style) for part in (*plain, *selected)) >= LEAST, where
                    assert differ(state_of(plain), state_of(selected)) < 0.03, where
                    assert rgb(state_of(selected).color) != rgb(base_of(selected).color), where


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    for style in (Style.parse("white on black"), Style.parse("#ffee00 on #101010"), Style()):
        assert readable(style) is style


def test_a_colour_moves_only_as_far_as_its_background_asks() -> None:
    moved = readable(Style.parse("bold #803030 on #401010"))
    assert moved.bold
    assert LEAST <= ratio(moved) < LEAST + 1
    red, green, blue = rgb(moved.color)
    assert min(red - green, red - blue) > 20
