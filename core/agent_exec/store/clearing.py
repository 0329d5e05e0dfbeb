"""Removal of many jobs: each judged and set aside here, emptied in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import queue
import threading

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
        self._failures: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        thread = threading.Thread(target=self._run, name="emptier", daemon=True)
        with contextlib.suppress(RuntimeError):  # no thread to be had: each is emptied at once
            thread.start()
            self._thread = thread

    def take(self, job_id: str, dir_fd: int, aside: str) -> None:
        """Have a job's directory, now at *aside*, emptied and removed; returns before that.

        Args:
            job_id: whose it was.
            dir_fd: the directory, locked; closed when it is done with.
            aside: its path.
        """
        if self._thread is None:
            self._empty(dir_fd, aside, job_id)
        else:
            self._queue.put((dir_fd, aside, job_id))

    def close(self) -> dict[str, str]:
        """Wait until all is removed; gives the ids of those that could not be, and why."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        return self._failures

    def _run(self) -> None:
        while (taken := self._queue.get()) is not None:
            self._empty(*taken)

    def _empty(self, dir_fd: int, aside: str, job_id: str) -> None:
        try:
            removal.empty_and_remove(dir_fd, aside)
        except OSError as error:
            self._failures[job_id] = str(error.strerror)
        except Exception as error:  # noqa: BLE001  (one job's fault must not end the others')
            self._failures[job_id] = f"{type(error).__name__}: {error}"
        finally:
            os.close(dir_fd)


def set_aside_unless(
    job: JobDir, why_kept: Callable[[], str], lock_timeout_s: float, emptier: Emptier
) -> str:
    """Remove a job, or say why not.

    Its lock is held from the verdict until nothing of it is left, and it keeps its name until
    the verdict is final: whatever happens in between, a job that was not to go has not moved.

    Args:
        job: a job whose lock the caller does not hold.
        why_kept: asked once nobody of ours can change the job any more; empty lets it go.
        lock_timeout_s: how long to wait for whoever changes it now.
        emptier: does the rest, and tells what failed of it.

    Raises:
        JobNotFoundError, InvalidStateError: it went, or somebody keeps changing it.
        OSError: it cannot be set aside, and stands as it was.
    """
    # No file is made only to be locked and removed: that would take as long as all the rest.
    with job.locked(lock_timeout_s, makes_file=False) as lock:
        reason = why_kept()
        if not reason and not lock.is_whole():
            reason = "being_changed"  # by a program that came just before, and knows job.lock only
        if not reason:
            aside = removal.set_aside(job)
            emptier.take(job.job_id, lock.hand_over(), aside)
    return reason
