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
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from agent_exec_tui.app import DashboardApp
from agent_exec_tui.messages import OperationEnded
from agent_exec_tui.operations import Outcome
from agent_exec_tui.screens.clean import CleanDialog
from agent_exec_tui.screens.clean_news import StockRead
from agent_exec_tui.screens.compare import CompareDialog
from agent_exec_tui.screens.dialog import ConfirmDialog, TextDialog
from agent_exec_tui.screens.help import HelpDialog
from agent_exec_tui.screens.job_form import JobForm
from agent_exec_tui.screens.search_all import SearchAllDialog
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


@pytest.fixture
def default_root(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Root]:
    """A root that no command line has to name: the path of another changes from run to run."""
    monkeypatch.delenv("AGENT_EXEC_ROOT")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    path = tmp_path / ".local" / "share" / "agent-exec" / "jobs"
    path.parent.mkdir(parents=True)
    with Root(path) as made:
        yield made


def shows_comparison(pilot: Pilot[str]) -> bool:
    dialog = pilot.app.screen
    return (
        isinstance(dialog, CompareDialog)
        and sum(stream.compared is not None for stream in dialog._streams.values()) == 2
    )


def shows_hits(pilot: Pilot[str]) -> bool:
    dialog = pilot.app.screen
    if not isinstance(dialog, SearchAllDialog) or dialog.results is None:
        return False
    if dialog.results.took_s:
        dialog.results.took_s = 0.0  # how long it took is no promise of the picture
        dialog._draw()
    return dialog.results.is_over and "in 2 logs" in str(dialog.query_one("#told").render())


def shows_dry_run(pilot: Pilot[str]) -> bool:
    dialog = pilot.app.screen
    if not isinstance(dialog, CleanDialog) or not dialog._stock.candidates:
        return False
    if "dry run, 0.0 s" not in str(dialog.box.border_title):
        dialog.post_message(StockRead(dialog._stock, 0.0))
        return False
    button = dialog.query_one("#remove", Button)
    return dialog._typed is None and str(button.label) == "Remove 3"


def shows_help(pilot: Pilot[str]) -> bool:
    return isinstance(pilot.app.screen, HelpDialog) and "MOVE" in str(
        pilot.app.screen.query_one("#keys").render()
    )


def shows_commands(pilot: Pilot[str]) -> bool:
    palette = pilot.app.screen
    if not isinstance(palette, CommandPalette) or palette.query_one(Input).value != "start":
        return False
    gathering = [worker for worker in pilot.app.workers if worker.node is palette]
    commands = palette.query_one(CommandList)
    return all(worker.is_finished for worker in gathering) and commands.option_count > 0


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
        await until(pilot, lambda: main.reading.is_loaded)
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


def test_the_question_before_a_job_is_stopped(default_root: Root, snap_compare: Any) -> None:
    one_of_each(default_root)
    assert snap_compare(
        picture(default_root),
        terminal_size=(80, 24),
        run_before=pressing("x", until_it=shows_question),
    )


def test_the_form_says_what_it_will_do(default_root: Root, snap_compare: Any) -> None:
    one_of_each(default_root)
    keys = pressing("e", cursor="19aa5f20", until_it=shows_form)
    assert snap_compare(picture(default_root), terminal_size=(80, 24), run_before=keys)


def test_an_unreadable_job_says_what_is_wrong_with_it(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    keys = pressing("i", cursor="4410aa9e")
    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=keys)


@pytest.mark.parametrize("theme", ["textual-light", "terminal-light"])
def test_light_colours_are_readable(root: Root, snap_compare: Any, theme: str) -> None:
    one_of_each(root)
    settings = Settings(theme=theme, shows_usage=False)
    assert snap_compare(picture(root, settings), terminal_size=(80, 24), run_before=pressing())


@pytest.mark.parametrize("size", [(40, 12), (80, 24)], ids=str)
def test_two_jobs_beside_each_other(root: Root, snap_compare: Any, size: tuple[int, int]) -> None:
    root.add("a1", ("make", "-j4", "test"), stdout=b"cc a.c\nok\n", ran_s=4.2, tags=("ci",))
    root.add("b2", ("make", "-j8", "test"), exit_code=2, stdout=b"cc a.c\nfailed\n",
             created_ago_s=60, ran_s=2.1, tags=("ci",))  # fmt: skip
    keys = pressing("A", "equals_sign", cursor="a1", until_it=shows_comparison)
    assert snap_compare(picture(root), terminal_size=size, run_before=keys)


@pytest.mark.parametrize("size", [(40, 12), (80, 24)], ids=str)
def test_hits_in_the_logs_of_all_jobs(root: Root, snap_compare: Any, size: tuple[int, int]) -> None:
    one_of_each(root)
    keys = pressing("asterisk", *"ning|E0", "ctrl+r", "enter", until_it=shows_hits)
    assert snap_compare(picture(root), terminal_size=size, run_before=keys)


def test_what_a_cleaning_would_remove(default_root: Root, snap_compare: Any) -> None:
    one_of_each(default_root)
    keys = pressing("C", "tab", "1", until_it=shows_dry_run)
    assert snap_compare(picture(default_root), terminal_size=(80, 24), run_before=keys)


def test_the_help(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    keys = pressing("question_mark", until_it=shows_help)
    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=keys)


def test_the_command_palette(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    keys = pressing("colon", *"start", until_it=shows_commands)
    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=keys)


def test_what_became_of_each_of_several_jobs(root: Root, snap_compare: Any) -> None:
    one_of_each(root)
    before = pressing()

    async def told(pilot: Pilot[str]) -> None:
        await before(pilot)
        outcomes = (
            Outcome("7f3a9c1e".ljust(32, "0"), True, "killed by TERM"),
            Outcome("b81d0024".ljust(32, "0"), False, "job b81d0024 has changed since you were "
                    "asked, it is exited now; nothing was done"),
        )  # fmt: skip
        app_of(pilot).main.post_message(OperationEnded("stop", outcomes))
        await until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
        await pilot.pause(0.1)

    assert snap_compare(picture(root), terminal_size=(80, 24), run_before=told)
