from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.console import console, environment
from support.waiting import wait_until

AS_A_PROCESS = [sys.executable, "-m", "agent_exec_tui"]


def test_an_answer_is_one_line_of_json_and_nothing_else(tmp_path: Path) -> None:
    said = console("create", "--", "true", root=tmp_path / "jobs")
    assert (said.exit_status, said.stderr) == (0, "")
    assert said.document["type"] == "create"


def test_an_error_is_an_envelope_and_exit_status_1(tmp_path: Path) -> None:
    said = console("status", "nope", root=tmp_path)
    assert (said.exit_status, said.stderr) == (1, "")
    assert said.document["ok"] is False
    assert said.error["code"] == "job_not_found"


def test_yaml_answers_in_yaml(tmp_path: Path) -> None:
    said = console("--yaml", "status", "nope", root=tmp_path)
    assert said.exit_status == 1
    assert said.stdout.startswith(b"schema_version: '0.1'\nok: false\ntype: error\nerror:\n")


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--bogus"],
        ["bogus"],
        ["tag"],
        [],
        ["--read-only"],
        ["--root"],
        ["-v"],
        ["--json", "--theme", "x"],
    ],
)
def test_words_without_sense_say_so_on_stderr_with_exit_status_2(words: list[str]) -> None:
    said = console(*words)
    assert (said.exit_status, said.stdout) == (2, b"")
    assert said.stderr.strip()


def test_a_usage_error_names_the_way_out() -> None:
    said = console("run", "--tga", "x", "true")
    assert said.stderr.startswith("error: unexpected argument '--tga' found\n")
    assert "did you mean '--tag'?" in said.stderr
    assert "Usage: agent-exec-tui run [OPTIONS] <COMMAND>...\n" in said.stderr
    assert "`agent-exec-tui run --help`" in said.stderr


def test_arguments_that_are_not_utf8_are_a_usage_error() -> None:
    said = console("run", "--", "echo", b"\xff")
    assert (said.exit_status, said.stdout) == (2, b"")
    assert "UTF-8" in said.stderr


def test_a_usage_error_cannot_steer_the_terminal() -> None:
    said = console("list", "--\x1b[2J\u202e", "x")
    assert "\x1b" not in said.stderr
    assert "\u202e" not in said.stderr


def test_the_version_names_contract_and_schema() -> None:
    said = console("--version")
    assert said.exit_status == 0
    line = said.stdout.decode()
    assert line.startswith("agent-exec-tui ")
    assert line.endswith(" (agent-exec contract 0.2.6, schema 0.1)\n")


@pytest.mark.parametrize(
    "words", [["--help"], ["help"], ["run", "--help"], ["help", "rm"], ["help", "tag", "set"],
              ["help", "tag"], ["notify", "-h"]]
)  # fmt: skip
def test_help_goes_to_stdout(words: list[str]) -> None:
    said = console(*words)
    assert (said.exit_status, said.stderr) == (0, "")
    assert b"Usage: agent-exec-tui" in said.stdout


def test_help_is_no_wider_than_the_terminal() -> None:
    said = console("help", "run", env={"COLUMNS": "60"})
    examples = said.stdout.decode().partition("Examples:")[0]
    assert max(map(len, examples.splitlines())) <= 60


def test_help_of_what_there_is_not_is_a_usage_error() -> None:
    said = console("help", "nope")
    assert (said.exit_status, said.stdout) == (2, b"")


def test_the_dashboard_is_not_opened_without_a_terminal() -> None:
    said = console("--root", "/nowhere")
    assert said.exit_status == 2
    assert "terminal" in said.stderr
    assert "--json" in said.stderr


