"""Dialogs at every size: nothing is out of reach, and their keys are the same everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Static

from agent_exec_tui.handlers.jobs import SIGNALS
from agent_exec_tui.handlers.lists import _SORT_KEYS
from agent_exec_tui.handlers.results import show_results
from agent_exec_tui.messages import OperationEnded
from agent_exec_tui.operations import Outcome
from agent_exec_tui.screens.dialog import LISTED, ConfirmDialog, Dialog, TextDialog
from agent_exec_tui.screens.journal import JournalDialog
from agent_exec_tui.screens.menu import MenuDialog, PromptDialog
from agent_exec_tui.settings import Settings
from agent_exec_tui.shell_text import cli_line
from agent_exec_tui.widgets.command_preview import CommandPreview
from support.dashboard import Root, app_of, dashboard, frozen_clock, until

SMALLEST = (40, 10)
LARGER = [(40, 12), (80, 24), (120, 36)]
MANY = 40
# What opens each dialog from the list, all jobs marked where several are needed.
OPENED_BY = {
    "add": ("a",), "edit": ("e",), "tags": ("t",), "signal": ("S",), "stop": ("x",),
    "stop many": ("A", "x"), "restart many": ("A", "R"), "copy": ("y",), "sort": ("o",),
    "clean": ("C",), "help": ("?",), "search": ("*",), "compare": ("space", "space", "="),
}  # fmt: skip
CHANGES_WITH_THE_SIZE = {"add", "stop many", "clean"}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    with Root(tmp_path / "root") as made:
        for number in range(MANY):
            command = ("sleep", str(number), "x" * 70)
            made.running(f"{number:02}ab", command, tags=("ci",), created_ago_s=10 + number)
        yield made


async def opened(pilot: Pilot[str], *keys: str) -> Dialog[object]:
    main = app_of(pilot).main
    await until(pilot, lambda: pilot.app.screen is main)
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog), f"what {keys} open")
    await pilot.pause()
    dialog = pilot.app.screen
    assert isinstance(dialog, Dialog)
    return dialog


def out_of_reach(dialog: Dialog[object]) -> Iterator[str]:
    """Name what of a dialog can neither be seen nor scrolled to."""
    box, body = dialog.box.region, dialog.body
    if not dialog.region.contains_region(box):
        yield f"the box: {box}"
    for button in dialog.query(Button):
        is_whole = button.content_size.width >= len(str(button.label))
        if button.display and not (is_whole and box.contains_region(button.region)):
            yield f"{button}: {button.region}"
    for widget in body.query("*"):
        if widget.display and widget.region.right > body.region.right:
            yield f"{widget}: {widget.region}, too wide"
    below = max(child.virtual_region_with_margin.bottom for child in body.children)
    if below > body.size.height + body.max_scroll_y:
        yield f"{below} lines"


async def test_no_dialog_hides_anything_that_cannot_be_scrolled_to_at_any_size(root: Root) -> None:
    async with dashboard(root.path, SMALLEST, clock=frozen_clock) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.selected.record is not None)
        for name, keys in OPENED_BY.items():
            dialog = await opened(pilot, *keys)
            assert list(out_of_reach(dialog)) == [], name
            if name in CHANGES_WITH_THE_SIZE:
                for size in (*LARGER, SMALLEST):
                    await pilot.resize_terminal(*size)
                    await pilot.pause()
                    assert list(out_of_reach(dialog)) == [], (name, size)
            dialog.dismiss(None)
            await until(pilot, lambda: pilot.app.screen is main)
            main.table.clear_marks()


async def test_a_question_about_many_jobs_lists_all_and_every_key_scrolls(root: Root) -> None:
    async with dashboard(root.path, (40, 10), clock=frozen_clock) as pilot:
        dialog = await opened(pilot, "A", "x")
        text = str(dialog.query_one(".targets").render())
        assert all(f"{number:02}ab" in text for number in range(MANY))
        at = dialog.body
        assert at.scroll_y == 0
        seen = []
        for key in ("j", "down", "ctrl+d", "pagedown", "G", "k", "up", "ctrl+u", "pageup", "g"):
            await pilot.press(key)
            seen.append(at.scroll_y)
        assert seen[:4] == sorted(seen[:4])
        assert len(set(seen[:4])) == 4
        assert seen[4] == at.max_scroll_y
        assert seen[5:9] == sorted(seen[5:9], reverse=True)
        assert len(set(seen[5:9])) == 4
        assert seen[9] == 0


async def test_between_buttons_go_letters_arrows_and_tab_and_c_copies_every_line(
    root: Root,
) -> None:
    async with dashboard(root.path, clock=frozen_clock) as pilot:
        dialog = await opened(pilot, "A", "x")
        yes, no = dialog.query_one("#yes"), dialog.query_one("#no")
        assert dialog.focused is no
        for key in ("h", "l", "left", "right", "tab", "shift+tab"):
            before = dialog.focused
            await pilot.press(key)
            assert {before, dialog.focused} == {yes, no}
        await pilot.press("c")
        lines = pilot.app.clipboard.splitlines()
        assert len(lines) == MANY
        assert lines[0].endswith("00ab".ljust(32, "0"))
        assert all(" kill --signal TERM " in line for line in lines)
        assert "and 39 more" in str(dialog.query_one(CommandPreview).render())


async def test_yes_and_no_are_bound_by_id_and_named_on_the_buttons(root: Root) -> None:
    settings = Settings(keys={"dialog.confirm": ("o",), "dialog.cancel": ("z",)})
    async with dashboard(root.path, settings=settings) as pilot:
        dialog = await opened(pilot, "x")
        assert isinstance(dialog, ConfirmDialog)
        assert str(dialog.query_one("#yes", Button).label).startswith("o  ")
        assert str(dialog.query_one("#no", Button).label).startswith("z  ")
        await pilot.press("y", "n")
        assert pilot.app.screen is dialog
        await pilot.press("z")
        await until(pilot, lambda: pilot.app.screen is app_of(pilot).main)


async def test_no_letter_means_anything_but_itself_where_text_is_typed(root: Root) -> None:
    settings = Settings(keys={"app.back": ("b",), "dialog.confirm": ("o",)})
    letters = "ynjcbU?"
    async with dashboard(root.path, (80, 24), settings=settings) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.selected.record is not None)
        for keys in (("a",), ("t",), ("C",)):
            dialog = await opened(pilot, *keys)
            line = dialog.focused
            assert isinstance(line, Input)
            line.value = ""
            await pilot.press(*letters)
            assert (pilot.app.screen, line.value) == (dialog, letters), keys
            dialog.dismiss(None)


async def test_a_menu_moves_by_vims_keys_and_no_choice_takes_one_of_them(root: Root) -> None:
    letters = {key for _, _, key, _ in SIGNALS} | set(_SORT_KEYS.values())
    assert letters.isdisjoint("jkgGq")
    async with dashboard(root.path, (40, 10)) as pilot:
        menu = await opened(pilot, "S")
        assert isinstance(menu, MenuDialog)
        options = menu.query_one(OptionList)
        seen = []
        for key in ("j", "k", "down", "G", "j", "ctrl+u", "g", "k", "ctrl+d", "pagedown"):
            await pilot.press(key)
            await pilot.pause()
            seen.append(options.highlighted)
            assert menu.body.region.contains_region(options.region), key
        last = options.option_count - 1
        assert seen[:5] == [1, 0, 1, last, last]
        assert 0 < (seen[5] or 0) < last
        assert seen[6:8] == [0, 0]
        assert 0 < (seen[8] or 0) < (seen[9] or 0)


async def test_the_help_has_a_page_for_dialogs_and_a_question_mark_turns_pages(root: Root) -> None:
    async with dashboard(root.path, (80, 24)) as pilot:
        dialog = await opened(pilot, "question_mark")
        titles = []
        for _ in range(4):
            await pilot.press("question_mark")
            titles.append(str(dialog.box.border_title).removeprefix("Help · "))
        assert titles == ["Log panes", "Detail pane", "Dialogs", "Jobs list"]
        await pilot.press("pagedown", "ctrl+d")
        assert dialog.body.scroll_y > dialog.body.size.height
        await pilot.press(*"bring", "question_mark")
        await pilot.pause()
        assert "U" in str(dialog.query_one("#keys").render())


async def test_thousands_of_results_hold_up_nothing_and_their_journal_is_written_whole(
    root: Root, tmp_path: Path
) -> None:
    async with dashboard(root.path, clock=frozen_clock) as pilot:
        main = app_of(pilot).main
        line = cli_line("kill", "0" * 32)
        outcomes = [Outcome(f"{n:032x}", n == 0, "no such job", line=line) for n in range(5000)]
        main.table.marks = {outcome.job_id for outcome in outcomes}
        begin = time.process_time()
        show_results(main, OperationEnded("stop", tuple(outcomes)))
        await until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
        await pilot.pause()
        assert time.process_time() - begin < 1
        assert len(main.notices) == 4999
        shown = str(pilot.app.screen.query_one("#contents Static", Static).render()).split("\n")
        assert len(shown) == LISTED + 1
        assert "FAILED  no such job" in shown[0]
        assert shown[-1] == "… and 4,500 more"
        await pilot.press("escape", "J")
        await until(pilot, lambda: isinstance(pilot.app.screen, JournalDialog))
        shown = str(pilot.app.screen.query_one("#script", Static).render()).split("\n")
        assert len(shown) == LISTED + 1
        assert shown[0].startswith("# … ")
        assert shown[-1] == f"# {line}"
        path = tmp_path / "again.sh"
        await pilot.press("W")
        await until(pilot, lambda: isinstance(pilot.app.screen, PromptDialog))
        pilot.app.screen.query_one(Input).value = str(path)
        await pilot.press("enter")
        await until(pilot, lambda: path.exists() and path.read_text().count(line) == 5000)
