"""What to run, as the launcher handed it over."""

from __future__ import annotations

import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document


class Definition:
    """One launch; most fields are those of ``process.handover.LaunchSpec``.

    Attributes:
        environment: the child's variables, marshalled: they are needed for a moment only.
        cgroup: the directory in which it gets a cgroup of its own; None for no cgroup.
        sink_environment: those of notification commands, likewise.
        host: this machine's name where others can read the records, too.
        root: the directory the job's directory lies in.
        notification: meta.json's ``notification`` object as it was at the launch.
        meta_version: which meta.json that was.
    """

    __slots__ = (
        "arguments",
        "cgroup",
        "command",
        "cwd",
        "environment",
        "full_log_path",
        "host",
        "job_id",
        "keeps_free_space",
        "kill_after_ms",
        "log_max_bytes",
        "marks_environment",
        "meta_version",
        "notification",
        "progress_every_ms",
        "root",
        "run",
        "shell_wrapper",
        "sink_environment",
        "sink_prologue",
        "stdin_file",
        "timeout_ms",
        "umask",
    )

    job_id: str
    root: str
    host: str | None
    cgroup: str | None
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    shell_wrapper: tuple[str, ...]
    cwd: str | None
    environment: bytes
    marks_environment: bool
    sink_environment: bytes
    sink_prologue: str
    umask: int
    stdin_file: str | None
    timeout_ms: int
    kill_after_ms: int
    progress_every_ms: int
    full_log_path: str | None
    log_max_bytes: int
    run: int
    keeps_free_space: bool
    notification: Document | None
    meta_version: tuple[int, int] | None

    def child_variables(self) -> dict[bytes, bytes]:
        """What the child gets besides ``environment``: the mark its descendants are found by."""
        if not self.marks_environment:
            return {}
        return {b"AGENT_EXEC_JOB_ID": os.fsencode(self.job_id)}

    def marks(self) -> tuple[bytes | None, ...]:
        """What the job's processes may say they are part of; None stands for nothing."""
        variables = self.child_variables() or marshal.loads(self.environment)
        return (None, variables.get(b"AGENT_EXEC_JOB_ID"))

    def file_path(self, name: str) -> str:
        """The path of one of the job's files, for people and sinks."""
        return os.path.join(self.root, self.job_id, name)


class TakenError(Exception):
    """Somebody else has read the definition, and with it got the right to run the job."""


def load_definition(fd: int) -> Definition:
    """Read the definition from *fd* to its end and close it.

    It is ``marshal``, not JSON: both ends are the same interpreter, and the module that reads
    JSON would add 8 ms to every start.

    Raises:
        TakenError: it was read before.
        OSError, ValueError, EOFError, TypeError, KeyError: it is not one.
    """
    data = b""
    try:
        while chunk := os.read(fd, os.fstat(fd).st_size + 1 - len(data)):
            data += chunk
    finally:
        os.close(fd)
    if not data:
        raise TakenError
    values = marshal.loads(data)
    definition = Definition()
    for name in Definition.__slots__:
        setattr(definition, name, values[name])
    return definition
