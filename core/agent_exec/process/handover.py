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
from agent_exec.process.report import ReportReader
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

        def give_up(self, waited_s: float) -> None:
            """Learn that a job was taken back that had not been begun in that time."""


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


class Handover:
    """A job on its way to a supervisor.

    All who are handed its definition share one offset into it, so only one of them can read it;
    that one may start the job, and nobody else ever. So it can be taken back from a launcher that
    does not answer, whatever that one still does later.

    Attributes:
        lock_fd: supervisor.lock, held.
        report: the supervisor's word.
        supervisor: the one started by path; None where a launcher made it.
    """

    def __init__(self, job: JobDir, spec: LaunchSpec, lock_fd: int) -> None:
        """Take what stays the caller's: the job, what to run, and supervisor.lock, held.

        Raises:
            OSError: there is no place for the definition, or no descriptor to be had.
        """
        self.supervisor: NewSupervisor | None = None
        self._job = job
        self.lock_fd = lock_fd
        self._definition = _definition(job, spec)
        self._definition_fd = atomic.open_anonymous(job.fd, self._definition)
        self._is_report_given = False
        try:
            self._open_report()
        except OSError:
            os.close(self._definition_fd)
            raise

    def _open_report(self) -> None:
        report_fd, self._told_fd = os.pipe()
        self.report = ReportReader(report_fd)

    def start(self, launcher: Launcher | None = None) -> bool:
        """Hand it over; whether *launcher* took it. If not, or without one, a new one gets it.

        Raises:
            OSError: no supervisor can be started.
        """
        descriptors = (self._job.fd, self.lock_fd, self._told_fd, self._definition_fd)
        try:
            if launcher is not None and launcher.start(descriptors):
                self.supervisor = launcher if isinstance(launcher, NewSupervisor) else None
                return True
            self.supervisor = NewSupervisor(self._job.path)
            self.supervisor.start(descriptors)  # of one that is gone already the report tells
        finally:
            os.close(self._told_fd)
            self._told_fd = -1
        return False

    def take_back(self) -> bool:
        """Whether nobody had read the definition; then nobody will any more.

        Raises:
            OSError: there is no place for another, or no descriptor to be had.
        """
        if os.read(self._definition_fd, len(self._definition)) != self._definition:
            return False
        os.close(self._definition_fd)
        self._definition_fd = -1
        self._definition_fd = atomic.open_anonymous(self._job.fd, self._definition)
        self.report.close()
        self._open_report()
        return True

    def give_report(self) -> ReportReader:
        """The report; it is the caller's from now on."""
        self._is_report_given = True
        return self.report

    def close(self) -> None:
        """Give back what was needed for the start."""
        for fd in (self._definition_fd, self._told_fd):
            if fd >= 0:
                os.close(fd)
        if not self._is_report_given:
            self.report.close()
        if self.supervisor is not None:
            self.supervisor.close()


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
