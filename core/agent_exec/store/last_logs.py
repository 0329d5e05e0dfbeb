"""The logs of the run before, kept beside the new ones until the next run is there."""

from __future__ import annotations

import contextlib
import os

from agent_exec.model import records
from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.store.jobs import JobDir


def set_aside(job: JobDir) -> None:
    """Give the job empty logs; the caller holds its lock.

    Raises:
        OSError: the directory does not take them.
    """
    if are_forgotten(job):
        bring_back(job)
    for name in records.LOG_FILES:
        # New files, not emptied ones: a peer's old pump may still write at its old offset.
        with contextlib.suppress(FileNotFoundError):
            os.rename(name, _aside(name), src_dir_fd=job.fd, dst_dir_fd=job.fd)
        os.close(atomic.create_file(job.fd, name))


def bring_back(job: JobDir) -> None:
    """Have the last run's logs in their places again; the caller holds the job's lock."""
    for name in reversed(records.LOG_FILES):  # the first one last: it tells that there are any
        with contextlib.suppress(OSError):
            os.rename(_aside(name), name, src_dir_fd=job.fd, dst_dir_fd=job.fd)


def drop(job: JobDir) -> None:
    """Forget them."""
    for name in records.LOG_FILES:
        with contextlib.suppress(OSError):
            os.unlink(_aside(name), dir_fd=job.fd)


def are_forgotten(job: JobDir) -> bool:
    """Whether a restart was killed between setting them aside and saying so in a job that is over.

    Whatever runs after that writes its end; so a record older than the setting aside is still
    that of the run whose logs these are.
    """
    try:
        first = os.stat(_aside(records.LOG_FILES[0]), dir_fd=job.fd, follow_symlinks=False)
        record = os.stat(records.STATE_FILE, dir_fd=job.fd, follow_symlinks=False)
    except OSError:
        return False
    return record.st_mtime_ns <= first.st_ctime_ns


def _aside(name: str) -> str:
    return records.LAST_PREFIX + name
