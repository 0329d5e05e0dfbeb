"""What keys do to real jobs with real processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.start import start_job
from agent_exec.errors import AgentExecError
from agent_exec.model.job import JobState
from agent_exec.store.jobs import JobStore
from agent_exec_tui.job_rows import JobRow, RowKind
from agent_exec_tui.layout import Part
from agent_exec_tui.screens.clean import CleanDialog
from agent_exec_tui.screens.dialog import ConfirmDialog
from agent_exec_tui.screens.job_form import JobForm
from agent_exec_tui.screens.journal import JournalDialog
from agent_exec_tui.screens.main import MainScreen
from agent_exec_tui.screens.menu import PromptDialog
from agent_exec_tui.settings import NotifySettings, Settings
from agent_exec_tui.widgets.command_preview import CommandPreview
from agent_exec_tui.widgets.log_view import LogView
from support.dashboard import app_of, dashboard, type_keys, until
from support.many_jobs import make_finished_jobs
from support.waiting import wait_until


class Jobs:
    """A root of real jobs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = JobStore(root)

    def created(self, *command: str, tags: tuple[str, ...] = ()) -> str:
        return create_job(self.store, JobDefinition(command=command, tags=tags)).job_id

    def running(self, *command: str) -> str:
        job_id = self.created(*command)
        start_job(self.store, job_id, observation=NO_WAIT)
        return job_id

    def ended(self, *command: str) -> str:
        job_id = self.running(*command)
        wait_until(lambda: self.state(job_id).is_terminal, what="the end of the job")
        with self.store.open(job_id) as job:  # no cleaning takes it while it is looked after
            wait_until(lambda: not job.has_supervisor(), what="the end of its supervisor")
        return job_id

    def state(self, job_id: str) -> JobState:
        with self.store.open(job_id) as job:
            return job.read_state()

    def log(self, job_id: str, name: str) -> bytes:
        return (self.root / job_id / name).read_bytes()


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Jobs(tmp_path / "root")
    yield made
    for name in made.store.names():
        with suppress(AgentExecError):
            if not made.state(name).is_terminal:
                kill_job(made.store, name, signal="KILL")


def main_of(pilot: Pilot[str]) -> MainScreen:
    return app_of(pilot).main


def row_of(pilot: Pilot[str], job_id: str) -> JobRow | None:
    return main_of(pilot).jobs.rows.get(job_id)


def kind_of(pilot: Pilot[str], job_id: str) -> RowKind | None:
    row = row_of(pilot, job_id)
    return row.kind if row else None


def has_lines(view: LogView, count: int) -> bool:
    return view.status.lines == count


async def dialog_of(pilot: Pilot[str]) -> ConfirmDialog:
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog), "the question")
    screen = pilot.app.screen
    assert isinstance(screen, ConfirmDialog)
    return screen


async def test_a_created_job_is_started_by_a_key_and_both_logs_follow(jobs: Jobs) -> None:
    script = "for i in 1 2 3; do echo line $i; echo err $i >&2; done; read x < fifo"
    os.mkfifo(jobs.root.parent / "fifo")
    job_id = jobs.created("sh", "-c", f"cd {jobs.root.parent}; {script}")
    async with dashboard(jobs.root) as pilot:
        main = main_of(pilot)
        assert kind_of(pilot, job_id) is RowKind.CREATED
        await pilot.press("s")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.RUNNING)
        for part in (Part.STDOUT, Part.STDERR):
            view = main.logs[part].view
            await until(pilot, partial(has_lines, view, 3), part.value)
        (jobs.root.parent / "fifo").write_text("on\n")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.OK)
        row = row_of(pilot, job_id)
        assert row is not None
        assert row.exit_text == "0"


async def test_the_harmless_answer_has_the_focus_and_leaves_the_job_alone(jobs: Jobs) -> None:
    job_id = jobs.running("sleep", "60")
    async with dashboard(jobs.root) as pilot:
        for key in ("enter", "n", "escape"):
            await until(pilot, lambda: pilot.app.screen is main_of(pilot))
            await pilot.press("x")
            dialog = await dialog_of(pilot)
            assert dialog.focused is dialog.query_one("#no", Button)
            await pilot.press(key)
        await until(pilot, lambda: pilot.app.screen is main_of(pilot))
        assert not jobs.state(job_id).is_terminal


