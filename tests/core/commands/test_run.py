"""run makes a job and starts it; a secret it is given is written nowhere."""

from __future__ import annotations

import os
import time
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.commands import observation
from agent_exec.commands.auto_gc import GC_LOCK_FILE, AutoGc, run_auto_gc
from agent_exec.commands.definition import JobDefinition, StdinStream, StdinText
from agent_exec.commands.observation import NO_WAIT, LaunchedJob, Observation
from agent_exec.commands.run import RunJob, run_job
from agent_exec.errors import LaunchFailedError, StdinTooLargeError
from agent_exec.model.job import JobStatus
from agent_exec.store.jobs import JobStore
from support.launching import child_of, state_of, supervision_of
from support.waiting import wait_until


def test_the_answer_has_the_wire_fields_of_start() -> None:
    assert [field.name for field in fields(RunJob)] == [field.name for field in fields(LaunchedJob)]
    assert RunJob.wire_type == "run"


def test_a_quick_command_gives_its_whole_result(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation, "_QUICK_S", 10)  # quick is relative on a busy machine
    answer = run_job(store, JobDefinition(command=("echo", "hello"), tags=("x", "x")))
    assert (answer.state, answer.exit_code, answer.stdout) == (JobStatus.EXITED, 0, "hello\n")
    assert (answer.root, answer.tags) == (store.root, ("x",))
    assert 0 <= answer.waited_ms <= answer.elapsed_ms


def test_the_answer_does_not_wait_for_a_fixed_pause(store: JobStore) -> None:
    answers = [run_job(store, JobDefinition(command=("true",))) for _ in range(3)]
    assert all(answer.state is JobStatus.EXITED for answer in answers)
    assert min(answer.waited_ms for answer in answers) < 90


def test_one_word_is_a_line_for_the_shell_and_more_are_argv(store: JobStore) -> None:
    line = run_job(store, JobDefinition(command=("echo a; echo b",)))
    words = run_job(store, JobDefinition(command=("printf", "%s|", "$HOME", "a b", "*")))
    assert line.stdout == "a\nb\n"
    assert words.stdout == "$HOME|a b|*|"


def test_a_missing_program_is_told_by_the_shell(store: JobStore) -> None:
    answer = run_job(
        store, JobDefinition(command=("no-such-program",)), observation=Observation(until_s=None)
    )
    assert answer.stderr
    wait_until(lambda: state_of(store, answer.job_id).is_terminal)
    assert state_of(store, answer.job_id).result.exit_code == 127


def test_a_masked_value_reaches_the_child_and_no_file_or_command_line(store: JobStore) -> None:
    secret = f"secret-{os.urandom(8).hex()}"
    definition = JobDefinition(
        command=("sh", "-c", '[ "$TOKEN" = "$EXPECTED" ] && echo same; sleep 30'),
        env=(f"TOKEN={secret}", f"EXPECTED={secret}"),
        mask=("TOKEN", "EXPECTED"),
    )
    answer = run_job(store, definition)
    assert answer.stdout == "same\n"
    assert answer.env_vars == ("TOKEN=***", "EXPECTED=***")
    for path in Path(store.root, answer.job_id).iterdir():
        assert secret.encode() not in path.read_bytes(), path.name
    supervisor = supervision_of(store, answer.job_id).supervisor.pid
    for pid in (supervisor, child_of(store, answer.job_id)):
        assert secret.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert secret.encode() not in Path(f"/proc/{supervisor}/environ").read_bytes()


def test_unmasked_values_are_kept_for_display_only(store: JobStore) -> None:
    answer = run_job(store, JobDefinition(command=("sh", "-c", "echo $P"), env=("P=1",)))
    assert (answer.stdout, answer.env_vars) == ("1\n", ("P=1",))
    with store.open(answer.job_id) as job:
        meta = job.read_meta()
    assert (meta.env_vars, meta.env_vars_runtime, meta.env_keys) == (("P=1",), (), ("P",))


