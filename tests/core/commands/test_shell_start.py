"""A job's program gets the job's own environment, whatever a shell before it reads or drops."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.restart import restart_job
from agent_exec.commands.run import run_job
from agent_exec.commands.wait import wait_job
from agent_exec.errors import InvalidArgumentError, LaunchFailedError
from agent_exec.model.job import Notification
from agent_exec.model.lazy_dataclass import replace
from agent_exec.store.jobs import JobStore
from support.waiting import wait_until

# What the program was started with: Python itself may add LC_CTYPE to its own.
SCRIPT = "import sys; sys.stdout.buffer.write(open('/proc/self/environ', 'rb').read())"
DUMP_WORDS = (sys.executable, "-I", "-S", "-c", SCRIPT)
DUMP = shlex.join(DUMP_WORDS)
WRAPPERS = [
    ("sh", "-lc"), ("bash", "-lc"), ("bash", "--login", "-c"), ("dash", "-l", "-c"),
    ("zsh", "-lc"), ("zsh", "-c"), ("fish", "-lc"), ("nice", "-n", "1", "bash", "-lc"),
    ("env", "sh", "-lc"), ("bash", "-o", "pipefail", "-lc"),
]  # fmt: skip
PROFILES = (".profile", ".bash_profile", ".zprofile", ".zshenv")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / ".config" / "fish").mkdir(parents=True)
    write_profiles(
        home, "PATH=/usr/bin:/bin:/only/profiles; export PATH; TOKEN=theirs; export TOKEN"
    )
    (home / ".config/fish/config.fish").write_text(
        "set -gx PATH /usr/bin /bin /only/profiles\nset -gx TOKEN theirs\n"
    )
    return home


def write_profiles(home: Path, text: str) -> None:
    for name in PROFILES:
        (home / name).write_text(text + "\n")


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], **more}


def require(wrapper: tuple[str, ...]) -> None:
    for word in wrapper:
        if word in ("zsh", "fish", "dash", "bash") and not shutil.which(word):
            pytest.skip(f"there is no {word}")


def output(
    store: JobStore,
    environ: dict[str, str],
    *command: str,
    wrapper: tuple[str, ...] = ("sh", "-lc"),
    env: tuple[str, ...] = (),
    **rest: object,
) -> bytes:
    definition = JobDefinition(command=command, shell_wrapper=wrapper, env=env, **rest)  # type: ignore[arg-type]
    job_id = run_job(store, definition, environ=environ, observation=NO_WAIT).job_id
    wait_job(store, job_id, until_s=20)
    directory = Path(store.root, job_id)
    assert (directory / "stderr.log").read_bytes() == b""
    return (directory / "stdout.log").read_bytes()


def seen(*args: object, **rest: object) -> dict[str, str]:
    entries = output(*args, **rest).split(b"\0")  # type: ignore[arg-type]
    return dict(os.fsdecode(entry).split("=", 1) for entry in entries if entry)


@pytest.mark.parametrize("wrapper", WRAPPERS, ids=" ".join)
@pytest.mark.parametrize("command", [(DUMP,), DUMP_WORDS], ids=["line", "words"])
def test_the_caller_s_path_comes_first_and_given_values_stand(
    wrapper: tuple[str, ...], command: tuple[str, ...], store: JobStore, home: Path
) -> None:
    require(wrapper)
    own = f"/venv of mine/bin:{os.environ['PATH']}"
    environ = environment(home, PATH=own, INHERITED="1")
    found = seen(store, environ, *command, wrapper=wrapper, env=('TOKEN=it\'s "mine"', "EMPTY="))
    assert found["PATH"] == f"{own}:/only/profiles"
    assert (found["TOKEN"], found["EMPTY"], found["INHERITED"]) == ('it\'s "mine"', "", "1")
    left = [key for key in found if key.startswith("AGENT_EXEC_")]
    assert left == ["AGENT_EXEC_JOB_ID"]


@pytest.mark.parametrize("wrapper", WRAPPERS, ids=" ".join)
@pytest.mark.parametrize("path", ["/a b:{}", "/it's:{}", '/"q":{}', "/new\nline:{}", "/\udcff\udcfe:{}",
    "/*:/$HOME:/`id`:{}"], ids=ascii)  # fmt: skip
def test_a_given_path_is_exactly_that(
    path: str, wrapper: tuple[str, ...], store: JobStore, home: Path, tmp_path: Path
) -> None:
    require(wrapper)
    if "fish" in wrapper and "\udcff" in path:
        pytest.skip("fish itself writes such bytes anew where no locale is set")
    path = path.format(os.environ["PATH"])
    file = tmp_path / "env"
    entries: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    if "\n" in path:
        entries = (f"PATH={path}",)
    else:
        file.write_bytes(b"PATH=" + os.fsencode(path))  # as bytes: --env takes only UTF-8
        files = (str(file),)
    found = seen(
        store, environment(home), *DUMP_WORDS, wrapper=wrapper, env=entries, env_files=files
    )
    assert os.fsencode(found["PATH"]) == os.fsencode(path)


def test_an_own_path_of_odd_bytes_comes_first_too(store: JobStore, home: Path) -> None:
    path = f"/a b'\"\n\udcff:{os.environ['PATH']}"
    found = seen(store, environment(home, PATH=path), *DUMP_WORDS)
    assert os.fsencode(found["PATH"]) == os.fsencode(f"{path}:/only/profiles")


def test_an_empty_given_path_stays_empty_and_none_is_the_profiles(
    store: JobStore, home: Path
) -> None:
    shell = ("/bin/bash", "--noprofile", "-lc")  # Debian's own profile runs programs
    found = seen(store, environment(home), *DUMP_WORDS, wrapper=shell, env=("PATH=",))
    assert found["PATH"] == ""
    found = seen(store, {"HOME": str(home)}, *DUMP_WORDS, wrapper=("/bin/sh", "-lc"))
    assert found["PATH"] == "/usr/bin:/bin:/only/profiles"


@pytest.mark.parametrize("wrapper", [("sh", "-lc"), ("bash", "-lc"), ("zsh", "-lc")], ids=" ".join)
@pytest.mark.parametrize(
    "profile",
    ["set -eu", "set -e; IFS=:/", "set -f", "IFS=x; export IFS", "umask 077; set -u", "set -C"],
)
def test_a_profile_that_sets_options_breaks_nothing(
    profile: str, wrapper: tuple[str, ...], store: JobStore, home: Path
) -> None:
    require(wrapper)
    write_profiles(home, profile)
    found = seen(store, environment(home, PATH=f"/x:{os.environ['PATH']}"), *DUMP_WORDS,
                 wrapper=wrapper, env=("A=1",))  # fmt: skip
    assert found["PATH"].startswith(f"/x:{os.environ['PATH']}")
    assert found["A"] == "1"


def run(store: JobStore, home: Path, *command: str, **rest: object) -> tuple[bytes, bytes, int]:
    definition = JobDefinition(command=command, **rest)  # type: ignore[arg-type]
    job_id = run_job(store, definition, environ=environment(home), observation=NO_WAIT).job_id
    result = wait_job(store, job_id, until_s=20)
    directory = Path(store.root, job_id)
    assert result.exit_code is not None
    stdout, stderr = (directory / f"{name}.log" for name in ("stdout", "stderr"))
    return stdout.read_bytes(), stderr.read_bytes(), result.exit_code


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
def test_a_profile_that_exits_prints_or_traces_does_what_it_did(
    shell: str, store: JobStore, home: Path
) -> None:
    require((shell,))
    wrapper = (shell, "-lc")
    write_profiles(home, "exit 3")
    assert run(store, home, "true", shell_wrapper=wrapper) == (b"", b"", 3)
    (home / ".zshenv").unlink()
    write_profiles(home, "case ${ONCE-} in '') echo hello; ONCE=1;; esac")
    assert run(store, home, "echo", "x", shell_wrapper=wrapper) == (b"hello\nx\n", b"", 0)
    write_profiles(home, "set -x")
    traced = run(store, home, "echo", "x", env=("TOKEN=sesame",), mask=("TOKEN",),
                 shell_wrapper=wrapper)  # fmt: skip
    assert traced[0] == b"x\n"
    assert b"echo x" in traced[1] or b"exec" in traced[1]  # it still traces
    assert b"sesame" not in traced[1]


def test_a_variable_that_a_profile_made_read_only_is_told_and_ends_nothing(
    store: JobStore, home: Path
) -> None:
    for shell in ("sh", "bash"):
        write_profiles(home, "TMOUT=900; readonly TMOUT")
        out, told, status = run(store, home, "echo", "runs", env=("TMOUT=5",),
                                shell_wrapper=(shell, "-lc"))  # fmt: skip
        assert (out, status) == (b"runs\n", 0)
        assert b"TMOUT" in told


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
def test_a_line_keeps_its_zeroth_word_its_line_numbers_and_what_the_profile_defines(
    shell: str, store: JobStore, home: Path
) -> None:
    require((shell,))
    write_profiles(home, "greet() { echo hello $1; }")
    wrapper = (shell, "-lc")
    assert run(store, home, "greet you; echo $#", shell_wrapper=wrapper)[0] == b"hello you\n0\n"
    assert run(store, home, "# a remark\necho x", shell_wrapper=wrapper)[0] == b"x\n"
    assert run(store, home, "exit 7", shell_wrapper=wrapper)[2] == 7
    assert run(store, home, "sh", "-c", 'echo "$0" "$@"', "zero", "a b", "", "-n",
               shell_wrapper=wrapper)[0] == b"zero a b  -n\n"  # fmt: skip
    if shell != "zsh":
        _, told, status = run(store, home, "echo\nno-such-program", shell_wrapper=wrapper)
        assert status == 127
        assert b"2:" in told or b"line 2" in told


def test_words_reach_a_program_through_fish(store: JobStore, home: Path) -> None:
    require(("fish",))
    out, told, status = run(store, home, "printf", "%s|", "a b", "", "$HOME", "-n",
                            shell_wrapper=("fish", "-lc"))  # fmt: skip
    assert (out, told, status) == (b"a b||$HOME|-n|", b"", 0)


@pytest.mark.parametrize("env", [(), ("spring.url=x",)], ids=["plain", "carried"])
def test_the_program_itself_is_the_job_s_process(
    env: tuple[str, ...], store: JobStore, home: Path
) -> None:
    """No shell and no helper of ours stays, nothing of a value stands on a command line."""
    definition = JobDefinition(
        command=("sleep", "60"), env=(*env, "TOKEN=sesame"), shell_wrapper=("sh", "-lc")
    )
    job_id = run_job(store, definition, environ=environment(home), observation=NO_WAIT).job_id
    with store.open(job_id) as job:
        pid = job.read_state().pid
    assert pid is not None
    line = Path(f"/proc/{pid}/cmdline")
    wait_until(lambda: line.read_bytes() == b"sleep\x0060\0", what="the program")
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1]
    assert int(ignored, 16) & 0x7FFFFFFF == 0  # beyond are the C library's own
    assert kill_job(store, job_id).terminated_signal == "15"


def test_a_value_never_stands_on_a_command_line(store: JobStore, home: Path) -> None:
    write_profiles(home, "sleep 0.5")
    definition = JobDefinition(
        command=("true",), env=("TOKEN=sesame", "a.b=sesame"), mask=("TOKEN",)
    )
    definition = JobDefinition(command=("true", "x"), env=definition.env)
    job_id = run_job(store, definition, environ=environment(home), observation=NO_WAIT).job_id
    with store.open(job_id) as job:
        pid = job.read_state().pid
    lines = set()
    while not wait_job(store, job_id, until_s=0.01).state.is_terminal:
        try:
            lines.add(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            break
    assert lines
    assert not any(b"sesame" in line for line in lines)


FUNCTION = "() { echo from a function; }"


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh"])
@pytest.mark.parametrize("flags", ["-lc", "-c"])
def test_names_that_a_shell_drops_reach_the_program(
    flags: str, shell: str, store: JobStore, home: Path
) -> None:
    require((shell,))
    environ = environment(
        home, **{"BASH_FUNC_f%%": FUNCTION, "a-b": "\udcff", "1": "\n", "x": "\n1"}
    )
    found = seen(
        store, environ, *DUMP_WORDS, wrapper=(shell, flags), env=("spring.url=jdbc", "e.=")
    )
    assert (found["spring.url"], found["e."], found["a-b"], found["1"]) == (
        "jdbc",
        "",
        "\udcff",
        "\n",
    )
    assert [key for key in found if key.startswith("AGENT_EXEC_")] == ["AGENT_EXEC_JOB_ID"]
    assert "LC_CTYPE" not in found
    assert output(store, environ, "bash", "-c", "f", wrapper=(shell, flags)) == b"from a function\n"


def test_a_line_that_cannot_get_a_given_variable_is_refused(
    store: JobStore, home: Path, tmp_path: Path
) -> None:
    line = JobDefinition(
        command=("env | grep spring",), env=("spring.url=x",), shell_wrapper=("dash", "-lc")
    )
    with pytest.raises(InvalidArgumentError, match=r"'spring.url'.*'bash -lc'"):
        run_job(store, line)
    assert store.names() == []
    later = create_job(store, replace(line, env=())).job_id
    with pytest.raises(LaunchFailedError, match=r"'spring\.url'"):
        restart_job(store, later, env=("spring.url=x",))
    (tmp_path / "env").write_text("spring.url=x")  # which other jobs may share
    assert (
        output(
            store, environment(home), "echo x", wrapper=("dash", "-c"),
            env_files=(str(tmp_path / "env"),),
        ) == b"x\n"
    )  # fmt: skip
    assert output(store, environment(home), 'env | grep "^spring"', wrapper=("bash", "-lc"),
                  env=("spring.url=x",)) == b"spring.url=x\n"  # fmt: skip


def test_a_missing_program_is_told_when_variables_are_carried(store: JobStore, home: Path) -> None:
    out, told, status = run(store, home, "no-such-program", "x", env=("a.b=1",))
    assert (out, status) == (b"", 127)
    assert b"no-such-program" in told
    _, told, status = run(store, home, "/etc/passwd", "x", env=("a.b=1",))
    assert status == 126


def test_what_is_no_shell_gets_the_line_as_it_is(store: JobStore, home: Path) -> None:
    script = "import os; print(sorted(k for k in os.environ if k.startswith('AGENT_EXEC')))"
    wrapper = (sys.executable, "-I", "-c")
    assert output(store, environment(home), script, wrapper=wrapper) == b"['AGENT_EXEC_JOB_ID']\n"


def test_a_wrapper_without_our_environment_runs_the_line_as_it_is(
    store: JobStore, home: Path
) -> None:
    wrapper = ("env", "-i", f"HOME={home}", "bash", "-lc")
    assert output(store, environment(home), "set -u; echo $PATH", wrapper=wrapper) == (
        b"/usr/bin:/bin:/only/profiles\n"
    )


def test_more_variables_than_can_be_restored_still_run(store: JobStore, home: Path) -> None:
    entries = tuple(f"V{number}={'x' * 50}" for number in range(1500))
    found = seen(store, environment(home), *DUMP_WORDS, env=(*entries, "PATH=/mine:/usr/bin"))
    assert found["V1499"] == "x" * 50
    assert found["PATH"] == "/mine:/usr/bin"


def test_a_notification_command_finds_the_caller_s_programs(
    store: JobStore, home: Path, tmp_path: Path
) -> None:
    tool = home / "bin" / "mytool"
    tool.parent.mkdir()
    tool.write_text(
        f"#!/bin/sh\nenv > {tmp_path}/told.new && mv {tmp_path}/told.new {tmp_path}/told\n"
    )
    tool.chmod(0o755)
    environ = environment(home, PATH=f"{tool.parent}:{os.environ['PATH']}")
    definition = JobDefinition(
        command=("true",), notification=Notification(notify_command="mytool")
    )
    run_job(store, definition, environ=environ)
    wait_until((tmp_path / "told").exists, what="the notification")
    told = (tmp_path / "told").read_text()
    assert f"PATH={tool.parent}:" in told
    assert "AGENT_EXEC_RESTORE" not in told
