"""What a job was asked to be holds for each of its runs, whichever way they are started."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_exec.cli.launch_arguments import definition_of
from agent_exec.cli.launch_verbs import VERBS
from agent_exec.cli.parser import parse
from agent_exec.commands import again
from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.restart import restart_job
from agent_exec.commands.run import run_job
from agent_exec.commands.start import start_job
from agent_exec.commands.status import JobStatusReport, job_status
from agent_exec.commands.wait import wait_job
from agent_exec.model.job import JobMeta
from agent_exec.model.options import JobOptions
from agent_exec.store.jobs import JobStore
from agent_exec.store.options import read_options
from support.launching import running, running_and_ready

Way = Callable[[JobStore, JobDefinition], str]

# Everything `run` and `create` take that shapes the job, with a value that is not the default.
SHAPING: dict[str, list[str]] = {
    "--timeout": ["--timeout", "500"],
    "--abandon-job-after": ["--abandon-job-after", "400"],
    "--kill-after": ["--kill-after", "7"],
    "--progress-every": ["--progress-every", "9"],
    "--cwd": ["--cwd", "/usr"],
    "--env": ["--env", "A=1"],
    "--env-file": ["--env-file", "/dev/null"],
    "--no-inherit-env": ["--no-inherit-env"],
    "--mask": ["--mask", "B"],
    "--shell-wrapper": ["--shell-wrapper", "sh -c"],
    "--tag": ["--tag", "a.b"],
    "--stdin": ["--stdin", "text"],
    "--stdin-file": ["--stdin-file", "STDIN"],
    "--notify-command": ["--notify-command", "true"],
    "--notify-file": ["--notify-file", "/dev/null"],
    "--output-pattern": ["--output-pattern", "x"],
    "--output-match-type": ["--output-pattern", "x", "--output-match-type", "regex"],
    "--output-stream": ["--output-pattern", "x", "--output-stream", "stderr"],
    "--output-command": ["--output-pattern", "x", "--output-command", "true"],
    "--output-file": ["--output-pattern", "x", "--output-file", "/dev/null"],
    "--log": ["--log", "LOG"],
    "--log-max": ["--log-max", "50"],
}
# What is about the call, its answer, or what is cleaned up besides.
OF_THE_CALL = {
    "--acknowledge-result-loss", "--inherit-env", "--config", "--stdin-max-bytes", "--wait",
    "--until", "--forever", "--no-wait", "--max-bytes", "--no-auto-gc", "--auto-gc-older-than",
    "--auto-gc-max-jobs", "--auto-gc-max-bytes", "--root", "--yaml", "--json", "--verbose",
    "--help",
}  # fmt: skip


def test_no_option_of_create_and_run_is_forgotten_here() -> None:
    known = {option.key for verb in ("create", "run") for option in VERBS[verb]().options()}
    assert known == SHAPING.keys() | OF_THE_CALL
    shaping_of = [
        {option.key for option in VERBS[verb]().options()} & SHAPING.keys()
        for verb in ("create", "run")
    ]
    assert shaping_of[0] == shaping_of[1] == SHAPING.keys()


def started(store: JobStore, definition: JobDefinition) -> str:
    return start_job(store, create_job(store, definition).job_id).job_id


def restarted(store: JobStore, definition: JobDefinition) -> str:
    return restart_job(store, run_job(store, definition).job_id).job_id


def created_and_restarted(store: JobStore, definition: JobDefinition) -> str:
    return restart_job(store, create_job(store, definition).job_id).job_id


def rerun(store: JobStore, definition: JobDefinition) -> str:
    with store.open(run_job(store, definition).job_id) as job:
        same = again.definition_of(job)
    return run_job(store, same).job_id


def rerun_by_the_form(store: JobStore, definition: JobDefinition) -> str:
    from agent_exec_tui.form_definition import check_form
    from agent_exec_tui.form_text import form_of, hidden_values

    with store.open(run_job(store, definition).job_id) as job:
        same = again.definition_of(job)
    checked = check_form(form_of(same), "/", hidden_values(same))
    assert checked.definition, checked.flaws
    return run_job(store, checked.definition).job_id


WAYS: list[Way] = [started, restarted, created_and_restarted, rerun, rerun_by_the_form]


def shape_of(store: JobStore, job_id: str) -> dict[str, object]:
    """All that a run was made from and has, but for what names this job and this moment."""
    with store.open(job_id) as job:
        meta, options, supervision = job.read_meta(), read_options(job), job.read_supervision()
        stdin = Path(job.file_path("stdin.bin"))
        fields = {name: getattr(meta, name) for name in JobMeta.__slots__}
        for name in ("job", "created_at", "env_vars_runtime"):
            fields.pop(name)
        assert supervision is not None
        asked = options or JobOptions()
        return {
            **fields,
            "stdin": stdin.read_bytes() if stdin.exists() else None,
            "asked": (asked.log_path, asked.log_max_bytes),
            "has": (supervision.full_log_path, supervision.log_max_bytes),
            "full.log": Path(supervision.full_log_path or job.file_path("full.log")).exists(),
        }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("option", SHAPING)
def test_an_option_holds_however_the_job_is_started(
    option: str, way: Way, store: JobStore, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("from a file")
    places = {"STDIN": str(tmp_path / "in"), "LOG": str(tmp_path / "full.log")}
    words = [places.get(word, word) for word in SHAPING[option]]
    arguments = parse(["run", *words, "--", "true"]).arguments
    wrapper = ("sh", "-c") if option == "--shell-wrapper" else None
    definition = definition_of(arguments, wrapper, arguments.optional_number("--log-max"))
    assert shape_of(store, way(store, definition)) == shape_of(
        store, run_job(store, definition).job_id
    )


def status_of(store: JobStore, job_id: str) -> JobStatusReport:
    return job_status(store, job_id)


def limited(store: JobStore, **rest: object) -> JobDefinition:
    noisy = ("sh", "-c", "head -c 5000 /dev/zero | tr '\\0' x; echo")
    return JobDefinition(command=noisy, shell_wrapper=("sh", "-c"), **rest)  # type: ignore[arg-type]


def kept_bytes(store: JobStore, job_id: str) -> int:
    wait_job(store, job_id)
    return Path(store.root, job_id, "stdout.log").stat().st_size


def test_a_log_limit_and_a_log_path_survive_every_restart(store: JobStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "there" / "full.log"
    job_id = run_job(store, limited(store, log_max_bytes=100, full_log_path=str(elsewhere))).job_id
    for number in (1, 2, 3):
        assert kept_bytes(store, job_id) <= 100
        found = status_of(store, job_id)
        assert (found.run, found.log_max_bytes) == (number, 100)
        assert found.full_log_path == str(elsewhere)
        elsewhere.unlink()
        restart_job(store, job_id)
        wait_job(store, job_id)
        assert elsewhere.exists()


def test_a_limit_given_at_a_start_is_the_new_one(store: JobStore) -> None:
    job_id = create_job(store, limited(store, log_max_bytes=100)).job_id
    assert status_of(store, job_id).log_max_bytes == 100
    start_job(store, job_id, log_max_bytes=200)
    assert 100 < kept_bytes(store, job_id) <= 200
    restart_job(store, job_id)
    assert 100 < kept_bytes(store, job_id) <= 200
    restart_job(store, job_id, log_max_bytes=0)
    assert kept_bytes(store, job_id) == 5001
    restart_job(store, job_id, default_log_max_bytes=50)
    assert kept_bytes(store, job_id) == 5001


def test_a_default_limit_counts_only_where_none_was_asked_for(store: JobStore) -> None:
    job_id = create_job(store, limited(store)).job_id
    start_job(store, job_id, default_log_max_bytes=70)
    assert kept_bytes(store, job_id) <= 70
    restart_job(store, job_id)
    assert kept_bytes(store, job_id) == 5001


def test_a_job_that_asks_for_nothing_has_no_file_until_it_runs_again(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("true",))).job_id
    path = Path(store.root, job_id, "options.json")
    assert not path.exists()
    assert status_of(store, job_id).run == 1
    restart_job(store, job_id)
    assert json.loads(path.read_text()) == {"version": 1, "run": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert status_of(store, job_id).run == 2


def test_no_number_is_given_to_two_runs(store: JobStore) -> None:
    """Whichever of the records is lost, and whoever started the runs in between."""
    job_id = run_job(store, JobDefinition(command=("true",))).job_id
    directory = Path(store.root, job_id)
    restart_job(store, job_id)
    restart_job(store, job_id)
    (directory / "options.json").unlink()
    restart_job(store, job_id)
    assert status_of(store, job_id).run == 4
    (directory / "supervision.json").unlink()
    restart_job(store, job_id)
    assert status_of(store, job_id).run == 5


def test_a_run_of_another_program_has_no_number_and_no_limit(store: JobStore) -> None:
    job_id = run_job(store, limited(store, log_max_bytes=100)).job_id
    wait_job(store, job_id)
    path = Path(store.root, job_id, "state.json")
    state = json.loads(path.read_text())
    state["job"]["started_at"] = "2026-01-01T00:00:00Z"
    path.write_text(json.dumps(state))
    found = status_of(store, job_id)
    assert (found.run, found.log_max_bytes) == (None, None)
    restart_job(store, job_id)
    wait_job(store, job_id)
    found = status_of(store, job_id)
    assert (found.run, found.log_max_bytes) == (2, 100)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"run": 1e999}',
        b'{"run": ' + b"9" * 5000 + b"}",
        b"\xff",
    ],
)
def test_a_damaged_record_asks_for_nothing_and_stops_nothing(
    damage: bytes, store: JobStore
) -> None:
    job_id = run_job(store, JobDefinition(command=("true",), log_max_bytes=10)).job_id
    Path(store.root, job_id, "options.json").write_bytes(damage)
    assert status_of(store, job_id).state == "exited"
    restart_job(store, job_id)
    assert status_of(store, job_id).run == 2


@pytest.mark.parametrize("kind", ["fifo", "link", "directory"])
def test_what_is_no_file_is_never_read_as_one(kind: str, store: JobStore, tmp_path: Path) -> None:
    job_id = running(store, "sleep", "60")
    path = Path(store.root, job_id, "options.json")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "theirs").write_text('{"rerun_of": "theirs"}')
        path.symlink_to(tmp_path / "theirs")
    else:
        path.mkdir()
    assert status_of(store, job_id).rerun_of is None
    assert kill_job(store, job_id).state == "killed"
    if kind == "link":
        assert json.loads((tmp_path / "theirs").read_text()) == {"rerun_of": "theirs"}


def test_a_rerun_names_its_origin(store: JobStore) -> None:
    first = create_job(store, JobDefinition(command=("true",))).job_id
    with store.open(first) as job:
        second = create_job(store, again.definition_of(job)).job_id
    assert status_of(store, second).rerun_of == first
    assert status_of(store, first).rerun_of is None


def test_who_killed_a_run_is_told(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    assert status_of(store, job_id).ended_by is None
    kill_job(store, job_id, door="mcp", who="ann@host")
    ended_by = status_of(store, job_id).ended_by
    assert ended_by is not None
    assert (ended_by.run, ended_by.door, ended_by.who) == (1, "mcp", "ann@host")
    assert (ended_by.uid, ended_by.signal) == (os.geteuid(), "15")
    restart_job(store, job_id, observation=NO_WAIT)
    assert status_of(store, job_id).ended_by is None
    kill_job(store, job_id, signal="KILL")
    ended_by = status_of(store, job_id).ended_by
    assert ended_by is not None
    assert (ended_by.run, ended_by.door, ended_by.signal) == (2, "library", "9")
    assert ended_by.who


def test_nobody_is_named_where_the_run_ended_otherwise(store: JobStore) -> None:
    job_id = running_and_ready(store, "trap '' TERM; touch $READY; sleep 60 & wait")
    kill_job(store, job_id, wait=False)
    pid = status_of(store, job_id).pid
    assert pid is not None
    os.killpg(pid, 9)  # as the kernel would, short of memory
    wait_job(store, job_id)
    assert status_of(store, job_id).ended_by is None


def test_a_signal_that_is_not_meant_to_end_names_nobody(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    kill_job(store, job_id, signal="CONT")
    assert not Path(store.root, job_id, "options.json").exists()


def test_kill_does_not_wait_for_the_record_of_it(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with store.open(job_id) as job, job.locked():
        assert kill_job(store, job_id).state == "killed"
    assert status_of(store, job_id).ended_by is None
