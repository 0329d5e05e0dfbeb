"""Launches that cannot work, and what a job gets from its caller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_exec import AgentExecError, JobDefinition, JobStore, run_job
from faults.bench import TERMINAL, Bench
from faults.rows import covers
from faults.tools import private_mounts, private_pids, strace
from faults.wrapped import start_wrapped
from support.waiting import wait_until

pytestmark = pytest.mark.faults


@covers("cwd missing", "wrapper missing", "env file missing")
@pytest.mark.parametrize(
    "flags",
    [
        ("--cwd", "/nonexistent/directory"),
        ("--shell-wrapper", "/nonexistent/sh -c"),
        ("--env-file", "/nonexistent/env"),
    ],
)
def test_what_is_missing_is_told_at_once(bench: Bench, flags: tuple[str, str]) -> None:
    answer = bench.call("run", "--no-wait", *flags, "--", "true")
    assert answer.error_code == "launch_failed"
    assert "/nonexistent" in answer.message
    assert "No such file or directory" in answer.message
    for job_id, job in bench.listed().items():
        assert job["state"] == "failed"
        assert "No such file" in str(bench.must("status", job_id)["reason"])
    wait_until(lambda: not bench.supervisors(), what="the supervisor's end")


@covers("command missing")
def test_a_command_that_is_missing_gives_127_and_says_why(bench: Bench) -> None:
    job_id = bench.run("nonexistent-command-of-the-test")
    assert bench.wait_over(job_id) == ("exited", 127)
    assert "not found" in bench.file(job_id, "stderr.log").read_text()


@covers("no process to be had")
def test_without_processes_to_be_had_nothing_is_left_running(
    nobodys_bench: Bench, figure: Callable[[str], None]
) -> None:
    bench = nobodys_bench
    usual, told = bench.command, []
    # The limit comes behind a change of user: it counts that one's processes.
    user = usual.index("env") if "env" in usual else 0
    for count in range(5):
        limit = ("prlimit", f"--nproc={count}:{count}")
        bench.command = (*usual[:user], *limit, *usual[user:])
        answer = bench.call("run", "--no-auto-gc", "--", "true")
        assert answer.is_orderly, answer
        told.append(f"{count} {'works' if answer.ok else answer.error_code}")
    bench.command = usual
    wait_until(lambda: not bench.supervisors(), what="the supervisors' end")
    assert bench.marked() == []
    for job in bench.listed().values():
        assert job["state"] in ("created", *TERMINAL)
    figure(", ".join(told))


@covers("cwd gone since create")
def test_a_directory_gone_since_create_is_told(bench: Bench) -> None:
    cwd = bench.scratch / "cwd"
    cwd.mkdir()
    job_id = bench.create("true", flags=["--cwd", str(cwd)])
    cwd.rmdir()
    answer = bench.call("start", job_id)
    assert answer.error_code == "launch_failed"
    assert str(cwd) in answer.message
    assert bench.status(job_id) == "failed"


@covers("too long an argument list")
def test_too_long_an_argument_list_is_refused_and_leaves_nothing(bench: Bench) -> None:
    words = ["x" * 30_000] * 50
    answer = bench.call("run", "--no-auto-gc", "--", "true", *words)
    assert answer.is_orderly
    if not answer.ok:
        assert "rgument list too long" in answer.message or "longer than" in answer.message
    with pytest.raises(AgentExecError) as caught:
        run_job(JobStore(bench.root), JobDefinition(command=("true", *words * 3)))
    assert "rgument list too long" in str(caught.value)
    wait_until(lambda: not bench.supervisors(), what="the supervisors' end")
    assert bench.litter() == []
    for job in bench.listed().values():
        assert job["state"] in TERMINAL


@covers("caller's pipe")
def test_the_callers_pipe_ends_with_the_answer(bench: Bench) -> None:
    process = bench.begin("run", "--no-wait", "--", "sleep", "600")
    assert process.stdout is not None
    assert process.stderr is not None
    began_s = time.monotonic()
    document = json.loads(process.stdout.read())
    assert process.stderr.read() == b""
    process.wait(timeout=10)
    assert time.monotonic() - began_s < 5
    assert bench.child(document["job_id"]).is_alive
    process.stdout.close()
    process.stderr.close()


@covers("caller's descriptor", "supervisor's directory", "supervisor's session", "lock to test")
def test_nothing_of_the_callers_is_held(bench: Bench) -> None:
    held = bench.scratch / "held"
    held.write_text("")
    words = ["sh", "-c", f'exec 9< {held}; exec "$@"', "--"]
    answer = bench.must("run", "--no-wait", "--", "sleep", "600", prefix=words)
    job_id = str(answer["job_id"])
    supervisor, child = bench.supervisor(job_id), bench.child(job_id)
    for process in (supervisor, child):
        assert str(held) not in process.files()
        assert all(not name.startswith("/dev/pts") for name in process.files())
    assert os.readlink(f"/proc/{supervisor.pid}/cwd") == "/"
    assert supervisor.session not in (os.getsid(0), child.pid)
    assert child.session == child.pid
    _check_lock(bench.file(job_id, "supervisor.lock"), is_held=True)
    supervisor.end()
    _check_lock(bench.file(job_id, "supervisor.lock"), is_held=False)


def _check_lock(path: Path, *, is_held: bool) -> None:
    done = subprocess.run(["flock", "--nonblock", str(path), "true"], check=False)
    assert (done.returncode != 0) is is_held


_SIGNALS = """
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
os.execv(sys.argv[1], sys.argv[1:])
"""


@covers("caller's signals")
def test_the_child_starts_with_default_signals(bench: Bench) -> None:
    prefix = [sys.executable, "-c", _SIGNALS]
    show = ("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
    job_id = str(bench.must("run", "--", *show, prefix=prefix)["job_id"])
    assert bench.wait_over(job_id) == ("exited", 0)
    lines = bench.file(job_id, "stdout.log").read_text().split()
    # 32 and 33 belong to the C library, which lets no program touch them.
    library = 1 << 31 | 1 << 32
    assert [int(word, 16) & ~library for word in lines[1::2]] == [0, 0]


@covers("fsync of create")
def test_create_syncs_each_file_before_it_can_be_seen(bench: Bench) -> None:
    log = bench.scratch / "trace"
    calls = "fsync,fdatasync,rename,renameat,renameat2"
    job_id = str(bench.must("create", "--", "true", prefix=strace(log, calls=calls))["job_id"])
    names = [_shown(line) for line in log.read_text().splitlines() if "(" in line]
    rename = names.index("rename")
    assert {"meta.json", "state.json"} <= set(names[:rename]), names
    assert f".new-{job_id}" in names[:rename], "the directory with the names of these"
    assert "root" in names[rename:], "the root with the name of the job"


def _shown(line: str) -> str:
    """The file of an fsync, or the word rename."""
    call, _, rest = line.partition("(")
    path = rest.partition("<")[2].partition(">")[0]
    return "rename" if call.startswith("rename") else path.rpartition("/")[2]


@covers("fsync of the end")
def test_the_end_is_synced_before_and_after_its_rename(bench: Bench) -> None:
    log = bench.scratch / "trace"
    strace(log)  # skips where there is none
    job_id = bench.create("sh", "-c", "sleep 0.4; exit 3")
    script = (
        f"#!/bin/sh\nexec strace -f -qq -y -o {log} -e trace=fsync,fdatasync,rename,renameat,"
        f'renameat2 {sys.executable} "$@"\n'
    )
    assert start_wrapped(bench, script, job_id).ok
    assert bench.wait_over(job_id) == ("exited", 3)
    bench.wait_supervisor_gone(job_id)
    lines = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()]
    ends = [number for number, line in enumerate(lines) if '"state.json"' in line]
    assert len(ends) >= 2, "running, then the end"
    last = ends[-1]
    assert lines[last - 1].startswith("fsync"), lines
    assert lines[last + 1].startswith("fsync"), lines
    assert f"/{job_id}>" in lines[last + 1]


_INSIDE = """
import json, os, signal, subprocess, sys, time
call = [sys.executable, "-m", "agent_exec_tui", "--root", sys.argv[1]]
def ask(*words):
    return json.loads(subprocess.run([*call, *words], capture_output=True).stdout)
