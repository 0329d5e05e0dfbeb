"""A job as its records describe it; the classes mirror the JSON, field for field."""

from __future__ import annotations

from enum import StrEnum

from agent_exec.errors import InvalidStateError
from agent_exec.model.lazy_dataclass import dataclass, field
from agent_exec.model.status import TERMINAL

# The seed's generation; later ones write other words and none of them checks it on reading.
SCHEMA_VERSION = "0.1"
CONTRACT_VERSION = "0.2.6"  # of agent-exec, whose files and answers these are
DEFAULT_SHELL_WRAPPER = ("sh", "-lc")


class JobStatus(StrEnum):
    """The five words of ``state.json``; a terminal one is never left but by a restart."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    KILLED = "killed"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing runs any more."""
        return self.value in TERMINAL


class MatchType(StrEnum):
    """How an output pattern is compared with a line."""

    CONTAINS = "contains"
    REGEX = "regex"


class MatchStream(StrEnum):
    """Which of the job's streams an output pattern looks at."""

    STDOUT = "stdout"
    STDERR = "stderr"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class JobRef:
    """The ``job`` object of meta.json."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputMatch:
    """What to look for in the output, and whom to tell."""

    pattern: str
    match_type: MatchType = MatchType.CONTAINS
    stream: MatchStream = MatchStream.EITHER
    command: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Whom to tell about a job's end and about its output."""

    notify_command: str | None = None
    notify_file: str | None = None
    on_output_match: OutputMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMeta:
    """``meta.json``: what to run and how, fixed at creation but for tags and notification.

    Attributes:
        command: argv; one word is a string for the shell wrapper.
        env_vars: the ``--env`` strings for display, masked ones as ``KEY=***``.
        env_vars_runtime: the real ``--env`` strings; empty for jobs made by ``run``.
        shell_wrapper: program and flags that get the command; None means ``sh -lc``.
        stdin_file: path of the kept standard input, relative to the job's directory.
    """

    job: JobRef
    schema_version: str
    command: tuple[str, ...]
    created_at: str
    root: str
    env_keys: tuple[str, ...]
    env_vars: tuple[str, ...] = ()
    env_vars_runtime: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    cwd: str | None = None
    notification: Notification | None = None
    tags: tuple[str, ...] = ()
    inherit_env: bool = True
    env_files: tuple[str, ...] = ()
    abandon_job_after_ms: int | None = None
    timeout_ms: int = 0
    kill_after_ms: int = 0
    progress_every_ms: int = 0
    shell_wrapper: tuple[str, ...] | None = None
    stdin_file: str | None = None

    @property
    def id(self) -> str:
        """The id the record claims; the directory's name is the one that counts."""
        return self.job.id


@dataclass(frozen=True, slots=True, kw_only=True)
class StateJob:
    """The ``job`` object of state.json."""

    id: str
    status: JobStatus
    started_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How the command ended; ``signal`` is the number as text ("15")."""

    exit_code: int | None = None
    signal: str | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """``state.json``: where the job is in its life.

    Attributes:
        pid: the child's process id, also its session and process group.
        logs_drained: whether the logs were complete when this was written.
    """

    job: StateJob
    result: JobResult = field(default_factory=JobResult)
    pid: int | None = None
    finished_at: str | None = None
    updated_at: str
    logs_drained: bool = True

    @property
    def status(self) -> JobStatus:
        """The recorded status."""
        return self.job.status

    @property
    def started_at(self) -> str | None:
        """When the child was started, RFC 3339."""
        return self.job.started_at

    @property
    def is_terminal(self) -> bool:
        """Whether the record says that the job is over."""
        return self.job.status.is_terminal


def require_startable(job_id: str, status: JobStatus) -> None:
    """Let only created jobs pass.

    Raises:
        InvalidStateError: in any other state, in the peers' words.
    """
    if status is not JobStatus.CREATED:
        raise InvalidStateError(
            f"job {job_id} is in '{status}' state; only 'created' jobs can be started"
        )


def require_started(job_id: str, status: JobStatus) -> None:
    """Let every job pass that was ever started.

    Raises:
        InvalidStateError: the job is only created; there is nothing to signal.
    """
    if status is JobStatus.CREATED:
        raise InvalidStateError(
            f"job {job_id} is in 'created' state and has not been started; cannot send signal"
        )


def require_own_identity(job_id: str, meta: JobMeta) -> None:
    """Let only records pass that name the directory they lie in.

    Raises:
        InvalidStateError: meta.json is another job's; starting it would mix the two up.
    """
    if meta.id != job_id:
        raise InvalidStateError(f"job {job_id} metadata identity mismatch: meta.json has {meta.id}")
