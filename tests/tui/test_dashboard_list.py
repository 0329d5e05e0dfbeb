from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agent_exec.model.job import JobStatus
from agent_exec_tui.app import DashboardApp
from agent_exec_tui.arrangement import Sort, Tab, View
from agent_exec_tui.layout import Part
from agent_exec_tui.screens import facts, viewing
from agent_exec_tui.screens.jump import go_to_job
from agent_exec_tui.settings import Settings
from agent_exec_tui.situation import Pane
from agent_exec_tui.widgets.job_columns import FIELD_OF_WORD, WidthClass
from support.built_jobs import NO_PROCESS
from support.dashboard import NOW, Root, app_of, dashboard, frozen_clock, one_of_each, until
from support.many_jobs import make_finished_jobs


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def screen_text(pilot: Pilot[str]) -> str:
    """Everything on the screen, line by line."""
    screen = pilot.app.screen
    width, height = screen.size
    lines = screen._compositor.render_strips()
    return "\n".join(strip.text[:width] for strip in lines[:height])


async def test_an_empty_root_says_what_to_do(root: Root) -> None:
    async with dashboard(root.path, (80, 24)) as pilot:
        await pilot.pause()
        text = screen_text(pilot)
        assert "No jobs here yet." in text
        assert "add a job" in text
        assert "agent-exec-tui run -- echo hello" in text


async def test_a_root_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    async with dashboard(tmp_path / "none" / "such", (80, 24)) as pilot:
        await pilot.pause()
        text = " ".join(screen_text(pilot).replace("┃", " ").split())
        assert "No jobs here yet." in text
        assert "such does not exist; the first job makes it." in text
    (tmp_path / "none" / "such").mkdir(parents=True)
    async with dashboard(tmp_path / "none" / "such", (80, 24)) as pilot:
        await pilot.pause()
        assert "does not exist" not in screen_text(pilot)


async def test_a_filter_that_finds_nothing_names_what_is_no_field_of_it(root: Root) -> None:
    root.add("00", ("sh", "-c", "echo boom; exit 1"))
    async with dashboard(root.path, (80, 24)) as pilot:
        main = app_of(pilot).main
        main.viewing.set_filter("-c 'echo boom")
        assert len(main.jobs) == 1
        main.viewing.set_filter("status:running")
        await pilot.pause()
        text = screen_text(pilot)
        assert "None of 1 job is shown." in text
        assert "status: is no field; searched as text" in text
        assert "fields: re: tag: state: exit: cwd: id: age: ended:" in text
        main.viewing.set_filter("missing")
        await pilot.pause()
        assert "field" not in screen_text(pilot)


