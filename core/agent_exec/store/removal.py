"""Removal of job directories: set aside by one rename, then emptied without following links."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time

from agent_exec.model import records
from agent_exec.store import story
from agent_exec.store.jobs import REMOVAL_PREFIX, STAGING_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_exec.store.jobs import JobDir, JobStore

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A job being made may wait for its standard input, but writes when there is some.
_STAGING_STALE_S = 3600.0
_TEMP_STALE_S = 60.0
_ATTEMPTS = 5

_EMPTY_FILES = frozenset({records.JOB_LOCK_FILE, records.SUPERVISOR_LOCK_FILE, records.CLAIM_FILE})
KNOWN_NAMES = frozenset(
    {
        records.META_FILE,
        records.STATE_FILE,
        records.SUPERVISION_FILE,
        records.OPTIONS_FILE,
        records.COMPLETION_EVENT_FILE,
        records.NOTIFICATION_EVENTS_FILE,
        records.STDIN_FILE,
        *records.LOG_FILES,
        *(records.LAST_PREFIX + name for name in records.LOG_FILES),
        records.CLAIM_FILE,
        records.JOB_LOCK_FILE,
        records.SUPERVISOR_LOCK_FILE,
        # The peers' newest generation:
        "abandon.lock",
        "abandon_control.json",
    }
)


def foreign_names(job: JobDir) -> list[str]:
    """Name what lies in a job's directory and is neither the contract's nor ours.

    Symbolic links do not count: removing one loses nothing.

    Raises:
        OSError: the directory cannot be read.
    """
    with os.scandir(job.fd) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name not in KNOWN_NAMES
            and not entry.name.startswith(records.TEMP_PREFIX)
            and not entry.is_symlink()
        )


def remove_job(job: JobDir) -> None:
    """Remove a job whose lock the caller holds; nobody ever sees half of it.

    Raises:
        OSError: it could not be set aside (it stands as it was) or not be emptied (the rest is
            hidden, and the next removal in this root sweeps it).
    """
    aside = set_aside(job)
    empty_and_remove(job.fd, aside)


def set_aside(job: JobDir) -> str:
    """Hide a job under a name that no job has; returns its new path."""
    aside = os.path.join(job.root, f"{REMOVAL_PREFIX}{job.job_id[:200]}-{os.urandom(4).hex()}")
    os.rename(job.path, aside)
    return aside


def remove_tree(path: str) -> None:
    """Remove a directory and all below it, never through a link.

    Raises:
        OSError: something could not be removed; the rest is.
    """
    fd = os.open(path, _OPEN_DIRECTORY)
    try:
        empty_and_remove(fd, path)
    finally:
        os.close(fd)


def empty_and_remove(dir_fd: int, path: str) -> None:
    """Remove what is in an open directory, and the directory, which lies at *path*.

    Raises:
        OSError: something could not be removed; the rest is.
    """
    for attempt in range(_ATTEMPTS):
        _empty(dir_fd)
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return  # somebody swept it
        except OSError as error:
            # A supervisor that still captures output may have put another file there.
            if error.errno != errno.ENOTEMPTY or attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _empty(dir_fd: int) -> None:
    with os.scandir(dir_fd) as entries:
        # Read to the end first: unlinking while reading may hide entries on some systems.
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if is_directory:
            with contextlib.suppress(FileNotFoundError):
                _remove_directory_in(dir_fd, name)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=dir_fd)


def _remove_directory_in(dir_fd: int, name: str) -> None:
    fd = os.open(name, _OPEN_DIRECTORY, dir_fd=dir_fd)
    try:
        _empty(fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=dir_fd)


def size_below(dir_fd: int) -> int:
    """Add up the sizes of all ordinary files in a directory and below; links count nothing."""
    return sum(_sizes(dir_fd))


def _sizes(dir_fd: int) -> Iterator[int]:
    try:
        names = os.listdir(dir_fd)
    except OSError:
        return
    for name in names:
        if name in _EMPTY_FILES:
            continue
        try:
            status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield status.st_size
            elif stat.S_ISDIR(status.st_mode):
                fd = os.open(name, _OPEN_DIRECTORY, dir_fd=dir_fd)
                try:
                    yield from _sizes(fd)
                finally:
                    os.close(fd)
        except OSError:
            continue


def size_of_job(store: JobStore, name: str) -> int:
    """Add up what a job's directory holds; 0 when it cannot be read."""
    try:
        fd = os.open(os.path.join(store.root, name), _OPEN_DIRECTORY)
    except OSError:
        return 0
    try:
        return size_below(fd)
    finally:
        os.close(fd)


def sweep_leftovers(store: JobStore) -> None:
    """Remove what crashed removals and creations left hidden in the root; never raises."""
    try:
        hidden = [name for name in os.listdir(store.root) if name.startswith(".")]
    except OSError:
        return
    for name in hidden:
        path = os.path.join(store.root, name)
        is_leftover = name.startswith(REMOVAL_PREFIX) or (
            name.startswith(STAGING_PREFIX) and _is_quiet(path, _STAGING_STALE_S)
        )
        if not is_leftover:
            continue
        try:
            remove_tree(path)
        except FileNotFoundError:
            continue  # somebody else is at it
        except OSError as error:
            story.logger(__name__).warning("cannot remove leftover %s: %s", path, error)


def _is_quiet(path: str, age_s: float) -> bool:
    """Whether nothing directly in a directory changed for *age_s* seconds."""
    try:
        with os.scandir(path) as entries:
            changed = [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
        changed.append(os.stat(path, follow_symlinks=False).st_mtime)
    except OSError:
        return False
    return time.time() - max(changed) > age_s


def sweep_temporary_files(job: JobDir, *, stale_s: float = _TEMP_STALE_S) -> None:
    """Remove what crashed writers left in a job whose lock the caller holds; never raises.

    A living supervisor keeps space in hand under such a name; while there is one, all stays.
    """
    if job.has_supervisor():
        return
    now_s = time.time()
    for name in temporary_files(job):
        with contextlib.suppress(OSError):
            status = os.stat(name, dir_fd=job.fd, follow_symlinks=False)
            if now_s - status.st_mtime >= stale_s:
                os.unlink(name, dir_fd=job.fd)


def temporary_files(job: JobDir) -> list[str]:
    """The names of records that were never put in place; none where they cannot be listed."""
    try:
        return [name for name in os.listdir(job.fd) if name.startswith(records.TEMP_PREFIX)]
    except OSError:
        return []
