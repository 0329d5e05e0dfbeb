"""End a job's whole tree from its supervisor: TERM, time, then KILL until nothing is left."""

from __future__ import annotations

import os

from agent_exec.process.bare_signal import signal
from agent_exec.process.descendants import (
    children_of,
    is_supervisor,
    living_descendants,
)
from agent_exec.process.identity import read_stat
from agent_exec.process.mark import job_named_by
from agent_exec.process.signalling import signal_own_child, signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_KILL_ROUNDS = 20
_KILL_AGAIN_S = 0.05
_KILL_FOR_S = 5.0  # a process the kernel will not end (D state) must not keep us busy for ever


class TreeStop:
    """The steps of one stop; ``next_at`` is when the next is due, None when there is none."""

    def __init__(
        self, child_pid: int, marks: tuple[bytes | None, ...], kill_at_once: Callable[[], None]
    ) -> None:
        """Take the child's pid and marks, and what kills all at one stroke where it can be done."""
        self._marks = marks
        self._kill_at_once = kill_at_once
        self.next_at: float | None = None
        self._child_pid = child_pid
        self._is_killing = False
        self._give_up_at = 0.0

    def begin(self, now_s: float, kill_after_s: float, *, is_child_ours: bool) -> None:
        """Ask the tree to end, and have it killed *kill_after_s* later."""
        self.next_at = now_s + kill_after_s
        self._signal(signal.SIGTERM, is_child_ours=is_child_ours)

    def _signal(self, number: int, *, is_child_ours: bool) -> int:
        return signal_tree(self._child_pid, self._marks, number, is_child_ours=is_child_ours)

    def step(self, now_s: float, *, is_child_ours: bool) -> None:
        """Kill what is left; new processes may be made while we look, so look again."""
        if not self._is_killing:
            self._is_killing = True
            self._give_up_at = now_s + _KILL_FOR_S
        self._kill_at_once()
        for _ in range(_KILL_ROUNDS):
            # At once, not after a pause: what forks without end must not get the time to.
            if not self._signal(signal.SIGKILL, is_child_ours=is_child_ours):
                break
        is_left = is_child_ours or self._has_children()
        self.next_at = now_s + _KILL_AGAIN_S if is_left and now_s < self._give_up_at else None

    def _has_children(self) -> bool:
        """Whether anything of the job is below us, even if it is dead and not collected yet.

        A process that dies hands its children to us before it can be collected; so only an empty
        list means that nobody is left, no list of living ones does.
        """
        return any(
            not is_supervisor(pid) and job_named_by(pid) in self._marks
            for pid in children_of(os.getpid())
        )


def signal_tree(
    child_pid: int, marks: tuple[bytes | None, ...], number: int, *, is_child_ours: bool
) -> int:
    """Send a signal to the child's group and to every descendant outside it.

    Who is stopped and asked to end is continued, or it never would end.

    Args:
        child_pid: also the group's number.
        marks: see ``living_descendants``.
        number: the signal.
        is_child_ours: whether the child has not been reaped yet; only then do its pid and
            its group's number certainly mean it.

    Returns:
        How many descendants there were.
    """
    descendants = living_descendants(os.getpid(), marks)
    # Else it was reaped a moment ago, or all of its group changed its user.
    is_child_ours = is_child_ours and signal_own_child(child_pid, number, group=True)
    for process in descendants:
        if not is_child_ours or process.group != child_pid:
            signal_process(process, number)
    if number == signal.SIGTERM:
        for process in descendants:
            now = read_stat(process.pid)
            if process.is_hidden or (now is not None and now.state == "T"):
                signal_process(process, signal.SIGCONT)
    return len(descendants)
