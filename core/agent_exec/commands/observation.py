"""What a launch sees of its job before it answers: the first output, or the end."""

from __future__ import annotations

import time

from agent_exec.commands.auto_gc import AutoRemoved  # noqa: TC001 - the schema reads it
from agent_exec.model.job import JobStatus  # noqa: TC001 - the schema reads it
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import STDERR_LOG, STDOUT_LOG
from agent_exec.store.logs import ENCODING, head_excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from agent_exec.model.job import JobState
    from agent_exec.process.launch import RunningLaunch
    from agent_exec.store.jobs import JobDir
    from agent_exec.store.logs import Excerpt

    Answer = TypeVar("Answer", bound="LaunchedJob")

DEFAULT_UNTIL_S = 10.0
DEFAULT_MAX_BYTES = 65536
# The peers look every 100 ms, so that what ends within the first look is told as ended; callers
# rely on the whole result of quick commands.
_QUICK_S = 0.1

_OUTPUT_OR_END = frozenset({"output", "ended"})
_END = frozenset({"ended"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """How long a launch watches its job.

    Attributes:
        wait: whether to wait for output or the end at all.
        until_s: how long at most; None is as long as it takes.
        max_bytes: how much of each log's beginning is answered.
    """

    wait: bool = True
    until_s: float | None = DEFAULT_UNTIL_S
    max_bytes: int = DEFAULT_MAX_BYTES


WATCHED = Observation()
NO_WAIT = Observation(wait=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedJob:
    """A job that was started, and what could be seen of it."""

    job_id: str
    root: str
    state: JobStatus
    tags: tuple[str, ...]
    env_vars: tuple[str, ...] | None = None
    stdout_log_path: str
    stderr_log_path: str
    elapsed_ms: int
    waited_ms: int
    stdout: str
    stderr: str
    stdout_range: tuple[int, int]
    stderr_range: tuple[int, int]
    stdout_total_bytes: int
    stderr_total_bytes: int
    encoding: str
    exit_code: int | None = None
    finished_at: str | None = None
    signal: str | None = None
    duration_ms: int | None = None
    auto_gc: AutoRemoved | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """The job as it was when the observation ended."""

    waited_ms: int
    state: JobState
    stdout: Excerpt
    stderr: Excerpt


def observe(
    job: JobDir, launch: RunningLaunch, observation: Observation, *, launched_at_s: float
) -> Observed:
    """Wait for the first output, the end or the deadline, then look once.

    Args:
        job: the job.
        launch: the supervisor's word; nothing is polled.
        observation: how long and how much.
        launched_at_s: monotonic moment of the launch.
    """
    waited_ms = 0
    if observation.wait:
        began_s = time.monotonic()
        deadline_s = None if observation.until_s is None else began_s + observation.until_s
        if launch.wait(_OUTPUT_OR_END, deadline_s) == "output":
            quick_s = launched_at_s + _QUICK_S
            launch.wait(_END, quick_s if deadline_s is None else min(quick_s, deadline_s))
        waited_ms = int((time.monotonic() - began_s) * 1000)
    # The state before the logs: once it is terminal, the logs have what it promises.
    state = job.read_state()
    return Observed(
        waited_ms,
        state,
        head_excerpt(STDOUT_LOG, observation.max_bytes, dir_fd=job.fd),
        head_excerpt(STDERR_LOG, observation.max_bytes, dir_fd=job.fd),
    )


def answer(
    kind: type[Answer],
    job: JobDir,
    observed: Observed,
    *,
    tags: tuple[str, ...],
    env_vars: tuple[str, ...],
    elapsed_ms: int,
    auto_gc: AutoRemoved | None = None,
) -> Answer:
    """Build the answer of a launching verb.

    Args:
        kind: the verb's own class.
        job: the job.
        observed: what ``observe`` saw.
        tags: the job's.
        env_vars: for display, masked.
        elapsed_ms: since the launch began.
        auto_gc: what was removed besides.
    """
    state, stdout, stderr = observed.state, observed.stdout, observed.stderr
    is_over = state.is_terminal
    return kind(
        job_id=job.job_id,
        root=job.root,
        state=state.status,
        tags=tags,
        env_vars=env_vars or None,
        stdout_log_path=job.file_path(STDOUT_LOG),
        stderr_log_path=job.file_path(STDERR_LOG),
        elapsed_ms=elapsed_ms,
        waited_ms=observed.waited_ms,
        stdout=stdout.text,
        stderr=stderr.text,
        stdout_range=stdout.range,
        stderr_range=stderr.range,
        stdout_total_bytes=stdout.total_bytes,
        stderr_total_bytes=stderr.total_bytes,
        encoding=ENCODING,
        exit_code=state.result.exit_code if is_over else None,
        finished_at=state.finished_at if is_over else None,
        signal=state.result.signal if is_over else None,
        duration_ms=state.result.duration_ms if is_over else None,
        auto_gc=auto_gc,
    )
