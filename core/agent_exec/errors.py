"""Every error this package raises, one class per code on the wire."""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import ClassVar

    Details = Mapping[str, object]

AMBIGUOUS_IDS_SHOWN = 20
EXIT_STATUS = 1  # of the command whose answer is an error

# What to do about the system's refusals that no other words would help with.
_WAYS_OUT = {
    errno.EROFS: "nothing can be changed there; choose another jobs root with --root",
    errno.ENOSPC: "make room, for example with `agent-exec-tui gc --older-than 7d`",
    errno.EDQUOT: "your quota is used up; make room, for example with `agent-exec-tui gc`",
    errno.EMFILE: "raise the limit of open files: `ulimit -n`",
}


def reason_of(error: BaseException) -> str:
    """Say what an exception says, of the system's the words alone and not its number."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return f"{where}{error.strerror}"
    return str(error) or type(error).__name__


class AgentExecError(Exception):
    """Something the user asked for cannot be done; ``str()`` says what and how to go on.

    Attributes:
        code: the machine-readable word in the error envelope.
        retryable: whether the same call may succeed later without any change.
        details: JSON-ready facts for programs, or None.
    """

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, details: Details | None = None) -> None:
        super().__init__(message)
        self.details = details


class InternalError(AgentExecError):
    """An operation on files or processes failed for a reason without a code of its own.

    Attributes:
        errno: the system's number for that reason, if it has one.
    """

    errno: int | None = None

    @classmethod
    def from_os_error(cls, error: OSError, doing: str = "") -> InternalError:
        """Wrap *error* in the wire's wording: ``<doing>: <strerror> (os error <errno>)``.

        Where the words alone leave one helpless, the way out follows.
        """
        reason = f"{error.strerror} (os error {error.errno})"
        if error.errno in _WAYS_OUT:
            reason += f"; {_WAYS_OUT[error.errno]}"
        details = {"path": error.filename} if isinstance(error.filename, str) else None
        made = cls(f"{doing}: {reason}" if doing else reason, details=details)
        made.errno = error.errno
        return made


class RecordUnreadableError(InternalError):
    """A meta.json or state.json cannot be read as what it should be."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}", details={"file": name})
        self.name = name
        self.reason = reason


class RecordMissingError(RecordUnreadableError):
    """A record is not there (yet): the wire's words for a missing file."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "No such file or directory (os error 2)")
        self.args = (self.reason,)


class ConfigError(InternalError):
    """config.toml cannot be used."""


class JobNotFoundError(AgentExecError):
    """No job has that id or prefix."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job not found: {job_id}")
        self.job_id = job_id


class AmbiguousJobIdError(AgentExecError):
    """A prefix fits more than one job."""

    code = "ambiguous_job_id"

    def __init__(self, prefix: str, matches: Sequence[str]) -> None:
        ordered = sorted(matches)
        shown = ordered[:AMBIGUOUS_IDS_SHOWN]
        hidden = len(ordered) - len(shown)
        more = f", ... and {hidden} more" if hidden else ""
        super().__init__(
            f"ambiguous job ID prefix '{prefix}': matches {', '.join(shown)}{more}",
            details={"candidates": shown, "truncated": hidden > 0},
        )


class InvalidStateError(AgentExecError):
    """The job's state does not allow what was asked."""

    code = "invalid_state"

    def __init__(self, message: str, *, details: Details | None = None) -> None:
        super().__init__(f"invalid job state: {message}", details=details)


class InvalidTagError(AgentExecError):
    """A tag or tag pattern is malformed."""

    code = "invalid_tag"


class InvalidArgumentError(AgentExecError):
    """A value can never be right, whatever the jobs are: a bad id, number or pattern."""

    code = "invalid_argument"


class InvalidSignalError(AgentExecError):
    """A signal that is unknown or that jobs are not sent."""

    code = "invalid_signal"


class StdinRequiredError(AgentExecError):
    """``--stdin -`` was given on a terminal."""

    code = "stdin_required"

    def __init__(self) -> None:
        super().__init__(
            "stdin_required: --stdin - requires non-interactive stdin (pipe/heredoc/redirect)"
        )


class StdinTooLargeError(AgentExecError):
    """The standard input to keep is larger than allowed."""

    code = "stdin_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"stdin_too_large: input exceeds {limit_bytes} byte limit")


class LaunchFailedError(AgentExecError):
    """The job's command could not be started; the job is ``failed`` and keeps the reason."""

    code = "launch_failed"

    def __init__(self, reason: str, *, details: Details | None = None) -> None:
        super().__init__(f"supervisor launch failed: {reason}", details=details)
        self.reason = reason


class IdExhaustedError(AgentExecError):
    """No unused job id was found: the source of randomness is broken."""

    code = "io_error"


class UnverifiedProcessError(AgentExecError):
    """A recorded pid cannot be proved to be the job's, so it is not signalled."""

    code = "unverified_process"


class SupervisorLostError(AgentExecError):
    """The job's supervisor is gone and the job's end cannot be told."""

    code = "supervisor_lost"


class MissingEnvError(AgentExecError):
    """A restart needs values that are deliberately stored nowhere."""

    code = "missing_env"

    def __init__(self, job_id: str, keys: Sequence[str]) -> None:
        flags = " ".join(f"--env {key}=VALUE" for key in keys)
        super().__init__(
            f"job {job_id} needs values that are not stored: {', '.join(keys)}; give {flags}",
            details={"keys": list(keys)},
        )


class UnsafeJobError(AgentExecError):
    """A job's directory, or a record in it, belongs to somebody else; it is only looked at."""

    code = "unsafe_job"


class UnsafeRootError(AgentExecError):
    """The jobs root belongs to somebody else; nothing is written there."""

    code = "unsafe_root"


def code_table() -> list[tuple[str, str, int, bool]]:
    """Every code on the wire: when it comes, the exit status, and whether to try again."""
    rows: dict[str, tuple[str, str, int, bool]] = {}

    def add(kind: type[AgentExecError]) -> None:
        when = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
        rows.setdefault(kind.code, (kind.code, when, EXIT_STATUS, kind.retryable))
        for below in kind.__subclasses__():
            if below.__module__ == __name__:
                add(below)

    for kind in AgentExecError.__subclasses__():
        add(kind)
    return sorted(rows.values())
