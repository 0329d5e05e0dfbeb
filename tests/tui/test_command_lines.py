"""Every command line the dashboard gives makes the very job again, in every shell."""

from __future__ import annotations

import json
import random
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.cli import verbs
from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition, StdinFile, StdinText
from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import read_job
from agent_exec_tui import operations
from agent_exec_tui.command_line import Usual, command_line, job_line, seconds_text
from agent_exec_tui.usual import root_words, usual_here
from support.shells import run_in_shell, shell_params

HOSTILE = "'\"\\$`!*?[]{}()<>|&;~#%=^@:,-+/ \n\t\r\x1b\x07\x7f\u202e\u00a0é日ab"
MASKED_VALUE = "it's \\ a $ecret\n"
# What says nothing of a job, or the same as another option.
NOT_OF_THE_JOB = {"--acknowledge-result-loss", "--abandon-job-after", "--config", "--inherit-env"}
OF_THE_JOB = ("Job", "Limits", "Standard input", "Events", "Logs")


class Dice:
    """Hostile texts, the same in every run of the tests."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, least: int = 0) -> str:
        length = self._random.randrange(least, 12)
        return "".join(self._random.choices(HOSTILE, k=length))

    def texts(self) -> tuple[str, ...]:
        return tuple(self.text() for _ in range(self._random.randrange(4)))

    def number(self) -> int:
        return self._random.choice((0, 1, 250, 1500, 90_000, 1_234_567, 86_400_123))

    def file_name(self) -> str:
        return self.text(1).replace("/", "_").replace("\0", "_") + ".x"

    def stdin(self) -> str:
        return str(self.choice("-", "-" + self.text(), self.text()))

    def yes(self) -> bool:
        return self._random.random() < 0.6

    def choice(self, *among: object) -> object:
        return self._random.choice(among)


def hostile_values(dice: Dice) -> dict[str, str]:
    """Values of variables, one of a name that no shell can have."""
    return {"A": dice.text(1), "_X": dice.text(1), "-B.c": dice.text(1), "TOKEN": MASKED_VALUE}


def hostile_definition(
    dice: Dice, folder: Path, values: dict[str, str], *, runs: bool
) -> JobDefinition:
    """Make up a job of which every option is as bad as it may be."""
    cwd = folder / dice.file_name()
    cwd.mkdir(exist_ok=True)
    kept = folder / dice.file_name()
    kept.write_text(dice.text())
    env_file = folder / ("plain.env" if runs else dice.file_name())
    env_file.write_text("A=1\n")
    match = OutputMatch(
        pattern="x" + dice.text().replace("\n", "").replace("\r", ""),
        match_type=MatchType.CONTAINS,
        stream=MatchStream(str(dice.choice("stdout", "stderr", "either"))),
        command="-c" + dice.text(),
        file=str(folder / dice.file_name()),
    )
    notification = Notification(
        notify_command=dice.text(1),
        notify_file=str(folder / dice.file_name()),
        on_output_match=match if dice.yes() else None,
    )
    is_line = not runs and dice.yes()
    if is_line:  # which sh is not given what it would drop
        values = {key: value for key, value in values.items() if key.isidentifier()}
    return JobDefinition(
        command=("true #" + dice.text(),) if is_line else ("true", *dice.texts(), "-x"),
        cwd=str(cwd),
        env=(*(f"{key}={value}" for key, value in values.items()), "EMPTY=", "NONE"),
        env_files=(str(env_file),) if dice.yes() else (),
        inherit_env=dice.yes() or runs,
        mask=("TOKEN", "other"),
        stdin=StdinFile(str(kept)) if dice.yes() else StdinText(dice.stdin()),
        timeout_ms=dice.number() and dice.number() + 60_000,
        kill_after_ms=dice.number(),
        progress_every_ms=dice.number() and dice.number() + 60_000,
        notification=notification if dice.yes() and not runs else None,
        tags=("a.b", "x-1") if dice.yes() else (),
        shell_wrapper=("bash", "-c") if dice.yes() else ("sh", "-lc"),
        full_log_path=str(folder / dice.file_name()) if dice.yes() else None,
        log_max_bytes=int(str(dice.choice(0, 1000, 123_456_789_012))),
    )


def recorded(root: Path, job_id: str) -> dict[str, object]:
    """All that a job was asked to be, as it lies on the disk, but for what is each job's own."""
    folder = root / job_id
    meta = json.loads((folder / "meta.json").read_bytes())
    for own in ("job", "created_at", "root", "env_vars_runtime"):
        meta.pop(own, None)
    stdin = folder / "stdin.bin"
    options = folder / "options.json"
    asked = json.loads(options.read_bytes()) if options.exists() else {}
    for own in ("run", "ended_by", "rerun_of"):
        asked.pop(own, None)
    return {
        "meta": meta,
        "stdin": stdin.read_bytes() if stdin.exists() else None,
        "options": asked,
    }


