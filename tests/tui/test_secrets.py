"""Values of an environment leave the dashboard by no way that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.errors import AgentExecError
from agent_exec.store.jobs import JobStore
from agent_exec_tui.app import DashboardApp
from agent_exec_tui.layout import Part
from agent_exec_tui.screen_print import _text
from agent_exec_tui.screens.job_form import JobForm
from agent_exec_tui.screens.menu import MenuDialog, PromptDialog
from agent_exec_tui.state import save_state, state_of
from support.dashboard import Root, app_of, dashboard, until

MASKED, PLAIN = "m4sk3d", "pl41n"
WAYS = ("s", "i", "p", "c", "l", "o", "t")  # every choice of the menu that copies


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobStore]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = JobStore(tmp_path / "root")
    yield made
    for name in made.names():
        with suppress(AgentExecError):
            kill_job(made, name, signal="KILL")


async def screenshot(pilot: Pilot[str]) -> str:
    await pilot.pause()
    app = pilot.app
    assert isinstance(app, DashboardApp)
    return _text(app) + app.export_screenshot()


async def everything_that_leaves(pilot: Pilot[str], path: Path) -> dict[str, str]:
    """Copy, report, write and keep all there is of the job under the cursor."""
    main, left = app_of(pilot).main, {}
    for key in WAYS:
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, MenuDialog))
        await pilot.press(key)
        if pilot.app.screen is not main:
            await pilot.press("escape")  # nothing there
        left[f"copy {key}"] = pilot.app.clipboard
    await pilot.press("Y")
    left["report"] = pilot.app.clipboard
    main.panes.go(Part.STDOUT)
    await pilot.press("W")
    await until(pilot, lambda: isinstance(pilot.app.screen, PromptDialog))
    pilot.app.screen.query_one(Input).value = str(path / "log.txt")
    await pilot.press("enter")
    await until(pilot, (path / "log.txt").exists)
    left["log"] = (path / "log.txt").read_text()
    main.panes.go(Part.DETAIL)
    left["screenshot"] = await screenshot(pilot)
    left["journal"] = main.session.journal.script()
    save_state(str(path / "state.json"), state_of(main))
    left["state"] = (path / "state.json").read_text()
    return left


async def test_no_value_is_in_a_copy_a_report_the_journal_a_file_or_a_picture(
    store: JobStore, tmp_path: Path
) -> None:
    create_job(
        store,
        JobDefinition(
            command=("sh", "-c", "echo ran; sleep 60"),
            env=(f"TOKEN={MASKED}", f"PLAIN={PLAIN}"), mask=("TOKEN",),
        ),
    )  # fmt: skip
    async with dashboard(store.root, (160, 50)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.selected.record is not None)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
        form = await screenshot(pilot)
        assert "TOKEN=***" in form
        assert MASKED not in form
        pilot.app.screen.query_one("#tags", Input).value = "mine"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: main.row and main.row.tags == ("mine",), "the new job")
        view = main.logs[Part.STDOUT].view
        await until(pilot, lambda: view.status.lines == 1 and main.selected.record is not None)
        await pilot.press("R", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, PromptDialog), "the lost value")
        await pilot.press(*MASKED, "enter")
        await until(pilot, lambda: len(main.session.journal) == 2, "the restart")
        left = await everything_that_leaves(pilot, tmp_path)
    assert "ran" in left["log"]
    assert "TOKEN" in left["journal"]
    assert "mine" in left["state"]
    for way, text in left.items():
        assert text, way
        assert MASKED not in text, way
        assert PLAIN not in text, way


async def test_one_value_can_be_shown_and_the_others_stay_hidden(tmp_path: Path) -> None:
    with Root(tmp_path / "root") as root:
        root.add("1a", env=("SEED=first", f"PLAIN={PLAIN}", "TOKEN=***"), mask=("TOKEN",))
        async with dashboard(root.path, (160, 50)) as pilot:
            main = app_of(pilot).main
            await until(pilot, lambda: main.selected.record is not None)
            main.panes.go(Part.DETAIL)
            await pilot.press("full_stop")
            await until(pilot, lambda: isinstance(pilot.app.screen, MenuDialog))
            assert "TOKEN" not in str(pilot.app.screen.query_one("OptionList").render())
            await pilot.press("1")
            await until(pilot, lambda: "SEED=first" in main.detail.plain_text)
            assert "PLAIN=***" in main.detail.plain_text
            await pilot.press("full_stop")
            await until(pilot, lambda: "SEED=***" in main.detail.plain_text)
            await pilot.press("full_stop", "a")
            await until(pilot, lambda: f"PLAIN={PLAIN}" in main.detail.plain_text)
            assert "TOKEN=***" in main.detail.plain_text
