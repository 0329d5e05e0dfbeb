"""What becomes of the options: each verb called as people and scripts call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent_exec.store.jobs import JobStore
from support.console import Document, Said, console, environment
from support.foreign import foreign_job
from support.launching import lose_both, running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def meta_of(root: Path, said: Said) -> Document:
    path = root / str(said.document["job_id"]) / "meta.json"
    meta = json.loads(path.read_bytes())
    assert isinstance(meta, dict)
    return meta


def job_id_of(said: Said) -> str:
    assert said.exit_status == 0, said
    return str(said.document["job_id"])


def config(directory: Path, text: str) -> dict[str, str]:
    """An environment whose config.toml says *text*."""
    path = directory / "config" / "agent-exec" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return {"XDG_CONFIG_HOME": str(directory / "config")}


def test_create_keeps_every_option(root: Path, tmp_path: Path) -> None:
    said = console(
        "create", "--timeout", "1.5", "--kill-after=2", "--cwd", str(tmp_path), "--env", "A=1",
        "--env", "B", "--mask", "A", "--env-file", "vars.env", "--no-inherit-env",
        "--progress-every", "3", "--tag", "a.b", "--tag", "c", "--shell-wrapper", "bash -c",
        "--notify-command", "true", "--output-pattern", "ERR", "--output-stream", "stderr",
        "--stdin", "text", "--", "sh", "-c", "x",
        root=root, cwd=tmp_path,
    )  # fmt: skip
    meta = meta_of(root, said)
    assert meta["command"] == ["sh", "-c", "x"]
    assert (meta["timeout_ms"], meta["kill_after_ms"], meta["progress_every_ms"]) == (
        1500, 2000, 3000,
    )  # fmt: skip
    assert meta["env_vars"] == ["A=***", "B"]
    assert meta["env_vars_runtime"] == ["A=1", "B"]
    assert meta["env_files"] == [os.path.realpath(tmp_path / "vars.env")]
    assert meta["inherit_env"] is False
    assert meta["tags"] == ["a.b", "c"]
    assert meta["shell_wrapper"] == ["bash", "-c"]
    assert meta["stdin_file"] == "stdin.bin"
    assert meta["notification"] == {
        "notify_command": "true",
        "on_output_match": {"pattern": "ERR", "match_type": "contains", "stream": "stderr"},
    }


def test_the_newer_name_of_the_time_limit_means_the_same(root: Path) -> None:
    said = console(
        "create", "--abandon-job-after", "9", "--acknowledge-result-loss", "true", root=root
    )
    assert meta_of(root, said)["timeout_ms"] == 9000


def test_stdin_dash_copies_what_is_piped(root: Path) -> None:
    said = console("create", "--stdin", "-", "cat", root=root, stdin=b"\x00\xff")
    assert (root / job_id_of(said) / "stdin.bin").read_bytes() == b"\x00\xff"


def test_run_leaves_the_callers_stdin_alone(root: Path) -> None:
    said = console("run", "--no-auto-gc", "cat", root=root, stdin=b"not read")
    assert said.document["stdout"] == ""


def test_the_shell_wrapper_is_the_flags_then_the_configs(root: Path, tmp_path: Path) -> None:
    env = config(tmp_path, '[shell]\nunix = ["bash", "-lc"]\n')
    assert meta_of(root, console("create", "true", root=root, env=env))["shell_wrapper"] == [
        "bash", "-lc",
    ]  # fmt: skip
    said = console("create", "--shell-wrapper", "sh -c", "true", root=root, env=env)
    assert meta_of(root, said)["shell_wrapper"] == ["sh", "-c"]


def test_a_broken_config_stops_only_those_who_need_it(root: Path, tmp_path: Path) -> None:
    env = config(tmp_path, "[[[")
    for words, exit_status in (
        (["create", "true"], 1),
        (["run", "true"], 1),
        (["create", "--shell-wrapper", "sh -c", "true"], 0),
        (["list"], 0),
        (["gc", "--dry-run"], 0),
    ):
        assert console(*words, root=root, env=env).exit_status == exit_status, words


def test_no_wait_answers_at_once_and_until_limits_the_wait(root: Path) -> None:
    for words in (["--no-wait"], ["--wait=false"], ["--no-wait", "--until", "9"]):
        said = console("run", *words, "sleep 60", root=root)
        assert (said.document["state"], said.document["waited_ms"]) == ("running", 0)
        assert console("kill", "--signal", "9", job_id_of(said), root=root).exit_status == 0
    said = console("run", "--until", "0.2", "sleep 60", root=root)
    waited_ms = said.document["waited_ms"]
    assert isinstance(waited_ms, int)
    assert 200 <= waited_ms < 10_000
    assert console("kill", job_id_of(said), root=root).exit_status == 0


def test_max_bytes_and_log_max_limit_what_is_shown_and_kept(root: Path) -> None:
    said = console("run", "--max-bytes", "3", "printf 0123456789", root=root)
    assert (said.document["stdout"], said.document["stdout_total_bytes"]) == ("012", 10)
    said = console("run", "--log-max", "4", "printf 0123456789", root=root)
    console("wait", job_id_of(said), root=root)
    assert (root / job_id_of(said) / "stdout.log").stat().st_size <= 4


def test_start_goes_by_the_configs_log_limit(root: Path, tmp_path: Path) -> None:
    env = config(tmp_path, "[logs]\nmax_bytes = 4\n")
    job_id = job_id_of(console("create", "printf 0123456789", root=root))
    console("start", job_id, root=root, env=env)
    console("wait", job_id, root=root)
    assert (root / job_id / "stdout.log").stat().st_size <= 4


@pytest.mark.parametrize(
    ("command", "exit_status"),
    [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("sleep 60", 124)],
)
def test_wait_can_exit_as_the_job_did(root: Path, command: str, exit_status: int) -> None:
    job_id = job_id_of(console("run", "--no-wait", command, root=root))
    until = "0.2" if exit_status == 124 else "20"
    assert console("wait", "--until", until, job_id, root=root).exit_status == 0
    said = console("wait", "--until", until, "--exit-status", job_id, root=root)
    assert said.exit_status == exit_status
    console("kill", "--no-wait", "--signal", "KILL", job_id, root=root)


def test_wait_for_what_could_not_be_started_exits_125(root: Path) -> None:
    job_id = job_id_of(console("create", "--cwd", "/no/such", "true", root=root))
    assert console("start", job_id, root=root).exit_status == 1
    assert console("wait", "--exit-status", job_id, root=root).exit_status == 125


@pytest.mark.parametrize("is_ours", [True, False])
def test_wait_for_what_was_lost_exits_125(root: Path, is_ours: bool) -> None:
    store = JobStore(root)
    if is_ours:
        job_id = running(store, "sleep", "60")
        lose_both(store, job_id)
    else:
        with subprocess.Popen(["true"]) as gone:
            gone.wait()
        job_id = foreign_job(store, "running", gone.pid)
    assert console("wait", "--exit-status", job_id, root=root).exit_status == 125


@pytest.mark.parametrize(
    ("result", "exit_status"),
    [({"exit_code": 256}, 125), ({"exit_code": -1}, 125), ({"signal": "99999999"}, 125),
     ({"signal": "\u0663"}, 125), ({"signal": "64"}, 192), ({"exit_code": 255}, 255)],
)  # fmt: skip
def test_wait_makes_no_success_of_a_strange_record(
    root: Path, result: dict[str, object], exit_status: int
) -> None:
    job_id = foreign_job(JobStore(root), "killed")
    path = root / job_id / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "result": result}))
    assert console("wait", "--exit-status", job_id, root=root).exit_status == exit_status


def test_wait_for_several_jobs(root: Path) -> None:
    quick = job_id_of(console("run", "--no-wait", "exit 3", root=root))
    slow = job_id_of(console("run", "--no-wait", "sleep 60", root=root))
    said = console("wait", "--any", "--exit-status", "--until", "20", slow, quick, root=root)
    assert said.exit_status == 3
    assert (said.document["type"], said.document["satisfied"]) == ("wait_jobs", True)
    said = console("wait", "--until", "0.2", slow, quick, root=root)
    assert said.exit_status == 0
    assert said.document["satisfied"] is False
    console("kill", slow, root=root)
    said = console("wait", "--exit-status", quick, slow, root=root)
    assert (said.exit_status, said.document["satisfied"]) == (3, True)


def test_tail_follows_as_documents_or_as_the_bare_text(root: Path) -> None:
    job_id = job_id_of(console("run", r"printf 'a\n\377'; echo b >&2", root=root))
    said = console("tail", "--follow", job_id, root=root)
    *pieces, end = [json.loads(line) for line in said.stdout.splitlines()]
    assert {piece["type"] for piece in pieces} == {"tail_chunk"}
    assert end["type"] == "tail_end"
    assert (end["reason"], end["state"], end["exit_code"]) == ("ended", "exited", 0)
    assert {piece["stream"]: piece["text"] for piece in pieces} == {
        "stdout": "a\n\ufffd",
        "stderr": "b\n",
    }
    said = console("tail", "--follow", "--raw", "--lines", "1", job_id, root=root)
    assert (said.stdout, said.stderr) == (b"\xff", "b\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_following_with_a_last_document(root: Path, number: int) -> None:
    job_id = job_id_of(console("run", "echo a; exec sleep 60", root=root))
    words = [sys.executable, "-m", "agent_exec_tui", "tail", "--follow", job_id]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment(root)) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["text"] == "a\n"
        follower.send_signal(number)
        last = [json.loads(line) for line in follower.stdout]
        assert follower.wait(10) == 128 + number
    assert [(end["type"], end["reason"], end["state"]) for end in last] == [
        ("tail_end", "interrupted", "running")
    ]
    console("kill", "--signal", "KILL", job_id, root=root)


def test_list_and_ps_select(root: Path, tmp_path: Path) -> None:
    here = job_id_of(console("create", "--tag", "ns.one", "true", root=root, cwd=tmp_path))
    console("create", "--tag", "other", "true", root=root, cwd=Path("/"))

    def ids(*words: str) -> list[object]:
        jobs = console(*words, root=root, cwd=tmp_path).document["jobs"]
        assert isinstance(jobs, list)
        return [job["job_id"] for job in jobs]

    assert ids("list") == [here]
    assert len(ids("list", "--all")) == 2
    assert len(ids("list", "--all", "--limit", "1")) == 1
    assert ids("list", "--all", "--tag", "ns.*") == [here]
    assert ids("list", "--cwd", ".") == [here]
    assert ids("list", "--all", "--state", "running") == ids("ps", "--all") == []


def test_list_from_a_directory_that_is_gone_says_the_way_out(root: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = ["-c", f'rmdir {gone}; exec "$@"', "sh"]

    from support.console import environment

    for flags, exit_status in (([], 1), (["--all"], 0)):
        gone.mkdir(exist_ok=True)
        done = subprocess.run(
            ["sh", *words, sys.executable, "-m", "agent_exec_tui", "list", *flags],
            cwd=gone,
            env=environment(root),
            capture_output=True,
            check=False,
        )
        assert done.returncode == exit_status, done
        assert (b"--all" in done.stdout) is (exit_status == 1)


def test_delete_takes_one_job_or_those_of_this_directory(root: Path, tmp_path: Path) -> None:
    ended = [
        job_id_of(console("run", "--tag", tag, "true", root=root, cwd=tmp_path))
        for tag in ("keep", "drop")
    ]
    for job_id in ended:
        console("wait", job_id, root=root)
    said = console("delete", "--filter", "tag:drop", root=root, cwd=tmp_path)
    assert said.document["deleted"] == 1
    assert sorted(os.listdir(root)) == [ended[0]]
    assert console("rm", "--all", "--dry-run", root=root, cwd=Path("/")).document["jobs"] == []
    assert console("rm", ended[0][:8], root=root).document["deleted"] == 1
    assert os.listdir(root) == []


def test_gc_says_where_its_limit_comes_from(root: Path) -> None:
    assert console("gc", root=root).document["older_than_source"] == "default"
    said = console("gc", "--older-than", "7d", root=root)
    assert (said.document["older_than"], said.document["older_than_source"]) == ("7d", "flag")
    assert console("gc", "--independent", "--max-jobs", "3", root=root).exit_status == 0


def test_repair_looks_at_all_or_at_some(root: Path) -> None:
    job_id = job_id_of(console("create", "true", root=root))
    assert console("repair", "--all", root=root).document["jobs"] == []
    assert console("repair", "--dry-run", "--kill", job_id, root=root).exit_status == 0
    assert console("repair", "nope", root=root).error["code"] == "job_not_found"


def test_tags_and_notifications_are_replaced(root: Path) -> None:
    job_id = job_id_of(console("create", "--tag", "old", "true", root=root))
    said = console("tag", "set", job_id, "--tag", "b", "--tag", "a", root=root)
    assert (said.document["type"], said.document["tags"]) == ("tag_set", ["b", "a"])
    said = console("notify", "set", job_id, "--command", "x", "--output-pattern", "E", root=root)
    assert said.document["type"] == "notify.set"
    assert said.document["notification"] == {
        "notify_command": "x",
        "on_output_match": {"pattern": "E", "match_type": "contains", "stream": "either"},
    }
    said = console("notify", "set", job_id, "--output-pattern=", root=root)
    assert said.document["notification"] == {"notify_command": "x"}


def test_restart_asks_for_what_is_not_stored_and_takes_it(root: Path) -> None:
    words = ["run", "--env", "S=one", "--mask", "S", "--env", "T=two", "echo $S $T"]
    job_id = job_id_of(console(*words, root=root))
    console("wait", job_id, root=root)
    said = console("restart", job_id, root=root)
    assert (said.exit_status, said.error["code"]) == (1, "missing_env")
    said = console("restart", "--env", "S=three", job_id, root=root)
    assert said.document["stdout"] == "three two\n"
    assert said.document["env_vars"] == ["T=two", "S=***"]


def test_kill_takes_names_and_numbers_and_refuses_the_rest(root: Path) -> None:
    for name in ("usr1", "SIGINT", "9"):
        job_id = job_id_of(console("run", "--no-wait", "--", "sleep", "60", root=root))
        assert console("kill", "--signal", name, job_id, root=root).document["state"] == "killed"
    said = console("kill", "--signal", "SEGV", job_id, root=root)
    assert said.error["code"] == "invalid_signal"


def test_the_snapshot_is_filtered_like_the_screen(root: Path) -> None:
    wanted = job_id_of(console("create", "--tag", "x", "true", root=root))
    console("create", "true", root=root)
    document = console("--json", "--filter", "tag:x", root=root).document
    assert document["type"] == "dashboard"
    jobs = document["jobs"]
    assert isinstance(jobs, list)
    assert [job["job_id"] for job in jobs] == [wanted]
    assert console("--json", "--yaml", root=root).stdout.startswith(b"schema_version: '0.1'\n")


@pytest.mark.parametrize("job_id", ["", ".", "..", "/etc", "a/b", ".hidden", "x" * 300])
@pytest.mark.parametrize(
    "verb", ["status", "start", "restart", "tail", "wait", "kill", "delete", "repair"]
)
def test_no_verb_takes_what_is_no_id(
    verb: str, job_id: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from agent_exec.cli.main import main

    root.mkdir()
    assert main(["--root", str(root), verb, job_id]) == 1
    assert json.loads(capfd.readouterr().out)["error"]["code"] == "invalid_argument"
    assert root.is_dir()


@pytest.mark.parametrize("flags", [[], ["--raw"]])
def test_following_a_quiet_job_ends_when_its_reader_leaves(root: Path, flags: list[str]) -> None:
    job_id = job_id_of(console("run", "--no-wait", "echo one; sleep 60", root=root))
    follower = subprocess.Popen(
        [sys.executable, "-m", "agent_exec_tui", "tail", "--follow", *flags, job_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(root),
    )
    assert follower.stdout is not None
    assert b"one" in follower.stdout.readline()
    follower.stdout.close()
    assert follower.wait(5) == 141
    console("kill", "--no-wait", "--signal", "KILL", job_id, root=root)


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_closed_standard_input_is_none(verb: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "-", sys.executable, "-m", "agent_exec_tui",
         "--root", str(tmp_path / "root"), verb, "--stdin", "-", "cat"],
        capture_output=True, env=environment(), check=False, timeout=30,
    )  # fmt: skip
    assert json.loads(done.stdout)["error"]["code"] == "stdin_required"