def test_an_error_nobody_foresaw_is_an_envelope_and_shows_its_trace_at_vv(tmp_path: Path) -> None:
    code = (
        "import sys, agent_exec.commands.create as c\n"
        "def broken(*a): raise ZeroDivisionError('boom')\n"
        "c.create_job = broken\n"
        "from agent_exec.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    for flags, is_shown in (((), False), (("-vv",), True)):
        done = subprocess.run(
            [sys.executable, "-c", code, *flags, "create", "true"],
            capture_output=True,
            env=environment(tmp_path),
            check=False,
        )
        assert done.returncode == 1
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "internal_error"
        assert "unexpected ZeroDivisionError: boom" in error["message"]
        assert (b"Traceback" in done.stderr) is is_shown


def test_an_os_error_nobody_caught_is_told_in_the_wires_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from agent_exec.cli import main as program
    from agent_exec.store import root as roots

    def refuse(*_args: object) -> str:
        raise OSError(errno.EIO, "Input/output error", "/dev/bad")

    monkeypatch.setattr(roots, "resolve_root", refuse)
    assert program.main(["status", "x"]) == 1
    error = json.loads(capfd.readouterr().out)["error"]
    assert error["message"] == "/dev/bad: Input/output error (os error 5)"


def test_a_reader_that_leaves_is_no_reason_for_noise(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.Popen(
        [*AS_A_PROCESS, "list", "--all"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    os.close(write_end)
    _, stderr = process.communicate(timeout=20)
    assert stderr == b""
    assert process.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_answer_that_cannot_be_written_is_an_error_on_stderr(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*AS_A_PROCESS, "create", "true"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"error: cannot write the answer to stdout: No space left on device\n"


def test_closed_streams_are_no_reason_for_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", *AS_A_PROCESS, "create", "true"],
        capture_output=True,
        env=environment(tmp_path),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_ctrl_c_ends_quietly_with_130(tmp_path: Path) -> None:
    job_id = console("create", "true", root=tmp_path).document["job_id"]
    process = subprocess.Popen(
        [*AS_A_PROCESS, "wait", "--forever", str(job_id)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    wait_until(lambda: _waits(process.pid), what="the waiting")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (130, b"", b"")


def _waits(pid: int) -> bool:
    """Whether the process sleeps, with everything loaded that the verb needs to wait."""
    try:
        with open(f"/proc/{pid}/stat") as status, open(f"/proc/{pid}/syscall") as call:
            is_asleep = status.read().rpartition(")")[2].split()[0] == "S"
            return is_asleep and call.read().split()[0] not in ("running", "0")
    except OSError:
        return False


def test_an_unsafe_root_is_told_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs").chmod(0o777)
    said = console("list", "--all", root=tmp_path / "jobs")
    assert said.exit_status == 0
    assert said.stderr.startswith("warning: jobs root ")


def test_verbosity_never_shows_values_of_variables(tmp_path: Path) -> None:
    said = console(
        "-vv", "run", "--env", "TOKEN=s3cr3t", "--mask", "TOKEN", "--", "true", root=tmp_path
    )
    assert said.exit_status == 0
    assert "s3cr3t" not in said.stderr
    assert b"s3cr3t" not in said.stdout


@pytest.mark.parametrize("value", ["1", "yes", "x", "elvish", "bash", "zsh"])
def test_a_variable_named_complete_silences_no_verb(tmp_path: Path, value: str) -> None:
    said = console("create", "--", "true", root=tmp_path, env={"COMPLETE": value})
    assert said.document["type"] == "create"


_INTERRUPTED_IN_A_CALLBACK = """
import os, signal, sys, weakref
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "agent_exec.commands.list":
            class Thing: pass
            thing = Thing()
            kept = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del thing
sys.meta_path.insert(0, Finder())
sys.argv = ["agent-exec-tui", "list", "--all"]
from agent_exec_tui.__main__ import main
sys.exit(main())
"""


def test_ctrl_c_while_the_program_loads_is_quiet_and_is_not_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_IN_A_CALLBACK],
        capture_output=True,
        env=environment(tmp_path),
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--auto-gc-older-than", "999999999999999999d", "true"],
        ["wait", "--poll", "3000000", "--until", "18446744073709551", "JOB"],
        ["wait", "--poll", "18446744073709551", "--forever", "JOB"],
        ["run", "--timeout", "18446744073709551", "--kill-after", "18446744073709551", "true"],
        ["run", "--progress-every", "18446744073709551", "--until", "18446744073709551", "true"],
        ["run", "--max-bytes", "18446744073709551615", "--log-max", "18446744073709551615", "true"],
        ["list", "--limit", "18446744073709551615"],
        ["tail", "--lines", "18446744073709551615", "--max-bytes", "18446744073709551615", "JOB"],
        ["gc", "--dry-run", "--older-than", "999999999999999999d"],
        ["gc", "--dry-run", "--independent", "--max-jobs", "18446744073709551615"],
        ["--json", "--filter", "age:<999999999999999999d exit:!999999999999999999"],
    ],
)
def test_the_largest_numbers_are_taken(tmp_path: Path, words: list[str]) -> None:
    if "JOB" in words:
        made = console("run", "--no-wait", "sleep 0.3", root=tmp_path)
        words = [str(made.document["job_id"]) if word == "JOB" else word for word in words]
    said = console(*words, root=tmp_path)
    assert (said.exit_status, said.document["ok"]) == (0, True), said


_NOBODY_KNOWN = """
import pwd, sys
def nobody(uid):
    raise KeyError(uid)
pwd.getpwuid = nobody
from agent_exec.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("words", "status"), [(["create", "true"], 1), (["info"], 1), (["--root", "jobs", "info"], 0)]
)
def test_who_has_no_home_is_told_and_gets_no_directory_named_tilde(
    tmp_path: Path, words: list[str], status: int
) -> None:
    environ = environment()
    del environ["HOME"], environ["XDG_CONFIG_HOME"]
    done = subprocess.run(
        [sys.executable, "-c", _NOBODY_KNOWN, *words],
        capture_output=True,
        env=environ,
        cwd=tmp_path,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (status, b"")
    if status:
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "invalid_argument"
        assert "set HOME" in error["message"]
    assert os.listdir(tmp_path) == []


def answer_of(words: list[str | bytes], environ: dict[str, str]) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "agent_exec_tui", *words],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environ},
        capture_output=True,
        timeout=20,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    assert answer["ok"], answer
    return answer


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "unset"),
        ({"LC_CTYPE": "C"}, "C"),
        ({"LC_CTYPE": "C.UTF-8"}, "C.UTF-8"),
        ({"LC_CTYPE": "C.UTF-8", "PYTHONCOERCECLOCALE": "0"}, "C.UTF-8"),
        ({"LC_ALL": "C"}, "unset"),
    ],
)
def test_a_job_has_the_callers_locale_and_not_what_python_makes_of_it(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    words = ["--root", str(tmp_path), "run", "--", "sh", "-c", "echo ${LC_CTYPE-unset}"]
    answer = answer_of([*words], environ)
    assert answer["stdout"] == f"{told}\n"
    root, job_id = ["--root", str(tmp_path)], str(answer["job_id"])
    assert answer_of([*root, "restart", job_id], environ)["stdout"] == f"{told}\n"
    script = "echo ${LC_CTYPE-unset}"
    job_id = str(answer_of([*root, "create", "--", "sh", "-c", script], environ)["job_id"])
    assert answer_of([*root, "start", job_id], environ)["stdout"] == f"{told}\n"


@pytest.fixture
def latin_1(tmp_path: Path) -> dict[str, str]:
    """A locale in which every byte is a letter."""
    made = tmp_path / "locales"
    made.mkdir()
    words = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(made / "en_US.ISO-8859-1")]
    try:
        subprocess.run(words, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no localedef to make a locale with")
    return {"LOCPATH": str(made), "LC_ALL": "en_US.ISO-8859-1"}


def test_words_reach_the_command_as_they_were_given_in_a_locale_of_single_bytes(
    tmp_path: Path, latin_1: dict[str, str]
) -> None:
    word = "caf\u00e9 \u20ac".encode()
    words: list[str | bytes] = ["--root", str(tmp_path / "r"), "run", "--env", b"E=" + word, "--"]
    answer = answer_of([*words, "sh", "-c", 'printf %s "$0-$E-$G"', word], {**latin_1, "G": "\xe9"})
    assert answer["stdout"] == "caf\u00e9 \u20ac-caf\u00e9 \u20ac-\u00e9"


def test_words_are_understood_where_python_would_read_ascii(tmp_path: Path) -> None:
    environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ["--root", str(tmp_path / "r"), "run", "--", "echo", "caf\u00e9"]
    assert answer_of([*words], environ)["stdout"] == "caf\u00e9\n"
