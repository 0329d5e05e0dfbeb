from __future__ import annotations

from pathlib import Path

from textual.widgets import Button, Checkbox, Input, Static

from agent_exec.commands.definition import JobDefinition
from agent_exec.model.job import JobStatus
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import read_job
from agent_exec_tui.form_text import FormText
from agent_exec_tui.job_rows import JobRow
from agent_exec_tui.recents import OFFERED, Submitted, recents, submitted
from agent_exec_tui.record_rows import row_of
from agent_exec_tui.screens.job_form import FormAnswer, JobForm
from agent_exec_tui.screens.menu import MenuDialog
from agent_exec_tui.state import KeptState, load_state, save_state, state_of
from support.dashboard import NOW, Root, app_of, dashboard, frozen_clock, until


def rows_of(root: Root) -> list[JobRow]:
    store = JobStore(root.path)
    records = [read_job(store, name) for name in store.names()]
    return [row_of(record) for record in records if record is not None]


def test_each_command_is_offered_once_newest_first_with_the_job_that_knows_most(
    tmp_path: Path,
) -> None:
    with Root(tmp_path / "root") as root:
        for number in range(OFFERED + 5):
            root.add(f"{number:02}", ("echo", str(number % 12)), created_ago_s=100 + number)
        root.broken("ff")
        rows = rows_of(root)
    now_s = NOW.timestamp()
    forms = [Submitted(command="make | tee x", is_shell=True, at_s=now_s),
             Submitted(command="echo 3", at_s=now_s - 1)]  # fmt: skip
    offered = recents(forms, rows)
    assert [recent.command for recent in offered] == [
        "make | tee x", "echo 3", "echo 0", "echo 1", "echo 2",
        *(f"echo {number}" for number in range(4, OFFERED - 1)),
    ]  # fmt: skip
    assert offered[0].source is forms[0]
    assert isinstance(offered[1].source, JobRow)


def test_nothing_of_an_environment_an_input_or_a_notification_is_kept() -> None:
    text = FormText(
        command="make", cwd="~/p", tags="ci", timeout="5m", env="K=v", mask="K", env_files="/e",
        stdin_kind="text", stdin="in", notify_command="n", notify_file="/f", output_command="o",
    )  # fmt: skip
    kept = submitted(text, 1.0)
    assert kept == Submitted(command="make", cwd="~/p", tags="ci", timeout="5m", at_s=1.0)
    assert kept.form == FormText(command="make", cwd="~/p", tags="ci", timeout="5m")


async def test_a_recent_command_fills_the_form_but_for_values_that_are_masked(
    tmp_path: Path,
) -> None:
    with Root(tmp_path / "root") as root:
        root.add("1a", ("make | tee log",), tags=("ci",), created_ago_s=50,
                 env=("SEED=2", "TOKEN=***"), mask=("TOKEN",))  # fmt: skip
        root.add("2b", ("echo", "x y"), status=JobStatus.CREATED, created_ago_s=90)
        async with dashboard(root.path, (80, 24), clock=frozen_clock) as pilot:
            main = app_of(pilot).main
            main.restore(KeptState(recents=(Submitted(command="kept -x", timeout="5m"),)))
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
            form = pilot.app.screen

            def field(name: str) -> str:
                return form.query_one(f"#{name}", Input).value

            await pilot.press("ctrl+r")
            await until(pilot, lambda: isinstance(pilot.app.screen, MenuDialog))
            await pilot.press("1")
            await until(pilot, lambda: field("command") == "make | tee log")
            assert form.query_one("#is_shell", Checkbox).value
            assert (field("tags"), field("env"), field("mask")) == ("ci", "SEED=2", "TOKEN")
            assert "TOKEN" in str(form.query_one("#verdict", Static).render())
            await pilot.press("ctrl+r", "3")
            await until(pilot, lambda: field("command") == "kept -x")
            assert (field("timeout"), field("tags"), field("env")) == ("5m", "", "")
            assert form.query_one("#timeout").region
            assert "TOKEN" not in str(form.query_one("#verdict", Static).render())
            await pilot.press("escape")  # nothing was typed: nothing is asked
            await until(pilot, lambda: pilot.app.screen is main)


async def test_stars_never_stand_for_a_value_of_what_the_form_held_before(tmp_path: Path) -> None:
    with Root(tmp_path / "root") as root:
        async with dashboard(root.path, (80, 24), clock=frozen_clock) as pilot:
            main = app_of(pilot).main
            main.restore(KeptState(recents=(Submitted(command="kept -x"),)))
            definition = JobDefinition(
                command=("deploy",), env=("TOKEN=s3cret",), mask=("TOKEN",), cwd=str(tmp_path)
            )
            form = JobForm(main, definition, origin="7f3a9c1")
            answers: list[FormAnswer | None] = []
            pilot.app.push_screen(form, answers.append)
            await until(pilot, lambda: form.is_mounted and form.query("#env"))
            assert form.query_one("#env", Input).value == "TOKEN=***"
            await pilot.press("ctrl+r", "1")
            await until(pilot, lambda: form.query_one("#command", Input).value == "kept -x")
            form.query_one("#env", Input).value = "TOKEN=***"
            form.query_one("#mask", Input).value = "TOKEN"
            form.query_one("#create", Button).press()
            await until(pilot, lambda: pilot.app.screen is main)
            assert answers[0] is not None
            made = answers[0].definition
            assert (made.command, made.env) == (("kept", "-x"), ("TOKEN=***",))


async def test_a_submitted_command_is_offered_the_next_time(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    with Root(tmp_path / "root") as root:
        async with dashboard(root.path, (80, 24)) as pilot:
            main = app_of(pilot).main
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
            form = pilot.app.screen
            form.query_one("#env", Input).value = "TOKEN=s3cret"
            form.query_one("#command", Input).value = "true"
            preview = form.query_one("#preview", Static)
            await until(pilot, lambda: "-- true" in str(preview.render()))
            form.query_one("#copy").focus()
            await pilot.press("c")
            assert pilot.app.clipboard.endswith(" -- true")
            form.query_one("#create", Button).press()
            await until(pilot, lambda: len(main.jobs) == 1)
            save_state(path, state_of(main))
    (recent,) = load_state(path).recents
    assert (recent.command, recent.is_shell) == ("true", False)
    with open(path, encoding="utf-8") as file:  # noqa: ASYNC230 (the application is closed)
        assert "s3cret" not in file.read()


async def test_a_new_job_takes_over_nothing_but_the_directory_and_enter_repeats(
    tmp_path: Path,
) -> None:
    with Root(tmp_path / "root") as root:
        async with dashboard(root.path, (80, 24)) as pilot:
            main = app_of(pilot).main
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
            form = pilot.app.screen
            for name, value in (("command", "true"), ("cwd", str(tmp_path)), ("tags", "one"),
                                ("env", "TOKEN=s3cret"), ("timeout", "5m")):  # fmt: skip
                form.query_one(f"#{name}", Input).value = value
            form.query_one("#create", Button).press()
            await until(pilot, lambda: pilot.app.screen is main)
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobForm))
            form = pilot.app.screen
            values = {line.id: line.value for line in form.query(Input) if line.value}
            assert values == {"cwd": str(tmp_path)}
            await pilot.press("ctrl+r", "enter")
            await until(pilot, lambda: form.query_one("#command", Input).value == "true")
            assert form.query_one("#tags", Input).value == "one"
