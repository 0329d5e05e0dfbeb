"""settings check tells line, key and what is allowed, and its exit status says so."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from agent_exec.cli.main import main
from agent_exec.commands.settings_check import SettingsProblem, check_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "agent-exec"
    directory.mkdir()
    return directory


def told(home: Path) -> list[tuple[str, int | None, str | None, str]]:
    found = check_settings(environ={"XDG_CONFIG_HOME": str(home.parent)})
    return [
        (os.path.basename(each.path), each.line, each.key, each.allowed) for each in found.problems
    ]


def test_without_files_there_is_nothing_to_correct(home: Path) -> None:
    found = check_settings(environ={"XDG_CONFIG_HOME": str(home.parent)})
    assert (found.files, found.problems) == ((), ())


def test_line_key_and_what_is_allowed_are_told_of_both_files(home: Path) -> None:
    (home / "tui.toml").write_text('ascii = "yes"\n\n[keys]\n"job.start" = "^i"\n')
    (home / "config.toml").write_text("[shell]\n[gc]\nauto = 3\n")
    assert told(home) == [
        ("config.toml", 3, "gc.auto", "must be true or false"),
        ("tui.toml", 1, "ascii", 'must be true, false or "auto"'),
        ("tui.toml", 4, "keys.job.start", "^i is tab"),
    ]


def test_what_is_no_toml_is_told_by_its_line(home: Path) -> None:
    (home / "tui.toml").write_text("ascii = true\nb = \n")
    (home / "config.toml").write_text("x = 1\n\nb = \n")
    assert [(name, line) for name, line, _, _ in told(home)] == [
        ("config.toml", 3), ("tui.toml", 2),
    ]  # fmt: skip


def test_a_file_that_was_named_has_to_be_there_and_to_be_a_file(tmp_path: Path) -> None:
    missing, pipe = tmp_path / "none.toml", tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    (problem,) = check_settings(str(missing)).problems
    assert problem == SettingsProblem(
        path=str(missing), allowed="is not there: No such file or directory"
    )
    (problem,) = check_settings(str(pipe)).problems
    assert problem.allowed == "cannot be read: it is no file"


def test_the_exit_status_says_whether_there_is_something_to_correct(
    home: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = home / "tui.toml"
    path.write_text("mouse = 1\n")
    assert main(["settings", "check", str(path)]) == 1
    answer = json.loads(capfdbinary.readouterr().out)
    assert answer["problems"] == [
        {"path": str(path), "line": 1, "key": "mouse",
         "allowed": "must be true or false, without quotes"}
    ]  # fmt: skip
    assert main(["settings", "check", "--text", str(path)]) == 1
    out = capfdbinary.readouterr().out.decode()
    assert out == f"{path}:1: mouse: must be true or false, without quotes\n"
    path.write_text("mouse = true\n")
    assert main(["settings", "check", str(path)]) == 0