@pytest.mark.parametrize("shell", shell_params())
def test_what_the_form_shows_makes_the_same_job(shell: str, tmp_path: Path) -> None:
    here, there, folder = tmp_path / "here", tmp_path / "there", tmp_path / "folder"
    folder.mkdir()
    dice = Dice(seed=len(shell))
    definitions = [
        hostile_definition(dice, folder, hostile_values(dice), runs=False) for _ in range(6)
    ]
    usual = Usual(root=("--root", str(there)))
    lines = [command_line(each, runs_now=False, usual=usual) for each in definitions]
    output = run_in_shell(shell, "\n".join(lines) + "\n", tmp_path, TOKEN=MASKED_VALUE)
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer for answer in answers if not answer["ok"]] == []
    made = [str(answer["job_id"]) for answer in answers]
    assert len(made) == len(definitions)
    store = JobStore(str(here))
    for definition, there_id in zip(definitions, made, strict=True):
        here_id = create_job(store, definition).job_id
        assert recorded(there, there_id) == recorded(here, here_id)


@pytest.mark.parametrize("shell", shell_params())
def test_what_is_copied_of_a_job_runs_it_again(shell: str, tmp_path: Path) -> None:
    here, there, folder = tmp_path / "here", tmp_path / "there", tmp_path / "folder"
    folder.mkdir()
    dice = Dice(seed=40 + len(shell))
    store = JobStore(str(here))
    usual = Usual(root=("--root", str(there)))
    values = hostile_values(dice)
    definitions = [hostile_definition(dice, folder, values, runs=True) for _ in range(4)]
    ids = [create_job(store, definition).job_id for definition in definitions]
    lines = []
    for job_id in ids:
        record = read_job(store, job_id)
        assert record is not None
        lines.append(operations.line_again(record, store, usual))
    assert not any(value in line for value in values.values() if len(value) > 5 for line in lines)
    given = {key: value for key, value in values.items() if key.isidentifier()}
    output = run_in_shell(shell, "\n".join(lines) + "\n", tmp_path, VALUE=values["-B.c"], **given)
    made = [json.loads(line) for line in output.splitlines()]
    assert [each["type"] for each in made] == ["run"] * len(ids)
    for here_id, answer in zip(ids, made, strict=True):
        assert recorded(there, str(answer["job_id"])) == recorded(here, here_id)


@pytest.mark.parametrize("name", ["create", "run"])
def test_no_option_of_a_verb_can_be_missing_from_the_command_line(
    name: str, tmp_path: Path
) -> None:
    verb = verbs.load(name)
    assert verb is not None
    wanted = {
        option.key
        for heading, options in verb.groups
        if heading in OF_THE_JOB
        for option in options
    }
    dice = Dice(seed=3)
    definitions = [
        hostile_definition(dice, tmp_path, hostile_values(dice), runs=False) for _ in range(20)
    ]
    regex = OutputMatch(pattern="a+", match_type=MatchType.REGEX)
    definitions.append(
        JobDefinition(
            command=("true",),
            notification=Notification(on_output_match=regex),
            stdin=StdinText("x"),
            stdin_max_bytes=5,
        )
    )
    words = {
        word.lstrip("'\"").partition("=")[0]
        for definition in definitions
        for word in command_line(definition, runs_now=name == "run").split()
    }
    assert wanted - NOT_OF_THE_JOB <= words


