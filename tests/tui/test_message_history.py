"""What was told can be read again: every message of the session, with its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.screens.message_history import MessagesDialog
from agent_exec_tui.settings import Settings
from agent_exec_tui.told import KEPT, Told
from support.dashboard import Root, app_of, dashboard, frozen_clock, until

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


def screen_text(pilot: Pilot[str]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def test_every_message_is_kept_with_its_time(tmp_path: Path, two_hours_east: None) -> None:
    root = Root(tmp_path / "root")
    root.add("11")
    flaw = "tui.toml:1: ascii: must be true, false or \x1b]0;x\x07"
    async with dashboard(
        root.path, (100, 30), settings=Settings(problems=(flaw,)), clock=frozen_clock
    ) as pilot:
        main = app_of(pilot).main
        main.say("saved\nhere", severity="error")
        app_of(pilot).clear_notifications()
        await pilot.press("at")
        await until(pilot, lambda: isinstance(pilot.app.screen, MessagesDialog))
        text = screen_text(pilot)
        assert "14:00:00  ! tui.toml:1: ascii" in text
        assert "14:00:00  X saved" in text
        assert "2 messages" in text
        assert "\x1b" not in text
        await pilot.press("c")
        assert "saved" in pilot.app.clipboard
        await pilot.press("at")
        await until(pilot, lambda: pilot.app.screen is main)


async def test_before_anything_was_told_it_says_so(tmp_path: Path) -> None:
    async with dashboard(Root(tmp_path / "root").path, (60, 16)) as pilot:
        await pilot.press("at")
        await until(pilot, lambda: "nothing was told yet" in screen_text(pilot))


async def test_of_very_many_messages_the_last_are_kept(tmp_path: Path) -> None:
    async with dashboard(Root(tmp_path / "root").path) as pilot:
        session = app_of(pilot).main.session
        for number in range(KEPT + 5):
            session.note(Told(0.0, "information", str(number)))
        assert (len(session.told), session.told[-1].text) == (KEPT, str(KEPT + 4))
