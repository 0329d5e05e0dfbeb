"""Two halves of a long piece of work, one of them in a child process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def can_split() -> bool:
    """Whether a child of this very process can take a half: another core, and no other thread.

    A thread could hold a lock at the moment of the fork, which nobody would release in the child.
    """
    threading = sys.modules.get("threading")
    has_threads = threading is not None and threading.active_count() > 1
    return sys.platform == "linux" and not has_threads and _has_two_cores()


def _has_two_cores() -> bool:
    try:
        return len(os.sched_getaffinity(0)) > 1
    except OSError:
        return False  # a sandbox may not let us ask


class OtherHalf:
    """Work that a child process does meanwhile; owned by whoever asks for its result.

    Args:
        work: gives bytes; it must not need anything but the processor and files.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._fd, theirs = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._fd)
            os.close(theirs)
            raise
        if not self._pid:
            _do(work, theirs)
        os.close(theirs)

    def result(self) -> bytes | None:
        """Wait for the child and give what it made; None if it failed."""
        with open(self._fd, "rb") as pipe:
            made = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        return made if status == 0 else None


def _do(work: Callable[[], bytes], fd: int) -> None:
    status = 1
    try:
        with open(fd, "wb") as pipe:
            pipe.write(work())
        status = 0
    finally:
        os._exit(status)  # nothing of the parent's is to be flushed or cleaned up twice
