"""start runs a created job, once, exactly as it was defined."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition, StdinText
from agent_exec.commands.observation import NO_WAIT, Observation
from agent_exec.commands.restart import restart_job
from agent_exec.commands.start import StartedJob, start_job
from agent_exec.commands.status import job_status
from agent_exec.commands.wait import wait_job
from agent_exec.errors import (
    InvalidStateError,
    JobNotFoundError,
    LaunchFailedError,
    MissingEnvError,
    RecordMissingError,
    RecordUnreadableError,
)
from agent_exec.model.job import JobStatus
from agent_exec.model.supervision import EndCause
from agent_exec.store.jobs import JobStore
from support.launching import CORE, state_of, supervision_of


def created(store: JobStore, *command: str, **options: object) -> str:
    return create_job(store, JobDefinition(command=command, **options)).job_id  # type: ignore[arg-type]


def test_the_answer_has_the_wire_fields_in_order() -> None:
    assert [field.name for field in fields(StartedJob)] == [
        "job_id",
        "root",
        "state",
        "tags",
        "env_vars",
        "stdout_log_path",
        "stderr_log_path",
        "elapsed_ms",
        "waited_ms",
        "stdout",
        "stderr",
        "stdout_range",
        "stderr_range",
        "stdout_total_bytes",
        "stderr_total_bytes",
        "encoding",
        "exit_code",
        "finished_at",
        "signal",
        "duration_ms",
        "auto_gc",
    ]
    assert StartedJob.wire_type == "start"


def test_a_quick_command_gives_its_whole_result(store: JobStore) -> None:
    job_id = created(store, "sh", "-c", "echo out; echo err >&2; exit 3", tags=("a.b",))
    started = start_job(store, job_id[:9])
    assert (started.job_id, started.state) == (job_id, JobStatus.EXITED)
    assert (started.stdout, started.stderr) == ("out\n", "err\n")
    assert (started.stdout_range, started.stderr_total_bytes) == ((0, 4), 4)
    assert (started.exit_code, started.signal, started.encoding) == (3, None, "utf-8-lossy")
    assert (started.elapsed_ms, started.tags, started.env_vars) == (0, ("a.b",), None)
    assert started.finished_at
    assert started.duration_ms is not None
    assert started.stdout_log_path == f"{store.root}/{job_id}/stdout.log"


def test_not_waiting_answers_at_once_with_exactly_zero_waited(store: JobStore) -> None:
    started = start_job(store, created(store, "sleep", "30"), observation=NO_WAIT)
    assert (started.state, started.waited_ms, started.stdout) == (JobStatus.RUNNING, 0, "")
    assert started.finished_at is None
    assert state_of(store, started.job_id).pid is not None


def test_the_first_output_ends_the_observation(store: JobStore) -> None:
    job_id = created(store, "sh", "-c", "echo first; sleep 30")
    began = time.monotonic()
    started = start_job(store, job_id, observation=Observation(until_s=20))
    assert time.monotonic() - began < 10
    assert (started.state, started.stdout) == (JobStatus.RUNNING, "first\n")


def test_the_deadline_ends_the_observation(store: JobStore) -> None:
    job_id = created(store, "sleep", "30")
    started = start_job(store, job_id, observation=Observation(until_s=0.2))
    assert started.state is JobStatus.RUNNING
    assert 200 <= started.waited_ms < 3000


def test_waiting_for_ever_is_told_of_the_end_by_the_supervisor(store: JobStore) -> None:
    job_id = created(store, "sh", "-c", "sleep 0.3; exit 4")
    started = start_job(store, job_id, observation=Observation(until_s=None))
    assert (started.state, started.exit_code) == (JobStatus.EXITED, 4)


def test_only_the_head_of_the_output_is_answered(store: JobStore) -> None:
    job_id = created(store, "printf", "0123456789")
    started = start_job(store, job_id, observation=Observation(max_bytes=5))
    assert (started.stdout, started.stdout_range) == ("01234", (0, 5))
    assert started.stdout_total_bytes == 10


def test_a_signal_is_told_as_its_number(store: JobStore) -> None:
    started = start_job(store, created(store, "sh", "-c", "kill -TERM $$"))
    assert (started.state, started.signal, started.exit_code) == (JobStatus.KILLED, "15", None)


def test_masked_values_reach_the_child_and_nobody_else(store: JobStore) -> None:
    job_id = created(
        store, "sh", "-c", "echo $SECRET $K", env=("SECRET=s3cr3t", "K=1"), mask=("SECRET",)
    )
    started = start_job(store, job_id)
    assert started.stdout == "s3cr3t 1\n"
    assert started.env_vars == ("SECRET=***", "K=1")


def test_env_files_are_read_at_the_start_and_flags_win(store: JobStore, tmp_path: Path) -> None:
    first, second = tmp_path / "a.env", tmp_path / "b.env"
    first.write_text("K=then\n")
    job_id = created(
        store,
        "/usr/bin/env",
        env=("FLAG=flag", "NOEQ"),
        env_files=(str(first), str(second)),
        inherit_env=False,
        shell_wrapper=("/bin/sh", "-c"),
    )
    first.write_text("K=file-a\nONLYA=1\nFLAG=file\n")
    second.write_text('K=file-b\n#x\n\n B = spaced value \nexport E=5\nQ="q"\nBARE\n')
    started = start_job(store, job_id, environ={"INHERITED": "no"})
    got = dict(line.split("=", 1) for line in started.stdout.splitlines())
    assert (got["K"], got["ONLYA"], got["FLAG"]) == ("file-b", "1", "flag")
    assert (got["Q"], got["BARE"], got["NOEQ"]) == ('"q"', "", "")
    assert "INHERITED" not in got
    assert "AGENT_EXEC_JOB_ID" not in got


def test_the_environment_is_inherited_with_the_jobs_id(store: JobStore) -> None:
    job_id = created(store, "/usr/bin/env", shell_wrapper=("/bin/sh", "-c"))
    started = start_job(store, job_id, environ={"PATH": "/usr/bin:/bin", "HERE": "yes"})
    got = dict(line.split("=", 1) for line in started.stdout.splitlines())
    assert (got["HERE"], got["AGENT_EXEC_JOB_ID"]) == ("yes", job_id)


def test_kept_standard_input_is_what_the_command_reads(store: JobStore) -> None:
    started = start_job(store, created(store, "cat", stdin=StdinText("hello\nworld")))
    assert started.stdout == "hello\nworld"


def test_without_standard_input_the_command_sees_its_end(store: JobStore) -> None:
    started = start_job(store, created(store, "cat"))
    assert (started.state, started.stdout, started.exit_code) == (JobStatus.EXITED, "", 0)


def test_the_child_has_the_callers_umask_and_directory(store: JobStore, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        job_id = created(store, "sh", "-c", "umask; pwd", cwd=str(tmp_path))
        started = start_job(store, job_id)
    finally:
        os.umask(before)
    assert started.stdout == f"0027\n{os.path.realpath(tmp_path)}\n"


def test_only_created_jobs_can_be_started_and_the_id_is_told_as_typed(store: JobStore) -> None:
    job_id = created(store, "true")
    start_job(store, job_id)
    with pytest.raises(InvalidStateError) as caught:
        start_job(store, job_id[:8])
    assert str(caught.value) == (
        f"invalid job state: job {job_id[:8]} is in 'exited' state; "
        "only 'created' jobs can be started"
    )
    running = created(store, "sleep", "30")
    start_job(store, running, observation=NO_WAIT)
    with pytest.raises(InvalidStateError, match=f"job {running} is in 'running' state"):
        start_job(store, running)


def test_a_missing_job_or_record_is_told_in_the_peers_words(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError, match="job not found: deadbeef"):
        start_job(store, "deadbeef")
    job_id = created(store, "true")
    state = Path(store.root, job_id, "state.json")
    state.write_text("{ not json")
    with pytest.raises(RecordUnreadableError):
        start_job(store, job_id)
    state.unlink()
    with pytest.raises(RecordMissingError, match=r"^No such file or directory \(os error 2\)$"):
        start_job(store, job_id)


def test_another_jobs_records_are_not_started(store: JobStore) -> None:
    job_id = created(store, "true")
    Path(store.root, job_id).rename(Path(store.root, "renamedjob"))
    with pytest.raises(InvalidStateError, match="metadata identity mismatch"):
        start_job(store, "renamedjob")
    assert state_of(store, "renamedjob").status is JobStatus.CREATED


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cwd": "/no/such/dir"}, "enter directory /no/such/dir: No such file or directory"),
        ({"shell_wrapper": ("/no/such/shell", "-c")}, "run /no/such/shell: No such file"),
        ({"env_files": ("/no/such.env",)}, "read env file /no/such.env: No such file"),
    ],
)
def test_what_cannot_be_started_is_failed_and_keeps_the_reason(
    store: JobStore, options: dict[str, object], reason: str
) -> None:
    job_id = created(store, "true", **options)
    with pytest.raises(LaunchFailedError, match=reason) as caught:
        start_job(store, job_id)
    assert caught.value.details is not None
    assert caught.value.details["job_id"] == job_id
    state, supervision = state_of(store, job_id), supervision_of(store, job_id)
    assert (state.status, state.started_at, state.pid) == (JobStatus.FAILED, None, None)
    assert state.finished_at
    assert supervision.cause is EndCause.LAUNCH_FAILED
    assert supervision.reason is not None
    assert supervision.reason.startswith(reason)


@pytest.mark.parametrize("bad", ["a\0b", "x\ud800y"], ids=["nul", "surrogate"])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"command": ["echo", "?"]}, "the command"),
        ({"shell_wrapper": ["sh", "?"]}, "the shell wrapper"),
        ({"cwd": "/tmp/?"}, "the directory"),
        ({"env_vars": ["K=?"], "env_vars_runtime": ["K=?"]}, "the environment"),
        ({"env_vars": ["?=v"], "env_vars_runtime": ["?=v"]}, "the environment"),
        ({"env_files": ["/tmp/?"]}, "an env file's path"),
        ({"stdin_file": "?"}, "the standard input's name"),
    ],
)
def test_what_no_process_can_be_given_of_anothers_record_is_named(
    store: JobStore, changes: dict[str, object], told: str, bad: str
) -> None:
    job_id = create_job(store, JobDefinition(command=("true",))).job_id
    path = Path(store.root, job_id, "meta.json")
    text = json.dumps({**json.loads(path.read_text()), **changes})
    path.write_text(text.replace("?", json.dumps(bad)[1:-1]))
    with pytest.raises(LaunchFailedError, match=f"{told} must"):
        start_job(store, job_id)
    assert told in str(job_status(store, job_id).reason)
    with pytest.raises(LaunchFailedError, match=f"{told} must"):
        restart_job(store, job_id)


def test_a_created_job_without_its_masked_values_asks_for_them(store: JobStore) -> None:
    job_id = created(store, "true", env=("SECRET=x", "K=1"), mask=("SECRET",))
    path = Path(store.root, job_id, "meta.json")
    meta = json.loads(path.read_bytes())
    del meta["env_vars_runtime"]
    path.write_text(json.dumps(meta))
    with pytest.raises(MissingEnvError, match="--env SECRET=VALUE") as caught:
        start_job(store, job_id)
    assert caught.value.details == {"keys": ["SECRET"]}
    assert state_of(store, job_id).status is JobStatus.CREATED


def test_a_minimal_record_of_another_program_can_be_started(store: JobStore) -> None:
    directory = Path(store.root, "minimal")
    directory.mkdir(parents=True)
    moment = "2026-01-01T00:00:00Z"
    (directory / "meta.json").write_text(
        json.dumps(
            {
                "job": {"id": "minimal"},
                "schema_version": "0.1",
                "command": ["echo", "hi"],
                "created_at": moment,
                "root": store.root,
                "env_keys": [],
            }
        )
    )
    (directory / "state.json").write_text(
        json.dumps(
            {"job": {"id": "minimal", "status": "created"}, "result": {}, "updated_at": moment}
        )
    )
    started = start_job(store, "minimal")
    assert (started.state, started.stdout) == (JobStatus.EXITED, "hi\n")


_STARTER = """
import sys
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.start import start_job
from agent_exec.errors import AgentExecError
from agent_exec.store.jobs import JobStore
sys.stdin.readline()
try:
    start_job(JobStore(sys.argv[1]), sys.argv[2], observation=NO_WAIT)
    print("ok")
