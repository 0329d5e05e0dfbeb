"""The log panes within the dashboard: what their keys, the mouse and the palette do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.color import Color

from agent_exec_tui.layout import Part
from agent_exec_tui.log_severity import Severity
from agent_exec_tui.settings import Settings
from agent_exec_tui.widgets.line_input import LineInput
from support.dashboard import Root, app_of, dashboard, until

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from agent_exec_tui.screens.main import MainScreen
    from agent_exec_tui.widgets.log_view import LogView


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def rows(view: LogView) -> list[str]:
    height = view.scrollable_content_region.height
    return [view.render_line(y).text.rstrip() for y in range(height)]


async def opened(pilot: Pilot[str], key: str = "2") -> LogView:
    """The log pane, with the focus, showing something."""
    main = app_of(pilot).main
    await until(pilot, lambda: main.selected.record is not None)
    await pilot.press(key)
    view = main.logs[main.panes.wish.stream].view
    await until(pilot, lambda: any(rows(view)))
    return view


async def test_a_bad_pattern_is_told_in_words_and_by_colour(root: Root) -> None:
    root.add("aa", stdout=b"one\ntwo\n")
    async with dashboard(root.path) as pilot:
        view = await opened(pilot)
        search = app_of(pilot).main.logs[Part.STDOUT].search
        await pilot.press("slash", "ctrl+r", *"one", "left_parenthesis")
        await until(pilot, lambda: search.has_class("-flawed"))
        assert "bad pattern: missing ): one(" in view.status.parts()
        assert view.status.hits == 1
        await pilot.press("backspace")
        await until(pilot, lambda: not search.has_class("-flawed"))


async def test_while_a_pattern_is_typed_the_counter_tells_of_it_and_no_toast(root: Root) -> None:
    root.add("aa", stdout=b"one\ntwo\n")
    async with dashboard(root.path) as pilot:
        app, view = app_of(pilot), await opened(pilot)
        await pilot.press("slash", *"err")
        await until(pilot, lambda: view.status.pattern == "err" and not view.status.is_searching)
        await until(pilot, lambda: view.status.hit_text() == "0 hits")
        assert not app._notifications
        await pilot.press("enter", "n")
        await until(pilot, lambda: len(app._notifications) == 1)


async def test_what_is_before_the_mark_is_hidden_by_the_palette_and_the_file_stays(
    root: Root,
) -> None:
    log = root.path / root.add("aa", stdout=b"before\n") / "stdout.log"
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        view = await opened(pilot)
        main.action_do("log.hide_before_mark")
        assert not view.status.hides_before_mark  # refused: there is no mark
        await pilot.press("m")
        with log.open("ab") as file:
            file.write(b"after\n")
        await until(pilot, lambda: "after" in rows(view))
        main.action_do("log.hide_before_mark")
        await until(pilot, lambda: "before" not in rows(view))
        assert "after" in rows(view)
        assert "from mark" in view.status.parts()
        main.action_do("log.hide_before_mark")
        await until(pilot, lambda: "before" in rows(view))
        assert "from mark" not in view.status.parts()
        assert log.read_bytes() == b"before\nafter\n"


async def test_what_is_dragged_over_is_copied_and_stays_within_its_pane(root: Root) -> None:
    root.add("aa", stdout=b"first line\nsecond line\n", stderr=b"not this\n")
    async with dashboard(root.path) as pilot:
        app, view = app_of(pilot), await opened(pilot)
        other = app.main.logs[Part.STDERR].view
        await pilot.mouse_down(view, offset=(6, 0))
        await pilot.hover(other, offset=(3, 1))
        await pilot.mouse_up(other, offset=(3, 1))
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard == "line\nsecond line"
        assert set(app.main.selections) == {view}
        told = [notice.message for notice in app._notifications]
        assert told == ["selection: 16 B sent to the terminal (OSC 52)"]
        await pilot.click(app.main.table, offset=(5, 2))
        assert not app.main.selections
        assert len(app._notifications) == 1


async def test_a_drag_scrolls_near_the_edges_only(root: Root) -> None:
    root.add("aa", stdout=b"".join(b"line %d\n" % number for number in range(200)))
    async with dashboard(root.path, (80, 24)) as pilot:
        main, view = app_of(pilot).main, await opened(pilot)
        await pilot.mouse_down(view, offset=(2, 3))
        await pilot.hover(view, offset=(6, 3))
        x, y, _, height = view.content_region
        assert height == 7
        for row in (2, 3, 4, 5):  # the pilot's mouse has no speed, which a drag must have
            main._check_auto_scroll(view, (x + 2, y + row), 1)
            assert main._auto_select_scroll_timer is None
        main._check_auto_scroll(view, (x + 2, y), -1)
        await until(pilot, lambda: not view.status.follow)
        await pilot.mouse_up(view, offset=(2, 0))


SEVERE = b"plain\nerror: bad\nwarning: so so\n\x1b[32mjob's green\x1b[0m error\n\x1b[1merror, bold\x1b[0m\n"


def colours(view: LogView) -> dict[str, set[object]]:
    """By row, the colours its letters have."""
    return {
        view.render_line(y).text.strip(): {
            segment.style.color if segment.style else None
            for segment in view.render_line(y)
            if segment.text.strip()
        }
        for y in range(5)
    }


async def test_the_words_that_look_bad_are_coloured_unless_the_job_did(root: Root) -> None:
    root.add("aa", stdout=SEVERE)
    async with dashboard(root.path) as pilot:
        view = await opened(pilot)
        seen = colours(view)
        palette = view._styles()
        (plain,) = seen["plain"]
        assert len({plain, *(palette.severity[severity].color for severity in Severity)}) == 3
        assert seen["error: bad"] == {palette.severity[Severity.ERROR].color, plain}
        assert seen["warning: so so"] == {palette.severity[Severity.WARNING].color, plain}
        assert seen["job's green error"] == {Color.from_ansi(2), plain}
        assert seen["error, bold"] == {palette.severity[Severity.ERROR].color, plain}
        segments = [part for part in view.render_line(1) if part.text.strip()]
        assert [part.text.strip() for part in segments] == ["error", ": bad"]
        view.with_severity = False
        view.refresh()
        assert colours(view)["error: bad"] == {plain}


async def test_of_both_streams_a_thin_gutter_tells_stderr_and_its_lines_are_not_painted(
    root: Root,
) -> None:
    stamp = b"2026-01-01T00:00:00Z "
    full = stamp + b"[STDERR]  34%|###  | 34/100\n" + stamp + b"[STDOUT] plain\n"
    job_id = root.add("aa", stderr=b" 34%|###  | 34/100\n", stdout=b"plain\n")
    (root.path / job_id / "full.log").write_bytes(full)
    async with dashboard(root.path) as pilot:
        view = await opened(pilot)
        app_of(pilot).main.logs[Part.STDOUT].toggle_both()
        await until(pilot, lambda: view.is_merged and "34%" in view.render_line(0).text)
        assert rows(view)[0].startswith("▎ ")
        assert rows(view)[1].startswith("  ")
        styles = {part.text.strip(): part.style for part in view.render_line(0) if part.style}
        looks = {part.text.strip(): part.style for part in view.render_line(1) if part.style}
        (text,) = (text for text in styles if "34%" in text)
        assert styles[text].color == looks["plain"].color
        assert styles["▎"].color == view._styles().stderr.color


async def test_without_colour_a_sign_says_how_bad_a_line_looks(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    root.add("aa", stdout=SEVERE)
    async with dashboard(root.path, settings=Settings(theme="none")) as pilot:
        view = await opened(pilot)
        wanted = ["  plain", "X error: bad", "! warning: so so", "X job's green error",
                  "X error, bold"]  # fmt: skip
        assert rows(view)[:5] == wanted
    quiet = Settings(theme="none", shows_severity=False)
    async with dashboard(root.path, settings=quiet) as pilot:
        assert rows(await opened(pilot))[:2] == ["plain", "error: bad"]


async def test_the_progress_a_job_prints_is_told_with_where_it_is_from(root: Root) -> None:
    with root:
        job_id = root.running("aa", ("make",), stdout=b"[ 34%] Building a\n", stderr=b"[12/80]\n")
        async with dashboard(root.path, (120, 36)) as pilot:
            main = app_of(pilot).main
            await until(pilot, lambda: main.selected.progress)
            assert main.selected.progress == '34 %  from stdout: "[ 34%]"'
            assert "progress 34 %  from stdout" in main.strip.render().plain
            await pilot.press("i")
            await until(pilot, lambda: 'progress  34 %  from stdout: "[ 34%]"' in told(main))
            with (root.path / job_id / "stdout.log").open("ab") as file:
                file.write(b"plain\n" * 5)
            await until(pilot, lambda: 'progress  15 %  from stderr: "[12/80]"' in told(main))


def told(main: MainScreen) -> str:
    """What the detail pane says."""
    return main.detail.plain_text


async def test_a_job_that_is_over_has_no_progress(root: Root) -> None:
    root.add("aa", stdout=b"[ 34%] Building a\n")
    async with dashboard(root.path, (120, 36)) as pilot:
        main = app_of(pilot).main
        await pilot.press("i")
        await until(pilot, lambda: "command" in told(main))
        assert "progress" not in told(main)


async def test_with_wrapped_lines_a_search_goes_to_the_row_of_the_hit(root: Root) -> None:
    long = b"x" * 9000 + b" needle one " + b"y" * 9000 + b"\n"
    root.add("aa", stdout=b"start\n" + long + b"middle\n" * 50 + long.replace(b"one", b"two"))
    async with dashboard(root.path) as pilot:
        view = await opened(pilot)

        def shown() -> str:
            return "".join(view.render_line(y).text for y in range(view.viewport.height))

        await pilot.press("w", "home", "slash", *"needle", "enter")
        await until(pilot, lambda: "needle one" in shown())
        await pilot.press("n")
        await until(pilot, lambda: "needle two" in shown())
        await pilot.press("N")
        await until(pilot, lambda: "needle one" in shown())
        for _ in range(3):
            await pilot.press("w")
            await until(pilot, lambda: "needle one" in shown())
            assert view.status.wrap is view.wrap


async def test_escape_in_a_log_goes_through_its_layers_and_leaves_the_list_alone(
    root: Root,
) -> None:
    root.add("aa", stdout=b"one\ntwo\n")
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        await pilot.press("space", "slash", *"id:aa", "enter")
        view = await opened(pilot)
        await pilot.press("z", "slash", *"two", "enter")
        assert view.status.pattern == "two"
        await pilot.press("escape")
        assert not view.status.pattern
        assert main.panes.wish.is_zoomed
        await pilot.press("escape")
        assert not main.panes.wish.is_zoomed
        assert main.panes.wish.current is Part.STDOUT
        await pilot.press("escape")
        assert main.panes.wish.current is Part.JOBS
        assert (main.viewing.text, len(main.table.marks)) == ("id:aa", 1)
        await pilot.press("escape")
        assert (main.viewing.text, len(main.table.marks)) == ("", 1)
        await pilot.press("escape")
        assert not main.table.marks


async def test_a_path_that_cannot_be_written_stays_to_be_changed(
    root: Root, tmp_path: Path
) -> None:
    taken = tmp_path / "taken.txt"
    taken.write_text("mine")
    root.add("aa", stdout=b"one\n")
    async with dashboard(root.path) as pilot:
        app = app_of(pilot)
        await opened(pilot)
        await pilot.press("W")
        await pilot.press("ctrl+u", *str(taken), "enter")
        line = app.screen.query_one(LineInput)
        assert line.value == str(taken)
        await pilot.press("2", "enter")
        await until(pilot, lambda: (tmp_path / "taken.txt2").exists())
    assert taken.read_text() == "mine"