@pytest.mark.parametrize(("key", "signal"), [("x", "TERM"), ("X", "KILL")])
async def test_one_key_confirms_and_the_job_is_ended(jobs: Jobs, key: str, signal: str) -> None:
    job_id = jobs.running("sleep", "60")
    async with dashboard(jobs.root) as pilot:
        await pilot.press(key)
        dialog = await dialog_of(pilot)
        text = str(dialog.query_one(".targets", Static).render())
        assert job_id[:8] in text
        assert "sleep 60" in text
        await pilot.press("y")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.KILLED)
        row = row_of(pilot, job_id)
        assert row is not None
        assert row.exit_text == signal


async def test_any_signal_can_be_chosen(jobs: Jobs) -> None:
    job_id = jobs.running("sh", "-c", "trap 'exit 7' USR1; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: jobs.log(job_id, "stdout.log") == b"ready\n")
    async with dashboard(jobs.root) as pilot:
        await pilot.press("S", "u")
        await dialog_of(pilot)
        await pilot.press("y")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.BAD)
        assert jobs.state(job_id).result.exit_code == 7


async def test_a_job_that_changed_while_the_question_stood_is_left_alone(jobs: Jobs) -> None:
    job_id = jobs.running("sleep", "60")
    async with dashboard(jobs.root) as pilot:
        await pilot.press("R")
        await dialog_of(pilot)
        kill_job(jobs.store, job_id)
        finished_at = jobs.state(job_id).finished_at
        await pilot.press("y")
        await until(pilot, lambda: job_id in main_of(pilot).notices)
        assert "has changed since you were asked" in main_of(pilot).notices[job_id]
        assert jobs.state(job_id).finished_at == finished_at


async def test_the_list_stands_still_beneath_a_question(jobs: Jobs) -> None:
    job_id = jobs.running("sleep", "60")
    async with dashboard(jobs.root) as pilot:
        main = main_of(pilot)
        await pilot.press("x")
        await dialog_of(pilot)
        newer = jobs.created("echo", "newer")
        await until(pilot, lambda: newer in main.jobs.rows)
        assert [row.job_id for row in main.jobs.shown] == [job_id]
        await pilot.press("n")
        await until(pilot, lambda: len(main.jobs.shown) == 2)
        assert main.table.cursor_id == job_id


async def test_marked_jobs_are_stopped_together_and_each_has_its_result(jobs: Jobs) -> None:
    made = [jobs.running("sleep", "60") for _ in range(3)]
    async with dashboard(jobs.root) as pilot:
        await pilot.press("A", "x")
        await dialog_of(pilot)
        await pilot.press("y")
        await until(pilot, lambda: all(kind_of(pilot, one) is RowKind.KILLED for one in made))


async def test_a_failed_start_is_told_on_its_row(jobs: Jobs, tmp_path: Path) -> None:
    job_id = create_job(
        jobs.store, JobDefinition(command=("echo", "x"), cwd=str(tmp_path / "gone"))
    ).job_id
    async with dashboard(jobs.root) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: job_id in main_of(pilot).notices)
        assert "gone" in main_of(pilot).notices[job_id]
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.FAILED)


async def test_rerun_makes_a_new_job_and_restart_keeps_the_id(jobs: Jobs) -> None:
    job_id = jobs.ended("echo", "again")
    async with dashboard(jobs.root) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: len(main_of(pilot).jobs) == 2)
        new = next(name for name in jobs.store.names() if name != job_id)
        await until(pilot, lambda: main_of(pilot).table.cursor_id == new, "the cursor on the new")
        await until(pilot, lambda: kind_of(pilot, new) is RowKind.OK)
        assert jobs.log(new, "stdout.log") == b"again\n"
        first = jobs.state(job_id).pid
        main_of(pilot).table.select(job_id)
        await pilot.press("R")
        await dialog_of(pilot)
        await pilot.press("y")
        await until(pilot, lambda: jobs.state(job_id).pid not in (None, first))
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.OK)


