"""Every action of the table, tried in one run of the real application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from agent_exec.model.job import JobStatus
from agent_exec_tui import keymap
from agent_exec_tui.actions import ACTIONS, DIALOG, Action
from agent_exec_tui.help_pages import pane_page
from agent_exec_tui.layout import Part
from agent_exec_tui.palette import ActionProvider
from agent_exec_tui.screens.help import HelpDialog
from agent_exec_tui.situation import ALL_PANES, Pane, Situation
from support.dashboard import Root, app_of, dashboard, type_keys, until

pytestmark = pytest.mark.xdist_group("actions")  # one run of the application serves them all

OF_PANES = [action for action in ACTIONS if action.panes != DIALOG]
PARTS = {Pane.JOBS: Part.JOBS, Pane.LOG: Part.STDOUT, Pane.DETAIL: Part.DETAIL}


@dataclass
class Seen:
    """What one run showed: by action id, the panes where its key did it, and where it is named."""

    done: dict[str, set[Pane]] = field(default_factory=dict)
    palette: dict[str, str] = field(default_factory=dict)
    help: str = ""

    def note(self, action: Action, pane: Pane) -> None:
        """An action's key did it in a pane."""
        self.done.setdefault(action.id, set()).add(pane)

    def has(self, action_id: str, pane: Pane) -> bool:
        """Whether it was done there."""
        return pane in self.done.get(action_id, ())


def shown_keys(dialog: HelpDialog) -> str:
    return "".join(str(keys.render()) for keys in dialog.query("#keys"))


async def watch_every_action(root: Path) -> Seen:
    seen = Seen()
    async with dashboard(root, (160, 50)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.selected.record is not None)
        for pane, part in PARTS.items():
            main.panes.go(part)
            await pilot.pause()
            actions = [action for action in ACTIONS if pane in action.panes]
            # The real keys through the real bindings; what they would do is only noted, or the
            # first `q` would end the run.
            main.handlers |= {action.id: partial(seen.note, action, pane) for action in actions}
            await type_keys(pilot, *(key for each in actions for key in keymap.keys_of(each, {})))
            await until(pilot, partial(seen.has, "app.quit", pane), "the last of the keys")
        provider = ActionProvider(main)
        async for hit in provider.discover():
            seen.palette[str(hit.text)] = str(hit.help)
        for pane in Pane:
            dialog = HelpDialog([pane_page(pane, main.situation(pane), {})])
            await app_of(pilot).push_screen(dialog)
            await until(pilot, partial(shown_keys, dialog), "the help")
            seen.help += shown_keys(dialog)
            dialog.dismiss(None)
            await until(pilot, lambda: pilot.app.screen is main)
    return seen


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    with Root(tmp_path_factory.mktemp("every") / "root") as root:
        root.running("7f3a", ("sleep", "60"))
        root.add("0c44", status=JobStatus.CREATED, created_ago_s=700)
        return asyncio.run(watch_every_action(root.path))


def enabled_in(action: Action, pane: Pane) -> bool:
    """Whether an action is possible for the running job the cursor is on in that run."""
    impossible = {
        "job.start", "job.repair", "job.delete", "job.compare", "app.undo", "list.attention",
        "log.next", "log.previous", "log.only", "log.hide_before_mark", "log.tiles",
        "app.journal",
    }  # fmt: skip
    return pane in action.panes & ALL_PANES and action.id not in impossible


@pytest.mark.parametrize("action", OF_PANES, ids=lambda action: action.id)
def test_its_keys_do_it_in_its_panes(seen: Seen, action: Action) -> None:
    if action.keys:
        wanted = {pane for pane in Pane if enabled_in(action, pane)}
        assert seen.done.get(action.id, set()) == wanted


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_it_is_in_the_palette_and_in_the_help(seen: Seen, action: Action) -> None:
    if action.id != "app.palette" and action in OF_PANES:
        assert action.help in seen.palette
    unwrapped = " ".join(seen.help.split())
    assert action.help in unwrapped


@pytest.mark.parametrize(
    "action", [action for action in OF_PANES if not enabled_in(action, min(action.panes))],
    ids=lambda action: action.id,
)  # fmt: skip
def test_what_is_impossible_says_why(seen: Seen, action: Action) -> None:
    assert "not now: " in seen.palette[action.help]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_read_only_allows_nothing_that_changes_a_job(action: Action) -> None:
    changes = {
        "job.add", "job.start", "job.stop", "job.kill", "job.signal", "job.rerun", "job.restart",
        "job.edit", "job.tags", "job.delete", "job.repair", "app.clean", "app.undo",
    }  # fmt: skip
    reason = action.enabled(Situation(read_only=True))
    assert (reason is not None and "read-only" in reason) == (action.id in changes)