async def test_it_starts_on_the_newest_job_though_older_ones_were_known_sooner(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_finished_jobs(str(root.path), 150)  # more than are read one by one
    async with dashboard(root.path):
        pass  # which remembers the newest ones
    newest = root.add("feed", created_ago_s=0)
    async with dashboard(root.path) as pilot:
        assert app_of(pilot).main.table.cursor_id == newest


async def test_every_state_has_its_glyph_its_word_and_its_own_row(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path, (120, 36)) as pilot:
            await pilot.pause()
            text = screen_text(pilot)
            for sign in ("● running", "○ created", "✗ bad", "✓ ok", "⊘ killed", "! failed",
                         "~ corrupt"):  # fmt: skip
                assert sign in text
            assert "TERM" in text
            assert "! 1 unreadable dir" in text
            assert "state.json: not JSON" in text


async def test_what_jobs_are_called_reaches_the_screen_as_text_only(root: Root) -> None:
    root.add("aa", ("echo", "[/foo] bar", "[@click=app.bell]x[/]", "\x1b]52;c;aGk=\x07\x1b[2J"))
    root.add("bad\x1b[31mid\n", ("[red]hi",), stdout=b"\x1b]0;title\x07[bold]out\n")
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        for _ in range(2):
            await until(pilot, lambda: main.selected.record is not None)
            await pilot.press("4", "1", "j")
        text = screen_text(pilot)
        assert "[/foo] bar" in text
        assert "[red]hi" in text
        assert not [char for char in text if char != "\n" and not char.isprintable()]


async def test_a_job_made_elsewhere_appears_and_a_deleted_one_goes(root: Root) -> None:
    first = root.add("11", created_ago_s=900)
    async with dashboard(root.path) as pilot:
        jobs = app_of(pilot).main.jobs
        second = root.add("22", created_ago_s=10)
        await until(pilot, lambda: [row.job_id for row in jobs.shown] == [second, first])
        shutil.rmtree(root.path / first)
        await until(pilot, lambda: [row.job_id for row in jobs.shown] == [second])


async def test_whoever_reads_the_log_of_a_job_that_goes_is_back_in_the_list(root: Root) -> None:
    read, other = root.add("11", created_ago_s=10), root.add("22", created_ago_s=900)
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.table.cursor_id == read)
        await pilot.press("enter", "z")
        assert main.panes.wish.is_zoomed
        shutil.rmtree(root.path / read)
        await until(pilot, lambda: main.table.cursor_id == other)
        assert main.panes.pane is Pane.JOBS
        assert not main.panes.wish.is_zoomed
        assert main.focused is main.table
        told = [notice.message for notice in pilot.app._notifications]
        assert told == ["11000000 is gone: it was removed elsewhere"]


async def test_the_cursor_stays_on_its_job_while_rows_come_and_go(root: Root) -> None:
    ids = [root.add(f"{number:02}", created_ago_s=100 + number) for number in range(60)]
    async with dashboard(root.path, (100, 24)) as pilot:
        table = app_of(pilot).main.table
        await pilot.press("G")
        for _ in range(5):
            table.move(-1)
        await pilot.pause()
        mine, line = table.cursor_id, table._cursor_line - table.scroll_offset.y
        newest = root.add("zz", created_ago_s=1)
        shutil.rmtree(root.path / ids[3])
        await until(pilot, lambda: newest in table.jobs.rows and ids[3] not in table.jobs.rows)
        assert table.cursor_id == mine
        assert table._cursor_line - table.scroll_offset.y == line


async def test_the_selection_is_always_in_view(root: Root) -> None:
    for number in range(80):
        root.add(f"{number:02}", created_ago_s=100 + number)
    async with dashboard(root.path, (80, 24)) as pilot:
        table = app_of(pilot).main.table
        for step in (1, 30, -5, 60, -100, 79, 3, -40):
            table.move(step)
            await pilot.pause()
            line = table._cursor_line - table.scroll_offset.y
            assert 0 <= line < table.page_lines


