"""Whose output is still held says so in list and detail, is found by it, and can be ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agent_exec import JobDefinition, list_jobs, run_job
from agent_exec.commands.delete import delete_jobs
from agent_exec.commands.observation import NO_WAIT
from agent_exec.store.jobs import JobStore
from agent_exec_tui import feed
from agent_exec_tui.job_rows import RowKind
from support.dashboard import app_of, dashboard, until
from support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


def screen_text(pilot: Pilot[str]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def capturing(store: JobStore) -> str:
    job_id = run_job(store, JobDefinition(command=("sleep 61 & true",)), observation=NO_WAIT).job_id
    with store.open(job_id) as job:
        wait_until(
            lambda: (ours := job.read_supervision()) is not None and ours.still_capturing,
            what="late output",
        )
    return job_id


@pytest.mark.parametrize("first_batch", [120, 0], ids=["read", "from the cache"])
async def test_held_output_is_told_and_x_ends_who_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_batch: int
) -> None:
    store = JobStore(tmp_path / "root")
    job_id = capturing(store)
    free = run_job(store, JobDefinition(command=("true",))).job_id
    monkeypatch.setattr(feed, "FIRST_BATCH", first_batch)
    async with dashboard(store.root, (140, 40)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.jobs.rows[job_id].is_held, "the held output")
        assert not main.jobs.rows[free].is_held
        main.viewing.set_filter("state:capturing")
        await until(pilot, lambda: [row.job_id for row in main.jobs.shown] == [job_id])
        assert "◍ ok" in screen_text(pilot)
        if not main.detail.display:
            await pilot.press("i")
        told = "output still held by 1 process: sleep; x ends them"
        await until(pilot, lambda: told in main.detail.plain_text, "who holds it")
        main.table.focus()
        await pilot.press("x")
        await until(pilot, lambda: "TERM goes to what still holds" in screen_text(pilot))
        assert "kill --signal TERM" in screen_text(pilot)
        await pilot.press("y")
        await until(pilot, lambda: not main.jobs.rows[job_id].is_held, "the end of them")
        assert main.jobs.rows[job_id].kind is RowKind.OK
    assert not list_jobs(store, state="capturing").jobs


def test_list_and_delete_know_whose_output_is_held(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "root")
    job_id = capturing(store)
    run_job(store, JobDefinition(command=("true",)))
    assert [job.job_id for job in list_jobs(store, state="capturing").jobs] == [job_id]
    report = delete_jobs(store, cwd=None, filter="state:capturing", dry_run=True)
    assert [job.job_id for job in report.jobs] == [job_id]
    delete_jobs(store, cwd=None, filter="state:capturing")
    wait_until(lambda: len(store.names()) == 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a job away")
async def test_a_job_of_somebody_else_says_whose_it_is(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "root")
    job_id = run_job(store, JobDefinition(command=("true",))).job_id
    os.chown(tmp_path / "root" / job_id, 65534, 65534)
    async with dashboard(store.root, (140, 40)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: job_id in main.jobs.rows)
        if not main.detail.display:
            await pilot.press("i")
        told = "uid 65534, not you: the job is only looked at"
        await until(pilot, lambda: told in main.detail.plain_text, "whose it is")
