from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from agent_exec.commands.definition import JobDefinition, StdinFile, StdinText
from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec_tui.command_line import command_line
from agent_exec_tui.form_definition import check_form
from agent_exec_tui.form_text import FormText, form_of, hidden_values


def test_words_are_argv_and_a_ticked_box_makes_one_string_of_them() -> None:
    assert check_form(FormText(command="echo 'a b' c"), "/").argv == ("echo", "a b", "c")
    shell = FormText(command="make && echo done", is_shell=True)
    assert check_form(shell, "/").argv == ("make && echo done",)


def test_one_quoted_word_is_said_to_become_a_shell_string() -> None:
    checked = check_form(FormText(command="'my program'"), "/")
    assert checked.argv == ("my program",)
    assert "shell string" in checked.hints["command"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (FormText(), "command"),
        (FormText(command="echo 'open"), "command"),
        (FormText(command="x", env="NOVALUE"), "env"),
        (FormText(command="x", env="=y"), "env"),
        (FormText(command="x", tags="ok not_ok"), "tags"),
        (FormText(command="x", timeout="soon"), "timeout"),
        (FormText(command="x", grace="-1"), "grace"),
        (FormText(command="x", stdin_kind="file", stdin="/no/such"), "stdin"),
    ],
)
def test_every_flaw_is_told_at_its_field_and_nothing_is_made(text: FormText, field: str) -> None:
    checked = check_form(text, "/")
    assert checked.definition is None
    assert field in checked.flaws


def test_a_missing_directory_is_a_hint_not_a_flaw() -> None:
    checked = check_form(FormText(command="x", cwd="/no/such/dir"), "/")
    assert checked.definition is not None
    assert "no such directory" in checked.hints["cwd"]


def test_times_take_units() -> None:
    checked = check_form(FormText(command="x", timeout="1.5m", grace="10"), "/")
    assert checked.definition is not None
    assert checked.definition.timeout_ms == 90_000
    assert checked.definition.kill_after_ms == 10_000


def test_a_definition_comes_through_the_form_unchanged(tmp_path: Path) -> None:
    kept = tmp_path / "in.txt"
    kept.write_text("x")
    definition = JobDefinition(
        command=("python", "-c", "print('a b')"),
        cwd=str(tmp_path),
        env=("A=1", "B=two words"),
        mask=("B",),
        env_files=(str(tmp_path / ".env"),),
        inherit_env=False,
        tags=("ci.unit", "x"),
        timeout_ms=1500,
        kill_after_ms=2000,
        stdin=StdinFile(str(kept)),
        shell_wrapper=("bash", "-lc"),
        progress_every_ms=60_000,
        notification=Notification(
            notify_command="say done",
            on_output_match=OutputMatch(
                pattern="a.c", match_type=MatchType.REGEX, stream=MatchStream.STDERR, command="x"
            ),
        ),
    )
    text = form_of(definition)
    assert check_form(text, "/", hidden_values(definition)).definition == definition
    assert "two words" not in repr(text)
    assert "B=***" in text.env
    unmasked = check_form(replace(text, mask=""), "/", hidden_values(definition))
    assert unmasked.definition is None
    assert "B was masked" in unmasked.flaws["env"]
    typed = check_form(replace(text, mask="", env="B=new"), "/", hidden_values(definition))
    assert typed.definition
    assert typed.definition.env == ("B=new",)


def test_the_command_line_hides_masked_values_and_quotes_the_rest() -> None:
    definition = JobDefinition(
        command=("echo", "a b"), env=("TOKEN=secret", "X=1 2"), mask=("TOKEN",), tags=("t",),
        timeout_ms=2000, stdin=StdinText("in"),
    )  # fmt: skip
    line = command_line(definition, runs_now=False)
    assert "secret" not in line
    assert shlex.split(line) == [
        "test", "-n", "$TOKEN", "&&",
        "agent-exec-tui", "create", "--tag", "t", "--env", "TOKEN=$TOKEN", "--env", "X=1 2",
        "--mask", "TOKEN", "--stdin", "in", "--timeout", "2", "--", "echo", "a b",
    ]  # fmt: skip


def test_a_masked_value_that_is_stored_nowhere_is_asked_for_until_it_is_no_secret() -> None:
    text = FormText(command="x", mask="TOKEN")
    lost = check_form(text, "/", missing=("TOKEN",))
    assert lost.definition is None
    assert lost.flaws["env"] == "stored nowhere, add here: TOKEN"
    assert check_form(replace(text, env="TOKEN=sesame"), "/", missing=("TOKEN",)).definition
    assert check_form(replace(text, mask=""), "/", missing=("TOKEN",)).definition
