"""The environment a job's command gets, and what of it may be shown."""

from __future__ import annotations

import os

from agent_exec.commands.arguments import require_texts
from agent_exec.commands.source_file import open_source, read_source
from agent_exec.errors import InternalError, InvalidArgumentError, MissingEnvError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent_exec.model.job import JobMeta

MASKED_VALUE = "***"
_COERCED_TO = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
_QUIET_S = 5.0  # the job's lock is held meanwhile
# What Rust trims; Python's own list has four separators more (U+001C to U+001F).
_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_MAX_ENV_FILE_BYTES = 8 * 1024 * 1024  # more than execve takes on any system


def key_of(entry: str) -> str:
    """The text before the first ``=``."""
    return entry.partition("=")[0]


def require_entries(entries: Iterable[str]) -> None:
    """Let only ``--env`` entries pass that a process can be given and that name a key.

    Raises:
        InvalidArgumentError: one does not.
    """
    for entry in require_texts("--env", entries):
        if not key_of(entry):
            raise InvalidArgumentError("--env needs KEY=VALUE; one begins with the = sign")


def displayed(entries: Iterable[str], mask: Iterable[str]) -> tuple[str, ...]:
    """Hide the values of masked keys; an entry without ``=`` has none to hide."""
    hidden = frozenset(mask)
    return tuple(
        f"{key_of(entry)}={MASKED_VALUE}" if "=" in entry and key_of(entry) in hidden else entry
        for entry in entries
    )


def runtime_entries(job_id: str, meta: JobMeta, given: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The ``--env`` entries of one launch: what meta.json keeps, then what is *given* now.

    Raises:
        MissingEnvError: values were masked by ``run``, hence stored nowhere, and are not given.
    """
    given_keys = frozenset(key_of(entry) for entry in given)
    kept = tuple(
        entry for entry in meta.env_vars_runtime or meta.env_vars if key_of(entry) not in given_keys
    )
    if not meta.env_vars_runtime:
        hidden = frozenset(meta.mask)
        missing = [key_of(entry) for entry in kept if key_of(entry) in hidden and "=" in entry]
        if missing:
            raise MissingEnvError(job_id, list(dict.fromkeys(missing)))
    return kept + given


def inherited(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What commands inherit of *environ*: without the LC_CTYPE that Python adds to its own.

    Started in the C locale it sets one with UTF-8 for itself (PEP 538); a job shall have what
    its caller has.
    """
    if environ is not os.environ or environ.get("LC_CTYPE") not in _COERCED_TO:
        return environ
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return environ
    name = b"LC_CTYPE="
    given = next((entry[len(name) :] for entry in entries if entry.startswith(name)), None)
    restored = dict(environ)
    del restored["LC_CTYPE"]
    if given is not None:
        restored["LC_CTYPE"] = os.fsdecode(given)
    return restored


def child_environment(
    meta: JobMeta, entries: Iterable[str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Build the child's environment: inherited or empty, env files as they are now, *entries*.

    The supervisor adds the job's own mark.

    Raises:
        InternalError: an env file cannot be read.
    """
    return {**(environ if meta.inherit_env else {}), **given_environment(meta, entries)}


def given_environment(meta: JobMeta, entries: Iterable[str]) -> dict[str, str]:
    """What was given for this job: env files as they are now, then *entries*.

    Raises:
        InternalError: an env file cannot be read.
    """
    environment: dict[str, str] = {}
    for path in meta.env_files:
        environment.update(_read_env_file(path))
    for entry in entries:
        key, _, value = entry.partition("=")
        environment[key] = value
    return environment


def _env_file_bytes(path: str) -> bytes:
    doing = f"read env file {path}"
    fd = open_source(path, doing)
    try:
        data = bytearray()
        for chunk in read_source(fd, doing, _QUIET_S):
            data += chunk
            if len(data) > _MAX_ENV_FILE_BYTES:
                raise InternalError(f"{doing}: larger than {_MAX_ENV_FILE_BYTES} bytes")
        return bytes(data)
    finally:
        os.close(fd)


def _read_env_file(path: str) -> dict[str, str]:
    """``KEY=VALUE`` lines; no quotes, no ``export``, no expansion: as the peers read them."""
    data = _env_file_bytes(path)
    if b"\0" in data:
        raise InternalError(f"read env file {path}: it has a NUL character")
    values = {}
    for line in os.fsdecode(data).split("\n"):
        stripped = line.strip(_BLANKS)
        if not stripped or stripped.startswith("#"):
            continue
        key, _, value = stripped.partition("=")
        if key:
            values[key] = value
    return values
