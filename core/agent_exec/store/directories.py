"""The directories of jobs before they are read: which there are, and when each last changed."""

from __future__ import annotations

import os
import stat
from operator import itemgetter

from agent_exec.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.store.jobs import JobStore

    # Name, mtime_ns, inode: plain, for a hundred thousand of them are made in one go.
    FoundDirectory = tuple[str, int, int]

_mtime_ns = itemgetter(1)


def open_root(store: JobStore) -> int | None:
    """Open the root, which the caller closes; None when there is none yet.

    Raises:
        InternalError: it is there and cannot be read.
    """
    try:
        return os.open(store.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        doing = f"failed to read root directory {store.root}"
        raise InternalError.from_os_error(error, doing) from None


def find_directories(store: JobStore) -> list[FoundDirectory]:
    """Find every job directory with one stat each, last changed first.

    Raises:
        InternalError: the root is there and cannot be read.
    """
    root_fd = open_root(store)
    if root_fd is None:
        return []
    try:
        found = look_at(root_fd, os.listdir(root_fd))
    finally:
        os.close(root_fd)
    found.sort(key=_mtime_ns, reverse=True)
    return found


def look_at(root_fd: int, names: Iterable[str]) -> list[FoundDirectory]:
    """Stat the directories of these names; what is hidden, gone or no directory is left out."""
    found: list[FoundDirectory] = []
    look, is_directory = os.stat, stat.S_ISDIR
    for name in names:
        if name[0] == ".":
            continue
        try:
            status = look(name, dir_fd=root_fd, follow_symlinks=False)
        except OSError:
            continue  # removed meanwhile
        if is_directory(status.st_mode):
            found.append((name, status.st_mtime_ns, status.st_ino))
    return found