job_id = ask("run", "--no-wait", "--no-auto-gc", "--", "sleep", "600")["job_id"]
state = json.load(open(os.path.join(sys.argv[1], job_id, "state.json")))
own = json.load(open(os.path.join(sys.argv[1], job_id, "supervision.json")))
os.kill(own["supervisor"]["pid"], signal.SIGKILL)
os.kill(state["pid"], signal.SIGKILL)
def letter(pid):
    return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
until = time.monotonic() + 5
while letter(state["pid"]) != "Z" and time.monotonic() < until:
    time.sleep(0.01)
print(json.dumps({"letter": letter(state["pid"]), "listed": ask("list", "--all")["jobs"][0]["state"],
                  "told": ask("status", job_id)["state"]}))
"""


@covers("zombies")
def test_a_zombie_is_not_called_running(bench: Bench) -> None:
    script = bench.scratch / "inside.py"
    script.write_text(_INSIDE)
    done = subprocess.run(
        [*private_pids(), sys.executable, str(script), str(bench.root)],
        capture_output=True,
        env=bench.environment(),
        cwd=bench.scratch,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {"letter": "Z", "listed": "unknown", "told": "failed"}


@covers("no /proc")
def test_jobs_run_where_no_proc_is_mounted(bench: Bench) -> None:
    script = 'umount -l /proc && exec "$@"'
    prefix = [*private_mounts(), "sh", "-c", script, "--"]
    answer = bench.call("run", "--", "sh", "-c", "echo out; exit 3", prefix=prefix)
    assert answer.ok, answer
    assert (answer["state"], answer["exit_code"], answer["stdout"]) == ("exited", 3, "out\n")
    running = bench.call("run", "--no-wait", "--timeout", "4", "--", "sleep", "60", prefix=prefix)
    told = bench.call("kill", str(running["job_id"]), prefix=prefix)
    assert not told.ok or (told["signalled"], "running" in str(told["reason"])) == ([], True)
    limited = bench.call("run", "--timeout", "1", "--", "sleep", "60", prefix=prefix)
    assert (limited["state"], limited["signal"]) == ("killed", "15")


_HANGING = """
import json, os, sys
from agent_exec import NO_WAIT, AgentExecError, JobDefinition, JobStore, run_job
sys.executable = sys.argv[2]
told = ""
try:
    run_job(JobStore(sys.argv[1]), JobDefinition(command=("true",)), observation=NO_WAIT)
except AgentExecError as error:
    told = str(error)
try:
    left = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    left = "a child" if left is None else "a zombie"
except ChildProcessError:
    left = ""
print(json.dumps({"told": told, "left": left}))
"""


@covers("supervisor that hangs")
def test_a_supervisor_that_hangs_is_given_up_and_collected(bench: Bench) -> None:
    hanging = bench.scratch / "hanging"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    words = [sys.executable, "-c", _HANGING, str(bench.root), str(hanging)]
    done = subprocess.run(
        words, capture_output=True, env=bench.environment(), timeout=30, check=True
    )
    told = json.loads(done.stdout)
    assert "did not begin within 6 s" in told["told"]
    assert told["left"] == ""
    assert [each["state"] for each in bench.listed().values()] == ["failed"]
    assert bench.marked() == []
