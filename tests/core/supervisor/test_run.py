"""A job's command runs as asked and its end is recorded as it was."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from agent_exec.errors import LaunchFailedError
from agent_exec.model.job import JobStatus
from agent_exec.model.supervision import EndCause
from agent_exec.supervisor.definition import Definition
from agent_exec.supervisor.journal import Journal
from support.jobs import ENDED, Workshop, is_alive, python
from support.waiting import wait_until


def test_a_program_is_looked_for_in_the_childs_path_as_execvp_does(workshop: Workshop) -> None:
    job = workshop.create("unused")
    for name, mode in (("plain", 0o600), ("right", 0o700)):
        tool = job.path / name / "sh"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\necho {name}\n")
        tool.chmod(mode)
    folders = ("missing", "plain/sh", "plain", "right")
    environment = {"PATH": ":".join(str(job.path / folder) for folder in folders)}
    job.start(job.spec(environment=environment)).wait()
    assert job.read("stdout.log") == b"right\n"


def test_a_supervisor_is_named_after_its_job(workshop: Workshop) -> None:
    job = workshop.create("exec sleep 60").start()
    comm = Path(f"/proc/{job.supervisor_pid}/comm").read_text()
    assert comm == f"job-{job.id[:11]}\n"


def test_output_exit_code_and_logs_are_kept(workshop: Workshop) -> None:
    job = workshop.create("echo out; echo err >&2; exit 3").start().wait()
    state = job.state
    assert (state.status, state.result.exit_code, state.result.signal) == ("exited", 3, None)
    assert state.logs_drained
    assert (job.read("stdout.log"), job.read("stderr.log")) == (b"out\n", b"err\n")
    lines = job.read("full.log").decode().splitlines()
    assert sorted(line.split(" ", 1)[1] for line in lines) == ["[STDERR] err", "[STDOUT] out"]
    assert job.supervision.cause is EndCause.EXIT


def test_more_words_are_handed_over_as_they_are(workshop: Workshop) -> None:
    job = workshop.create("printf", "%s|", "a b", "$HOME", "*").start().wait()
    assert job.read("stdout.log") == b"a b|$HOME|*|"


def test_running_names_the_child_which_leads_its_session(workshop: Workshop) -> None:
    job = workshop.create("echo $$; exec sleep 60").start()
    state = job.wait_for_text("\n").state
    assert state.status is JobStatus.RUNNING
    assert state.pid == int(job.read("stdout.log"))
    assert os.getsid(job.pid) == os.getpgid(job.pid) == state.pid
    assert os.getsid(job.supervisor_pid) != os.getsid(0)


def test_a_signal_is_recorded_by_number(workshop: Workshop) -> None:
    job = workshop.create("kill -9 $$").start().wait()
    state = job.state
    assert (state.status, state.result.exit_code, state.result.signal) == ("killed", None, "9")
    assert job.supervision.cause is EndCause.SIGNAL


def test_the_duration_is_that_of_the_command(workshop: Workshop) -> None:
    job = workshop.create("sleep 0.3").start().wait()
    duration_ms = job.state.result.duration_ms
    assert duration_ms is not None
    assert 290 <= duration_ms < 2000


def test_what_the_command_used_is_recorded(workshop: Workshop) -> None:
    job = workshop.create(*python("x = bytearray(40_000_000)")).start().wait()
    use = job.supervision.resource_use
    assert use is not None
    assert use.max_rss_bytes > 40_000_000
    assert use.user_s + use.system_s > 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cwd": "/no/such/place"}, "enter directory /no/such/place: No such file or directory"),
        ({"shell_wrapper": ("/no/such/sh", "-c")}, "run /no/such/sh: No such file or directory"),
        ({"environment": {"PATH": "/nowhere"}}, "run sh: No such file or directory"),
        ({"stdin_file": "stdin.bin"}, "open standard input stdin.bin: No such file"),
        ({"environment": {"PATH": os.environ["PATH"], "X": "x" * 200_000}}, "Argument list too"),
    ],
)
def test_a_command_that_cannot_start_fails_with_the_reason(
    workshop: Workshop, changes: dict[str, object], reason: str
) -> None:
    job = workshop.create("true")
    with pytest.raises(LaunchFailedError, match=reason):
        job.start(job.spec(**changes))  # type: ignore[arg-type]
    state = job.state
    assert state.status is JobStatus.FAILED
    assert (state.result.exit_code, state.result.signal, state.result.duration_ms) == (None,) * 3
    assert state.finished_at is not None
    assert (state.started_at, state.pid) == (None, None)
    assert job.supervision.cause is EndCause.LAUNCH_FAILED
    assert reason in str(job.supervision.reason)
    job.wait_released()


def test_the_child_gets_the_callers_umask_directory_and_environment(
    workshop: Workshop, tmp_path: Path
) -> None:
    job = workshop.create("umask; pwd; echo $ONLY-$AGENT_EXEC_JOB_ID; touch made")
    environment = {"PATH": os.environ["PATH"], "ONLY": "this"}
    job.start(job.spec(cwd=str(tmp_path), umask=0o027, environment=environment)).wait()
    assert job.read("stdout.log").decode().split() == ["0027", str(tmp_path), f"this-{job.id}"]
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o640


def test_the_mark_is_left_out_where_nothing_is_to_be_inherited(workshop: Workshop) -> None:
    job = workshop.create("env")
    job.start(job.spec(environment={"PATH": os.environ["PATH"]}, marks_environment=False)).wait()
    assert b"AGENT_EXEC" not in job.read("stdout.log")


def test_bytes_that_are_not_utf8_reach_the_child_unchanged(workshop: Workshop) -> None:
    raw = os.fsdecode(b"\xff\xfe caf\xe9")
    job = workshop.create("printf", "%s|", raw)
    job.command = ("sh", "-c", 'printf "%s|%s" "$0" "$RAW"', raw)
    job.start(job.spec(environment={**os.environ, "RAW": raw})).wait()
    assert job.read("stdout.log") == b"\xff\xfe caf\xe9|\xff\xfe caf\xe9"


def test_standard_input_is_the_kept_file_or_empty(workshop: Workshop) -> None:
    job = workshop.create("cat; echo end")
    (job.path / "stdin.bin").write_bytes(b"kept\n")
    job.start(job.spec(stdin_file="stdin.bin")).wait()
    assert job.read("stdout.log") == b"kept\nend\n"
    assert workshop.create("cat; echo end").start().wait().read("stdout.log") == b"end\n"


def test_the_child_starts_with_default_signals_and_nothing_blocked(workshop: Workshop) -> None:
    job = workshop.create("grep -E 'Sig(Blk|Ign)' /proc/self/status")
    job.start().wait()
    masks = [int(line.split()[1], 16) for line in job.read("stdout.log").splitlines()]
    # 32 and 33 are the C library's own; nobody can set them back.
    assert [mask & ~0x1_8000_0000 for mask in masks] == [0, 0]


def test_neither_supervisor_nor_child_holds_the_callers_descriptors(
    workshop: Workshop, tmp_path: Path
) -> None:
    leaked = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        job = workshop.create("ls -l /proc/$$/fd; sleep 60").start().wait_for_text(" 2 ->")
    finally:
        os.close(leaked)
    held = [
        os.readlink(f"/proc/{job.supervisor_pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{job.supervisor_pid}/fd")
    ]
    assert str(tmp_path) not in held
    assert str(tmp_path).encode() + b"\n" not in job.read("stdout.log")
    assert held.count("/dev/null") == 3
    assert os.readlink(f"/proc/{job.supervisor_pid}/cwd") == "/"


def test_everything_is_private_whatever_the_umask(workshop: Workshop) -> None:
    old = os.umask(0)
    try:
        job = workshop.create("echo hello").start().wait().wait_released()
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in job.path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"stdout.log", "stderr.log", "full.log", "state.json", "supervision.json"} <= set(modes)


def test_no_secret_is_on_a_command_line_or_in_the_supervisors_environment(
    workshop: Workshop,
) -> None:
    job = workshop.create("sleep 60")
    job.start(job.spec(environment={**os.environ, "TOKEN": "s3cr3t-value"}))
    for name in ("cmdline", "environ"):
        data = Path(f"/proc/{job.supervisor_pid}/{name}").read_bytes()
        assert b"s3cr3t-value" not in data
    assert b"s3cr3t-value" not in b"".join(p.read_bytes() for p in job.path.iterdir())


def test_progress_refreshes_updated_at_and_nothing_else(workshop: Workshop) -> None:
    job = workshop.create("sleep 60")
    job.start(job.spec(progress_every_ms=50))
    with (job.path / "state.json").open() as first_file:  # open: its inode is given to no other
        first = json.load(first_file)
        wait_until(lambda: json.loads(job.read("state.json"))["updated_at"] != first["updated_at"])
        later_file = (job.path / "state.json").stat()
        assert later_file.st_ino != os.fstat(first_file.fileno()).st_ino
    later = json.loads(job.read("state.json"))
    assert later | {"updated_at": ""} == first | {"updated_at": ""}


def test_a_running_job_at_rest_does_not_wake_its_supervisor(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    status = Path(f"/proc/{job.supervisor_pid}/status")

    def switches() -> int:
        return sum(
            int(line.split()[1])
            for line in status.read_text().splitlines()
            if "ctxt_switches" in line
        )

    wait_until(lambda: Path(f"/proc/{job.supervisor_pid}/stat").read_text().split()[2] == "S")
    before = switches()
    end = time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > end)
    assert switches() == before


def test_termination_of_the_supervisor_is_passed_on_and_recorded(workshop: Workshop) -> None:
    job = workshop.create("sleep 60").start()
    os.kill(job.supervisor_pid, signal.SIGTERM)
    job.wait()
    assert (job.state.status, job.state.result.signal) == ("killed", "15")
    assert job.supervision.cause is EndCause.TERMINATED_WITH_SUPERVISOR


def test_a_child_that_ignores_termination_stays_supervised(workshop: Workshop) -> None:
    job = workshop.create("trap '' TERM; echo ready; sleep 0.5; sleep 0.5; exit 7").start()
    job.wait_for_text("ready")
    os.kill(job.supervisor_pid, signal.SIGTERM)
    job.wait()
    assert (job.state.status, job.state.result.exit_code) == ("exited", 7)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_the_terminals_signals_do_not_reach_a_supervisor(
    workshop: Workshop, number: signal.Signals
) -> None:
    job = workshop.create("sleep 0.5; exit 4").start()
    os.kill(job.supervisor_pid, number)
    assert job.wait().state.result.exit_code == 4


def test_the_terminal_state_is_final_before_ended_is_told(workshop: Workshop) -> None:
    for _ in range(5):
        job = workshop.create("exit 9").start().wait(ENDED)
        assert job.state.result.exit_code == 9


def test_nothing_is_left_of_a_job_that_is_over(workshop: Workshop) -> None:
    job = workshop.create("echo x").start().wait().wait_released()
    wait_until(lambda: not is_alive(job.supervisor_pid))
    assert not [name for name in os.listdir(job.path) if name.startswith(".tmp-")]


def test_a_state_that_was_taken_away_is_written_at_the_end(workshop: Workshop) -> None:
    job = workshop.create("read x < go; exit 3")
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path)))
    (job.path / "state.json").unlink()
    (job.path / "go").write_text("\n")
    job.wait()
    assert (job.state.status, job.state.result.exit_code) == ("exited", 3)


def test_a_moved_root_is_no_removed_job(workshop: Workshop, tmp_path: Path) -> None:
    job = workshop.create("true")
    root, moved = job.path.parent, tmp_path / "moved"
    definition = Definition()
    for name in Definition.__slots__:
        setattr(definition, name, None)
    definition.root, definition.job_id = str(root), job.id
    journal = Journal(job.directory.fd, definition)
    assert journal.is_in_place()
    root.rename(moved)
    assert journal.is_in_place()
    (moved / job.id).rename(moved / f".gone-{job.id}")
    assert not journal.is_in_place()
    (moved / f".gone-{job.id}").rename(moved / job.id)
    moved.rename(root)