async def test_a_deleted_job_comes_back_with_undo(jobs: Jobs) -> None:
    job_id = jobs.ended("echo", "precious")
    async with dashboard(jobs.root) as pilot:
        await pilot.press("d")
        await dialog_of(pilot)
        await pilot.press("y")
        await until(pilot, lambda: kind_of(pilot, job_id) is None)
        assert jobs.store.names() == []
        await pilot.press("U")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.OK)
        assert jobs.log(job_id, "stdout.log") == b"precious\n"
        script = main_of(pilot).session.journal.script()
        assert f"# undone: agent-exec-tui delete --root {jobs.root} {job_id}\n" in script


async def test_tags_are_replaced_and_bad_ones_named_as_they_are_typed(jobs: Jobs) -> None:
    job_id = jobs.created("echo", "x", tags=("old",))
    async with dashboard(jobs.root) as pilot:
        await pilot.press("t")
        await pilot.press(*"_", "enter")
        assert "invalid tag" in str(pilot.app.screen.query_one("#hint", Static).render())
        await pilot.press("backspace", "space", *"ci.unit", "enter")
        await until(
            pilot, lambda: (row := row_of(pilot, job_id)) and row.tags == ("old", "ci.unit")
        )


async def test_the_form_runs_what_it_previews(jobs: Jobs) -> None:
    async with dashboard(jobs.root, (80, 24)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
        form = pilot.app.screen
        form.query_one("#env", Input).value = "WORD=hi BROKEN"
        form.query_one("#command", Input).value = "sh -c 'echo $WORD'"
        await until(pilot, lambda: form.query_one("#env").has_class("-flawed"))
        await pilot.press("ctrl+s")
        assert pilot.app.screen is form
        assert form.focused is form.query_one("#env")
        form.query_one("#env", Input).value = "WORD=hi"
        form.query_one("#tags", Input).value = "demo"
        await until(pilot, lambda: "= agent-exec-tui" in preview(form))
        assert "run --tag demo --env WORD=hi" in preview(form)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(main_of(pilot).jobs) == 1)
        job_id = jobs.store.names()[0]
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.OK)
        assert jobs.log(job_id, "stdout.log") == b"hi\n"


async def test_a_job_is_edited_as_soon_as_it_has_been_read(jobs: Jobs) -> None:
    jobs.ended("echo", "first")
    jobs.ended("echo", "second")
    async with dashboard(jobs.root) as pilot:
        main = main_of(pilot)
        await until(pilot, lambda: main.selected.record is not None)
        await pilot.press("j", "e")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
        assert "echo first" in preview(pilot.app.screen)


def preview(form: object) -> str:
    assert isinstance(form, JobForm)
    return str(form.query_one("#preview", Static).render())


async def test_cleaning_removes_only_what_it_listed_and_undo_brings_it_back(jobs: Jobs) -> None:
    gone, spared = jobs.ended("echo", "1"), jobs.ended("echo", "2")
    running, created = jobs.running("sleep", "60"), jobs.created("echo", "3")
    async with dashboard(jobs.root) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, CleanDialog))
        dialog = pilot.app.screen
        assert isinstance(dialog, CleanDialog)
        dialog.query_one("#older_than", Input).value = ""
        dialog.query_one("#keep_newest", Input).value = "0"
        button = dialog.query_one("#remove", Button)
        await until(pilot, lambda: str(button.label) == "Remove 2")
        assert "never touched: 2 not finished" in said(dialog, "#summary")
        assert "gc --independent --max-jobs 0" in dialog.query_one(CommandPreview).text
        dialog._spare.add(spared)
        dialog._choose()
        await until(pilot, lambda: str(button.label) == "Remove 1")
        later = jobs.ended("echo", "later")
        button.press()
        await until(pilot, lambda: "removed 1, failed 0" in said(dialog, "#result"))
        assert set(jobs.store.names()) == {spared, running, created, later}
        assert "U brings it back until you quit" in said(dialog, "#result")
        await pilot.press("U")
        await until(pilot, lambda: said(dialog, "#result") == "brought back 1 job")
        await until(pilot, lambda: gone in main_of(pilot).jobs.rows)
        await until(pilot, lambda: str(button.label) == "Remove 2", "a new look")
        assert pilot.app.screen is dialog
        script = main_of(pilot).session.journal.script()
        assert f"# undone: agent-exec-tui delete --root {jobs.root} {gone}\n" in script


