"""The log panes within the dashboard: what their keys, the mouse and the palette do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent_exec_tui.layout import Part
from support.dashboard import Root, app_of, dashboard, until

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from agent_exec_tui.widgets.log_view import LogView


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def rows(view: LogView) -> list[str]:
    height = view.scrollable_content_region.height
    return [view.render_line(y).text.rstrip() for y in range(height)]


async def opened(pilot: Pilot[str], key: str = "2") -> LogView:
    """The log pane, with the focus, showing something."""
    main = app_of(pilot).main
    await until(pilot, lambda: main.selected.record is not None)
    await pilot.press(key)
    view = main.logs[main.panes.wish.stream].view
    await until(pilot, lambda: any(rows(view)))
    return view


async def test_a_bad_pattern_is_told_in_words_and_by_colour(root: Root) -> None:
    root.add("aa", stdout=b"one\ntwo\n")
    async with dashboard(root.path) as pilot:
        view = await opened(pilot)
        search = app_of(pilot).main.logs[Part.STDOUT].search
        await pilot.press("slash", "ctrl+r", *"one", "left_parenthesis")
        await until(pilot, lambda: search.has_class("-flawed"))
        assert "bad pattern: missing ): one(" in view.status.parts()
        assert view.status.hits == 1
        await pilot.press("backspace")
        await until(pilot, lambda: not search.has_class("-flawed"))


async def test_what_is_before_the_mark_is_hidden_by_the_palette_and_the_file_stays(
    root: Root,
) -> None:
    log = root.path / root.add("aa", stdout=b"before\n") / "stdout.log"
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        view = await opened(pilot)
        main.action_do("log.hide_before_mark")
        assert not view.status.hides_before_mark  # refused: there is no mark
        await pilot.press("m")
        with log.open("ab") as file:
            file.write(b"after\n")
        await until(pilot, lambda: "after" in rows(view))
        main.action_do("log.hide_before_mark")
        await until(pilot, lambda: "before" not in rows(view))
        assert "after" in rows(view)
        assert "from mark" in view.status.parts()
        main.action_do("log.hide_before_mark")
        await until(pilot, lambda: "before" in rows(view))
        assert "from mark" not in view.status.parts()
        assert log.read_bytes() == b"before\nafter\n"


async def test_what_is_dragged_over_is_copied_and_stays_within_its_pane(root: Root) -> None:
    root.add("aa", stdout=b"first line\nsecond line\n", stderr=b"not this\n")
    async with dashboard(root.path) as pilot:
        app, view = app_of(pilot), await opened(pilot)
        other = app.main.logs[Part.STDERR].view
        await pilot.mouse_down(view, offset=(6, 0))
        await pilot.hover(other, offset=(3, 1))
        await pilot.mouse_up(other, offset=(3, 1))
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard == "line\nsecond line"
        assert set(app.main.selections) == {view}
        told = [notice.message for notice in app._notifications]
        assert told == ["selection: 16 B copied by the terminal (OSC 52)"]
        await pilot.click(app.main.table, offset=(5, 2))
        assert not app.main.selections
        assert len(app._notifications) == 1
