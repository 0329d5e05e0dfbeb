"""kill reaches the whole tree, nobody else, and tells what is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import KilledJob, kill_job
from agent_exec.commands.run import run_job
from agent_exec.commands.status import job_status
from agent_exec.commands.wait import wait_job, wait_jobs
from agent_exec.errors import (
    InvalidSignalError,
    InvalidStateError,
    SupervisorLostError,
    UnverifiedProcessError,
)
from agent_exec.model.job import JobStatus
from agent_exec.model.supervision import EndCause
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
    supervision_of,
)
from support.waiting import wait_until


def test_the_answer_has_the_wire_fields_in_order() -> None:
    assert [field.name for field in fields(KilledJob)] == [
        "job_id",
        "signal",
        "state",
        "exit_code",
        "terminated_signal",
        "observed_within_ms",
        "survivors",
        "signalled",
        "reason",
        "liveness",
    ]
    assert KilledJob.wire_type == "kill"


def test_a_killed_job_is_told_as_killed(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    answer = kill_job(store, job_id[:8])
    assert (answer.job_id, answer.signal) == (job_id, "TERM")
    assert (answer.state, answer.terminated_signal) == (JobStatus.KILLED, "15")
    assert (answer.exit_code, answer.survivors) == (None, None)
    assert answer.observed_within_ms is not None
    assert answer.observed_within_ms < 3000
    assert state_of(store, job_id).result.signal == "15"


def test_a_created_job_has_nothing_to_signal(store: JobStore) -> None:
    job_id = create_job(store, JobDefinition(command=("true",))).job_id
    before = Path(store.root, job_id, "state.json").read_bytes()
    with pytest.raises(InvalidStateError) as caught:
        kill_job(store, job_id[:7])
    assert str(caught.value) == (
        f"invalid job state: job {job_id[:7]} is in 'created' state and has not been started; "
        "cannot send signal"
    )
    assert Path(store.root, job_id, "state.json").read_bytes() == before


def test_kill_of_a_finished_job_tells_how_it_ended_and_changes_nothing(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("sh", "-c", "exit 5"))).job_id
    wait_job(store, job_id)
    before = Path(store.root, job_id, "state.json").read_bytes()
    answer = kill_job(store, job_id, signal="KILL")
    assert (answer.state, answer.exit_code, answer.terminated_signal) == (JobStatus.EXITED, 5, None)
    assert answer.observed_within_ms == 0
    assert Path(store.root, job_id, "state.json").read_bytes() == before


def test_not_waiting_answers_the_signal_only(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    answer = kill_job(store, job_id, signal="int", wait=False)
    assert answer.signalled
    assert answer == KilledJob(job_id=job_id, signal="INT", signalled=answer.signalled)
    assert wait_job(store, job_id, until_s=5).signal == "2"
    again = kill_job(store, job_id, wait=False)
    assert again.reason is not None
    assert again == KilledJob(job_id=job_id, signal="TERM", reason=again.reason)


def test_a_child_that_handles_the_signal_keeps_its_true_result(store: JobStore) -> None:
    script = 'trap "exit 7" TERM; touch $READY; while :; do sleep 0.05; done'
    answer = kill_job(store, running_and_ready(store, script))
    assert (answer.state, answer.exit_code, answer.terminated_signal) == (JobStatus.EXITED, 7, None)


def test_an_ignored_signal_is_told_as_running_with_its_survivors(store: JobStore) -> None:
    job_id = running_and_ready(store, 'trap "" TERM; touch $READY; while :; do sleep 0.05; done')
    answer = kill_job(store, job_id)
    assert answer.state is JobStatus.RUNNING
    assert answer.observed_within_ms is not None
    assert 3000 <= answer.observed_within_ms < 4000
    assert answer.survivors is not None
    assert child_of(store, job_id) in [survivor.pid for survivor in answer.survivors]
    answer = kill_job(store, job_id, signal="9")
    assert (answer.signal, answer.state, answer.terminated_signal) == (
        "KILL",
        JobStatus.KILLED,
        "9",
    )


@pytest.mark.parametrize("name", ["USR1", "HUP"])
def test_a_handled_signal_is_delivered_as_asked(store: JobStore, name: str, tmp_path: Path) -> None:
    got = tmp_path / "got"
    script = f'trap "echo {name} > {got}" {name}; touch $READY; while :; do sleep 0.05; done'
    job_id = running_and_ready(store, script)
    assert kill_job(store, job_id, signal=f"sig{name.lower()}", wait=False).signal == name
    wait_until(got.exists)
    assert state_of(store, job_id).status is JobStatus.RUNNING


@pytest.mark.parametrize("name", ["SEGV", "NOPE", "", "64", "-1"])
def test_other_signals_are_refused(store: JobStore, name: str) -> None:
    job_id = running(store, "sleep", "60")
    with pytest.raises(InvalidSignalError):
        kill_job(store, job_id, signal=name)
    assert state_of(store, job_id).status is JobStatus.RUNNING


@pytest.mark.parametrize(
    "background",
    ["sleep 600 &", "setsid sleep 600 &", "(setsid sh -c 'sleep 600 & echo $! > $PIDS' &);"],
)
def test_grandchildren_are_dead_wherever_they_went(
    store: JobStore, background: str, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    note = "" if "$PIDS" in background else "echo $! > $PIDS;"
    wait_for_it = "while [ ! -s $PIDS ]; do sleep 0.01; done"
    script = f"PIDS={pids}; export PIDS; {background} {note} {wait_for_it}; touch $READY; wait"
    script += "; sleep 600"
    job_id = running_and_ready(store, script)
    grandchild = int(pids.read_text())
    assert is_alive(grandchild)
    answer = kill_job(store, job_id)
    assert answer.state is JobStatus.KILLED
    assert answer.survivors is None
    assert not is_alive(grandchild)


def test_a_stopped_job_can_be_ended(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    os.kill(child_of(store, job_id), signal.SIGSTOP)
    answer = kill_job(store, job_id)
    assert (answer.state, answer.terminated_signal) == (JobStatus.KILLED, "15")


def test_an_orphan_is_ended_and_recorded_as_killed(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    child = lose_supervisor(store, job_id)
    assert is_alive(child)
    answer = kill_job(store, job_id)
    assert (answer.state, answer.terminated_signal) == (JobStatus.KILLED, "15")
    assert not is_alive(child)
    assert supervision_of(store, job_id).cause is EndCause.LOST


def test_a_job_whose_end_is_proved_is_recorded_instead_of_signalled(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    lose_both(store, job_id)
    answer = kill_job(store, job_id)
    assert (answer.state, answer.observed_within_ms) == (JobStatus.FAILED, 0)


def test_a_stranger_with_a_reused_pid_is_not_signalled(
    store: JobStore, stranger: subprocess.Popen[bytes]
) -> None:
    job_id = foreign_job(store, "running", stranger.pid)
    with pytest.raises(UnverifiedProcessError, match="is lost"):
        kill_job(store, job_id, signal="KILL")
    assert stranger.poll() is None
    assert state_of(store, job_id).status is JobStatus.RUNNING


def test_an_own_record_whose_childs_pid_is_a_strangers_signals_nobody(
    store: JobStore, stranger: subprocess.Popen[bytes]
) -> None:
    job_id = running(store, "sleep", "60")
    lose_both(store, job_id)
    for name in ("state.json", "supervision.json"):
        path = Path(store.root, job_id, name)
        document = json.loads(path.read_bytes())
        (document if name == "state.json" else document["child"])["pid"] = stranger.pid
        path.write_text(json.dumps(document))
    answer = kill_job(store, job_id, signal="KILL")
    assert answer.state is JobStatus.FAILED
    assert stranger.poll() is None
    assert "another process now" in str(supervision_of(store, job_id).reason)


def test_another_programs_job_without_a_process_is_lost(store: JobStore, gone_pid: int) -> None:
    job_id = foreign_job(store, "running", gone_pid)
    with pytest.raises(SupervisorLostError, match=f"see `repair {job_id}`"):
        kill_job(store, job_id)
    assert state_of(store, job_id).status is JobStatus.RUNNING


def test_a_record_without_a_pid_signals_nobody(store: JobStore) -> None:
    with pytest.raises(UnverifiedProcessError):
        kill_job(store, foreign_job(store, "running"))


def test_a_job_cannot_name_the_process_that_kills(store: JobStore) -> None:
    job_id = foreign_job(store, "running", os.getpid())
    with pytest.raises(UnverifiedProcessError):
        kill_job(store, job_id)


def test_the_true_result_is_never_overwritten_by_a_kill(store: JobStore) -> None:
    for _ in range(5):
        job_id = running_and_ready(store, 'trap "" TERM; touch $READY; exit 7')
        kill_job(store, job_id)
        assert state_of(store, job_id).result.exit_code == 7


def test_leftovers_of_a_finished_job_are_signalled_and_named(
    store: JobStore, tmp_path: Path
) -> None:
    script = f"(trap '' TERM; echo ok > {tmp_path}/set; exec sleep 60) & echo $! > {tmp_path}/pid; "
    script += f"until [ -s {tmp_path}/set ]; do sleep 0.02; done; exit 5"
    job_id = run_job(store, JobDefinition(command=("sh", "-c", script))).job_id
    left = int((tmp_path / "pid").read_text())
    wait_until(lambda: Path(f"/proc/{left}/comm").read_text() == "sleep\n")
    answer = kill_job(store, job_id)
    assert (answer.state, answer.exit_code) == (JobStatus.EXITED, 5)
    assert answer.signalled == (left,)
    assert [(each.pid, each.command) for each in answer.survivors or ()] == [(left, "sleep 60")]
    assert is_alive(left)
    answer = kill_job(store, job_id, signal="KILL")
    assert (answer.state, answer.survivors) == (JobStatus.EXITED, None)
    assert answer.signalled == (left,)
    assert not is_alive(left)
    answer = kill_job(store, job_id)
    assert (answer.signalled, answer.survivors) == ((), None)
    assert answer.reason == "it is over, and nothing is found of it any more"


def test_a_job_an_old_peer_called_killed_too_early_can_still_be_killed(store: JobStore) -> None:
    job_id = running_and_ready(store, 'trap "" TERM; touch $READY; while :; do sleep 0.05; done')
    path = Path(store.root, job_id, "state.json")
    document = json.loads(path.read_bytes())
    document["job"]["status"] = "killed"
    document["result"]["signal"] = "TERM"
    document["finished_at"] = document["updated_at"]
    path.write_text(json.dumps(document))
    report = job_status(store, job_id)
    assert (report.liveness.verdict, report.process_alive) == ("running", True)
    assert not wait_jobs(store, [job_id], until_s=0.1).satisfied
    kill_job(store, job_id, signal="KILL")
    assert not is_alive(child_of(store, job_id))
    wait_until(lambda: state_of(store, job_id).result.signal == "9")
