"""The cursor goes to whatever starts next, until a hand moves it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent_exec.model.job import JobStatus
from agent_exec_tui.screens import facts
from agent_exec_tui.state import state_of
from support.dashboard import Root, app_of, dashboard, until


async def test_the_cursor_follows_what_starts_or_appears_until_it_is_moved(tmp_path: Path) -> None:
    with Root(tmp_path / "root") as root:
        root.add("00", created_ago_s=900)
        waiting = root.add("11", status=JobStatus.CREATED, created_ago_s=800)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            before = main.table.cursor_id
            ignored = root.add("22", created_ago_s=700)
            await until(pilot, lambda: ignored in main.jobs.rows)
            assert main.table.cursor_id == before

            main.action_do("list.follow_newest")
            assert facts.jobs_title(main) == "Jobs 3/3 · following the newest"
            assert state_of(main).follows_newest
            made = root.add("33", created_ago_s=600)
            await until(pilot, lambda: main.table.cursor_id == made, "the cursor on the new job")
            shutil.rmtree(root.path / waiting)
            await until(pilot, lambda: waiting not in main.jobs.rows)
            root.running("11", ("make",), created_ago_s=800)
            await until(pilot, lambda: main.table.cursor_id == waiting, "the cursor on what runs")

            main.viewing.set_filter("echo")
            hidden = root.running("44", ("make",), created_ago_s=50)
            shown = root.add("55", created_ago_s=500)
            await until(pilot, lambda: main.table.cursor_id == shown)
            await until(pilot, lambda: hidden in main.jobs.rows)
            main.viewing.set_filter("")
            assert main.table.cursor_id == shown

            await pilot.press("j")
            assert facts.jobs_title(main) == "Jobs 6/6"
            by_hand = main.table.cursor_id
            later = root.add("66", created_ago_s=10)
            await until(pilot, lambda: later in main.jobs.rows)
            assert main.table.cursor_id == by_hand


@pytest.mark.parametrize("moves_by_hand", [True, False])
async def test_a_job_the_list_hides_is_gone_to_later_unless_a_hand_moves_the_cursor(
    tmp_path: Path, *, moves_by_hand: bool
) -> None:
    with Root(tmp_path / "root") as root:
        hidden = root.add("00", ("make",), created_ago_s=900)
        first = root.add("11", created_ago_s=800)
        second = root.add("22", created_ago_s=850)
        async with dashboard(root.path) as pilot:
            main = app_of(pilot).main
            main.viewing.set_filter("echo")
            main.follow_new(hidden)
            assert main.table.cursor_id == first
            if moves_by_hand:
                await pilot.press("j")
                assert main.table.cursor_id == second
            main.viewing.set_filter("")
            later = root.add("33", created_ago_s=10)
            await until(pilot, lambda: later in main.jobs.rows)
            assert main.table.cursor_id == (second if moves_by_hand else hidden)
