"""``?`` shows the keys of where one is, on every screen, and no other screen's keys are on offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from agent_exec_tui.help_pages import screen_page
from agent_exec_tui.screens.clean import CleanDialog
from agent_exec_tui.screens.help import HelpDialog
from agent_exec_tui.settings import Settings
from support.dashboard import Root, app_of, dashboard, until

# What opens each from the list, and a key that means something there alone.
OPENED_BY = {
    "Compare": (("space", "space", "="), "Show what is the same, too, or not"),
    "Search across logs": (("*", "h", "enter"), "Go to the hit, in its log"),
    "Clean up": (("C", "shift+tab"), "Keep the job under the cursor, or let it go"),
    "Journal": (("N", "J"), "Write the script to a new file"),
    "Tiles": (("space", "space", ":", *"side by", "enter"), "Open the job"),
    "This dialog": (("x",), "Do what is asked about"),
}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    with Root(tmp_path / "root") as made:
        for number in range(3):
            made.running(f"{number}a", ("sleep", "60"), stdout=b"hello\n", created_ago_s=number)
        yield made


async def help_of(pilot: Pilot[str], key: str = "?") -> HelpDialog:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, HelpDialog), "the help")
    await pilot.pause()
    dialog = pilot.app.screen
    assert isinstance(dialog, HelpDialog)
    return dialog


def shown(dialog: HelpDialog) -> str:
    return " ".join(str(dialog.query_one("#keys").render()).split())


@pytest.mark.parametrize("title", OPENED_BY)
async def test_a_question_mark_shows_the_keys_of_the_screen_and_leads_back_to_it(
    root: Root, title: str
) -> None:
    keys, only_here = OPENED_BY[title]
    async with dashboard(root.path, (120, 50)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.selected.record is not None)
        await pilot.press(*keys)
        await until(pilot, lambda: pilot.app.screen is not main)
        if title == "Tiles":
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "TilesScreen")
        beneath = pilot.app.screen
        dialog = await help_of(pilot)
        assert str(dialog.box.border_title) == f"Help · {title}"
        assert only_here in shown(dialog)
        assert "Delete the job with its logs" not in shown(dialog)
        await pilot.press("?")
        assert str(dialog.box.border_title) == "Help · Jobs list"
        await pilot.press("escape")
        assert pilot.app.screen is beneath


async def test_where_a_line_is_typed_a_question_mark_is_one(root: Root) -> None:
    async with dashboard(root.path) as pilot:
        await pilot.press("C", "?")
        dialog = pilot.app.screen
        assert isinstance(dialog, CleanDialog)
        assert "? help" not in str(dialog.box.border_subtitle)
        await pilot.press("shift+tab")
        await until(pilot, lambda: "? help" in str(dialog.box.border_subtitle))


async def test_the_footer_offers_no_keys_that_a_dialog_takes(root: Root) -> None:
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        assert "stop" in str(main.footer.render())
        await pilot.press("x")
        await until(pilot, lambda: str(main.footer.render()) == "")
        main.refresh_bars()
        await help_of(pilot)
        assert str(main.footer.render()) == ""
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "stop" in str(main.footer.render()))


async def test_a_key_of_ones_own_opens_the_help_everywhere(root: Root) -> None:
    settings = Settings(keys={"app.help": ("f5",)})
    async with dashboard(root.path, settings=settings) as pilot:
        await pilot.press("x")
        dialog = await help_of(pilot, "f5")
        assert "f5 Show the keys that work here" in shown(dialog)
        await pilot.press("f5")
        assert str(dialog.box.border_title) == "Help · Jobs list"


def test_a_part_of_a_screen_takes_a_key_from_the_whole_and_not_from_other_parts() -> None:
    page = screen_page(
        "Here",
        [Binding("l", "a", "one part"), Binding("l,space", "b", "another part")],
        [Binding("l,right", "c", "the whole"), Binding("x", "d")],
        {},
        lambda _: True,
    )
    assert [(line.keys, line.text) for line in page.lines] == [
        ("l", "one part"), ("l space", "another part"), ("→", "the whole"),
    ]  # fmt: skip


async def test_the_help_begins_with_what_can_be_done_here(root: Root) -> None:
    async with dashboard(root.path, (40, 12)) as pilot:
        dialog = await help_of(pilot)
        await until(pilot, lambda: "JOB" in shown(dialog) or "FIND" in shown(dialog))
        assert "MOVE" in shown(dialog)
        assert shown(dialog).index("FIND") < shown(dialog).index("MOVE")
        assert not shown(dialog).startswith("MOVE")
