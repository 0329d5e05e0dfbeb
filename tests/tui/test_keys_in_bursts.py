"""Keys that come faster than the dashboard moves: each does what it would do by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot

from agent_exec_tui.arrangement import Sort
from agent_exec_tui.layout import Part
from agent_exec_tui.settings import Settings
from support.dashboard import Root, app_of, dashboard, one_of_each, until


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def type_at_once(pilot: Pilot[str], *keys: str) -> None:
    """Have all of them arrive before the first is looked at."""
    for key in keys:
        pilot.app.post_message(Key(key, key if len(key) == 1 else None))


async def test_what_is_typed_reaches_the_line_it_was_meant_for(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            type_at_once(pilot, "slash", *"make", "enter")
            await until(pilot, lambda: main.viewing.text == "make")
            await until(pilot, lambda: not main.filter_input.display)
            assert len(main.jobs) == 1


@pytest.mark.parametrize(
    ("keys", "part"),
    [(("z", "tab", "1"), Part.JOBS), (("4", "2", "escape", "z", "]"), Part.JOBS),
     (("3", "escape", "2", "m", "enter", "3"), Part.STDERR)],
)  # fmt: skip
async def test_the_last_pane_asked_for_has_the_focus(
    root: Root, keys: tuple[str, ...], part: Part
) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path, (60, 20)) as pilot:
            main = app_of(pilot).main
            type_at_once(pilot, *keys)
            await until(pilot, lambda: main.focused is main.panes.widget_of(part))
            await pilot.pause()
            assert main.panes.wish.current is part
            assert main.focused is main.panes.widget_of(part)


@pytest.mark.parametrize("leave", ["enter", "tab"])
async def test_a_line_gets_no_key_that_was_typed_after_it_was_left(root: Root, leave: str) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path, (80, 24)) as pilot:
            main = app_of(pilot).main
            type_at_once(pilot, "slash", *"pytest", leave, "2", "slash", *"unit", "enter", "1", "j")
            log = main.logs[Part.STDOUT]
            await until(pilot, lambda: main.focused is main.table, "the focus in the list")
            assert main.viewing.text == "pytest"
            assert log.view.status.pattern == "unit"
            assert not log.search.display


async def test_keys_go_to_the_dialog_that_a_key_before_them_opened(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path, (80, 24)) as pilot:
            main = app_of(pilot).main
            type_at_once(pilot, "o", "x", "slash", *"make", "enter")
            await until(pilot, lambda: main.viewing.text == "make")
            assert main.viewing.view.sort is Sort.EXIT


async def test_a_key_that_moves_in_the_logs_only_may_open_a_line_in_the_list(root: Root) -> None:
    with root:
        one_of_each(root)
        settings = Settings(keys={"list.filter": ("b",)})
        async with dashboard(root.path, settings=settings) as pilot:
            main = app_of(pilot).main
            type_at_once(pilot, "b", *"make", "enter")
            await until(pilot, lambda: main.viewing.text == "make")
            await until(pilot, lambda: main.focused is main.table, "the focus in the list")


async def test_a_key_that_takes_its_line_away_holds_nothing_up(root: Root) -> None:
    root.add("11")
    async with dashboard(root.path, (80, 24)) as pilot:
        main = app_of(pilot).main
        for _ in range(3):
            type_at_once(pilot, "colon", *"zoom", "escape", "question_mark", "escape", "z")
            await until(pilot, lambda: main.app.screen is main and main.panes.wish.is_zoomed)
            type_at_once(pilot, "z")
            await until(pilot, lambda: not main.panes.wish.is_zoomed)