def test_full_log_lies_where_it_was_asked_for(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    definition = JobDefinition(command=("echo", "x"), full_log_path="sub/full.log")
    answer = run_job(store, definition, observation=Observation(until_s=None))
    wait_until(lambda: state_of(store, answer.job_id).logs_drained)
    assert (tmp_path / "sub/full.log").read_text().endswith("[STDOUT] x\n")
    assert Path(store.root, answer.job_id, "full.log").read_bytes() == b""


def test_a_launch_failure_names_the_failed_job(store: JobStore) -> None:
    with pytest.raises(LaunchFailedError, match="enter directory /no/such") as caught:
        run_job(store, JobDefinition(command=("true",), cwd="/no/such"))
    assert caught.value.details is not None
    job_id = caught.value.details["job_id"]
    assert store.names() == [job_id]
    assert state_of(store, str(job_id)).status is JobStatus.FAILED


def test_a_failed_creation_leaves_nothing(store: JobStore) -> None:
    definition = JobDefinition(command=("cat",), stdin=StdinText("12345"), stdin_max_bytes=4)
    with pytest.raises(StdinTooLargeError):
        run_job(store, definition)
    assert os.listdir(store.root) == []


def test_the_callers_standard_input_is_read_only_when_asked(store: JobStore) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"from the caller")
    os.close(writer)
    try:
        answer = run_job(store, JobDefinition(command=("cat",), stdin=StdinStream(reader)))
    finally:
        os.close(reader)
    assert answer.stdout == "from the caller"


def test_a_silent_job_is_answered_at_the_deadline(store: JobStore) -> None:
    began = time.monotonic()
    answer = run_job(
        store, JobDefinition(command=("sleep", "30")), observation=Observation(until_s=0.2)
    )
    assert answer.state is JobStatus.RUNNING
    assert 200 <= answer.waited_ms <= answer.elapsed_ms
    assert time.monotonic() - began < 5


def test_automatic_cleaning_never_fails_the_launch(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    answer = run_job(store, JobDefinition(command=("true",)), auto_gc=AutoGc(older_than="bogus"))
    assert answer.state is JobStatus.EXITED
    assert "auto-gc failed (best-effort)" in caplog.text
    assert "invalid duration: bogus" in caplog.text
    assert GC_LOCK_FILE not in os.listdir(store.root)


def test_automatic_cleaning_takes_the_old_and_spares_the_new(store: JobStore) -> None:
    old = run_job(store, JobDefinition(command=("true",))).job_id
    with store.open(old) as job:
        wait_until(lambda: not job.has_supervisor())
        document = {
            "job": {"id": old, "status": "exited", "started_at": "2020-01-01T00:00:00Z"},
            "result": {"exit_code": 0, "signal": None, "duration_ms": 1},
            "finished_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "logs_drained": True,
        }
        job.write_record("state.json", document)
    new = run_job(store, JobDefinition(command=("true",)), auto_gc=AutoGc(older_than="0s")).job_id
    assert store.names() == [new]


def test_automatic_cleaning_off_removes_nothing(store: JobStore) -> None:
    first = run_job(store, JobDefinition(command=("true",)), observation=NO_WAIT).job_id
    wait_until(lambda: state_of(store, first).is_terminal)
    run_job(store, JobDefinition(command=("true",)), auto_gc=AutoGc(enabled=False, older_than="0s"))
    assert first in store.names()


def test_a_gc_lock_in_use_is_left_alone_and_a_stale_one_removed(store: JobStore) -> None:
    run_job(store, JobDefinition(command=("true",)))
    lock = Path(store.root, GC_LOCK_FILE)
    lock.touch()
    run_auto_gc(store, AutoGc())
    assert lock.exists()  # fresh: a peer may be at it
    hour_ago = time.time() - 3600
    os.utime(lock, (hour_ago, hour_ago))
    run_auto_gc(store, AutoGc())
    assert not lock.exists()
