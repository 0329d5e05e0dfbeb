"""What a job id is: one path component, given whole or as a prefix."""

from __future__ import annotations

from agent_exec.errors import AmbiguousJobIdError, InvalidArgumentError, JobNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ID_RANDOM_BYTES = 16
SHORT_ID_CHARS = 7
MAX_ID_BYTES = 255  # a directory name on every file system we know


def new_job_id(random: bytes) -> str:
    """Make an id of 32 hex digits out of 16 random bytes."""
    if len(random) != ID_RANDOM_BYTES:
        raise ValueError(f"a job id needs {ID_RANDOM_BYTES} random bytes, not {len(random)}")
    return random.hex()


def short_id(job_id: str) -> str:
    """Cut an id to the seven characters people read."""
    return job_id[:SHORT_ID_CHARS]


def flaw_of(job_id: str) -> str | None:
    """Say why a string cannot be a job's directory name, or None if it can."""
    if not job_id:
        return "it is empty"
    if job_id.startswith("."):
        return "it starts with a dot"
    if "/" in job_id:
        return "it has a slash"
    if "\0" in job_id:
        return "it has a NUL"
    try:
        size_bytes = len(job_id.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return "it has half a character"
    if size_bytes > MAX_ID_BYTES:
        return f"it is longer than {MAX_ID_BYTES} bytes"
    return None


def require_id(job_id: str) -> None:
    """Let only single, visible path components pass, before any path is built from them.

    Raises:
        InvalidArgumentError: anything that could leave the root or name the root itself.
    """
    flaw = flaw_of(job_id)
    if flaw:
        shown = job_id if len(job_id) <= 80 else job_id[:77] + "..."
        raise InvalidArgumentError(
            f"not a job ID: {shown!r}: {flaw}; give an ID or prefix as shown by `list`"
        )


def resolve_prefix(prefix: str, names: Iterable[str]) -> str:
    """Find the one name that starts with *prefix*.

    Raises:
        JobNotFoundError: none does.
        AmbiguousJobIdError: several do.
    """
    matches = [name for name in names if name.startswith(prefix)]
    if not matches:
        raise JobNotFoundError(prefix)
    if len(matches) > 1:
        raise AmbiguousJobIdError(prefix, matches)
    return matches[0]
