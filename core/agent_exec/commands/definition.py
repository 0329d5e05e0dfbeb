"""What a job is to be, as the caller says it, made into the two records of a new job."""

from __future__ import annotations

import os

from agent_exec.commands.arguments import require_count, require_text, require_texts
from agent_exec.commands.environment import displayed, key_of, require_entries
from agent_exec.commands.stdin import (
    DEFAULT_MAX_BYTES,
    StdinFile,
    StdinSource,
    StdinStream,
    StdinText,
    keep_stdin,
)
from agent_exec.errors import InternalError, InvalidArgumentError
from agent_exec.model.job import (
    DEFAULT_SHELL_WRAPPER,
    SCHEMA_VERSION,
    JobMeta,
    JobRef,
    JobState,
    JobStatus,
    MatchType,
    Notification,
    StateJob,
)
from agent_exec.model.job_id import require_id
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.model.tags import require_tag, unique
from agent_exec.store.clock import now_timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.asked import RunOrder
    from agent_exec.store.jobs import JobDir

__all__ = [
    "JobDefinition",
    "StdinFile",
    "StdinSource",
    "StdinStream",
    "StdinText",
    "define",
    "first_order",
    "require_definition",
]

# Linux: MAX_ARG_STRLEN, 32 pages; execve refuses a longer single argument.
_MAX_WORD_BYTES = 128 * 1024 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefinition:
    """A job as it is asked for.

    Attributes:
        command: argv; one word is a string for the shell wrapper.
        cwd: where it runs; None is the caller's directory. It may be missing until the start.
        env: ``KEY=VALUE``, or ``KEY`` for an empty value.
        env_files: read at each launch, not now.
        mask: keys of *env* whose values are never shown.
        stdin: what the command reads; None is /dev/null.
        shell_wrapper: program and flags that get the command; None is ``sh -lc``.
        full_log_path: where full.log goes instead of the job's directory.
        log_max_bytes: how much of each stream is kept; 0 is everything, as is None, which
            leaves it to those who start the job.
        rerun_of: the job this one is made from.
    """

    command: tuple[str, ...]
    cwd: str | None = None
    env: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    inherit_env: bool = True
    mask: tuple[str, ...] = ()
    stdin: StdinSource | None = None
    stdin_max_bytes: int = DEFAULT_MAX_BYTES
    timeout_ms: int = 0
    kill_after_ms: int = 0
    progress_every_ms: int = 0
    notification: Notification | None = None
    tags: tuple[str, ...] = ()
    shell_wrapper: tuple[str, ...] | None = None
    full_log_path: str | None = None
    log_max_bytes: int | None = None
    rerun_of: str | None = None


def require_definition(definition: JobDefinition) -> None:
    """Let only definitions pass that can be kept and run.

    Raises:
        InvalidArgumentError: text that no record or process can carry, no command, a number
            out of range, a bad pattern.
        InvalidTagError: a tag is malformed.
    """
    if not definition.command:
        raise InvalidArgumentError("a job needs a command")
    for word in require_texts("the command", definition.command):
        if len(word.encode()) > _MAX_WORD_BYTES:
            raise InvalidArgumentError(
                f"a word of the command is longer than {_MAX_WORD_BYTES} bytes, "
                "which no program can be given; use --stdin for data"
            )
    require_entries(definition.env)
    if definition.env:
        from agent_exec.commands.shell_start import require_carried  # 3 ms of its own

        keys = [key_of(entry) for entry in definition.env]
        require_carried(definition.shell_wrapper, definition.command, keys, os.environ)
    require_texts("--env-file", definition.env_files)
    require_texts("--mask", definition.mask)
    for tag in definition.tags:
        require_tag(tag)
    if definition.shell_wrapper is not None:
        if not definition.shell_wrapper:
            raise InvalidArgumentError("the shell wrapper must not be empty")
        require_texts("the shell wrapper", definition.shell_wrapper)
    if definition.full_log_path is not None:
        require_text("--log", definition.full_log_path)
    if definition.rerun_of is not None:
        require_id(definition.rerun_of)
    _require_numbers(definition)
    _require_notification(definition.notification)


def _require_numbers(definition: JobDefinition) -> None:
    for what, number in (
        ("--stdin-max-bytes", definition.stdin_max_bytes),
        ("--timeout", definition.timeout_ms),
        ("--kill-after", definition.kill_after_ms),
        ("--progress-every", definition.progress_every_ms),
        ("--log-max", definition.log_max_bytes or 0),
    ):
        require_count(what, number)


def _require_notification(notification: Notification | None) -> None:
    if notification is None:
        return
    match = notification.on_output_match
    texts = [notification.notify_command, notification.notify_file]
    if match is not None:
        texts += [match.pattern, match.command, match.file]
    require_texts("a notification", (text for text in texts if text is not None))
    if match is not None:
        require_pattern(match.pattern, match.match_type)


