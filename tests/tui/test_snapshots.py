"""Pictures of the dashboard where the picture is the promise.

Made anew with ``pytest tests/tui/test_snapshots.py --snapshot-update`` on the versions that
constraints.txt pins, and looked at before they are kept.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from agent_exec_tui.app import DashboardApp
from agent_exec_tui.screens.dialog import ConfirmDialog
from agent_exec_tui.screens.job_form import JobForm
from agent_exec_tui.settings import Settings
from support.dashboard import Root, app_of, frozen_clock, one_of_each, until

SnapCompare = Callable[..., bool]
PICTURED = Settings(shows_usage=False)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Root]:
    monkeypatch.setenv("HOME", str(tmp_path))  # the header then says ~/jobs wherever this runs
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("AGENT_EXEC_ROOT", str(tmp_path / "jobs"))
    monkeypatch.chdir(tmp_path)
    with Root(tmp_path / "jobs") as made:
        yield made


def shows_main(pilot: Pilot[str]) -> bool:
    return pilot.app.screen is app_of(pilot).main


def shows_question(pilot: Pilot[str]) -> bool:
    return isinstance(pilot.app.screen, ConfirmDialog) and pilot.app.focused is not None


def shows_form(pilot: Pilot[str]) -> bool:
    form = pilot.app.screen
    return (
        isinstance(form, JobForm)
        and form.focused is not None
        and "agent-exec-tui run" in str(form.query_one("#preview", Static).render())
    )


def pressing(
    *keys: str,
    cursor: str = "7f3a9c1e",
    until_it: Callable[[Pilot[str]], bool] = shows_main,
) -> Callable[[Pilot[str]], Awaitable[None]]:
    """Wait until all is on the screen, go to a job, press keys, wait for what they bring."""

    async def before(pilot: Pilot[str]) -> None:
        main = app_of(pilot).main
        await until(pilot, lambda: main.is_loaded)
        if main.jobs.rows:
            main.table.select(cursor.ljust(32, "0"))
            await until(pilot, lambda: main.selected.record is not None)
            await until(pilot, lambda: all(log.view.status.is_open for log in main.logs.values()))
        await pilot.press(*keys)
        await until(pilot, lambda: until_it(pilot))
        await pilot.pause(0.1)

    return before


def picture(root: Root, settings: Settings = PICTURED) -> DashboardApp:
    return DashboardApp(str(root.path), settings, clock=frozen_clock)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 36), (200, 50)], ids=str)
def test_every_width_has_its_layout(root: Root, snap_compare: Any, size: tuple[int, int]) -> None:
    one_of_each(root)
    assert snap_compare(picture(root), terminal_size=size, run_before=pressing())


def test_an_empty_root(root: Root, snap_compare: Any) -> None:
    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=pressing())


def test_no_colour_at_all(root: Root, snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    one_of_each(root)
    settings = Settings(theme="none", shows_usage=False)
    assert snap_compare(picture(root, settings), terminal_size=(80, 24), run_before=pressing())


def test_the_terminals_own_colours(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    settings = Settings(theme="terminal", shows_usage=False)
    assert snap_compare(picture(root, settings), terminal_size=(80, 24), run_before=pressing())


def test_ascii_only(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    settings = Settings(ascii=True, shows_usage=False)
    assert snap_compare(picture(root, settings), terminal_size=(80, 24), run_before=pressing())


def test_the_question_before_a_job_is_stopped(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    assert snap_compare(
        picture(root), terminal_size=(80, 24), run_before=pressing("x", until_it=shows_question)
    )


def test_the_form_says_what_it_will_do(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    keys = pressing("e", cursor="19aa5f20", until_it=shows_form)
    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=keys)


def test_an_unreadable_job_says_what_is_wrong_with_it(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    keys = pressing("i", cursor="4410aa9e")
    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=keys)
