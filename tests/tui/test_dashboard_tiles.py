"""The logs of several jobs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent_exec_tui.screens.tiles import TilesScreen, tile_grid
from support.dashboard import Root, app_of, dashboard, until

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from agent_exec_tui.widgets.log_view import LogView


def rows(view: LogView) -> list[str]:
    height = view.scrollable_content_region.height
    return [view.render_line(y).text.rstrip() for y in range(height)]


def screen_text(pilot: Pilot[str]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def tiles(pilot: Pilot[str], marks: int) -> TilesScreen:
    for _ in range(marks):
        await pilot.press("space")
    app_of(pilot).main.action_do("log.tiles")
    await until(pilot, lambda: isinstance(pilot.app.screen, TilesScreen))
    screen = pilot.app.screen
    assert isinstance(screen, TilesScreen)
    shown = [tile for tile in screen.tiles if tile.display]
    await until(pilot, lambda: all(any(rows(tile.view)) for tile in shown))
    return screen


def fill(root: Root, count: int) -> list[str]:
    """Put ended jobs there, newest first, each with a line of both streams."""
    ids = []
    for number in range(count):
        job_id = root.add(f"{number}a", ("make", f"part{number}"), created_ago_s=100 + number)
        (root.path / job_id / "full.log").write_bytes(
            b"2026-01-01T00:00:00Z [STDOUT] out %d\n2026-01-01T00:00:00Z [STDERR] err %d\n"
            % (number, number)
        )
        ids.append(job_id)
    return ids


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (2, (80, 24), (2, 1)),
        (4, (80, 24), (4, 1)),
        (2, (120, 36), (2, 2)),
        (3, (120, 36), (3, 2)),
        (4, (120, 36), (4, 2)),
        (3, (200, 50), (3, 3)),
        (4, (200, 50), (4, 2)),
        (4, (240, 50), (4, 4)),
        (4, (40, 10), (2, 1)),
        (2, (20, 5), (1, 1)),
    ],
)
def test_as_many_tiles_as_there_is_room_for(
    count: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert tile_grid(count, *size) == expected


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_marked_jobs_are_followed_side_by_side_and_enter_opens_one(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    with Root(tmp_path / "root") as root:
        first, second = fill(root, 2)
        third = root.running("3a", ("train",), created_ago_s=300)
        log = root.path / third / "full.log"
        log.write_bytes(b"2026-01-01T00:00:00Z [STDOUT] step 1\n")
        async with dashboard(root.path, size) as pilot:
            main = app_of(pilot).main
            screen = await tiles(pilot, 3)
            assert [tile.job_id for tile in screen.tiles] == [first, second, third]
            assert "▎ err 0" in rows(screen.tiles[0].view)
            text = screen_text(pilot)
            assert "Logs of 3 marked jobs" in text
            for title in ("0a000000 ✓ ok 0  make part0", "3a000000 ● running  train"):
                assert title in text
            with log.open("ab") as file:
                file.write(b"2026-01-01T00:00:01Z [STDOUT] step 2\n")
            await until(pilot, lambda: "  step 2" in rows(screen.tiles[2].view))
            assert screen.tile is screen.tiles[0]
            await pilot.press("tab", "o")
            assert screen.tile is screen.tiles[1]
            await until(pilot, lambda: "1a000000 ✓ ok 0 · stdout" in screen_text(pilot))
            await pilot.press("shift+tab", "slash", *"err", "enter", "escape")
            assert pilot.app.screen is screen  # one layer: the search
            await pilot.press("tab", "enter")
            await until(pilot, lambda: pilot.app.screen is main)
            assert main.table.cursor_id == second
            assert main.reading.listener is None


async def test_of_more_than_four_the_first_four_are_shown_and_that_is_said(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    fill(root, 6)
    async with dashboard(root.path) as pilot:
        screen = await tiles(pilot, 6)
        assert [tile.job_id[:2] for tile in screen.tiles] == ["0a", "1a", "2a", "3a"]
        assert "Logs of the first 4 of 6 marked jobs" in screen_text(pilot)
        await pilot.resize_terminal(60, 12)
        await until(pilot, lambda: "the first 2 of 6" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is app_of(pilot).main)
        assert len(app_of(pilot).main.table.marks) == 6


async def test_one_mark_is_refused_with_the_reason(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    fill(root, 2)
    async with dashboard(root.path) as pilot:
        app = app_of(pilot)
        await pilot.press("space")
        app.main.action_do("log.tiles")
        assert pilot.app.screen is app.main
        await until(pilot, lambda: len(app._notifications) == 1)
        (notice,) = app._notifications
        assert notice.message == "tiles: mark at least two jobs with space; 1 marked now"
