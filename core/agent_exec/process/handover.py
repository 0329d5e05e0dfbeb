"""What a supervisor is handed, and its start: definition, descriptors, program."""

from __future__ import annotations

import contextlib
import marshal
import os

from agent_exec.errors import RecordUnreadableError
from agent_exec.model import records
from agent_exec.model.lazy_dataclass import dataclass, field, field_names
from agent_exec.model.shell import arguments_of
from agent_exec.process.cgroup import AUTO, delegated_directory
from agent_exec.process.identity import host_name
from agent_exec.process.spawn import NewSupervisor
from agent_exec.store import atomic
from agent_exec.store.filesystem import is_shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from agent_exec.process.fd_passing import Descriptors
    from agent_exec.store.jobs import JobDir

    class Launcher(Protocol):
        """Something that makes supervisors quicker than a new interpreter does."""

        def start(self, descriptors: Descriptors) -> bool:
            """Hand the four descriptors to a new supervisor; False when that is impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """Everything a supervisor must know; it reads no other definition.

    Attributes:
        command: one word is a script for the wrapper, more are the program and its arguments.
        arguments: the child's argv; empty is the command handed to the wrapper as it is.
        cwd: absolute; None leaves the child in ``/``.
        environment: the child's whole environment.
        marks_environment: whether ``AGENT_EXEC_JOB_ID`` is added to it.
        cgroup: a setting of ``process.cgroup``.
        sink_environment: what notification commands get; their own variables are added.
        sink_prologue: stands before them, for their shell.
        umask: the child's.
        stdin_file: kept input, relative to the job's directory; None is an empty input.
        timeout_ms: 0 means no limit.
        kill_after_ms: time between TERM and KILL at the time limit; 0 is KILL at once.
        progress_every_ms: how often ``updated_at`` is refreshed; 0 is never.
        full_log_path: absolute, when full.log shall lie elsewhere.
        log_max_bytes: per stream; 0 means no limit.
        run: which run of the job this is, for its record; 0 is not counted.
        keeps_free_space: stop storing output when the volume is nearly full.
    """

    job_id: str
    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    shell_wrapper: tuple[str, ...]
    cwd: str | None
    environment: Mapping[str, str]
    marks_environment: bool = True
    cgroup: str = AUTO
    sink_environment: Mapping[str, str] = field(default_factory=dict)
    sink_prologue: str = ""
    umask: int
    stdin_file: str | None = None
    timeout_ms: int = 0
    kill_after_ms: int = 0
    progress_every_ms: int = 0
    full_log_path: str | None = None
    log_max_bytes: int = 0
    run: int = 0
    keeps_free_space: bool = True


def current_umask() -> int:
    """This process's umask, without touching it where the system can tell it."""
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def start_supervisor(
    job: JobDir, spec: LaunchSpec, lock_fd: int, report_fd: int, launcher: Launcher | None
) -> int | None:
    """Hand everything over to a new supervisor.

    Args:
        job: stays the caller's, like all descriptors.
        spec: what to run.
        lock_fd: supervisor.lock, held.
        report_fd: where the supervisor reports.
        launcher: makes it; without one, or when it is broken, a new interpreter does.

    Returns:
        The pid of a process to collect, or None.

    Raises:
        OSError: it cannot be started.
    """
    definition_fd = atomic.open_anonymous(job.fd, _definition(job, spec))
    try:
        descriptors = (job.fd, lock_fd, report_fd, definition_fd)
        if launcher is None or not launcher.start(descriptors):
            launcher = NewSupervisor(job.path)
            launcher.start(descriptors)  # of one that is gone already the report tells
        return launcher.pid if isinstance(launcher, NewSupervisor) else None
    finally:
        os.close(definition_fd)


def _pack(environment: Mapping[str, str]) -> bytes:
    return marshal.dumps({os.fsencode(key): os.fsencode(environment[key]) for key in environment})


def _definition(job: JobDir, spec: LaunchSpec) -> bytes:
    """What ``supervisor.definition`` reads."""
    values: records.Document = {name: getattr(spec, name) for name in field_names(spec) or ()}
    values["root"] = job.root
    values["arguments"] = spec.arguments or arguments_of(spec.shell_wrapper, spec.command)
    values["host"] = (host_name() or None) if is_shared(job.fd) else None
    # Looked for here: what is not there costs the supervisor nothing.
    values["cgroup"] = delegated_directory(spec.cgroup)
    values["environment"] = values["sink_environment"] = _pack(spec.environment)
    if spec.sink_environment != spec.environment:
        values["sink_environment"] = _pack(spec.sink_environment)
    # The supervisor looks into meta.json only if it is another one than this.
    values["meta_version"] = values["notification"] = None
    with contextlib.suppress(OSError, RecordUnreadableError):
        status = os.stat(records.META_FILE, dir_fd=job.fd, follow_symlinks=False)
        values["notification"] = job.read_meta_document().get("notification")
        values["meta_version"] = atomic.version_of(status)
    return marshal.dumps(values)
