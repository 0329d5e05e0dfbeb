"""Comparing two jobs and searching across many, in the real application over real jobs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.errors import AgentExecError
from agent_exec.store.jobs import JobStore
from agent_exec_tui.actions import BY_ID
from agent_exec_tui.layout import Part
from agent_exec_tui.screens.compare import CompareDialog
from agent_exec_tui.screens.search_all import SearchAllDialog
from agent_exec_tui.settings import Settings
from support.dashboard import Root, app_of, dashboard, type_keys, until
from support.waiting import wait_until

HUGE_BYTES = 64 * 1024**3  # takes minutes to read, and no room on the disk: all of it is a hole
STDOUT_ONLY = (80, 24)  # the size at which no pane shows stderr
SCRIPT = "import sys; [print('line', n) for n in range(3000)]; print('seed', sys.argv[1])"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "root")
    yield made
    for name in made.names():
        with suppress(AgentExecError):
            kill_job(made, name, signal="KILL")


def ended(store: JobStore, *command: str, **rest: object) -> str:
    definition = JobDefinition(command=command, **rest)  # type: ignore[arg-type]
    job_id = run_job(store, definition, observation=NO_WAIT).job_id

    def is_over() -> bool:
        with store.open(job_id) as job:
            return job.read_state().is_terminal

    wait_until(is_over, timeout_s=20)
    return job_id


def screen_text(pilot: Pilot[str]) -> str:
    screen = pilot.app.screen
    return "\n".join(strip.text for strip in screen._compositor.render_strips())


async def compare(pilot: Pilot[str], *, marks: int = 2) -> CompareDialog:
    for _ in range(marks):
        await pilot.press("space")
    await pilot.press("=")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareDialog), "the comparison")
    dialog = pilot.app.screen
    assert isinstance(dialog, CompareDialog)
    await until(pilot, lambda: len(dialog._streams) >= 2, "both streams")
    await until(pilot, lambda: all(s.compared for s in dialog._streams.values()), "the end of it")
    return dialog


async def search(pilot: Pilot[str], *keys: str) -> SearchAllDialog:
    await pilot.press("*")
    await until(pilot, lambda: isinstance(pilot.app.screen, SearchAllDialog), "the search")
    dialog = pilot.app.screen
    assert isinstance(dialog, SearchAllDialog)
    if keys:
        dialog.query_one(Input).focus()
        await type_keys(pilot, *keys, "enter")
        await until(pilot, lambda: dialog.results and dialog.results.is_over, "all logs")
    return dialog


def told(dialog: SearchAllDialog) -> str:
    return str(dialog.query_one("#told", Static).render())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_two_runs_are_compared_and_enter_goes_to_the_first_differing_line(
    store: JobStore, size: tuple[int, int]
) -> None:
    older = ended(store, sys.executable, "-c", SCRIPT, "1", env=("SEED=1",))
    newer = ended(store, sys.executable, "-c", SCRIPT, "2", env=("SEED=2",))
    async with dashboard(store.root, size) as pilot:
        main = app_of(pilot).main
        await compare(pilot)
        text = screen_text(pilot)
        assert "first differing line 3,001" in text
        assert "seed 1" in text
        assert "seed 2" in text
        assert text.index(older[:8]) < text.index(newer[:8])
        assert "SEED=1" not in text
        await pilot.press("full_stop")
        await until(pilot, lambda: "SEED=1" in screen_text(pilot))
        await pilot.press("l", "enter")
        await until(pilot, lambda: pilot.app.screen is main)
        view = main.logs[Part.STDOUT].view
        assert main.table.cursor_id == newer
        assert main.panes.wish.current is Part.STDOUT
        await until(pilot, lambda: view.current_line_text() == "seed 2", "the line in the log")
        assert not view.status.follow
        assert not view.status.new_lines


async def test_equal_jobs_differ_in_nothing_and_there_is_nowhere_to_go(store: JobStore) -> None:
    for _ in range(2):
        ended(store, "echo", "same")
    async with dashboard(store.root) as pilot:
        dialog = await compare(pilot)
        assert "≠" not in screen_text(pilot)
        assert "the same, 5 B" in screen_text(pilot)
        await pilot.press("d")
        await pilot.pause()
        assert "echo same" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.screen is dialog


@pytest.mark.parametrize("marks", [0, 1, 3])
async def test_any_number_of_marks_but_two_is_refused_with_the_reason(
    tmp_path: Path, marks: int
) -> None:
    root = Root(tmp_path / "root")
    for number in range(3):
        root.add(f"{number}a", created_ago_s=100 + number)
    async with dashboard(root.path) as pilot:
        for _ in range(marks):
            await pilot.press("space")
        await pilot.press("=")
        await pilot.pause()
        main = app_of(pilot).main
        assert pilot.app.screen is main
        reason = BY_ID["job.compare"].enabled(main.situation())
        assert reason == f"mark exactly two jobs with space; {marks or 'none'} marked now"


async def test_what_jobs_wrote_is_compared_as_text_only(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.add("1a", ("echo", "[/foo]"), stdout=b"\x1b]0;x\x07[bold]1\n", created_ago_s=20)
    root.add("2a", ("echo", "[/bar]"), stdout=b"\x1b]0;x\x07[bold]2\n")
    root.broken("3a")
    async with dashboard(root.path) as pilot:
        await compare(pilot)
        text = screen_text(pilot)
        assert "[/foo]" in text
        assert "[bold]1" in text
        assert not [char for char in text if char != "\n" and not char.isprintable()]


async def test_leaving_stops_the_comparison(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    for name in ("1a", "2a"):
        job_id = root.add(name)
        os.truncate(root.path / job_id / "stderr.log", HUGE_BYTES)
    async with dashboard(root.path, STDOUT_ONLY) as pilot:
        await pilot.press("space", "space", "=")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareDialog))
        dialog = pilot.app.screen
        await until(pilot, lambda: "comparing…" in screen_text(pilot))
        workers = [worker for worker in pilot.app.workers if worker.node is dialog]
        assert workers
        await pilot.press("escape")
        await until(pilot, lambda: all(worker.is_finished for worker in workers))
        assert pilot.app.screen is app_of(pilot).main


async def test_hits_of_all_shown_jobs_are_listed_and_enter_goes_to_one(store: JobStore) -> None:
    noisy = ended(store, sys.executable, "-c", SCRIPT + "; print('Needle', file=sys.stderr)", "1")
    other = ended(store, "sh", "-c", "echo a needle here")
    async with dashboard(store.root) as pilot:
        main = app_of(pilot).main
        dialog = await search(pilot, *"needle")
        assert "4 logs" in told(dialog)
        assert "2 lines in 2 logs" in told(dialog)
        assert [hit.job_id for hit in dialog.hits._hits] == [other, noisy]
        await pilot.press("j", "enter")
        await until(pilot, lambda: pilot.app.screen is main)
        assert (main.table.cursor_id, main.panes.wish.current) == (noisy, Part.STDERR)
        view = main.logs[Part.STDERR].view
        await until(pilot, lambda: view.current_line_text() == "Needle")
        assert view.status.pattern == "needle"

        dialog = await search(pilot)
        assert dialog.hits.cursor == 1
        await until(pilot, lambda: "Needle" in screen_text(pilot))


async def test_only_the_marked_jobs_are_searched(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    first = root.add("1a", stdout=b"needle\n", created_ago_s=10)
    root.add("2a", stdout=b"needle\n", created_ago_s=20)
    async with dashboard(root.path) as pilot:
        await pilot.press("space")
        dialog = await search(pilot, *"needle")
        assert [hit.job_id for hit in dialog.hits._hits] == [first]
        assert "1 job marked" in screen_text(pilot)


async def test_a_hit_in_a_job_that_the_filter_hides_is_gone_to_all_the_same(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    hidden = root.add("1a", ("make", "x"), stdout=b"a needle\n", created_ago_s=10)
    root.add("2a", ("echo", "x"), created_ago_s=20)
    async with dashboard(root.path) as pilot:
        main = app_of(pilot).main
        await pilot.press("space", "slash", *"echo", "enter")
        await until(pilot, lambda: len(main.jobs) == 1)
        await search(pilot, *"needle")
        await pilot.press("enter")
        await until(pilot, lambda: main.table.cursor_id == hidden)
        view = main.logs[Part.STDOUT].view
        await until(pilot, lambda: view.current_line_text() == "a needle")


async def test_a_regex_is_asked_for_with_a_key_and_a_bad_one_keeps_the_hits(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.add("1a", stdout=b"abc\na.c\n")
    async with dashboard(root.path) as pilot:
        dialog = await search(pilot, *"a.c")
        assert len(dialog.hits._hits) == 1
        await pilot.press("slash", "ctrl+r", "enter")
        await until(pilot, lambda: len(dialog.hits._hits) == 2)
        await pilot.press("slash", "(", "enter")
        await until(pilot, lambda: "missing" in told(dialog))
        assert len(dialog.hits._hits) == 2


async def test_escape_stops_the_search_first_and_keeps_its_hits(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.add("1a", stdout=b"needle\n", created_ago_s=10)
    huge = root.add("2a", created_ago_s=20)
    os.truncate(root.path / huge / "stderr.log", HUGE_BYTES)
    async with dashboard(root.path, STDOUT_ONLY) as pilot:
        await pilot.press("*", *"needle", "enter")
        dialog = pilot.app.screen
        assert isinstance(dialog, SearchAllDialog)
        await until(pilot, lambda: "1 line" in told(dialog))
        assert dialog.is_searching
        workers = [worker for worker in pilot.app.workers if worker.node is dialog]
        assert workers
        await pilot.press("escape")
        await until(pilot, lambda: "stopped after 3 of 4 logs" in told(dialog))
        await until(pilot, lambda: all(worker.is_finished for worker in workers))
        assert len(dialog.hits._hits) == 1
        await pilot.press("escape")
        assert pilot.app.screen is app_of(pilot).main


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 50)])
async def test_hostile_lines_are_listed_as_text_at_every_size(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    root = Root(tmp_path / "root")
    root.add("1a", ("[/x]",), stdout=b"\x1b[31m[/foo] needle\x1b]0;t\x07\r\n" * 200)
    settings = Settings(theme="textual-dark", ascii=True)
    async with dashboard(root.path, size, settings=settings) as pilot:
        await search(pilot, *"needle")
        await pilot.press("G")
        await pilot.pause()
        text = screen_text(pilot)
        assert "[/foo]" in text
        assert "100 more lines match"[: max(size[0] - 25, 8)] in text
        assert not [char for char in text if char != "\n" and not char.isprintable()]