async def test_the_button_that_removes_has_room_for_how_many(jobs: Jobs) -> None:
    make_finished_jobs(str(jobs.root), 12)
    async with dashboard(jobs.root) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, CleanDialog))
        age, button = (pilot.app.screen.query_one(name) for name in ("#older_than", "#remove"))
        assert isinstance(age, Input)
        assert isinstance(button, Button)
        age.value = "9999d"
        await until(pilot, lambda: str(button.label) == "Remove" and button.disabled)
        await until(pilot, lambda: button.content_size.width < len("Remove 12"))
        age.value = "7d"
        await until(pilot, lambda: str(button.label) == "Remove 12")
        await until(pilot, lambda: button.content_size.width >= len("Remove 12"))


async def test_a_cleaning_that_was_left_is_in_the_journal(jobs: Jobs) -> None:
    jobs.ended("echo", "1")
    now_s = int(time.time())
    wait_until(lambda: int(time.time()) > now_s)  # "0s" means: before the present second
    async with dashboard(jobs.root) as pilot:
        main = main_of(pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, CleanDialog))
        dialog = pilot.app.screen
        dialog.query_one("#older_than", Input).value = "0s"
        button = dialog.query_one("#remove", Button)
        await until(pilot, lambda: str(button.label) == "Remove 1")
        with main.session.trashing():  # the removal waits for it
            button.press()
            await until(pilot, lambda: dialog.query_one("#stop").display)
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is main)
            assert len(main.session.journal) == 0
        await until(pilot, lambda: len(main.session.journal) == 1, "what came of it")
        assert "clean: removed 0, failed 0" in main.session.journal.script()


def said(dialog: CleanDialog, selector: str) -> str:
    return str(dialog.query_one(selector, Static).render())


async def test_leaving_says_which_jobs_go_on(jobs: Jobs) -> None:
    job_id = jobs.running("sh", "-c", f"sleep 60 # \x1b[31mred {'long ' * 9}end")
    async with dashboard(jobs.root) as pilot:
        await pilot.press("q")
        app = app_of(pilot)
        await until(pilot, lambda: not app.is_running or app._exit)
        farewell = app.farewell()
        assert farewell.startswith("1 job keeps running: ")
        assert job_id[:8] in farewell
        assert "…" in farewell
        assert farewell.endswith("end')")
        assert farewell.isprintable()
    assert not jobs.state(job_id).is_terminal


async def test_a_lost_job_is_told_from_a_running_one_and_put_right_on_request(jobs: Jobs) -> None:
    job_id = jobs.running("sleep", "60")
    with jobs.store.open(job_id) as job:
        supervision = job.read_supervision()
    assert supervision is not None
    assert supervision.child is not None
    os.kill(supervision.supervisor.pid, 9)
    os.killpg(supervision.child.pid, 9)
    async with dashboard(jobs.root) as pilot:
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.LOST)
        assert not jobs.state(job_id).is_terminal
        await pilot.press("f")
        await dialog_of(pilot)
        await pilot.press("y")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.FAILED)


async def test_what_only_a_shell_understands_goes_to_the_shell_and_enter_runs_it(
    jobs: Jobs,
) -> None:
    jobs.root.mkdir(mode=0o700, exist_ok=True)
    async with dashboard(jobs.root) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
        pilot.app.screen.query_one("#command", Input).value = "echo one | tr o 0"
        await pilot.press("enter")
        await until(pilot, lambda: RowKind.OK in [kind_of(pilot, n) for n in jobs.store.names()])
    (job_id,) = jobs.store.names()
    assert jobs.log(job_id, "stdout.log") == b"0ne\n"


