"""What is copied, by which way, and that a desktop that does not answer holds nothing up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_exec_tui import clipboard
from support.dashboard import Root, app_of, dashboard, until


def tool(path: Path, script: str) -> None:
    path.mkdir()
    (path / "wl-copy").write_text(f"#!/bin/sh\n{script}\n")
    (path / "wl-copy").chmod(0o700)


async def test_a_slow_desktop_tool_does_not_hold_up_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "gate")
    tool(tmp_path / "bin", f"cat > {tmp_path}/copied; read go < {tmp_path}/gate")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setattr(clipboard, "TOOL_TIMEOUT_S", 30.0)
    root = Root(tmp_path / "root")
    root.add("aa")
    root.add("bb")
    async with dashboard(root.path) as pilot:
        app = app_of(pilot)
        clipboard.copy(app, "id", "aa" * 16)
        before = app.main.table.cursor_id
        await pilot.press("j")  # answered while the tool waits
        assert app.main.table.cursor_id != before
        assert app.clipboard == "aa" * 16
        (tmp_path / "gate").write_text("go\n")
        await until(pilot, lambda: len(app._notifications) == 1)
        (told,) = app._notifications
        assert told.message == "id: 32 B copied by wl-copy, sent to the terminal (OSC 52)"
        assert (tmp_path / "copied").read_text() == "aa" * 16


async def test_what_is_too_much_for_the_terminal_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    async with dashboard(tmp_path / "root") as pilot:
        app = app_of(pilot)
        clipboard.copy(app, "log", "x" * 100_000)
        await until(pilot, lambda: len(app._notifications) == 1)
        (told,) = app._notifications
        assert told.message == "log: 97.7 KiB are too much for the terminal (at most 73.2 KiB)"
        assert app.clipboard == ""
