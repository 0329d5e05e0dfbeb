"""Whether what a launch needs is there, looked at before anything is ended for it."""

from __future__ import annotations

import errno
import os
import stat

from agent_exec.commands.arguments import require_text, require_texts
from agent_exec.errors import InternalError
from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.model.job import JobMeta
    from agent_exec.store.jobs import JobDir


def require_passable(meta: JobMeta, entries: Iterable[str]) -> None:
    """Let only a definition pass of which a process can be given all; another program wrote it.

    Raises:
        InvalidArgumentError: a text in it has a NUL, or is none.
    """
    require_texts("the command", meta.command)
    require_texts("the shell wrapper", meta.shell_wrapper or ())
    require_texts("the environment", entries)
    require_texts("an env file's path", meta.env_files)
    require_text("the directory", meta.cwd or "")
    require_text("the standard input's name", meta.stdin_file or "")


def require_enterable(cwd: str | None) -> None:
    """Let only a directory pass that this user may enter.

    Raises:
        InternalError: it is not there, none, or shut.
    """
    if cwd is None:
        return
    try:
        if not stat.S_ISDIR(os.stat(cwd).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not _may_execute(cwd):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise InternalError.from_os_error(error, f"enter directory {cwd}") from None


def require_program(program: str, path: str | None, cwd: str | None) -> None:
    """Let only a program pass that is found where the launch will look for it.

    Raises:
        InternalError: it is not there, or may not be run.
    """
    places = [""] if "/" in program else (os.defpath if path is None else path).split(":")
    number = errno.ENOENT
    for place in places:
        candidate = os.path.join(cwd or "/", place, program)
        if os.path.isfile(candidate):
            if _may_execute(candidate):
                return
            number = errno.EACCES
    raise InternalError.from_os_error(OSError(number, os.strerror(number)), f"run {program}")


def require_stdin(job: JobDir, name: str | None) -> None:
    """Let only a kept standard input pass that can be opened.

    Raises:
        InternalError: it is gone, or no ordinary file.
    """
    if name is None:
        return
    try:
        os.close(atomic.open_regular(name, dir_fd=job.fd))
    except OSError as error:
        raise InternalError.from_os_error(error, f"open standard input {name}") from None


def require_writable(path: str | None) -> None:
    """Let only a log elsewhere pass that can be written; what it holds stays.

    Raises:
        InternalError: its directory cannot be made, or it is no ordinary file of ours to write.
    """
    if path is None or path == os.devnull:
        return
    directory = os.path.dirname(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        os.makedirs(directory, exist_ok=True)
        fd = os.open(path, flags, atomic.FILE_MODE)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
        finally:
            os.close(fd)
    except OSError as error:
        raise InternalError.from_os_error(error, f"open {path}") from None


def _may_execute(path: str) -> bool:
    return os.access(path, os.X_OK, effective_ids=os.access in os.supports_effective_ids)
