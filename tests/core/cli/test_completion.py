from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agent_exec.cli.completion import EXIT_FILES, complete
from support.console import console


def add_job(root: Path, job_id: str, state: str, cwd: Path, tags: tuple[str, ...] = ()) -> None:
    """A job directory as a peer would leave it."""
    job = root / job_id
    job.mkdir(parents=True)
    meta = {
        "job": {"id": job_id}, "schema_version": "0.1", "command": ["make", "a\tb\x1b"],
        "created_at": "2026-01-01T00:00:00Z", "root": str(root), "env_keys": [],
        "cwd": os.path.realpath(cwd), "tags": list(tags),
    }  # fmt: skip
    record = {
        "job": {"id": job_id, "status": state},
        "result": {},
        "updated_at": "2026-01-01T00:00:00Z",
    }
    (job / "meta.json").write_text(json.dumps(meta))
    (job / "state.json").write_text(json.dumps(record))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jobs of all states here, and one elsewhere."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "jobs"
    for state in ("created", "running", "exited", "killed", "failed"):
        add_job(root, f"{state}1", state, tmp_path, ("build.nightly",))
    add_job(root, "elsewhere1", "running", Path("/"), ("other",))
    return root


def offered(
    root: Path | None, *words: str, shell: str = "bash", index: int | None = None
) -> list[str]:
    """The candidates at the last word."""
    environ = {"PATH": os.environ["PATH"], "_CLAP_COMPLETE_INDEX": str(index or len(words))}
    if root is not None:
        environ["AGENT_EXEC_ROOT"] = str(root)
    found, status = complete(shell, ["agent-exec-tui", "--", "agent-exec-tui", *words], environ)
    assert status == 0
    return found.decode().split("\n") if found else []


def ids(candidates: list[str]) -> set[str]:
    return {word for word in candidates if not word.startswith("-")}


ALL = {"created1", "running1", "exited1", "killed1", "failed1"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("start", ""), {"created1"}),
        (("kill", ""), {"running1"}),
        (("delete", ""), {"exited1", "killed1", "failed1"}),
        (("rm", ""), {"exited1", "killed1", "failed1"}),
        (("wait", ""), {"created1", "running1"}),
        (("wait", "running1", ""), {"created1", "running1"}),
        (("status", ""), ALL),
        (("tail", ""), ALL),
        (("restart", ""), ALL),
        (("tag", "set", ""), ALL),
        (("notify", "set", ""), ALL),
        (("status", "ex"), {"exited1"}),
        (("status", "elsewhere"), set()),
        (("status", "exited1", ""), set()),
        (("kill", "--signal", "TERM", ""), {"running1"}),
    ],
)
def test_ids_are_those_of_this_directory_and_of_a_fitting_state(
    root: Path, words: tuple[str, ...], expected: set[str]
) -> None:
    assert ids(offered(root, *words)) == expected


@pytest.mark.parametrize("words", [("--root", "JOBS", "start", ""), ("start", "--root=JOBS", "")])
def test_root_on_the_line_is_honoured(root: Path, words: tuple[str, ...]) -> None:
    given = [word.replace("JOBS", str(root)) for word in words]
    assert ids(offered(None, *given)) == {"created1"}


def test_ids_that_a_shell_would_take_apart_are_not_offered(root: Path, tmp_path: Path) -> None:
    for name in ("a b", "a;b", "$(x)", "a\nb", "`x`"):
        add_job(root, name, "created", tmp_path)
    assert ids(offered(root, "start", "")) == {"created1"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sta",), ["start", "status"]),
        (("tag", "s"), ["set"]),
        (("list", "--state", "e"), ["exited"]),
        (("list", "--state=e"), ["--state=exited"]),
        (("list", "--state", "=", "e"), ["exited"]),
        (("create", "--output-match-type", ""), ["contains", "regex"]),
        (("start", "--wait="), ["--wait=true", "--wait=false"]),
        (("kill", "--signal", "U"), ["USR1", "USR2"]),
        (("list", "--tag", ""), ["build.nightly"]),
        (("completions", "f"), ["fish"]),
        (("help", "res"), ["restart"]),
        (("run", "--auto-gc-o"), ["--auto-gc-older-than"]),
        (("nope", ""), []),
        (("create", "--timeout", ""), []),
        (("status", "--"), ["--root", "--yaml", "--json", "--verbose", "--help"]),
    ],
)
def test_words_come_from_the_grammar(
    root: Path, words: tuple[str, ...], expected: list[str]
) -> None:
    assert offered(root, *words) == expected


@pytest.mark.parametrize(
    "words",
    [("list", "--cwd", ""), ("--root", "x"), ("create", "--env-file=a"), ("run", "--", "cat", ""),
     ("run", "cat", "-"), ("run", "./"), ("run", "")],
)  # fmt: skip
def test_files_are_left_to_the_shell(root: Path, words: tuple[str, ...]) -> None:
    environ = {"PATH": os.environ["PATH"], "_CLAP_COMPLETE_INDEX": str(len(words))}
    answer = complete("bash", ["x", "--", "agent-exec-tui", *words], environ)
    assert answer == (b"", EXIT_FILES)


def test_the_first_word_of_a_command_is_a_program() -> None:
    assert "sh" in offered(None, "run", "s")
    assert "sh" in offered(None, "run", "--tag", "x", "--", "s")


def test_the_cursor_may_stand_before_other_words(root: Path) -> None:
    assert ids(offered(root, "start", "cr", "--no-wait", index=2)) == {"created1"}


def test_each_shell_gets_its_own_form(root: Path) -> None:
    assert offered(root, "start", "c") == ["created1"]
    assert offered(root, "start", "c", shell="zsh") == ["created1:created make a b"]
    assert offered(root, "start", "c", shell="fish") == ["created1\tcreated make a b", ""]


def test_nothing_goes_wrong_where_there_is_nothing(tmp_path: Path) -> None:
    said = console(
        "--", "agent-exec-tui", "status", "x", root=tmp_path / "none",
        env={"COMPLETE": "bash", "_CLAP_COMPLETE_INDEX": "2"},
    )  # fmt: skip
    assert (said.exit_status, said.stdout, said.stderr) == (0, b"", "")


@pytest.mark.parametrize("arguments", [[], ["--"], ["--", "x"], ["x", "y"]])
def test_odd_requests_are_answered_with_little(arguments: list[str]) -> None:
    complete("bash", arguments, {"_CLAP_COMPLETE_INDEX": "99999999"})
    complete("nosuchshell", arguments, {"_CLAP_COMPLETE_INDEX": "x"})
