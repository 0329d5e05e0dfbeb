"""restart runs the same definition again in the same directory, and the old run is gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition, StdinText
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT, LaunchedJob, Observation
from agent_exec.commands.repair import repair_jobs
from agent_exec.commands.restart import RestartedJob, restart_job
from agent_exec.commands.run import run_job
from agent_exec.commands.status import job_status
from agent_exec.commands.wait import wait_job
from agent_exec.errors import (
    InvalidArgumentError,
    InvalidSignalError,
    InvalidStateError,
    LaunchFailedError,
    MissingEnvError,
    UnverifiedProcessError,
)
from agent_exec.model.job import JobStatus
from agent_exec.store import last_logs, locks
from agent_exec.store.jobs import JobStore
from support.foreign import foreign_job
from support.launching import (
    child_of,
    is_alive,
    lose_both,
    lose_supervisor,
    running,
    running_and_ready,
    state_of,
)
from support.waiting import wait_until

TO_THE_END = Observation(until_s=None)


def test_the_answer_has_the_wire_fields_of_start() -> None:
    names = [field.name for field in fields(RestartedJob)]
    assert names == [field.name for field in fields(LaunchedJob)]
    assert RestartedJob.wire_type == "restart"


def test_a_finished_job_runs_again_with_empty_logs_and_the_same_definition(
    store: JobStore, tmp_path: Path
) -> None:
    counter = tmp_path / "n"
    definition = JobDefinition(command=("sh", "-c", f"echo x >> {counter}; wc -l < {counter}"))
    job_id = run_job(store, definition).job_id
    wait_job(store, job_id)
    directory = Path(store.root, job_id)
    (directory / "completion_event.json").write_text("{}")
    (directory / "notification_events.ndjson").write_text("kept\n")
    meta = (directory / "meta.json").read_bytes()
    answer = restart_job(store, job_id[:8], observation=TO_THE_END)
    assert (answer.job_id, answer.stdout.strip()) == (job_id, "2")
    wait_job(store, job_id)
    assert (directory / "meta.json").read_bytes() == meta
    assert (directory / "stdout.log").read_text().split() == ["2"]
    assert len((directory / "full.log").read_text().splitlines()) == 1
    assert not (directory / "completion_event.json").exists()
    assert (directory / "notification_events.ndjson").read_text() == "kept\n"


def test_a_created_job_is_started(store: JobStore) -> None:
    job_id = create_job(
        store, JobDefinition(command=("cat",), stdin=StdinText("kept input"))
    ).job_id
    answer = restart_job(store, job_id)
    assert (answer.state, answer.stdout) == (JobStatus.EXITED, "kept input")
    assert restart_job(store, job_id).stdout == "kept input"


def test_a_running_job_is_ended_first(store: JobStore) -> None:
    job_id = running(store, "sh", "-c", "echo $$; exec sleep 60")
    old = child_of(store, job_id)
    answer = restart_job(store, job_id)
    new = child_of(store, job_id)
    assert (answer.state, answer.stdout) == (JobStatus.RUNNING, f"{new}\n")
    assert not is_alive(old)
    assert is_alive(new)
    assert answer.elapsed_ms >= answer.waited_ms


def test_the_given_signal_ends_the_old_run(store: JobStore, tmp_path: Path) -> None:
    got = tmp_path / "got"
    script = f'trap "echo INT >> {got}; exit" INT; touch $READY; while :; do sleep 0.05; done'
    job_id = running_and_ready(store, script)
    restart_job(store, job_id, signal="sigint", observation=NO_WAIT)
    assert got.read_text() == "INT\n"


def test_what_ignores_the_signal_is_killed_with_its_whole_tree(
    store: JobStore, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    script = (
        f'trap "" TERM; [ -s {pids} ] && exec sleep 60; '
        f"setsid sleep 60 & echo $! > {pids}; touch $READY; while :; do sleep 0.05; done"
    )
    job_id = running_and_ready(store, script)
    old, grandchild = child_of(store, job_id), int(pids.read_text())
    began = time.monotonic()
    answer = restart_job(store, job_id, observation=NO_WAIT)
    assert 3 <= time.monotonic() - began < 10
    assert answer.state is JobStatus.RUNNING
    assert not is_alive(old)
    assert not is_alive(grandchild)


def test_late_writers_of_the_old_run_reach_the_new_logs_no_more(store: JobStore) -> None:
    script = "[ -e $READY ] || { (sleep 0.8; echo late) & }; touch $READY; echo now"
    job_id = running_and_ready(store, script)
    wait_until(lambda: state_of(store, job_id).is_terminal)
    restart_job(store, job_id, observation=TO_THE_END)
    waited = wait_job(store, job_id)
    log = Path(store.root, job_id, "stdout.log")
    assert waited.stdout == "now\n"
    deadline = time.monotonic() + 1.2
    while time.monotonic() < deadline:
        assert log.read_text() == "now\n"


def test_kept_values_are_given_again_and_overridden(store: JobStore) -> None:
    definition = JobDefinition(
        command=("sh", "-c", "echo $SECRET $K"), env=("SECRET=s", "K=1"), mask=("SECRET",)
    )
    job_id = create_job(store, definition).job_id
    assert restart_job(store, job_id).stdout == "s 1\n"
    answer = restart_job(store, job_id, env=("K=2",))
    assert (answer.stdout, answer.env_vars) == ("s 2\n", ("SECRET=***", "K=2"))
    assert restart_job(store, job_id).stdout == "s 1\n"


def test_a_masked_value_of_a_run_job_is_asked_for_and_never_stored(store: JobStore) -> None:
    definition = JobDefinition(
        command=("sh", "-c", "echo $SECRET $K"), env=("SECRET=first", "K=1"), mask=("SECRET",)
    )
    job_id = run_job(store, definition, observation=TO_THE_END).job_id
    wait_job(store, job_id)
    state = Path(store.root, job_id, "state.json").read_bytes()
    with pytest.raises(MissingEnvError, match="--env SECRET=VALUE") as caught:
        restart_job(store, job_id)
    assert caught.value.details == {"keys": ["SECRET"]}
    assert Path(store.root, job_id, "state.json").read_bytes() == state
    answer = restart_job(store, job_id, env=("SECRET=second-value",), observation=TO_THE_END)
    assert answer.stdout == "second-value 1\n"
    assert answer.env_vars == ("K=1", "SECRET=***")
    wait_job(store, job_id)
    for path in Path(store.root, job_id).iterdir():
        if not path.name.endswith(".log"):
            assert b"second-value" not in path.read_bytes()


def test_a_running_job_that_cannot_start_again_is_left_running(store: JobStore) -> None:
    definition = JobDefinition(command=("sleep", "60"), env=("S=1",), mask=("S",))
    job_id = run_job(store, definition, observation=NO_WAIT).job_id
    with pytest.raises(MissingEnvError):
        restart_job(store, job_id)
    assert is_alive(child_of(store, job_id))


def test_the_log_path_of_the_first_run_is_kept(store: JobStore, tmp_path: Path) -> None:
    log = tmp_path / "elsewhere.log"
    definition = JobDefinition(command=("echo", "x"), full_log_path=str(log))
    job_id = run_job(store, definition).job_id
    for _ in range(2):
        wait_job(store, job_id)
        restart_job(store, job_id, observation=TO_THE_END)
    wait_job(store, job_id)
    assert len(log.read_text().splitlines()) == 1
    assert Path(store.root, job_id, "full.log").read_bytes() == b""


def test_the_log_path_survives_a_failed_launch(store: JobStore, tmp_path: Path) -> None:
    log, env_file = tmp_path / "elsewhere.log", tmp_path / "a.env"
    env_file.write_text("A=1\n")
    definition = JobDefinition(
        command=("echo", "x"), full_log_path=str(log), env_files=(str(env_file),)
    )
    job_id = run_job(store, definition).job_id
    wait_job(store, job_id)
    env_file.unlink()
    with pytest.raises(LaunchFailedError, match="read env file"):
        restart_job(store, job_id)
    env_file.write_text("A=1\n")
    restart_job(store, job_id)
    wait_job(store, job_id)
    assert log.read_text().endswith("[STDOUT] x\n")


def test_a_lost_job_runs_again(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    lose_both(store, job_id)
    assert restart_job(store, job_id, observation=NO_WAIT).state is JobStatus.RUNNING


def test_an_orphan_is_ended_first(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    orphan = lose_supervisor(store, job_id)
    answer = restart_job(store, job_id, observation=NO_WAIT)
    assert answer.state is JobStatus.RUNNING
    assert not is_alive(orphan)


def test_another_programs_stale_job_runs_again_and_no_stranger_is_hurt(
    store: JobStore, stranger: subprocess.Popen[bytes], gone_pid: int
) -> None:
    for pid in (stranger.pid, gone_pid, None):
        job_id = foreign_job(store, "running", pid)
        answer = restart_job(store, job_id)
        assert (answer.state, answer.stdout) == (JobStatus.EXITED, "again\n")
    assert stranger.poll() is None


def test_a_process_that_may_be_the_jobs_is_not_signalled(
    store: JobStore, stranger: subprocess.Popen[bytes]
) -> None:
    job_id = foreign_job(store, "running", stranger.pid)
    path = Path(store.root, job_id, "state.json")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path.write_text(path.read_text().replace("2026-01-01T00:00:00Z", now))
    with pytest.raises(UnverifiedProcessError):
        restart_job(store, job_id)
    assert stranger.poll() is None
    assert state_of(store, job_id).status is JobStatus.RUNNING


def test_another_jobs_records_are_refused_before_anything_is_done(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    Path(store.root, job_id).rename(Path(store.root, "renamed"))
    try:
        with pytest.raises(InvalidStateError, match="metadata identity mismatch"):
            restart_job(store, "renamed")
        assert is_alive(child_of(store, "renamed"))
    finally:
        Path(store.root, "renamed").rename(Path(store.root, job_id))


def test_bad_arguments_are_refused_before_anything_is_done(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with pytest.raises(InvalidSignalError):
        restart_job(store, job_id, signal="STOP")
    with pytest.raises(InvalidArgumentError):
        restart_job(store, job_id, env=("=x",))
    assert is_alive(child_of(store, job_id))


def test_of_two_concurrent_restarts_one_child_lives(store: JobStore) -> None:
    job_id = running(store, "sh", "-c", "echo $$; exec sleep 60")
    first = child_of(store, job_id)
    answers: list[RestartedJob] = []
    threads = [
        threading.Thread(target=lambda: answers.append(restart_job(store, job_id)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == 2
    alive = [pid for pid in {first, *(int(a.stdout or 0) for a in answers)} if is_alive(pid)]
    assert alive == [child_of(store, job_id)]


def test_a_planted_link_in_the_place_of_a_log_is_not_followed(
    store: JobStore, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    job_id = run_job(store, JobDefinition(command=("echo", "x"))).job_id
    wait_job(store, job_id)
    log = Path(store.root, job_id, "stdout.log")
    log.unlink()
    os.symlink(victim, log)
    answer = restart_job(store, job_id, observation=TO_THE_END)
    assert victim.read_text() == "precious"
    assert answer.stdout == "x\n"
    assert not log.is_symlink()


MISSING = ["env file", "directory", "shell", "standard input", "place of full.log"]


def damaged(store: JobStore, tmp_path: Path, what: str) -> tuple[str, Callable[[], None]]:
    """A running job that has said something, and what takes away what it needs to run again."""
    env_file, cwd, shell = tmp_path / "a.env", tmp_path / "cwd", tmp_path / "shell"
    env_file.write_text("A=1\n")
    cwd.mkdir()
    shell.symlink_to("/bin/sh")
    definition = JobDefinition(
        command=("sh", "-c", "echo said; exec sleep 60"),
        cwd=str(cwd),
        env_files=(str(env_file),),
        shell_wrapper=(str(shell), "-c"),
        stdin=StdinText("x"),
        full_log_path=str(tmp_path / "logs" / "full.log"),
    )
    job_id = run_job(store, definition).job_id

    def place_of_log() -> None:
        shutil.rmtree(tmp_path / "logs")
        (tmp_path / "logs").write_text("no directory")

    return job_id, {
        "env file": env_file.unlink,
        "directory": cwd.rmdir,
        "shell": shell.unlink,
        "standard input": Path(store.root, job_id, "stdin.bin").unlink,
        "place of full.log": place_of_log,
    }[what]


def contents(store: JobStore, job_id: str) -> dict[str, bytes]:
    """All the files of a job but the room its supervisor keeps in hand."""
    paths = Path(store.root, job_id).iterdir()
    return {path.name: path.read_bytes() for path in paths if not path.name.startswith(".tmp-")}


@pytest.mark.parametrize("what", MISSING)
def test_nothing_is_ended_or_erased_for_a_run_that_cannot_be(
    what: str, store: JobStore, tmp_path: Path
) -> None:
    job_id, take_away = damaged(store, tmp_path, what)
    child = child_of(store, job_id)
    take_away()
    for ended in (False, True):
        if ended:
            kill_job(store, job_id)
        before = contents(store, job_id)
        with pytest.raises(LaunchFailedError, match="nothing was changed") as caught:
            restart_job(store, job_id)
        assert caught.value.details is not None
        assert caught.value.details["job_id"] == job_id
        after = contents(store, job_id)
        assert after == before
        assert after["stdout.log"] == b"said\n"
        assert is_alive(child) is not ended


def test_the_last_run_s_logs_stay_until_the_next_one_runs(store: JobStore, tmp_path: Path) -> None:
    """A shell that is there and is none: only the launch itself can tell."""
    shell = tmp_path / "shell"
    shell.symlink_to("/bin/sh")
    definition = JobDefinition(command=("echo", "said"), shell_wrapper=(str(shell), "-c"))
    job_id = run_job(store, definition).job_id
    wait_job(store, job_id)
    shell.unlink()
    shell.write_bytes(b"\x7fELF of no machine")
    shell.chmod(0o755)
    with pytest.raises(LaunchFailedError):
        restart_job(store, job_id)
    directory = Path(store.root, job_id)
    assert state_of(store, job_id).status is JobStatus.FAILED
    assert (directory / "stdout.log").read_bytes() == b"said\n"
    assert (directory / "full.log").read_bytes().endswith(b"[STDOUT] said\n")
    assert not list(directory.glob("last-*"))
    shell.unlink()
    shell.symlink_to("/bin/sh")
    restart_job(store, job_id)
    wait_job(store, job_id)
    assert (directory / "stdout.log").read_bytes() == b"said\n"
    assert not list(directory.glob("last-*"))


def _interrupted(store: JobStore, job_id: str) -> Path:
    """Leave what a restart leaves that is killed once the last run's logs are set aside."""
    directory = Path(store.root, job_id)
    wait_until(lambda: not is_locked(directory, "supervisor.lock"), what="the supervisor's end")
    with store.open(job_id) as job, job.locked():
        last_logs.set_aside(job)
    return directory


