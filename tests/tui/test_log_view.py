"""The log view over real, growing files: what is on screen is what is in the file."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from textual.geometry import Offset
from textual.selection import Selection

from agent_exec_tui.widgets.log_loader import Counts
from tui.log_view_app import LogViewApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from agent_exec_tui.widgets.log_view import LogView

SIZE = (60, 14)
ROWS = 12


def numbered(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last))


def screen(view: LogView) -> list[str]:
    height = view.scrollable_content_region.height
    return [view.render_line(y).text.rstrip() for y in range(height)]


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + 8
    while not condition():
        assert time.monotonic() < deadline, what or screen(app_of(pilot).view)
        await pilot.pause(0.01)


def app_of(pilot: Pilot[None]) -> LogViewApp:
    assert isinstance(pilot.app, LogViewApp)
    return pilot.app


async def searched_from_the_top(pilot: Pilot[None], text: str, hits: str) -> LogView:
    view = app_of(pilot).view
    view.go_home()
    await until(pilot, lambda: screen(view)[0] == "line 0")
    view.search(text)
    await until(pilot, lambda: view.status.hit_text() == hits)
    return view


@asynccontextmanager
async def opened(path: Path | None, *, merged: bool = False) -> AsyncIterator[Pilot[None]]:
    app = LogViewApp(None if path is None else str(path), merged=merged)
    async with app.run_test(size=SIZE) as pilot:
        if path is not None:
            await until(pilot, lambda: app.view._has_read)
        await pilot.pause()
        yield pilot


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "stdout.log"
    path.write_text(numbered(0, 1000))
    return path


async def test_the_end_is_shown_and_followed(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        assert screen(view)[-1] == "line 999"
        with log.open("a") as file:
            file.write(numbered(1000, 1500))
        view.refresh_from_file()
        await until(pilot, lambda: screen(view)[-1] == "line 1499")
        await until(pilot, lambda: view.status.lines == 1500)
        assert view.status.follow


async def test_growth_is_seen_without_anybody_telling(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        with log.open("a") as file:
            file.write("by itself\n")
        await until(pilot, lambda: screen(view)[-1] == "by itself")


async def test_what_is_new_keeps_its_form_while_it_is_counted(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        await until(pilot, lambda: view.status.lines == 1000)
        await pilot.press("k")
        view.counts = Counts(lines=1003)
        view.size_bytes += 60
        view.tell()
        before = view.status.parts()
        assert "+3 new" in before
        view.counts = Counts(lines=1004, lines_known=False)  # as between two counts
        view.tell()
        assert view.status.parts() == before
        view.counts = Counts(lines=1005)
        view.tell()
        assert "+5 new" in view.status.parts()
        view.forget_held()
        view.counts = Counts(lines=900_000, lines_known=False)
        view.tell()
        assert "900,000 lines…" in view.status.parts()


@pytest.mark.parametrize("way", ["k", "pageup", "wheel", "g"])
async def test_any_move_up_stops_following_and_growth_moves_nothing(log: Path, way: str) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        if way == "wheel":
            await pilot._post_mouse_events([_wheel_up()], view, offset=(5, 5))
        else:
            await pilot.press(way)
        await until(pilot, lambda: not view.status.follow and screen(view)[-1] != "line 999")
        seen = screen(view)
        with log.open("a") as file:
            file.write(numbered(1000, 3000))
        view.refresh_from_file()
        await until(pilot, lambda: view.status.new_lines == 2000)
        assert screen(view) == seen
        assert "+2,000 new" in view.status.parts()


def _wheel_up() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


@pytest.mark.parametrize("key", ["G", "end", "F"])
async def test_only_end_and_the_follow_key_resume(log: Path, key: str) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        await pilot.press("pageup", "pagedown", "pagedown", "j", "space")
        assert screen(view)[-1] == "line 999"
        assert not view.status.follow
        await pilot.press(key)
        assert view.status.follow
        with log.open("a") as file:
            file.write("more\n")
        await until(pilot, lambda: screen(view)[-1] == "more")


async def test_moving_goes_through_the_whole_file_and_stops_at_its_ends(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.go_home()
        await until(pilot, lambda: screen(view)[0] == "line 0")
        for _ in range(200):
            view.page(1)
            await until(pilot, lambda: not view.loader._is_loading)
        await until(pilot, lambda: screen(view)[-1] == "line 999")
        for _ in range(200):
            view.page(-1)
        await until(pilot, lambda: screen(view)[0] == "line 0")


async def test_every_line_is_seen_once_when_paging_down(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.go_home()
        await until(pilot, lambda: screen(view)[0] == "line 0")
        seen = [screen(view)[0]]
        while seen[-1] != "line 988":
            view.scroll_line(1)
            await until(pilot, lambda: view._owed == 0 and not view.loader._is_loading)
            seen.append(screen(view)[0])
        assert seen == [f"line {number}" for number in range(989)]


async def test_the_scrollbar_reaches_the_middle_and_the_end(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.go_fraction(0.5)
        await until(pilot, lambda: screen(view)[0].startswith("line 50"))
        assert 0.3 < view.scroll_y / view.max_scroll_y < 0.7
        view.go_fraction(1.0)
        await until(pilot, lambda: screen(view)[-1] == "line 999")
        assert not view.status.follow
        assert view.scroll_y == view.max_scroll_y


async def test_search_counts_lights_and_goes_round(log: Path) -> None:
    async with opened(log) as pilot:
        app = app_of(pilot)
        view = app.view
        view.go_home()
        await until(pilot, lambda: screen(view)[0] == "line 0")
        view.search("LINE 77", regex=False)
        await until(pilot, lambda: view.status.hits_known and view.status.hit_text() == "0 hits")
        view.search("line 77")
        await until(pilot, lambda: view.status.hit_text() == "1/11")
        assert "line 77" in screen(view)
        assert screen(view)[0] != "line 77"  # some lines around it
        for expected in ("2/11", "3/11"):
            await pilot.press("n")
            await until(pilot, lambda text=expected: view.status.hit_text() == text)  # type: ignore[misc]
        assert "line 771" in screen(view)
        await pilot.press("N", "N", "N")
        await until(pilot, lambda: view.status.hit_text() == "11/11")
        assert app.messages[-1].outcome == "wrapped"  # type: ignore[attr-defined]


async def test_each_step_of_a_burst_counts(log: Path) -> None:
    async with opened(log) as pilot:
        view = await searched_from_the_top(pilot, "line 7", "1/111")
        for _ in range(7):  # none of them waits for the one before
            view.next_hit()
        await until(pilot, lambda: view.status.hit_text() == "8/111")
        for _ in range(3):
            view.previous_hit()
        view.next_hit()
        await until(pilot, lambda: view.status.hit_text() == "6/111")


async def test_a_step_while_the_hit_is_being_loaded_goes_on_from_it(log: Path) -> None:
    async with opened(log) as pilot:
        view = await searched_from_the_top(pilot, "line 5", "1/111")
        ended = app_of(pilot).messages
        for count in (2, 3, 4):
            view.next_hit()
            await until(pilot, lambda count=count: len(ended) >= count)  # type: ignore[misc]
        await until(pilot, lambda: view.status.hit_text() == "4/111")


async def test_a_line_that_does_not_match_is_no_hit_of_the_counter(log: Path) -> None:
    with log.open("a") as file:
        file.write("ValueError: bad\n")
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("line 77")
        await until(pilot, lambda: view.status.hit_text() == "11/11")
        view.next_error()
        await until(pilot, lambda: view.current_line_text() == "ValueError: bad")
        await until(pilot, lambda: view.counts.hit_line == view.current)
        assert view.counts.hit is None
        view.tell()
        assert view.status.hit_text() == "–/11"


async def test_hits_are_lit_and_the_current_one_differs(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("99")
        await until(pilot, lambda: view.current is not None)
        looks = {}
        for y, text in enumerate(screen(view)):
            for segment in view.render_line(y):
                if segment.text == "99" and segment.style is not None:
                    looks[text] = (segment.style.reverse, segment.style.bold)
        assert looks["line 999"] == (True, True)
        assert looks["line 990"] == (True, None)


async def test_at_the_end_the_nearest_hit_is_the_last_one(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("line 5")
        await until(pilot, lambda: view.status.hit_text() == "111/111")
        assert "line 599" in screen(view)
        assert not view.status.follow


async def test_a_bad_pattern_keeps_the_last_good_hits(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("line 1[0-9]$", regex=True)
        await until(pilot, lambda: view.status.hits == 10 and view.status.hits_known)
        view.search("line 1[0-9", regex=True)
        assert view.status.pattern_error
        assert view.status.hits == 10
        assert view.status.pattern == "line 1[0-9]$"
        view.search("line 1[0-9]$", regex=True)
        assert view.status.pattern_error is None


async def test_only_matching_lines_are_shown_and_followed(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("7")
        await until(pilot, lambda: view.status.hits_known and view.status.hits == 271)
        view.go_end()
        await pilot.press("ampersand")
        await until(pilot, lambda: screen(view)[-1] == "line 997")
        assert all("7" in line for line in screen(view))
        with log.open("a") as file:
            file.write("no\nseven 7\nno\n")
        await until(pilot, lambda: screen(view)[-1] == "seven 7")
        await until(pilot, lambda: view.status.hits == 272)
        await pilot.press("g")
        await until(pilot, lambda: screen(view)[0] == "line 7")
        await pilot.press("ampersand")
        await until(pilot, lambda: "line 8" in screen(view))


async def test_nothing_matching_is_said(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("absent")
        view.toggle_only_matching()
        await until(pilot, lambda: screen(view)[0] == "no line matches")
        view.clear_search()
        await until(pilot, lambda: screen(view)[-1] == "line 999")


async def test_errors_are_walked_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(
        "ok\n" * 50 + "ValueError: x\n" + "0 errors\n" * 50 + "FAILED y\n" + "ok\n" * 50
    )
    async with opened(path) as pilot:
        view = app_of(pilot).view
        view.previous_error()
        await until(pilot, lambda: view.current_line_text() == "FAILED y")
        view.previous_error()
        await until(pilot, lambda: view.current_line_text() == "ValueError: x")
        await until(pilot, lambda: view.current_line_number() == 51)
        view.next_error()
        await until(pilot, lambda: view.current_line_text() == "FAILED y")


async def test_wrap_pan_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{n:03}" + "abcdefghij" * 10 + "END\n" for n in range(100)))
    async with opened(path) as pilot:
        view = app_of(pilot).view
        width = view.scrollable_content_region.width
        view.pan(10_000)
        assert screen(view)[-1].endswith("jEND")
        assert len(screen(view)[-1]) == width
        view.pan(-10_000)
        assert screen(view)[-1].startswith("099abc")
        view.toggle_wrap()
        assert screen(view)[-1].endswith("jEND")
        assert screen(view)[-2].startswith("099abc")
        view.toggle_line_numbers()
        await until(pilot, lambda: any(line.startswith(" 100 099abc") for line in screen(view)))
        assert screen(view)[-1].startswith("     ")


async def test_a_restart_is_told_and_shown(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.add_mark()
        view.go_home()
        await until(pilot, lambda: screen(view)[0] == "line 0")
        with log.open("w") as file:
            file.write("second run\n")
        await until(pilot, lambda: screen(view)[0] == "second run")
        await until(pilot, lambda: view.status.was_restarted)
        await until(pilot, lambda: view.status.lines == 1)
        assert screen(view)[1] == ""  # the mark went with the old run


async def test_empty_states_say_what_they_are(tmp_path: Path) -> None:
    async with opened(None) as pilot:
        view = app_of(pilot).view
        assert screen(view)[0] == "nothing selected"
        path = tmp_path / "empty.log"
        view.show(str(path), key="a")
        await until(pilot, lambda: screen(view)[0] == "no output yet")
        path.write_text("first\n")
        await until(pilot, lambda: screen(view)[0] == "first")
        view.show(str(tmp_path), key="b")
        await until(pilot, lambda: screen(view)[0].startswith("cannot be read"))
        ended = tmp_path / "ended.log"
        ended.touch()
        view.show(str(ended), key="c")
        await until(pilot, lambda: screen(view)[0] == "no output yet")
        assert "FOLLOW" in view.status.parts()
        view.show(str(ended), key="c", is_over=True)
        assert screen(view)[0] == "no output"
        assert "FOLLOW" not in view.status.parts()
        view.show(None)
        assert screen(view)[0] == "nothing selected"


async def test_place_and_pattern_come_back_with_the_job(tmp_path: Path, log: Path) -> None:
    other = tmp_path / "other.log"
    other.write_text("other\n" * 100)
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.search("line 500")
        await until(pilot, lambda: "line 500" in screen(view))
        seen = screen(view)
        view.show(str(other), key="other job")
        await until(pilot, lambda: screen(view)[-1] == "other")
        assert view.status.pattern == ""
        view.show(str(log), title="stdout", key="job")
        await until(pilot, lambda: screen(view) == seen)
        assert view.status.pattern == "line 500"
        await until(pilot, lambda: view.status.lines == 1000)
        assert not view.status.was_restarted


async def test_marks_are_drawn_and_hide_what_is_before(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.add_mark()
        assert screen(view)[-1].startswith("── ")
        with log.open("a") as file:
            file.write("after 1\nafter 2\n")
        await until(pilot, lambda: screen(view)[-1] == "after 2")
        assert screen(view)[-3].startswith("── ")
        assert view.hide_before_mark()
        await until(pilot, lambda: screen(view)[:3][1:] == ["after 1", "after 2"])
        assert view.hide_before_mark()
        await until(pilot, lambda: screen(view)[-4] == "line 999")


@pytest.mark.usefixtures("two_hours_east")
async def test_a_merged_log_has_local_times_and_marked_stderr(tmp_path: Path) -> None:
    path = tmp_path / "full.log"
    path.write_text(
        "2026-01-01T00:00:00Z [STDOUT] out\n2026-01-01T23:00:01Z [STDERR] err [STDERR]\n"
    )
    async with opened(path, merged=True) as pilot:
        view = app_of(pilot).view
        await until(pilot, lambda: "err" in screen(view)[1])
        assert screen(view)[:2] == ["  02:00:00 out", "▎ 01:00:01 err [STDERR]"]
        view.show_dates(True)
        assert screen(view)[:2] == ["  01-01 02:00:00 out", "▎ 01-02 01:00:01 err [STDERR]"]
        view.toggle_times()
        assert screen(view)[:2] == ["  out", "▎ err [STDERR]"]


async def test_the_mouse_selects_text_which_growth_does_not_change(log: Path) -> None:
    async with opened(log) as pilot:
        app = app_of(pilot)
        view = app.view
        await pilot.mouse_down(view, offset=(6, 3))
        await pilot.hover(view, offset=(8, 5))
        await pilot.mouse_up(view, offset=(8, 5))
        first = 1000 - ROWS + 2
        expected = f"{first}\nline {first + 1}\nline {first + 2}"
        selected = view.selected_text()
        assert selected.splitlines()[1] == f"line {first + 1}"
        assert expected.startswith(selected[:4])
        with log.open("a") as file:
            file.write(numbered(1000, 2000))
        await until(pilot, lambda: screen(view)[-1] == "line 1999")
        assert view.selected_text() == selected
        assert app.screen.get_selected_text() == selected


async def test_a_selection_that_leaves_the_pane_ends_with_the_screen(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        last = view.viewport.lines[-1]
        begin = view.viewport.lines[-3].start
        text = view.get_selection(Selection(Offset(2, begin), None))
        assert text == ("ne 997\nline 998\nline 999", "\n")
        whole = view.get_selection(Selection(None, Offset(4, last.start)))
        assert whole is not None
        assert whole[0].splitlines()[0] == f"line {1000 - ROWS}"
        assert whole[0].endswith("\nline")


async def test_export_writes_what_is_shown_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\x1b[31mred\x1b[0m\nplain\n" + b"x" * 100_000 + b"\nred end")
    async with opened(path) as pilot:
        app = app_of(pilot)
        target = tmp_path / "out.txt"
        app.view.export(str(target))
        await until(pilot, lambda: app.messages)
        assert target.read_bytes() == b"red\nplain\n" + b"x" * 100_000 + b"\nred end\n"
        assert target.stat().st_mode & 0o777 == 0o600
        app.view.search("red")
        app.view.toggle_only_matching()
        app.messages.clear()
        app.view.export(str(target))
        await until(pilot, lambda: any(getattr(m, "problem", None) for m in app.messages))
        app.view.export(str(tmp_path / "hits.txt"))
        await until(pilot, lambda: any(getattr(m, "lines", 0) for m in app.messages))
        assert (tmp_path / "hits.txt").read_bytes() == b"red\nred end\n"


async def test_markup_in_output_is_text(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("[/foo] [red]hi[/red] [@click=app.bell]x\n")
    async with opened(path) as pilot:
        view = app_of(pilot).view
        await until(pilot, lambda: screen(view)[0] == "[/foo] [red]hi[/red] [@click=app.bell]x")


async def test_a_hit_deep_in_a_huge_line_is_brought_on_screen(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"short\n" * 40 + b"a" * 900_000 + b"needle" + b"b" * 900_000 + b"\nend\n")
    async with opened(path) as pilot:
        view = app_of(pilot).view
        view.search("needle")
        await until(pilot, lambda: any("needle" in line for line in screen(view)))
        await until(pilot, lambda: view.status.pan > 0)


async def test_a_hidden_view_leaves_its_file_alone(log: Path) -> None:
    async with opened(log) as pilot:
        view = app_of(pilot).view
        view.display = False
        await until(pilot, lambda: not view._is_in_sight)
        looked = view._last_look
        with log.open("a") as file:
            file.write("unseen\n")
        view.refresh_from_file()
        await pilot.pause(0.05)
        assert view._last_look == looked
        view.display = True
        await until(pilot, lambda: screen(view)[-1:] == ["unseen"])


async def test_fast_switching_shows_the_last_choice(tmp_path: Path) -> None:
    paths = []
    for number in range(20):
        paths.append(tmp_path / f"{number}.log")
        paths[-1].write_text(f"log {number}\n" * 100)
    async with opened(paths[0]) as pilot:
        view = app_of(pilot).view
        for _ in range(3):
            for number, path in enumerate(paths):
                view.show(str(path), key=str(number))
        await until(pilot, lambda: screen(view)[-1] == "log 19")
        await until(pilot, lambda: view.status.lines == 100)
