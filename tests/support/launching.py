"""Jobs that really run, for tests, and the end of all of them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.errors import AgentExecError
from agent_exec.model.job import JobState
from agent_exec.model.supervision import Supervision
from agent_exec.process import identity
from agent_exec.process.tree import stop_capturing
from agent_exec.store.jobs import JobStore
from support.waiting import wait_until

CORE = str(Path(__file__).resolve().parents[2] / "core")


def running(store: JobStore, *command: str) -> str:
    """Run *command* without waiting for anything; returns its job's id."""
    return run_job(store, JobDefinition(command=command), observation=NO_WAIT).job_id


def running_and_ready(store: JobStore, script: str) -> str:
    """Run a shell script that creates the file ``$READY`` when it is prepared; await that."""
    ready = Path(store.root).parent / f"ready-{os.urandom(4).hex()}"
    definition = JobDefinition(command=("sh", "-c", script), env=(f"READY={ready}",))
    job_id = run_job(store, definition, observation=NO_WAIT).job_id
    wait_until(ready.exists, what=f"readiness of {script!r}")
    return job_id


def state_of(store: JobStore, job_id: str) -> JobState:
    with store.open(job_id) as job:
        return job.read_state()


def supervision_of(store: JobStore, job_id: str) -> Supervision:
    with store.open(job_id) as job:
        supervision = job.read_supervision()
    assert supervision is not None
    return supervision


def child_of(store: JobStore, job_id: str) -> int:
    child = supervision_of(store, job_id).child
    assert child is not None
    return child.pid


def is_alive(pid: int) -> bool:
    stat = identity.read_stat(pid)
    return stat is not None and stat.is_alive


def lose_supervisor(store: JobStore, job_id: str) -> int:
    """Kill a job's supervisor with KILL and await its end; returns the child's pid."""
    supervision = supervision_of(store, job_id)
    os.kill(supervision.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(supervision.supervisor.pid))
    assert supervision.child is not None
    return supervision.child.pid


def lose_both(store: JobStore, job_id: str) -> None:
    """Kill a job's supervisor and then its child, so that nobody records the end."""
    pid = lose_supervisor(store, job_id)
    os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))


def end_all(store: JobStore) -> None:
    """Leave no process of the root's jobs behind."""
    for name in store.names():
        with suppress(AgentExecError, OSError):
            kill_job(store, name, signal="KILL")
        with suppress(AgentExecError, OSError), store.open(name) as job:
            stop_capturing(job, job.read_supervision())
