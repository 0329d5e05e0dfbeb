"""The dashboard over a root the real program works in, and the real program over ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agent_exec_tui.job_rows import RowKind
from agent_exec_tui.layout import Part
from agent_exec_tui.screens.dialog import ConfirmDialog
from support.dashboard import app_of, dashboard, until
from support.peers import TODAY
from support.programs import NAMES, OURS, Answer, Program

pytestmark = pytest.mark.parametrize(
    "other", [name for name in NAMES if name != OURS], indirect=True
)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def _present(root: Path) -> None:
    root.mkdir()


def kind_of(pilot: Pilot[str], job_id: str) -> RowKind | None:
    row = app_of(pilot).main.jobs.rows.get(job_id)
    return row.kind if row else None


def lines_of(pilot: Pilot[str], part: Part) -> int | None:
    return app_of(pilot).main.logs[part].view.status.lines


async def told(program: Program, root: Path, *args: str) -> Answer:
    return await asyncio.to_thread(program.must, root, *args)


async def confirm(pilot: Pilot[str], key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog), "the question")
    await pilot.press("y")


async def test_its_running_job_appears_is_tailed_tagged_and_ended_by_keys(
    other: Program, root: Path
) -> None:
    async with dashboard(root) as pilot:
        script = "echo out 1; echo err 1 >&2; echo out 2; exec sleep 60"
        answer = await told(other, root, "run", "--no-wait", "--", "sh", "-c", script)
        job_id = str(answer["job_id"])
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.RUNNING, "its row")
        await until(pilot, lambda: lines_of(pilot, Part.STDOUT) == 2, "its stdout")
        await until(pilot, lambda: lines_of(pilot, Part.STDERR) == 1, "its stderr")
        await told(other, root, "tag", "set", job_id, "--tag", "from.rust")
        await until(pilot, lambda: "from.rust" in _tags(pilot, job_id), "its tag")
        await confirm(pilot, "x")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.KILLED, "its end")
    assert other.must(root, "status", job_id)["state"] == "killed"


def _tags(pilot: Pilot[str], job_id: str) -> tuple[str, ...]:
    row = app_of(pilot).main.jobs.rows[job_id]
    return tuple(row.tags)


async def test_its_created_job_is_started_by_a_key_and_waited_for_by_it(
    other: Program, root: Path
) -> None:
    script = "echo from the dashboard; exit 5"
    job_id = str(other.must(root, "create", "--", "sh", "-c", script)["job_id"])
    async with dashboard(root) as pilot:
        await pilot.press("s")
        waited = await told(other, root, "wait", "--forever", job_id)
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.BAD)
    assert (waited["state"], waited["exit_code"]) == ("exited", 5)
    assert other.must(root, "tail", job_id)["stdout"] == "from the dashboard\n"


async def test_a_job_started_by_a_key_is_killed_by_it_and_seen_at_once(
    other: Program, root: Path
) -> None:
    job_id = str(other.must(root, "create", "--", "sleep", "60")["job_id"])
    async with dashboard(root) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.RUNNING)
        await told(other, root, "kill", job_id)
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.KILLED)
        if other.name == TODAY:
            await told(other, root, "restart", "--no-wait", job_id)
            await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.RUNNING, "its new run")
            await confirm(pilot, "X")
            await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.KILLED)


async def test_its_finished_jobs_are_deleted_by_a_key(other: Program, root: Path) -> None:
    job_id = str(other.must(root, "run", "--until", "5", "--", "true")["job_id"])
    async with dashboard(root) as pilot:
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.OK)
        await confirm(pilot, "d")
        await until(pilot, lambda: job_id not in app_of(pilot).main.jobs.rows)
    assert not (root / job_id).exists()