def test_every_field_of_a_definition_tells_on_its_command_line() -> None:
    """A field that a new option brings must change the line, too."""
    other = JobDefinition(
        command=("other",),
        cwd="/other",
        env=("A=1",),
        env_files=("/f",),
        inherit_env=False,
        mask=("A",),
        stdin=StdinText("x"),
        stdin_max_bytes=9,
        timeout_ms=1,
        kill_after_ms=1,
        progress_every_ms=1,
        notification=Notification(notify_command="x"),
        tags=("t",),
        shell_wrapper=("bash", "-c"),
        full_log_path="/l",
        log_max_bytes=9,
    )
    plain = JobDefinition(command=("true",), stdin=StdinText("y"))
    for field in fields(JobDefinition):
        if field.name == "rerun_of":  # whoever runs the line makes a job of their own
            continue
        changed = {each.name: getattr(plain, each.name) for each in fields(JobDefinition)}
        changed[field.name] = getattr(other, field.name)
        line = command_line(JobDefinition(**changed), runs_now=True)
        assert line != command_line(plain, runs_now=True), field.name


@pytest.mark.parametrize("milliseconds", [1, 10, 999, 1000, 1500, 1_234_567, 86_400_123])
def test_a_time_is_written_to_the_last_millisecond(milliseconds: int) -> None:
    from agent_exec.cli.grammar import milliseconds as read

    assert read(seconds_text(milliseconds)) == milliseconds


def test_the_root_is_named_unless_every_shell_would_find_it() -> None:
    home = {"HOME": "/home/u"}
    default = "/home/u/.local/share/agent-exec/jobs"
    assert root_words(default, home) == ()
    assert root_words("/elsewhere", home) == ("--root", "/elsewhere")
    for name, value in (("AGENT_EXEC_ROOT", "/r"), ("XDG_DATA_HOME", "/x")):
        told = "/r" if name == "AGENT_EXEC_ROOT" else "/x/agent-exec/jobs"
        assert root_words(told, {**home, name: value}) == ("--root", told)
        assert root_words(default, {**home, name: value}) == ("--root", default)


def test_what_config_toml_says_is_named_where_a_job_differs_from_it(tmp_path: Path) -> None:
    config = tmp_path / "agent-exec" / "config.toml"
    config.parent.mkdir()
    config.write_text('[shell]\nunix = ["bash", "-lc"]\n[logs]\nmax_bytes = 1000\n')
    usual = usual_here("/r", {"HOME": "/h", "XDG_CONFIG_HOME": str(tmp_path)})
    plain = JobDefinition(command=("true",), shell_wrapper=("sh", "-lc"), log_max_bytes=0)
    line = command_line(plain, runs_now=True, usual=usual)
    assert "--shell-wrapper 'sh -lc'" in line
    assert "--log-max 0" in line
    as_usual = JobDefinition(command=("true",), shell_wrapper=("bash", "-lc"), log_max_bytes=1000)
    line = command_line(as_usual, runs_now=True, usual=usual)
    assert line == "agent-exec-tui run --root /r -- true"


def test_an_id_that_looks_like_an_option_is_not_taken_for_one() -> None:
    assert job_line("kill", root=(), job_id="-x").endswith(" kill -- -x")
    assert job_line("kill", root=(), job_id="x").endswith(" kill x")


def test_a_shell_wrapper_that_no_option_can_carry_is_said() -> None:
    definition = JobDefinition(command=("x",), shell_wrapper=("/a b/sh", "-c"))
    assert command_line(definition, runs_now=True).startswith("# no command line can carry this")
