"""Whether the system watches all that it was asked to, and the name of the limit if it does not."""

from __future__ import annotations

import errno
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NO_WATCHES = "no file watches left (fs.inotify.max_user_watches)"
NO_INSTANCES = "no inotify instances left (fs.inotify.max_user_instances)"
NO_DESCRIPTORS = "no file descriptors left (ulimit -n)"
NO_FILES = "no open files left in the system (fs.file-max)"
_WATCHES_SHARE = 0.5  # of what the user may have: other programs watch too
_WATCH_LIMIT_FILE = "/proc/sys/fs/inotify/max_user_watches"
_FDS = "/proc/self/fd"
_AGAIN_S = 1.0
_SHARE = 0.01  # of a core, at most, for counting
_TIMES = 2  # a directory that is just being made is not watched yet


def allowed_watches() -> int:
    """How many directories to watch at most."""
    try:
        with open(_WATCH_LIMIT_FILE, encoding="ascii") as file:
            return int(int(file.read()) * _WATCHES_SHARE)
    except (OSError, ValueError):
        return 10**9  # no inotify: macOS watches a tree as one


def limit_named(error: Exception) -> str:
    """Name the limit that is reached; "" if *error* is about something else."""
    number, text = getattr(error, "errno", None), str(error)
    if number == errno.ENOSPC or "MaxFilesWatch" in text or "(os error 28)" in text:
        return NO_WATCHES
    if number == errno.EMFILE or "(os error 24)" in text:
        return NO_DESCRIPTORS if _has_no_descriptor() else NO_INSTANCES
    if number == errno.ENFILE or "(os error 23)" in text:
        return NO_FILES
    return ""


def _has_no_descriptor() -> bool:
    # More than one: what is made of several descriptors fails before the last is gone.
    taken: list[int] = []
    try:
        while len(taken) < 4:
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return True
    finally:
        for fd in taken:
            os.close(fd)
    return False


def inotify_fds() -> frozenset[str]:
    """The descriptors of this process that watch files."""
    found = set()
    try:
        names = os.listdir(_FDS)
    except OSError:
        return frozenset()
    for name in names:
        try:
            if "inotify" in os.readlink(os.path.join(_FDS, name)):
                found.add(name)
        except OSError:
            continue
    return frozenset(found)


def directories_in(root: str) -> int:
    """How many directories a watch of *root* and what is in it has to watch, itself included."""
    count = 1
    with os.scandir(root) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                count += os.access(entry.path, os.R_OK)  # others' cannot be watched
    return count


def directories_among(paths: list[str]) -> int:
    """How many of these can be watched."""
    return sum(os.path.isdir(path) and os.access(path, os.R_OK) for path in paths)


class WatchCount:
    """Counts the watches that were set since it was made: what is missing, nobody else tells."""

    def __init__(self, expected: Callable[[], int]) -> None:
        """Prepare.

        Args:
            expected: how many there should be.
        """
        self._before = inotify_fds()
        self._expected = expected
        self._short = 0
        self._next_s = 0.0
        self._is_due = True

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last count found too few."""
        return self._short > 0

    def is_short(self, *, has_new: bool) -> bool:
        """Whether some are missing for good; asked often, and counted where something is new."""
        self._is_due |= has_new
        begin = time.monotonic()
        if not self._is_due or begin < self._next_s:
            return False
        held = self._held()
        try:
            is_short = held is not None and held < self._expected()
        except OSError:
            is_short = False  # the root goes: who follows it notices
        took_s = time.monotonic() - begin
        self._short = self._short + 1 if is_short else 0
        self._is_due = is_short
        self._next_s = begin + max(_AGAIN_S if is_short else 0.0, took_s / _SHARE)
        return self._short >= _TIMES

    def _held(self) -> int | None:
        fds = inotify_fds() - self._before
        if not fds:
            return None
        count = 0
        for name in fds:
            try:
                with open(f"/proc/self/fdinfo/{name}", encoding="ascii") as file:
                    count += sum(line.startswith("inotify ") for line in file)
            except OSError:
                return None
        return count
