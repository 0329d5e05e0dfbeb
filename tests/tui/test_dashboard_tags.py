"""Tags typed for one job and for several at once, on real records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from agent_exec_tui.screens.menu import PromptDialog
from agent_exec_tui.widgets.command_preview import CommandPreview
from support.dashboard import Root, app_of, dashboard, until

MINE = {"a1": ("a", "mine"), "b2": ("b", "a"), "c3": ("a", "b.c")}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    with Root(tmp_path / "root") as made:
        for number, (name, tags) in enumerate(MINE.items()):
            made.add(name, tags=tags, created_ago_s=600 + number)
        yield made


def stored(root: Root) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(json.loads((root.path / name.ljust(32, "0") / "meta.json").read_text())["tags"])
        for name in MINE
    }


async def prompt_for(pilot: Pilot[str], *keys: str) -> PromptDialog:
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, PromptDialog))
    prompt = pilot.app.screen
    assert isinstance(prompt, PromptDialog)
    return prompt


def toasts(pilot: Pilot[str]) -> list[str]:
    return [each.message for each in app_of(pilot)._notifications]


async def test_enter_on_the_untouched_line_of_several_jobs_changes_nothing(root: Root) -> None:
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        prompt = await prompt_for(pilot, "A", "t")
        assert prompt.query_one(Input).value == "a"
        assert "done to each" in str(prompt.query_one("#hint", Static).render())
        assert not prompt.query_one(CommandPreview).display
        assert not prompt.query_one("#copy", Button).display
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is main)
        assert "nothing was changed" in toasts(pilot)
        assert len(main.session.journal) == 0
    assert stored(root) == MINE


async def test_what_is_done_to_the_line_is_done_to_each_and_told_job_by_job(root: Root) -> None:
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        prompt = await prompt_for(pilot, "A", "t")
        prompt.query_one(Input).value = "b new"
        preview = prompt.query_one(CommandPreview)
        await until(pilot, lambda: preview.text.count("\n") == 2)
        words = [line.partition(" --root ")[0] for line in preview.text.splitlines()]
        assert words == [
            "agent-exec-tui tag set --tag mine --tag b --tag new",
            "agent-exec-tui tag set --tag b --tag new",
            "agent-exec-tui tag set --tag b.c --tag b --tag new",
        ]
        shown = preview.text
        await pilot.press("enter")
        await until(pilot, lambda: len(main.session.journal) == 3)
        script = main.session.journal.script()
        assert [line for line in script.splitlines() if " tag set " in line] == shown.splitlines()
    assert stored(root) == {
        "a1": ("mine", "b", "new"), "b2": ("b", "new"), "c3": ("b.c", "b", "new"),
    }  # fmt: skip


async def test_jobs_that_have_it_already_are_left_alone(root: Root) -> None:
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        await prompt_for(pilot, "A", "t")
        await pilot.press("space", "b", "enter")
        await until(pilot, lambda: len(main.session.journal) == 2)
    assert stored(root) == {"a1": ("a", "mine", "b"), "b2": ("b", "a"), "c3": ("a", "b.c", "b")}


async def test_the_tags_of_a_narrow_dialogs_command_line_are_in_sight(root: Root) -> None:
    async with dashboard(root.path, (80, 24)) as pilot:
        prompt = await prompt_for(pilot, "t")
        prompt.query_one(Input).value = "first.of-them second.of-them third.of-them"
        preview = prompt.query_one(CommandPreview)
        await until(pilot, lambda: preview.size.height > 1)
        shown = str(preview.render()).replace("\n", "")
        assert "--tag first.of-them --tag second.of-them --tag third.of-them" in shown
        assert preview.size.height <= 3
        assert "enter save  esc cancel" in str(prompt.box.border_subtitle)
