"""What a question says of marked jobs that differ: all of them are accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from agent_exec.model.job import JobStatus
from agent_exec.store.removal import size_of_job
from agent_exec_tui import formatting
from agent_exec_tui.screens.dialog import ConfirmDialog
from agent_exec_tui.settings import Settings
from agent_exec_tui.widgets.command_preview import CommandPreview
from support.dashboard import Root, app_of, dashboard, frozen_clock, until


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    with Root(tmp_path / "root") as made:
        made.running("aa", ("sleep", "60"), created_ago_s=10)
        made.add("bb", ("echo", "x"), created_ago_s=20)
        made.add("cc", ("echo", "a b"), created_ago_s=30, env=("TOKEN=s3cret",))
        made.add("dd", status=JobStatus.CREATED, created_ago_s=40)
        made.broken("ee")
        yield made


async def asked(pilot: Pilot[str], *keys: str) -> tuple[str, str]:
    """Press keys, and read the question and what stands below it."""
    main = app_of(pilot).main
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog), f"what {keys} ask")
    dialog = pilot.app.screen
    assert isinstance(dialog, ConfirmDialog)
    await pilot.pause()
    notes = str(dialog.query_one(".note", Static).render()) if dialog.query(".note") else ""
    assert str(dialog.query_one(CommandPreview).render()).startswith("= agent-exec-tui ")
    assert "copy command" in str(dialog.box.border_subtitle)
    question = str(dialog.box.border_title)
    await pilot.press("n")
    await until(pilot, lambda: pilot.app.screen is main)
    return question, notes


async def test_every_question_shows_its_command_line_and_says_who_is_left_out_and_why(
    root: Root,
) -> None:
    async with dashboard(root.path, clock=frozen_clock) as pilot:
        await pilot.press("A")
        question, note = await asked(pilot, "d")
        assert question == "Delete 4 of 5 jobs?"
        assert note.startswith("Left out: 1 runs.\n")
        assert "U brings them back" in note
        question, note = await asked(pilot, "x")
        assert question == "Stop 1 of 5 jobs?"
        assert "Left out: 2 have ended, 1 was never started, 1 cannot be read." in note
        question, note = await asked(pilot, "R")
        assert question == "Restart 3 of 5 jobs in place?"
        assert "Left out: 1 was never started, 1 cannot be read.\nTheir logs" in note
        question, note = await asked(pilot, "r")
        assert (question, note) == ("Run 4 of 5 jobs again?", "Left out: 1 cannot be read.")


async def test_a_question_about_one_job_leaves_nobody_out(root: Root) -> None:
    async with dashboard(root.path, clock=frozen_clock) as pilot:
        app_of(pilot).main.table.select("bb".ljust(32, "0"))
        question, note = await asked(pilot, "d")
        assert question == "Delete job?"
        assert "Left out" not in note
        assert "U brings it back" in note


async def test_what_a_removal_frees_is_one_figure_and_says_what_it_is(root: Root) -> None:
    async with dashboard(root.path, clock=frozen_clock) as pilot:
        main = app_of(pilot).main
        row = main.jobs.rows["bb".ljust(32, "0")]
        frees = formatting.size(size_of_job(main.store, row.job_id))
        assert frees != formatting.size(row.log_bytes)
        main.table.select(row.job_id)
        _, note = await asked(pilot, "d")
        assert f"Frees {frees}: logs and records." in note
        delete = main.session.delete(main.store.root)
        assert delete(main.store, row).text == f"deleted, {frees}"


async def test_running_several_again_shows_and_copies_what_makes_each(root: Root) -> None:
    async with dashboard(root.path, clock=frozen_clock) as pilot:
        await pilot.press("A", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("c")
        lines = pilot.app.clipboard.splitlines()
        assert len(lines) == 4
        assert all("agent-exec-tui run --no-wait " in line for line in lines)
        assert lines[2].endswith("-- echo 'a b'")
        assert "s3cret" not in pilot.app.clipboard


async def test_where_nothing_is_asked_a_toast_says_who_is_left_out(root: Root) -> None:
    settings = Settings(asks_to_stop=False)
    async with dashboard(root.path, settings=settings, clock=frozen_clock) as pilot:
        await pilot.press("A", "s")
        told = [each.message for each in app_of(pilot)._notifications]
        assert "start: Left out: 1 runs, 2 have ended, 1 cannot be read." in told