async def test_a_filter_narrows_as_it_is_typed_and_stays_in_force(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            await pilot.press("slash", *"tag:ci.*")
            await until(pilot, lambda: len(main.jobs) == 2)
            await pilot.press("enter")
            assert main.panes.wish.current is Part.JOBS
            await pilot.pause()
            assert "Jobs 2/8 · filter: tag:ci.*" in screen_text(pilot)
            await pilot.press("slash")
            assert main.filter_input.value == "tag:ci.*"
            await pilot.press("enter", "escape")
            await until(pilot, lambda: len(main.jobs) == 8)


async def test_a_flawed_filter_keeps_the_list_and_says_what_is_wrong(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            await pilot.press("slash", *"make")
            await until(pilot, lambda: len(main.jobs) == 1)
            await pilot.press("space", *"re:(")
            await until(pilot, lambda: main.viewing.flaw is not None)
            assert len(main.jobs) == 1
            await pilot.press("enter")  # nothing that was typed is lost
            assert main.filter_input.value == "make re:("
            assert main.filter_input.display
            await pilot.press("escape")
            assert main.viewing.flaw is None


async def test_marks_out_of_sight_are_told_and_not_acted_on(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            main.table.select("7f3a9c1e".ljust(32, "0"))
            await pilot.press("space", "slash", *"sleep", "enter")
            await until(pilot, lambda: len(main.jobs) == 1)
            assert [row.short_id for row in main.situation().targets] == ["5d9e1c03"]
            assert "1 marked (1 not shown)" in facts.jobs_title(main)
            await pilot.press("escape")
            await until(pilot, lambda: len(main.jobs) == 8)
            assert [row.short_id for row in main.situation().targets] == ["7f3a9c1e"]


async def test_jobs_that_the_filter_hides_are_counted_as_they_come(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            await pilot.press("slash", *"nothing like it", "enter")
            await until(pilot, lambda: "Jobs 0/8" in screen_text(pilot))
            root.add("11")
            await until(pilot, lambda: "Jobs 0/9" in screen_text(pilot))


async def test_the_detail_pane_shows_the_job_of_the_cursor_whenever_it_comes(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            await until(pilot, lambda: main.selected.record is not None)
            await pilot.press("i")
            await until(pilot, lambda: "train.py" not in main.detail.plain_text)
            await pilot.press("i", "j")
            await until(pilot, lambda: main.selected.record is not None)
            await pilot.press("i")
            await until(pilot, lambda: "train.py" in main.detail.plain_text)


async def test_the_cursor_stays_in_sight_when_the_terminal_shrinks(root: Root) -> None:
    make_finished_jobs(str(root.path), 60)
    async with dashboard(root.path, (120, 50)) as pilot:
        main = app_of(pilot).main
        await pilot.press(*"j" * 20)
        await pilot.resize_terminal(80, 20)
        await until(pilot, lambda: "> " in screen_text(pilot))
        assert main.table.cursor_row in main.table._visible_rows()


async def test_going_to_a_hidden_job_of_a_long_list_loses_no_change(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "AT_ONCE", 0)
    hidden = root.add("00", ("make",), created_ago_s=900)
    other = root.add("11", ("make", "release"), created_ago_s=800)
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        main.viewing.go_to_tab(Tab.FAILED)
        main.viewing.set_filter("nothing")
        await until(pilot, lambda: main.jobs.view.wanted is not None)
        go_to_job(main, hidden)
        assert main.table.cursor_id == hidden
        main.jobs.apply([], [other])
        await until(pilot, lambda: all(worker.is_finished for worker in main.workers))
        await pilot.pause()
        assert [row.job_id for row in main.jobs.shown] == [hidden]
        assert main.viewing.text == main.filter_input.value == ""
        assert main.jobs.view == main.viewing.view == View()


async def test_tabs_and_counts_follow_the_jobs(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            jobs = app_of(pilot).main.jobs
            assert [jobs.count_of(tab) for tab in Tab] == [8, 2, 1, 3, 4]
            await pilot.press("]")
            assert (jobs.view.tab, len(jobs)) == (Tab.RUNNING, 2)
            await pilot.press("[", "[")
            assert (jobs.view.tab, len(jobs)) == (Tab.DONE, 4)


async def test_marks_follow_jobs_and_escape_takes_one_layer_back_at_a_time(root: Root) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            await pilot.press("space", "j", "shift+down")
            assert len(main.table.marks) == 3
            await pilot.press("A")
            assert len(main.table.marks) == 8
            await pilot.press("z", "escape")
            assert not main.table.marks
            assert main.panes.wish.is_zoomed
            await pilot.press("escape")
            assert not main.panes.wish.is_zoomed


async def test_0_shows_this_directory_only_and_all_again(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root.add("11", cwd=str(tmp_path))
    root.add("22", cwd="/elsewhere")
    async with dashboard(root.path) as pilot:
        jobs = app_of(pilot).main.jobs
        assert len(jobs) == 2
        await pilot.press("0")
        assert [row.shown_id[:2] for row in jobs.shown] == ["11"]
        await pilot.press("0")
        assert len(jobs) == 2


async def test_a_terminal_too_small_says_so_and_still_quits(root: Root) -> None:
    root.add("11")
    async with dashboard(root.path, (38, 9)) as pilot:
        await pilot.pause()
        assert "too small (38×9), need 40×10" in screen_text(pilot)
        await pilot.press("q")
        await pilot.pause()
        assert not pilot.app.is_running


@pytest.mark.parametrize("size", [(40, 10), (40, 12), (60, 20), (80, 24), (120, 36), (200, 50)])
async def test_every_size_shows_whole_hints_and_help_among_them(
    root: Root, size: tuple[int, int]
) -> None:
    with root:
        one_of_each(root)
        async with dashboard(root.path, size) as pilot:
            for key in ("1", "2", "4"):
                await pilot.press(key)
                await pilot.pause()
                last = screen_text(pilot).splitlines()[-1]
                assert last.rstrip().endswith("? help")
                assert len(last.rstrip()) < size[0]


async def test_jobs_that_ended_unseen_are_marked_and_walked_through(root: Root) -> None:
    job_id = root.add("11", status=JobStatus.RUNNING, created_ago_s=5)
    other = root.add("22", created_ago_s=1)
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        assert main.table.cursor_id == other
        shutil.rmtree(root.path / job_id)
        root.add("11", exit_code=3, created_ago_s=5)
        await until(pilot, lambda: job_id in main.table.unread)
        await pilot.press("!")
        assert main.table.cursor_id == job_id
        assert not main.table.unread


async def test_chosen_columns_show_what_they_say_and_their_headings_sort(root: Root) -> None:
    words = ("started", "age", "command", "size", "pid", "cwd")
    chosen = dict.fromkeys(WidthClass, tuple(FIELD_OF_WORD[word] for word in words))
    first = root.add("11", created_ago_s=7200, cwd="/b", stdout=b"x" * 2000, pid=321)
    root.add("22", created_ago_s=86_400, cwd="/a", stderr=b"12345")
    async with dashboard(root.path, settings=Settings(columns=chosen), clock=frozen_clock) as pilot:
        main = app_of(pilot).main
        await pilot.pause()
        header, newest, oldest = screen_text(pilot).splitlines()[3:6]
        assert header.split()[1:8] == ["S", "STARTED", "AGE", "COMMAND", "SIZE", "PID", "CWD"]
        assert newest.split()[4:8] == ["2h", "echo", "hello", "2.0K"]
        assert newest.split()[8:10] == ["321", "/b"]
        assert "2026-02-28" in oldest
        assert "1d" in oldest
        for heading, sort, top in (
            ("STARTED", Sort.STARTED, first), ("SIZE", Sort.OUTPUT, first),
            ("AGE", Sort.NEWEST, first), ("CWD", Sort.CWD, "22".ljust(32, "0")),
        ):  # fmt: skip
            await pilot.click(main.table, offset=(header.index(heading) - 1, 0))
            await until(pilot, lambda: main.jobs.view.sort is sort)  # noqa: B023
            assert main.jobs.shown[0].job_id == top
        await pilot.click(main.table, offset=(header.index("PID") - 1, 0))
        assert main.jobs.view.sort is Sort.CWD


async def test_a_filter_by_age_lets_jobs_go_as_they_grow_older(root: Root) -> None:
    now_s = [NOW.timestamp()]
    root.add("11", created_ago_s=1700, ran_s=1000)
    kept = root.add("22", created_ago_s=60, ran_s=30)
    doubtful = root.add("33", status=JobStatus.RUNNING, created_ago_s=1000, pid=NO_PROCESS)
    async with dashboard(root.path, clock=lambda: now_s[0]) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.jobs.rows[doubtful].word == "stale?")
        await pilot.press("slash", *"age:<30m", "enter")
        await until(pilot, lambda: len(main.jobs) == 3)
        now_s[0] += 150
        await until(pilot, lambda: len(main.jobs) == 2, "the oldest to go")
        assert "Jobs 2/3" in screen_text(pilot)
        for text, shown in (
            ("ended:<30m", [kept]),
            ("state:stale?", [doubtful]),
            ("state:stal", [doubtful]),
            ("state:stale", []),  # a whole word is no beginning of another
            ("state:unk", [doubtful]),
        ):
            main.viewing.set_filter(text)
            assert [row.job_id for row in main.jobs.shown if row.shown_id[:2] != "11"] == shown


async def test_a_crowd_that_ends_at_once_is_told_in_a_few_toasts(
    root: Root, tmp_path: Path
) -> None:
    ids = [root.add(f"{n}a", status=JobStatus.RUNNING, created_ago_s=90) for n in range(10, 40)]
    async with dashboard(root.path) as pilot:
        app = app_of(pilot)
        with Root(tmp_path / "ended") as ended:
            for job_id in ids:
                ended.add(job_id, exit_code=3, created_ago_s=90, ran_s=60)
                os.replace(*(each.path / job_id / "state.json" for each in (ended, root)))

        def counts() -> list[int]:
            told = [each.message for each in app._notifications]
            return [int(text.split()[0]) if " more jobs ended: " in text else 1 for text in told]

        await until(pilot, lambda: sum(counts()) == len(ids), "word of all of them")
        assert counts()[:3] == [1, 1, 1]
        assert len(counts()) <= 6


async def test_reading_anew_keeps_cursor_marks_and_flags(root: Root) -> None:
    seen = root.add("11", created_ago_s=9)
    running = root.add("22", status=JobStatus.RUNNING, created_ago_s=5)
    gone = root.add("33", created_ago_s=3)
    root.add("44", created_ago_s=1)
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        shutil.rmtree(root.path / running)
        root.add("22", exit_code=3, created_ago_s=5)
        await until(pilot, lambda: running in main.table.unread)
        main.table.select(seen)
        await pilot.press("space")
        main.table.select(seen)
        main.reading.close()  # nothing tells of the next change but reading anew
        shutil.rmtree(root.path / gone)
        made = root.add("55", created_ago_s=0)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: made in main.jobs.rows and gone not in main.jobs.rows)
        assert main.table.cursor_id == seen
        assert main.table.marks == {seen}
        assert running in main.table.unread


@pytest.mark.parametrize(("size", "pane"), [((50, 15), "1"), ((50, 15), "2"), ((90, 24), "2"),
                                            ((130, 30), "3"), ((200, 50), "1")])  # fmt: skip
async def test_i_shows_the_detail_at_every_size_and_takes_it_away(
    root: Root, size: tuple[int, int], pane: str
) -> None:
    root.add("11")
    async with dashboard(root.path, size) as pilot:
        main = app_of(pilot).main
        await pilot.press(pane)
        was_shown = main.detail.display
        await pilot.press("i")
        assert main.detail.display is not was_shown
        assert bool(main.detail.region) is not was_shown
        await pilot.press("i")
        assert main.detail.display is was_shown


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_messages_leave_the_footer_and_the_buttons_of_a_question_free(
    root: Root, size: tuple[int, int]
) -> None:
    root.add("11")
    app = DashboardApp(str(root.path), Settings())
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.main.reading.is_loaded)
        app.main.say("something that is said")
        await until(pilot, lambda: app.main.query("Toast"))
        await until(pilot, lambda: app.main.query_one("Toast").region)
        toast = app.main.query_one("Toast").region
        assert not toast.overlaps(app.main.footer.region)
        assert not toast.overlaps(app.main.header.region)
        await pilot.press("d")
        await until(pilot, lambda: app.screen.query("Toast"))
        await until(pilot, lambda: app.screen.query_one("Toast").region)
        toast = app.screen.query_one("Toast").region
        for button in app.screen.query("Button"):
            assert not toast.overlaps(button.region)


async def test_0_where_the_directory_is_gone_says_so(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    root.add("11")
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        await pilot.press("0")
        await until(pilot, lambda: "is gone" in str([*main.app._notifications]))
        assert len(main.jobs) == 1
        await pilot.press("a")
        await until(pilot, lambda: "Add job" in screen_text(pilot))
