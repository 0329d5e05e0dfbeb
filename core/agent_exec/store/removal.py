"""Removal of job directories: set aside by one rename, then emptied without following links."""

from __future__ import annotations

import contextlib
import errno
import os
import time

from agent_exec.model import records
from agent_exec.store import locks, story, trees
from agent_exec.store.jobs import REMOVAL_PREFIX, STAGING_PREFIX
from agent_exec.store.trees import OPEN_DIRECTORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.store.jobs import JobDir, JobStore

# Version 0.1.0 hid jobs under such a name while it still judged them.
_OLD_PREFIX = ".gone-"
_OLD_STALE_S = 60.0
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY})
_ID_BYTES = 200  # of an id in the name of what is removed; a name has 255
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
    """Hide a job, whose lock the caller holds until it is empty, as what is to be removed.

    Nothing brings it back: whoever finds it unlocked finishes the work. Returns its new path.
    """
    name = os.fsencode(job.job_id)[:_ID_BYTES].decode("utf-8", "ignore")
    aside = os.path.join(job.root, f"{REMOVAL_PREFIX}{name}-{os.urandom(4).hex()}")
    os.rename(job.path, aside)
    return aside


def remove_tree(path: str) -> None:
    """Remove a directory and all below it, never through a link.

    Raises:
        OSError: something could not be removed; the rest is.
    """
    fd = os.open(path, OPEN_DIRECTORY)
    try:
        empty_and_remove(fd, path)
    finally:
        os.close(fd)


def remove_unless_taken(path: str) -> bool:
    """Remove a directory and all below it if nobody has it locked; False if somebody has.

    Raises:
        OSError: something could not be removed; the rest is.
    """
    fd = os.open(path, OPEN_DIRECTORY)
    try:
        # Looked for once more under the lock: it may have been brought back meanwhile.
        if not locks.try_lock_directory(fd) or not _is_at(fd, path):
            return False
        empty_and_remove(fd, path)
    finally:
        os.close(fd)
    return True


def _is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(fd))
    except OSError:
        return False


def empty_and_remove(dir_fd: int, path: str) -> None:
    """Remove what is in an open directory, and the directory, which lies at *path*.

    Raises:
        OSError: something could not be removed; the rest is.
    """
    for attempt in range(_ATTEMPTS):
        problem = trees.empty(dir_fd)
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return  # somebody swept it
        except OSError as error:
            # A supervisor that still captures output may have put another file there.
            if error.errno != errno.ENOTEMPTY or attempt == _ATTEMPTS - 1:
                raise problem or error from None
            if problem is not None and problem.errno in _LASTING:
                raise problem from None
        else:
            return


def size_of_job(store: JobStore, name: str) -> int:
    """Add up what a job's directory holds; 0 when it cannot be read."""
    try:
        fd = os.open(os.path.join(store.root, name), OPEN_DIRECTORY)
    except OSError:
        return 0
    try:
        return trees.size_below(fd, _EMPTY_FILES)
    finally:
        os.close(fd)


def sweep_leftovers(store: JobStore) -> None:
    """Remove what crashed removals and creations left hidden in the root; never raises.

    Whoever removes or makes a job holds the lock of its directory all the while: what can be
    locked is nobody's.
    """
    try:
        hidden = [name for name in os.listdir(store.root) if name.startswith(".")]
    except OSError:
        return
    for name in hidden:
        path = os.path.join(store.root, name)
        if not _is_leftover(name, path):
            continue
        try:
            remove_unless_taken(path)
        except FileNotFoundError:
            continue  # somebody else is at it
        except OSError as error:
            story.logger(__name__).warning("cannot remove leftover %s: %s", path, error)


def _is_leftover(name: str, path: str) -> bool:
    if name.startswith(REMOVAL_PREFIX):
        return True
    if name.startswith(STAGING_PREFIX):
        return _is_quiet(path, _STAGING_STALE_S)
    return name.startswith(_OLD_PREFIX) and _was_renamed_long_ago(path)


def _was_renamed_long_ago(path: str) -> bool:
    try:
        return time.time() - os.stat(path, follow_symlinks=False).st_ctime > _OLD_STALE_S
    except OSError:
        return False


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