def require_pattern(pattern: str, match_type: MatchType) -> str:
    """Return *pattern* if a line may fit it: text of one line, or an expression of RE2's syntax.

    Raises:
        InvalidArgumentError: it is none; the text says why.
    """
    if match_type is not MatchType.REGEX:
        if "\n" in pattern:
            raise InvalidArgumentError(
                f"output pattern {pattern!r} has a newline, which no line holds"
            )
        return pattern
    import re2  # 9 ms that only jobs with such a pattern pay

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        flaw = error.args[0] if error.args else error
        reason = flaw.decode("utf-8", "replace") if isinstance(flaw, bytes) else flaw
        raise InvalidArgumentError(f"invalid output pattern {pattern!r}: {reason}") from None
    return pattern


def define(
    job: JobDir, definition: JobDefinition, *, keep_runtime_env: bool
) -> tuple[JobMeta, JobState]:
    """Put what the job needs into its new directory and build its records.

    Args:
        job: the directory, hidden until this and the records are complete.
        definition: what ``require_definition`` let pass.
        keep_runtime_env: whether ``--env`` values go into meta.json unmasked, for a later start.

    Raises:
        StdinRequiredError, StdinTooLargeError: see ``keep_stdin``.
        InternalError: the standard input or the present directory cannot be read.
    """
    now = now_timestamp()
    stdin_file = None
    if definition.stdin is not None:
        stdin_file = keep_stdin(job.fd, definition.stdin, definition.stdin_max_bytes)
    _keep_asked(job, definition)
    meta = JobMeta(
        job=JobRef(job.job_id),
        schema_version=SCHEMA_VERSION,
        command=definition.command,
        created_at=now,
        root=require_text("the jobs root", job.root),
        env_keys=tuple(key_of(entry) for entry in definition.env),
        env_vars=displayed(definition.env, definition.mask),
        env_vars_runtime=definition.env if keep_runtime_env else (),
        mask=definition.mask,
        cwd=effective_cwd(definition.cwd),
        notification=_placed(definition.notification),
        tags=unique(definition.tags),
        inherit_env=definition.inherit_env,
        env_files=tuple(os.path.abspath(path) for path in definition.env_files),
        timeout_ms=definition.timeout_ms,
        kill_after_ms=definition.kill_after_ms,
        progress_every_ms=definition.progress_every_ms,
        shell_wrapper=definition.shell_wrapper or DEFAULT_SHELL_WRAPPER,
        stdin_file=stdin_file,
    )
    return meta, created_state(job.job_id, now)


def first_order(definition: JobDefinition) -> RunOrder:
    """What the first run gets of a job that was just made."""
    from agent_exec.commands.asked import RunOrder  # a job that waits needs none

    return RunOrder(
        full_log_path=_absolute(definition.full_log_path),
        log_max_bytes=definition.log_max_bytes or 0,
    )


def _keep_asked(job: JobDir, definition: JobDefinition) -> None:
    """Write down what meta.json has no key for, if there is anything."""
    path, limit, origin = definition.full_log_path, definition.log_max_bytes, definition.rerun_of
    if path is None and limit is None and origin is None:
        return
    from agent_exec.model.options import JobOptions
    from agent_exec.store.options import keep_options

    options = JobOptions(log_path=_absolute(path), log_max_bytes=limit, rerun_of=origin)
    keep_options(job, options)


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def created_state(job_id: str, now: str) -> JobState:
    """Build the state of a job that waits to be started."""
    return JobState(job=StateJob(id=job_id, status=JobStatus.CREATED), updated_at=now)


def effective_cwd(given: str | None) -> str:
    """Find where a job runs: canonical if the directory is there, else absolute.

    Raises:
        InternalError: the caller's own directory is gone.
        InvalidArgumentError: its name is not UTF-8.
    """
    try:
        path = os.path.realpath(given or os.getcwd(), strict=True)
    except OSError as error:
        if not given:
            raise InternalError.from_os_error(error, "find the current directory") from None
        path = os.path.abspath(given)
    except ValueError:
        path = given or ""  # a NUL, which the check below names
    return require_text("the working directory", path)


def _placed(notification: Notification | None) -> Notification | None:
    """Make the files absolute and drop what says nothing."""
    if notification is None:
        return None
    match = notification.on_output_match
    if match is not None and not match.pattern:
        match = None
    if match is not None and match.file is not None:
        match = replace(match, file=os.path.abspath(match.file))
    file = notification.notify_file
    placed = replace(
        notification,
        notify_file=None if file is None else os.path.abspath(file),
        on_output_match=match,
    )
    return None if placed == Notification() else placed
