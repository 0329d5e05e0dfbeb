"""Removal of many jobs: each judged and set aside here, emptied in a thread of its own."""

from __future__ import annotations

import os
import queue
import threading

from agent_exec.model import records
from agent_exec.store import removal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.store.jobs import JobDir

_EMPTIED_LATER = 64  # directories held open meanwhile


class Emptier:
    """Empties what was set aside in a thread of its own, while the next job is looked at.

    Nearly all of its time passes in the kernel, so the two run side by side.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[int, str, str] | None] = queue.Queue(_EMPTIED_LATER)
        self._failures: dict[str, OSError] = {}
        self._thread = threading.Thread(target=self._run, name="emptier", daemon=True)
        self._thread.start()

    def take(self, job: JobDir, aside: str) -> None:
        """Have a job's directory, now at *aside*, emptied and removed; returns before that."""
        self._queue.put((os.dup(job.fd), aside, job.job_id))

    def close(self) -> dict[str, OSError]:
        """Wait until all is removed; gives the ids of those that could not be, and why."""
        self._queue.put(None)
        self._thread.join()
        return self._failures

    def _run(self) -> None:
        while (taken := self._queue.get()) is not None:
            dir_fd, aside, job_id = taken
            try:
                removal.empty_and_remove(dir_fd, aside)
            except OSError as error:
                self._failures[job_id] = error
            finally:
                os.close(dir_fd)


def set_aside_unless(
    job: JobDir, why_kept: Callable[[], str], lock_timeout_s: float, emptier: Emptier
) -> str:
    """Remove a job, or say why not.

    Args:
        job: a job whose lock the caller does not hold.
        why_kept: asked once nobody of ours can change the job any more; empty lets it go.
        lock_timeout_s: how long to wait for whoever changes it now.
        emptier: does the rest, and tells what failed of it.

    Raises:
        JobNotFoundError, InvalidStateError: it went, or somebody keeps changing it.
        OSError: it cannot be set aside, and stands as it was.
    """
    if _has(job.fd, records.JOB_LOCK_FILE):
        with job.locked(lock_timeout_s):
            reason = why_kept()
            if not reason:
                emptier.take(job, removal.set_aside(job))
        return reason
    # Nobody ever locked it, and making the file only to remove it would cost as much as all the
    # rest (170 of 400 us). Set aside, it is out of everybody's reach just as well.
    aside = removal.set_aside(job)
    try:
        if not os.path.samestat(os.stat(aside, follow_symlinks=False), os.fstat(job.fd)):
            reason = "changed_meanwhile"
        elif _has(job.fd, records.JOB_LOCK_FILE):
            reason = "being_changed"  # by somebody who came just before
        else:
            reason = why_kept()
    except BaseException:
        os.rename(aside, job.path)
        raise
    if reason:
        os.rename(aside, job.path)
    else:
        emptier.take(job, aside)
    return reason


def _has(dir_fd: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except OSError:
        return False
    return True
