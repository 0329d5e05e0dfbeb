"""What to run, as the launcher handed it over."""

from __future__ import annotations

import json
import os

_READ_BYTES = 1 << 20


class Definition:
    """One launch; the fields are those of ``process.launch.LaunchSpec``."""

    __slots__ = (
        "command",
        "cwd",
        "environment",
        "full_log_path",
        "job_id",
        "keeps_free_space",
        "kill_after_ms",
        "log_max_bytes",
        "marks_environment",
        "progress_every_ms",
        "root",
        "shell_wrapper",
        "sink_environment",
        "stdin_file",
        "timeout_ms",
        "umask",
    )

    job_id: str
    root: str
    command: list[str]
    shell_wrapper: list[str]
    cwd: str | None
    environment: dict[str, str]
    marks_environment: bool
    sink_environment: dict[str, str]
    umask: int
    stdin_file: str | None
    timeout_ms: int
    kill_after_ms: int
    progress_every_ms: int
    full_log_path: str | None
    log_max_bytes: int
    keeps_free_space: bool

    def arguments(self) -> list[str]:
        """The child's argv: one word is a script for the wrapper, more are handed over as is."""
        if len(self.command) == 1:
            return [*self.shell_wrapper, self.command[0]]
        return [*self.shell_wrapper, 'exec "$@"', "--", *self.command]

    def child_environment(self) -> dict[str, str]:
        """The child's whole environment, with the mark its descendants are found by."""
        if not self.marks_environment:
            return self.environment
        return {**self.environment, "AGENT_EXEC_JOB_ID": self.job_id}


def load_definition(fd: int) -> Definition:
    """Read the definition from *fd* to its end and close it."""
    chunks = []
    try:
        while chunk := os.read(fd, _READ_BYTES):
            chunks.append(chunk)
    finally:
        os.close(fd)
    values = json.loads(b"".join(chunks))
    definition = Definition()
    for name in Definition.__slots__:
        setattr(definition, name, values[name])
    return definition
