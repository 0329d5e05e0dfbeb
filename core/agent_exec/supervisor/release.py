"""Letting go of a lock that others may have copies of."""

from __future__ import annotations

import fcntl


def release(lock_fd: int) -> None:
    """Give the lock up, whoever was forked with a copy of its descriptor; it stays open.

    A program that starts jobs and forks in another thread makes such copies, and the job would
    look supervised for as long as the forked process lives.
    """
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_UN)
    except OSError:
        return  # the end of this process does it as well
