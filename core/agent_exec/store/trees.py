"""Trees that jobs made, summed up and removed: as deep as they like, with few descriptors.

Nothing in here calls itself: a command may nest directories deeper than Python nests calls, and
deeper than a process may have files open.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HELD_OPEN = 8  # of the way back up; what lies further up is found again by ".."
_OWNER_MODE = 0o700


class _Level:
    """One directory on the way down; whoever leaves it closes it."""

    __slots__ = ("fd", "name", "status", "waiting")

    def __init__(self, fd: int, name: str, waiting: list[str]) -> None:
        self.fd = fd
        self.name = name
        self.status = os.fstat(fd)
        self.waiting = waiting


def _walk(
    top_fd: int,
    enter: Callable[[int], list[str]],
    open_child: Callable[[int, str], int],
    leave: Callable[[int, str], None],
) -> None:
    """Visit a directory and all below it, parents first, and each once more when it is done.

    Args:
        top_fd: stays the caller's.
        enter: does what is to be done in an open directory; gives the names to go down into.
        open_child: opens one of them, or raises OSError to leave it out.
        leave: gets the parent and the name of each directory that is done.

    Raises:
        OSError: somebody moved a directory while we were below it.
    """
    waiting = enter(top_fd)
    if not waiting:
        return
    path = [_Level(os.dup(top_fd), "", waiting)]
    try:
        while True:
            here = path[-1]
            if here.waiting:
                name = here.waiting.pop()
                try:
                    child_fd = open_child(here.fd, name)
                except OSError:
                    continue
                path.append(_Level(child_fd, name, []))
                if len(path) > _HELD_OPEN:
                    _close(path[-1 - _HELD_OPEN])
                path[-1].waiting = enter(child_fd)
            elif len(path) == 1:
                return
            else:
                if path[-2].fd < 0:
                    _reopen(path[-2], here.fd)
                _close(path.pop())
                leave(path[-1].fd, here.name)
    finally:
        for level in path:
            _close(level)


def _close(level: _Level) -> None:
    if level.fd >= 0:
        os.close(level.fd)
        level.fd = -1


def _reopen(level: _Level, child_fd: int) -> None:
    fd = os.open("..", OPEN_DIRECTORY, dir_fd=child_fd)
    if not os.path.samestat(os.fstat(fd), level.status):
        os.close(fd)
        raise OSError(errno.ESTALE, "a directory was moved while it was looked through")
    level.fd = fd


class _Summing:
    """Adds up the sizes of ordinary files; what cannot be read counts nothing."""

    def __init__(self, left_out: frozenset[str]) -> None:
        self.size_bytes = 0
        self._left_out = left_out

    def enter(self, fd: int) -> list[str]:
        found, look = [], os.stat
        try:
            names = os.listdir(fd)
        except OSError:
            return []
        for name in names:
            if name in self._left_out:
                continue
            try:
                status = look(name, dir_fd=fd, follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                self.size_bytes += status.st_size
            elif stat.S_ISDIR(status.st_mode):
                found.append(name)
        return found

    def open_child(self, fd: int, name: str) -> int:
        return os.open(name, OPEN_DIRECTORY, dir_fd=fd)

    def leave(self, _fd: int, _name: str) -> None:
        """Nothing: it was only looked at."""


def size_below(dir_fd: int, left_out: frozenset[str] = frozenset()) -> int:
    """Add up the sizes of all ordinary files in a directory and below; links count nothing.

    Args:
        dir_fd: the directory, open.
        left_out: names of files that are known to be empty.
    """
    summing = _Summing(left_out)
    with contextlib.suppress(OSError):  # somebody moves things about: what was seen until then
        _walk(dir_fd, summing.enter, summing.open_child, summing.leave)
    return summing.size_bytes


class _Emptying:
    """Unlinks everything it can, and remembers the first thing that it could not."""

    def __init__(self, device: int) -> None:
        self.problem: OSError | None = None
        self._device = device

    def enter(self, fd: int) -> list[str]:
        try:
            return self._unlink_files(fd)
        except PermissionError as error:
            try:
                os.fchmod(fd, _OWNER_MODE)
                return self._unlink_files(fd)
            except OSError:
                return self._failed(error)
        except OSError as error:
            return self._failed(error)

    def _failed(self, error: OSError) -> list[str]:
        self.problem = self.problem or error
        return []

    def _unlink_files(self, fd: int) -> list[str]:
        with os.scandir(fd) as entries:
            # Read to the end first: unlinking while reading may hide entries on some systems.
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        directories, problem, remove = [], None, os.unlink
        for name, is_directory in found:
            if is_directory:
                directories.append(name)
                continue
            try:
                remove(name, dir_fd=fd)
            except FileNotFoundError:
                continue
            except OSError as error:
                problem = problem or error
        if (directories or problem is not None) and not _has_owner_mode(fd):
            # A right its owner took from it, as read-only caches do: for this user to give back.
            raise problem or PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self.problem = self.problem or problem
        return directories

    def open_child(self, fd: int, name: str) -> int:
        try:
            child_fd = _open_by_right(fd, name)
        except FileNotFoundError:
            raise
        except OSError as error:
            self._failed(error)
            raise
        if os.fstat(child_fd).st_dev != self._device:
            # Somebody mounted another file system there, which is no job's to empty.
            os.close(child_fd)
            problem = OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)
            self._failed(problem)
            raise problem
        return child_fd

    def leave(self, fd: int, name: str) -> None:
        try:
            os.rmdir(name, dir_fd=fd)
        except FileNotFoundError:
            return
        except OSError as error:
            self._failed(error)


def empty(dir_fd: int) -> OSError | None:
    """Remove what is in an open directory, never through a link; gives the first failure.

    Directories that their owner, this user, may not write to are made writable first.
    """
    emptying = _Emptying(os.fstat(dir_fd).st_dev)
    try:
        _walk(dir_fd, emptying.enter, emptying.open_child, emptying.leave)
    except OSError as error:
        return emptying.problem or error
    return emptying.problem


def _has_owner_mode(fd: int) -> bool:
    return os.fstat(fd).st_mode & _OWNER_MODE == _OWNER_MODE


def _open_by_right(dir_fd: int, name: str) -> int:
    """Open a directory, giving this user the right to if it is this user's.

    Raises:
        OSError: it is gone, no directory, or somebody else's.
    """
    try:
        return os.open(name, OPEN_DIRECTORY, dir_fd=dir_fd)
    except PermissionError:
        if not hasattr(os, "O_PATH"):
            os.chmod(name, _OWNER_MODE, dir_fd=dir_fd, follow_symlinks=False)
            return os.open(name, OPEN_DIRECTORY, dir_fd=dir_fd)
    # By a descriptor: a name may be a link to anywhere a moment later.
    path_fd = os.open(
        name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd
    )
    try:
        os.chmod(f"/proc/self/fd/{path_fd}", _OWNER_MODE)
        return os.open(f"/proc/self/fd/{path_fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(path_fd)
