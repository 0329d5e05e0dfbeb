"""The cgroup of one run: its whole tree put into it, and its removal."""

from __future__ import annotations

import os

from agent_exec.process import cgroup, enclosed
from agent_exec.process.descendants import living_descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.supervisor.journal import Journal

# Moving a process makes the kernel wait for some 10 ms if it has not moved one for a while, and
# the very supervisor whose sudden end a cgroup is for finds all by descent as long as it lives.
# So a command that is over soon gets none, and nobody who waits for a start waits for it.
AFTER_S = 0.1
_LOOKS = 10


class Enclosure:
    """Makes nothing without a *directory* that is delegated to us.

    Attributes:
        due_at: when to ``fill`` it, monotonic seconds; None for never.
    """

    def __init__(self, directory: str | None, job_id: str, marks: tuple[bytes | None, ...]) -> None:
        self._marks = marks
        self.due_at: float | None = None
        self._directory = directory
        self._job_id = job_id
        self._path: str | None = None
        self._is_filled = False

    def begin(self, now_s: float) -> None:
        """Have it filled in a while."""
        if self._directory is not None:
            self.due_at = now_s + AFTER_S

    def fill(self, journal: Journal) -> None:
        """Move the child and all it has started into a cgroup of their own, if one can be had."""
        self.due_at = None
        if self._directory is None or not journal.is_ours():
            return
        path = cgroup.leaf_path(self._directory, self._job_id, journal.started_ns)
        try:
            os.mkdir(path, 0o755)
            # First said, then done: nothing may be in a cgroup that no record names.
            journal.note(cgroup=path)
            self._path = path
            cgroup.leave_leaf(self._directory)
            self._move_all(path)
            self._is_filled = True
        except OSError:
            if self._path is not None:
                self.remove()
                journal.note(cgroup=None)

    def _move_all(self, path: str) -> None:
        """Move every descendant; who is forked before its parent moved is seen by the next look."""
        moved: set[tuple[int, int]] = set()
        for _ in range(_LOOKS):
            found = {
                (s.pid, s.start_ticks): s for s in living_descendants(os.getpid(), self._marks)
            }
            if found.keys() <= moved:
                return
            for stat in [found[key] for key in found.keys() - moved]:
                try:
                    cgroup.add(path, stat)
                except ProcessLookupError:
                    continue
            moved |= found.keys()

    def kill(self) -> None:
        """Kill all that is in it, faster than it can fork; nothing where it was not filled well."""
        if self._path is not None and self._is_filled:
            enclosed.kill_at_once(self._path, self._job_id)

    def remove(self) -> None:
        """Remove it, unless something still lives in there."""
        if self._path is not None:
            cgroup.remove(self._path)