async def test_who_does_not_want_to_be_asked_stops_one_job_at_once(jobs: Jobs) -> None:
    job_id = jobs.running("sleep", "60")
    async with dashboard(jobs.root, settings=Settings(asks_to_stop=False)) as pilot:
        await pilot.press("x")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.KILLED)


async def test_the_end_of_a_job_that_is_stopped_from_here_is_told_once(jobs: Jobs) -> None:
    stopped, other = jobs.running("sleep", "60"), jobs.running("sleep", "60")
    wanted = Settings(asks_to_stop=False, notify=NotifySettings(min_seconds=0))
    async with dashboard(jobs.root, settings=wanted) as pilot:
        main_of(pilot).table.select(stopped)
        await pilot.press("x")
        await until(pilot, lambda: kind_of(pilot, stopped) is RowKind.KILLED)
        kill_job(jobs.store, other)
        await until(pilot, lambda: kind_of(pilot, other) is RowKind.KILLED)
        await until(pilot, lambda: len(app_of(pilot)._notifications) == 2)
        told = sorted(each.message.split()[0] for each in app_of(pilot)._notifications)
    assert told == sorted((stopped[:8], other[:8]))


async def test_typing_replaces_the_command_of_the_form_before(jobs: Jobs) -> None:
    jobs.root.mkdir(mode=0o700, exist_ok=True)
    async with dashboard(jobs.root) as pilot:
        for text in ("echo one", "echo two | tr w W"):
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
            await type_keys(pilot, *text)
            form = pilot.app.screen
            await until(pilot, partial(has_command, form, text))
            form.query_one("#is_shell").focus()
            await pilot.press("enter")  # runs from here, too
            await until(pilot, lambda: pilot.app.screen is main_of(pilot))
        await until(
            pilot, lambda: [kind_of(pilot, n) for n in jobs.store.names()] == [RowKind.OK] * 2
        )
    outputs = {jobs.log(name, "stdout.log") for name in jobs.store.names()}
    assert outputs == {b"one\n", b"tWo\n"}


def has_command(form: Screen[object], text: str) -> bool:
    return form.query_one("#command", Input).value == text


async def test_the_journal_remembers_what_was_done_and_becomes_a_script(
    jobs: Jobs, tmp_path: Path
) -> None:
    job_id = jobs.created("sleep", "60", tags=("old",))
    async with dashboard(jobs.root) as pilot:
        main = main_of(pilot)
        await pilot.press("s")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.RUNNING)
        await pilot.press("t", *"er", "enter", "X")
        await dialog_of(pilot)
        await pilot.press("y")
        await until(pilot, lambda: kind_of(pilot, job_id) is RowKind.KILLED)
        await pilot.press("r")
        await until(pilot, lambda: len(main.jobs) == 2)
        await until(pilot, lambda: len(main.session.journal) == 4, "all in the journal")
        await pilot.press("J")
        await until(pilot, lambda: isinstance(pilot.app.screen, JournalDialog))
        await pilot.press("c")
        script = pilot.app.clipboard
        path = tmp_path / "again.sh"
        await pilot.press("W")
        await until(pilot, lambda: isinstance(pilot.app.screen, PromptDialog))
        pilot.app.screen.query_one(Input).value = str(path)
        await pilot.press("enter")
        await until(pilot, path.exists)
        await until(pilot, lambda: path.read_text() == script)
    assert path.stat().st_mode & 0o777 == 0o700
    lines = [line for line in script.splitlines() if line and not line.startswith("#")]
    root = f"--root {jobs.root}"
    assert lines[:3] == [
        f"agent-exec-tui start --no-wait {root} {job_id}",
        f"agent-exec-tui tag set --tag older {root} {job_id}",
        f"agent-exec-tui kill --signal KILL {root} {job_id}",
    ]
    assert lines[3].startswith("job_1=$(agent-exec-tui run --no-wait --tag older --cwd ")
    assert lines[3].partition(" | ")[0].endswith(f" {root} -- sleep 60")
