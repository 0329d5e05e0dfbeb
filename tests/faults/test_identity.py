"""Who a recorded process is, and that no signal goes by where that cannot be told."""

from __future__ import annotations

import ast
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faults.bench import Bench, finish
from faults.processes import see
from faults.rows import covers
from faults.tools import await_text, private_pids
from support.programs import CHECKOUT
from support.waiting import wait_until

pytestmark = pytest.mark.faults

_SENDING = {"kill", "killpg", "pidfd_send_signal"}
_INIT = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True); sys.stdin.read()"


@covers("another namespace")
def test_a_job_of_another_pid_namespace_is_out_of_reach(bench: Bench) -> None:
    words = bench.words("run", "--no-wait", "--no-auto-gc", "--", "sh", "-c", "echo on; sleep 600")
    holder = subprocess.Popen(
        [*private_pids(), sys.executable, "-c", _INIT, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=bench.environment(),
        cwd=bench.scratch,
    )
    assert holder.stdout is not None
    job_id = json.loads(holder.stdout.readline())["job_id"]
    strangers = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(3)]
    try:
        await_text(bench.file(job_id, "stdout.log"), "on")
        for verb in (("kill",), ("kill", "--signal", "KILL"), ("restart",)):
            answer = bench.call(*verb, job_id)
            assert answer.error_code == "unverified_process", answer
            assert "in another PID namespace" in answer.message
        told = bench.must("status", job_id)
        assert (told["state"], told["process_alive"]) == ("running", True)
        assert "in another PID namespace" in str(told["liveness"])
        assert bench.call("delete", job_id).error_code == "invalid_state"
        before_s = os.times()
        assert bench.must("wait", "--until", "1.5", job_id)["state"] == "running"
        after_s = os.times()
        used_s = sum(after_s[2:4]) - sum(before_s[2:4])
        assert used_s < 0.7, "it looks again and again"
        assert all(each.poll() is None for each in strangers)
    finally:
        for each in strangers:
            each.kill()
            each.wait()
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(timeout=20)
        holder.stdout.close()
    told = bench.must("status", job_id)
    assert told["state"] == "running", "what is out of sight is not proved to be over"
    assert "elsewhere" in str(told["liveness"])
    assert bench.call("delete", job_id).error_code == "invalid_state"
    reported = bench.must("repair", job_id)
    assert (reported["repaired"], reported["reported"]) == (0, 1)
    assert bench.must("repair", "--all", "--yes")["repaired"] == 0
    assert bench.must("repair", "--yes", job_id)["repaired"] == 1
    assert bench.status(job_id) == "failed"


_DENY = """
import ctypes, os, struct, sys
number, error = int(sys.argv[1]), int(sys.argv[2])
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in rules))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
library = ctypes.CDLL(None)
library.prctl(38, 1, 0, 0, 0)
if library.prctl(22, 2, program, 0, 0):
    sys.exit(99)
os.execv(sys.argv[3], sys.argv[3:])
"""
_PIDFD_OPEN = 434


def _without_pidfd(error: int) -> list[str]:
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("the number of the call is not known here")
    prefix = [sys.executable, "-I", "-S", "-c", _DENY, str(_PIDFD_OPEN), str(error)]
    done = subprocess.run([*prefix, "/bin/true"], capture_output=True, check=False)
    if done.returncode == 99:
        pytest.skip("no system call can be refused here (seccomp)")
    assert done.returncode == 0, done.stderr
    return prefix


@covers("pidfd refused")
@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM, errno.EMFILE, errno.EINVAL])
def test_where_no_pidfd_is_given_signals_arrive_all_the_same(bench: Bench, error: int) -> None:
    prefix = _without_pidfd(error)
    job_id = bench.run("sh", "-c", "sleep 600 & wait")
    child = bench.child(job_id)
    answer = bench.must("kill", job_id, prefix=prefix)
    assert answer["state"] == "killed"
    signalled = answer["signalled"]
    assert isinstance(signalled, list)
    assert child.pid in signalled
    assert not child.is_alive
    assert bench.must("wait", "--until", "5", job_id, prefix=prefix)["state"] == "killed"
    again = bench.must("restart", "--no-wait", job_id, prefix=prefix)
    assert again["state"] == "running"
    bench.must("restart", "--no-wait", job_id, prefix=prefix)
    bench.must("kill", "--signal", "KILL", job_id, prefix=prefix)