def is_locked(directory: Path, name: str) -> bool:
    fd = os.open(directory, os.O_RDONLY)
    try:
        return locks.is_locked(fd, name)
    finally:
        os.close(fd)


@pytest.mark.parametrize("verb", ["status", "wait", "repair", "failing restart"])
def test_the_logs_of_a_job_whose_restart_was_killed_are_found_again(
    store: JobStore, tmp_path: Path, verb: str
) -> None:
    shell = tmp_path / "shell"
    shell.symlink_to("/bin/sh")
    definition = JobDefinition(command=("echo", "said"), shell_wrapper=(str(shell), "-c"))
    job_id = run_job(store, definition).job_id
    wait_job(store, job_id)
    directory = _interrupted(store, job_id)
    assert (directory / "stdout.log").read_bytes() == b""
    if verb == "status":
        job_status(store, job_id)
    elif verb == "wait":
        wait_job(store, job_id)
    elif verb == "repair":
        repair_jobs(store, None)
    else:
        shell.unlink()
        shell.write_bytes(b"\x7fELF of no machine")
        shell.chmod(0o755)
        with pytest.raises(LaunchFailedError):
            restart_job(store, job_id)
    assert (directory / "stdout.log").read_bytes() == b"said\n"
    assert not list(directory.glob("last-*"))


def test_the_logs_of_the_run_before_are_not_taken_for_those_of_a_later_one(
    store: JobStore,
) -> None:
    job_id = run_job(store, JobDefinition(command=("echo", "said"))).job_id
    wait_job(store, job_id)
    directory = _interrupted(store, job_id)
    state = json.loads((directory / "state.json").read_text())
    (directory / "fresh").write_text(json.dumps(state))
    (directory / "fresh").rename(directory / "state.json")  # a later run's end
    job_status(store, job_id)
    assert (directory / "stdout.log").read_bytes() == b""
