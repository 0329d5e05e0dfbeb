"""The mark a job leaves in the environment of all it starts."""

from __future__ import annotations

from agent_exec.process import identity

_MARK = b"AGENT_EXEC_JOB_ID="
_SINK_MARK = b"AGENT_EXEC_EVENT_TYPE="


def job_named_by(pid: int) -> bytes | None:
    """Which job a process says it is part of; None for none, and for sinks told of one."""
    try:
        variables = identity.read_file(f"/proc/{pid}/environ").split(b"\0")
    except OSError:
        return None
    if any(each.startswith(_SINK_MARK) for each in variables):
        return None
    found = (each[len(_MARK) :] for each in variables if each.startswith(_MARK))
    return next(found, None)