@covers("leftover of the group")
def test_what_is_left_of_a_group_is_named_and_ended(bench: Bench) -> None:
    script = (
        "env -i sh -c \"trap '' TERM; echo ready; exec sleep 600 >/dev/null 2>&1\" & "
        "wait; sleep 600"
    )
    job_id = bench.run("sh", "-c", script)
    await_text(bench.file(job_id, "stdout.log"), "ready")
    leader = bench.child(job_id)

    def left() -> list[int]:
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    line = Path("/proc", name, "stat").read_text()
                except OSError:
                    continue
                fields = line.rpartition(")")[2].split()
                if int(fields[3]) == leader.pid and fields[0] not in "ZX":
                    found.append(int(name))
        return found

    wait_until(lambda: len(left()) == 2, what="both processes")
    answer = bench.must("kill", job_id)
    (survivor,) = left()
    assert [each["pid"] for each in answer["survivors"]] == [survivor]  # type: ignore[attr-defined]
    bench.wait_supervisor_gone(job_id)
    again = bench.must("kill", job_id)
    assert again["signalled"] == [survivor]
    assert [each["pid"] for each in again["survivors"]] == [survivor]  # type: ignore[attr-defined]
    last = bench.must("kill", "--signal", "KILL", job_id)
    assert "survivors" not in last.document
    assert left() == []
    assert bench.must("kill", job_id)["signalled"] == []


@covers("paused")
def test_a_stopped_job_is_told_as_paused_and_can_be_killed(bench: Bench) -> None:
    job_id = bench.run("sh", "-c", "echo ready; sleep 600")
    await_text(bench.file(job_id, "stdout.log"), "ready")
    answer = bench.must("kill", "--signal", "STOP", job_id)
    assert "paused" in str(answer["liveness"])
    assert "paused" in str(bench.must("status", job_id)["liveness"])
    assert bench.listed()[job_id]["verdict"] == "paused"
    answer = bench.must("kill", "--signal", "CONT", job_id)
    assert "paused" not in str(answer["liveness"])
    bench.must("kill", "--signal", "STOP", job_id)
    assert bench.must("kill", job_id)["state"] == "killed"


@covers("paused")
def test_a_time_limit_and_a_told_supervisor_continue_what_is_stopped(bench: Bench) -> None:
    limited = bench.run("sleep", "600", flags=("--timeout", "1", "--kill-after", "30"))
    bench.must("kill", "--signal", "STOP", limited)
    told = bench.run("sleep", "600")
    bench.must("kill", "--signal", "STOP", told)
    bench.supervisor(told).send(signal.SIGTERM)
    for job_id in (limited, told):
        bench.wait_status(job_id, "killed", timeout_s=8)
        assert bench.ending(job_id) == ("killed", "15")


@covers("another namespace")
def test_a_stopped_supervisor_does_not_keep_wait_busy(bench: Bench) -> None:
    job_id = bench.run("sleep", "600")
    supervisor, child = bench.supervisor(job_id), bench.child(job_id)
    supervisor.send(signal.SIGSTOP)
    child.send(signal.SIGKILL)
    wait_until(lambda: not child.is_alive)
    told = bench.must("status", job_id)
    assert told["process_alive"] is False
    assert "supervisor stopped" in str(told["liveness"])
    before_s = os.times()
    assert bench.must("wait", "--until", "2.5", job_id)["state"] == "running"
    after_s = os.times()
    assert sum(after_s[2:4]) - sum(before_s[2:4]) < 1.0
    supervisor.send(signal.SIGCONT)
    assert bench.wait_over(job_id) == ("killed", "9")


