"""Which processes still hold the output of a job that is over."""

from __future__ import annotations

from agent_exec.commands.settling import look
from agent_exec.errors import AgentExecError
from agent_exec.process.tree import survivors
from agent_exec.store.listing import open_exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.store.jobs import JobStore


def holders_of(store: JobStore, job_id: str) -> tuple[str, ...]:
    """The command lines of what a job left behind, one a process; none where that cannot be told."""
    try:
        job = open_exact(store, job_id)
        if job is None:
            return ()
        with job:
            found = look(job)
            left = survivors(job, found.state, found.supervision)
    except (AgentExecError, OSError):
        return ()
    return tuple(each.command or f"pid {each.pid}" for each in left)