except AgentExecError as error:
    print(error.code)
"""


def test_of_twenty_concurrent_starts_exactly_one_runs_the_job(
    store: JobStore, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    job_id = created(store, "sh", "-c", f"echo ran >> {trace}")
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", _STARTER, store.root, job_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": CORE},
        )
        for _ in range(20)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("\n")
        starter.stdin.flush()
    answers = [starter.communicate(timeout=60)[0].strip() for starter in starters]
    wait_job(store, job_id)
    assert sorted(answers) == ["invalid_state"] * 19 + ["ok"]
    assert trace.read_text() == "ran\n"


def test_threads_of_one_process_start_different_jobs_at_once(store: JobStore) -> None:
    ids = [created(store, "sh", "-c", f"echo {number}; exit {number}") for number in range(8)]
    answers: dict[str, StartedJob] = {}

    def start(job_id: str) -> None:
        answers[job_id] = start_job(store, job_id, observation=Observation(until_s=None))

    threads = [threading.Thread(target=start, args=(job_id,)) for job_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    waited = [wait_job(store, job_id) for job_id in ids]
    assert [each.exit_code for each in waited] == list(range(8))
    assert [answers[job_id].stdout for job_id in ids] == [f"{number}\n" for number in range(8)]


def test_a_start_leaves_no_descriptor_behind(store: JobStore) -> None:
    start_job(store, created(store, "true"))
    before = sorted(os.listdir("/dev/fd"))
    start_job(store, created(store, "true"))
    start_job(store, created(store, "sleep", "30"), observation=NO_WAIT)
    with pytest.raises(LaunchFailedError):
        start_job(store, created(store, "true", cwd="/no/such/dir"))
    assert sorted(os.listdir("/dev/fd")) == before
