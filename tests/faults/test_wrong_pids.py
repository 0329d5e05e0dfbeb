"""Records that name processes which are not the job's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from faults.bench import Bench
from faults.processes import Seen, see
from faults.rows import covers
from faults.tools import private_pids
from support.programs import CHECKOUT

pytestmark = pytest.mark.faults

AN_HOUR_AGO = "2026-01-01T00:00:00Z"


@pytest.fixture
def stranger() -> Iterator[Seen]:
    """A process that is nobody's job, leading a group of its own as a job's child does."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    seen = see(process.pid)
    yield seen
    process.kill()
    process.wait()


def _job_naming(bench: Bench, pid: int, *, is_ours: bool) -> str:
    """A job that says it has run since long ago, with that pid.

    Args:
        is_ours: whether our own supervisor is said to have run it; else it is another
            program's, which keeps no evidence.
    """
    job_id = bench.run("sleep", "600")
    child = bench.child(job_id)
    bench.supervisor(job_id).end()
    child.end()
    bench.change_state(job_id, pid=pid, started_at=AN_HOUR_AGO)
    own = bench.file(job_id, "supervision.json")
    if is_ours:
        document = json.loads(own.read_text())
        document["child"]["pid"] = pid
        document["started_at"] = AN_HOUR_AGO
        own.write_text(json.dumps(document))
    else:
        own.unlink()
    return job_id


@covers("stranger's pid: kill")
@pytest.mark.parametrize("is_ours", [True, False])
def test_kill_never_signals_a_stranger(bench: Bench, stranger: Seen, is_ours: bool) -> None:
    job_id = _job_naming(bench, stranger.pid, is_ours=is_ours)
    for name in ("TERM", "KILL", "USR1"):
        answer = bench.call("kill", "--signal", name, job_id)
        assert answer.is_orderly
        if answer.ok:
            assert is_ours, "only our own record proves that such a job is over"
            assert answer["state"] == "failed"
        else:
            assert answer.error_code in ("unverified_process", "supervisor_lost")
        assert stranger.is_alive


@covers("stranger's pid: told")
@pytest.mark.parametrize("is_ours", [True, False])
def test_a_job_with_a_strangers_pid_is_not_told_running(
    bench: Bench, stranger: Seen, is_ours: bool
) -> None:
    job_id = _job_naming(bench, stranger.pid, is_ours=is_ours)
    assert bench.listed()[job_id]["state"] == "unknown"
    answer = bench.must("status", job_id)
    liveness = answer["liveness"]
    assert isinstance(liveness, dict)
    assert answer["state"] == "failed" or liveness["verdict"] == "pid reused"


@covers("stranger's pid: restart")
@pytest.mark.parametrize("is_ours", [True, False])
def test_restart_leaves_a_stranger_alone(bench: Bench, stranger: Seen, is_ours: bool) -> None:
    job_id = _job_naming(bench, stranger.pid, is_ours=is_ours)
    answer = bench.must("restart", "--no-wait", job_id)
    assert answer["state"] == "running"
    assert stranger.is_alive
    assert bench.child(job_id).pid != stranger.pid


@covers("stranger's pid: wait")
@pytest.mark.parametrize("is_ours", [True, False])
def test_wait_does_not_wait_for_a_stranger(bench: Bench, stranger: Seen, is_ours: bool) -> None:
    job_id = _job_naming(bench, stranger.pid, is_ours=is_ours)
    answer = bench.call("wait", "--until", "20", job_id)
    assert answer.is_orderly
    assert answer.took_s < 12
    assert answer["state"] == "failed" or "pid reused" in str(answer["liveness"]), answer
    assert stranger.is_alive


@covers("stranger's pid: delete, gc")
@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize("verb", ["delete", "gc"])
def test_a_job_with_a_strangers_pid_can_be_removed(
    bench: Bench, stranger: Seen, is_ours: bool, verb: str
) -> None:
    job_id = _job_naming(bench, stranger.pid, is_ours=is_ours)
    if not is_ours:
        bench.must("repair", job_id)  # proves nothing by itself: somebody has to ask for it
    if verb == "delete":
        bench.must("delete", job_id)
    else:
        if not is_ours:
            bench.make_old(job_id)
        bench.must("gc", "--older-than", "0s")
    assert not bench.file(job_id, "").exists()
    assert stranger.is_alive


# Pid 1 of a namespace of its own: plants the record, has it killed and counts who was hit.
_INSIDE = """
import json, os, signal, subprocess, sys
root, pid = sys.argv[1], int(sys.argv[2])
call = [sys.executable, "-m", "agent_exec_tui", "--root", root]
hits = []
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
    signal.signal(number, lambda number, frame: hits.append(number))
others = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(3)]
others.append(subprocess.Popen(["sleep", "600"]))
job_id = json.loads(subprocess.run([*call, "create", "--", "true"], capture_output=True).stdout)[
    "job_id"
]
path = os.path.join(root, job_id, "state.json")
state = json.load(open(path))
state["job"].update(status="running", started_at=sys.argv[3])
state["pid"] = pid
json.dump(state, open(path, "w"))
answers = []
for name in ("TERM", "KILL", "HUP"):
    done = subprocess.run([*call, "kill", "--signal", name, job_id], capture_output=True)
    answers.append([done.returncode, done.stdout.decode(), done.stderr.decode()])
alive = [each.poll() is None for each in others]
print(json.dumps({"self": os.getpid(), "answers": answers, "alive": alive, "hits": hits}))
"""


@covers(
    "pid 1: kill", "pid 0: kill", "pid 4294967295: kill", "pid 2147483648: kill", "pid -1: kill"
)
@pytest.mark.parametrize("pid", [1, 0, 4294967295, 2147483648, -1])
def test_kill_of_an_impossible_pid_signals_nobody(bench: Bench, pid: int) -> None:
    script = bench.scratch / "inside.py"
    script.write_text(_INSIDE)
    words = [sys.executable, str(script), str(bench.root), str(pid), AN_HOUR_AGO]
    done = subprocess.run(
        [*private_pids(), *words],
        capture_output=True,
        env=bench.environment(),
        cwd=bench.scratch,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["self"] == 1, "not in a namespace of its own"
    assert told["alive"] == [True] * 4
    assert told["hits"] == []
    for exit_status, stdout, stderr in told["answers"]:
        assert exit_status == 1
        assert "Traceback" not in stderr
        assert json.loads(stdout)["error"]["code"] in ("unverified_process", "internal_error")


_OWN_PID = """
import json, os, sys
path, root, job_id = sys.argv[1:4]
state = json.load(open(path))
state["job"].update(status="running", started_at="2026-01-01T00:00:00Z")
state["pid"] = os.getpid()
json.dump(state, open(path, "w"))
os.execv(sys.executable, [sys.executable, "-m", "agent_exec_tui", "--root", root, "kill", job_id])
"""


@covers("the killer's own pid")
def test_kill_does_not_shoot_itself(bench: Bench) -> None:
    job_id = bench.create("true")
    path = str(bench.file(job_id, "state.json"))
    done = subprocess.run(
        [sys.executable, "-c", _OWN_PID, path, str(bench.root), job_id],
        capture_output=True,
        env=bench.environment(),
        cwd=CHECKOUT,
        start_new_session=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "unverified_process"
