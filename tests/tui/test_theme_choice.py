"""Colours chosen in the dashboard are in force, or said to be from the next start on, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from agent_exec_tui.screens.menu import MenuDialog
from agent_exec_tui.settings import Settings
from agent_exec_tui.state import KeptState, state_of
from support.dashboard import app_of, dashboard, until


async def choose(pilot: Pilot[str], name: str) -> None:
    """Pick a theme from the menu that the palette opens."""
    app = app_of(pilot)
    app.main.action_do("app.theme")
    await until(pilot, lambda: isinstance(app.screen, MenuDialog))
    options = app.screen.query_one(OptionList)
    options.highlighted = options.get_option_index(name)
    await pilot.press("enter")
    await until(pilot, lambda: app.screen is app.main)


def told(pilot: Pilot[str]) -> list[str]:
    return [notification.message for notification in pilot.app._notifications]


async def test_a_theme_is_in_force_at_once_and_kept(tmp_path: Path) -> None:
    async with dashboard(tmp_path / "root", (80, 24)) as pilot:
        main = app_of(pilot).main
        assert state_of(main).theme == ""
        await choose(pilot, "nord")
        assert pilot.app.theme == "nord"
        assert state_of(main).theme == "nord"
        assert not told(pilot)
        main.restore(KeptState(theme="dracula"))
        assert state_of(main).theme == "dracula"


@pytest.mark.parametrize(("now", "later"), [("textual-dark", "terminal"), ("none", "nord")])
async def test_what_cannot_be_changed_while_it_runs_is_kept_for_the_next_start(
    tmp_path: Path, now: str, later: str
) -> None:
    async with dashboard(tmp_path / "root", settings=Settings(theme=now)) as pilot:
        before = pilot.app.theme
        await choose(pilot, later)
        assert pilot.app.theme == before
        assert state_of(app_of(pilot).main).theme == later
        assert told(pilot) == [f"{later}: from the next start on"]


async def test_who_stands_over_the_choice_is_named(tmp_path: Path) -> None:
    settings = Settings(theme="nord", theme_from="/etc/tui.toml")
    async with dashboard(tmp_path / "root", settings=settings) as pilot:
        await choose(pilot, "dracula")
        assert pilot.app.theme == "dracula"
        assert told(pilot) == [
            "dracula: until you leave; /etc/tui.toml chooses nord at every start"
        ]
