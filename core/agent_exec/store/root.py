"""Where jobs live, and whether that place may be trusted."""

from __future__ import annotations

import os
import stat

from agent_exec.errors import InternalError, UnsafeRootError
from agent_exec.store.atomic import DIRECTORY_MODE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT_VARIABLE = "AGENT_EXEC_ROOT"


def resolve_root(flag: str | None, environ: Mapping[str, str]) -> str:
    """Find the jobs root and make it absolute; nothing is created.

    First hit wins: the flag (``""`` is the current directory), ``AGENT_EXEC_ROOT``,
    ``$XDG_DATA_HOME/agent-exec/jobs``, ``~/.local/share/agent-exec/jobs``.
    """
    if flag is not None:
        return os.path.abspath(flag)
    if environ.get(ROOT_VARIABLE):
        return os.path.abspath(environ[ROOT_VARIABLE])
    if environ.get("XDG_DATA_HOME"):
        return os.path.abspath(os.path.join(environ["XDG_DATA_HOME"], "agent-exec", "jobs"))
    home = environ.get("HOME") or os.path.expanduser("~")
    return os.path.abspath(os.path.join(home, ".local", "share", "agent-exec", "jobs"))


def ensure_root(root: str) -> None:
    """Create the root with mode 0700 if it is missing.

    Raises:
        InternalError: it cannot be created, or is not a directory.
        UnsafeRootError: it belongs to another user.
    """
    try:
        os.makedirs(root, mode=DIRECTORY_MODE, exist_ok=True)
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
    if writable_by_others and not status.st_mode & stat.S_ISVTX:
        warnings.append(
            f"jobs root {root} can be written by others (mode {stat.S_IMODE(status.st_mode):o}): "
            "they can replace your jobs; chmod 700 it"
        )
    return warnings
