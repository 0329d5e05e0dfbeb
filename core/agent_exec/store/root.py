"""Where jobs live, and whether that place may be trusted."""

from __future__ import annotations

import os
import stat

from agent_exec.errors import (
    InternalError,
    InvalidArgumentError,
    UnsafeJobError,
    UnsafeRootError,
)
from agent_exec.model import records
from agent_exec.store.atomic import make_directories
from agent_exec.store.places import NO_HOME, home_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT_VARIABLE = "AGENT_EXEC_ROOT"

_SUPERUSER = 0
# What says whom to signal, what to run and who may: whoever wrote it decides for the caller.
_DECISIVE = (
    records.META_FILE,
    records.STATE_FILE,
    records.SUPERVISION_FILE,
    records.OPTIONS_FILE,
    records.STDIN_FILE,
    records.CLAIM_FILE,
    records.JOB_LOCK_FILE,
    records.SUPERVISOR_LOCK_FILE,
)


def resolve_root(flag: str | None, environ: Mapping[str, str]) -> str:
    """Find the jobs root and make it absolute; nothing is created.

    First hit wins: the flag (``""`` is the current directory), ``AGENT_EXEC_ROOT``,
    ``$XDG_DATA_HOME/agent-exec/jobs``, ``~/.local/share/agent-exec/jobs``.

    Raises:
        InvalidArgumentError: none of these, and no home either.
    """
    if flag is not None:
        return os.path.abspath(flag)
    if environ.get(ROOT_VARIABLE):
        return os.path.abspath(environ[ROOT_VARIABLE])
    if environ.get("XDG_DATA_HOME"):
        return os.path.abspath(os.path.join(environ["XDG_DATA_HOME"], "agent-exec", "jobs"))
    home = home_directory(environ)
    if home == NO_HOME:
        raise InvalidArgumentError(
            f"there is no home directory to keep jobs in: set HOME, or say where with --root or "
            f"${ROOT_VARIABLE}"
        )
    return os.path.abspath(os.path.join(home, ".local", "share", "agent-exec", "jobs"))


def ensure_root(root: str) -> None:
    """Create the root with mode 0700 if it is missing.

    Raises:
        InternalError: it cannot be created, or is not a directory.
        UnsafeRootError: it belongs to another user.
    """
    try:
        make_directories(root)
    except OSError as error:
        raise InternalError.from_os_error(error, f"create jobs root {root}") from None
    require_own_root(root)


def require_own_root(root: str) -> None:
    """Let only roots pass that nobody else owns.

    Raises:
        UnsafeRootError: whoever owns the directory could swap every file in it.
    """
    owner = os.stat(root).st_uid
    if owner != os.geteuid():
        raise UnsafeRootError(
            f"jobs root {root} belongs to user {owner}, not to you (user {os.geteuid()}); "
            "jobs are not written there, choose another one with --root",
            details={"root": root, "owner_uid": owner},
        )


def require_own_job(dir_fd: int, root: str, job_id: str) -> None:
    """Let only jobs pass that nobody else can have written.

    Raises:
        UnsafeJobError: its directory or a record is another user's, who would decide what is
            run and who is signalled in the caller's name.
    """
    trusted = _trusted_owners(root)
    owner = os.fstat(dir_fd).st_uid
    if owner not in trusted:
        raise _unsafe_job(f"job {job_id}", "job", job_id, owner)
    for name in _DECISIVE:
        try:
            owner = os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_uid
        except OSError:
            continue
        if owner not in trusted:
            raise _unsafe_job(f"{name} of job {job_id}", name, job_id, owner)


def strangers(root: str, names: Iterable[str]) -> dict[str, int]:
    """Find the jobs whose directory is not the caller's, and whose it is."""
    trusted = _trusted_owners(root)
    found = {}
    for name in names:
        try:
            owner = os.stat(os.path.join(root, name), follow_symlinks=False).st_uid
        except OSError:
            continue
        if owner not in trusted:
            found[name] = owner
    return found


def stranger_of(dir_fd: int, root: str, job_id: str) -> int | None:
    """Whose a job is, or a record in it, if not the caller's; None for our own."""
    try:
        require_own_job(dir_fd, root, job_id)
    except UnsafeJobError as error:
        owner = (error.details or {}).get("owner_uid")
        return owner if isinstance(owner, int) else None
    return None


def _trusted_owners(root: str) -> tuple[int, ...]:
    caller = os.geteuid()
    if caller != _SUPERUSER:
        return (caller,)
    try:
        return (caller, os.stat(root).st_uid)
    except OSError:
        return (caller,)


def _unsafe_job(what: str, which: str, job_id: str, owner: int) -> UnsafeJobError:
    return UnsafeJobError(
        f"{what} belongs to user {owner}, not to you (user {os.geteuid()}); it is only looked at, "
        "and never run, signalled, changed or removed",
        details={"job_id": job_id, "what": which, "owner_uid": owner},
    )


def root_warnings(root: str) -> list[str]:
    """Say what makes a root unsafe to trust; empty for a missing or a private one."""
    try:
        status = os.stat(root)
    except OSError:
        return []
    warnings = []
    if status.st_uid != os.geteuid():
        warnings.append(f"jobs root {root} belongs to user {status.st_uid}; it is only read")
    writable_by_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if writable_by_others and status.st_mode & stat.S_ISVTX:
        warnings.append(
            f"jobs can be put into jobs root {root} by others (mode "
            f"{stat.S_IMODE(status.st_mode):o}): theirs are only looked at; chmod 700 it"
        )
    elif writable_by_others:
        warnings.append(
            f"jobs root {root} can be written by others (mode {stat.S_IMODE(status.st_mode):o}): "
            "they can replace your jobs; chmod 700 it"
        )
    return warnings