@covers("paused")
def test_a_job_that_went_on_and_did_well_was_not_ended_with_its_supervisor(bench: Bench) -> None:
    go = bench.scratch / "go"
    script = f"trap '' TERM; echo ready; until [ -e {go} ]; do sleep 0.05; done"
    job_id = bench.run("sh", "-c", script)
    await_text(bench.file(job_id, "stdout.log"), "ready")
    bench.supervisor(job_id).send(signal.SIGTERM)
    go.touch()
    assert bench.wait_over(job_id) == ("exited", 0)
    assert bench.must("status", job_id)["cause"] == "exit"


@covers("another namespace")
def test_the_supervisors_own_reason_is_kept(bench: Bench) -> None:
    job_id = bench.run("sleep", "600")
    supervisor, child = bench.supervisor(job_id), bench.child(job_id)
    supervisor.end()
    record = bench.record(job_id, "supervision.json")
    record["reason"] = "the supervisor failed: MemoryError: "
    bench.file(job_id, "supervision.json").write_text(json.dumps(record))
    child.end()
    reason = str(bench.must("status", job_id)["reason"])
    assert reason.startswith("the supervisor failed: MemoryError")
    assert "is gone without recording an end" in reason


@covers("another namespace")
def test_every_signal_goes_through_one_place() -> None:
    senders = set()
    for part in ("core/agent_exec", "tui/agent_exec_tui"):
        for path in Path(CHECKOUT, part).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr in _SENDING
                    and isinstance(node.value, ast.Name)
                    and node.value.id in ("os", "signal")
                ):
                    senders.add(path.relative_to(CHECKOUT).as_posix())
    # The second only asks whether there is such a process; the last ends its own making.
    assert senders == {
        "core/agent_exec/process/signalling.py",
        "core/agent_exec/process/identity.py",
        "tui/agent_exec_tui/demo.py",
    }


@covers("leftover of the group")
@pytest.mark.parametrize("is_ready_to_end", [True, False])
def test_a_restart_ends_what_the_last_run_left_behind(bench: Bench, is_ready_to_end: bool) -> None:
    ignores = "" if is_ready_to_end else "trap '' TERM; "
    left = f"{ignores}exec sleep 600 >/dev/null 2>&1"
    started = bench.scratch / "started"
    bench.scratch.joinpath("once").touch()
    once = f"[ -e {bench.scratch}/once ] || exec sleep 600; rm {bench.scratch}/once"
    job_id = bench.run("sh", "-c", f'{once}; sh -c "echo \\$\\$ > {started}; {left}" & wait')
    await_text(started, "\n")
    survivor = see(int(started.read_text()))
    os.kill(bench.child(job_id).pid, signal.SIGKILL)
    bench.wait_over(job_id)
    assert survivor.is_alive
    bench.must("restart", "--no-wait", job_id)
    assert not survivor.is_alive
    assert bench.status(job_id) == "running"
    assert bench.must("kill", job_id)["state"] == "killed"


@covers("the killer's own pid")
def test_a_kill_from_within_the_job_says_so(bench: Bench) -> None:
    words = bench.words("kill", "$AGENT_EXEC_JOB_ID")
    line = " ".join(words).replace(str(bench.root), f"'{bench.root}'")
    answer = bench.scratch / "answer"
    job_id = bench.run("sh", "-c", f"exec {line} > {answer}")
    bench.wait_over(job_id)
    error = json.loads(answer.read_text())["error"]
    assert error["code"] == "unverified_process"
    assert "called from within the job" in error["message"]


@covers("pid 4294967295: kill")
def test_an_impossible_pid_is_shown_and_watched_as_any_job(bench: Bench) -> None:
    job_id = bench.create("true")
    bench.change_state(job_id, status="running", started_at="2026-01-01T00:00:00Z", pid=4294967295)
    assert bench.listed()[job_id]["state"] == "unknown"
    answer = bench.call("kill", job_id)
    assert answer.error_code == "unverified_process"
    assert "cannot be its process" in answer.message
    assert "a bug of" not in answer.message
    watching = bench.begin("--json", "--watch")
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["counts"]["total"] == 1
    second = bench.run("true")
    assert second in watching.stdout.readline().decode()
    watching.terminate()
    finish(watching)
