"""A cleaning in a process of its own: neither looking nor removing makes a key wait.

In a thread, what looks at 10,000 jobs has the interpreter for half of the time. The process stops
once this side of its socket says no more, however that comes about.
"""

from __future__ import annotations

import contextlib
import pickle
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_exec.commands.gc import GcPolicy, GcProgress, GcReport, collect_garbage, plan
from agent_exec.errors import InternalError
from agent_exec.store.jobs import JobStore
from agent_exec_tui.child_program import end_child, start_child
from agent_exec_tui.clean_plan import Stock

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.store.trash import Trash

_MODULE = "agent_exec_tui.clean_program"
_LOOK_S = 0.05
_TOLD_EVERY_S = 0.25
_END_LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be removed.

    Attributes:
        only: the ids that were listed.
        spare: the ids that stay.
        trash: where to, None for good.
    """

    root: str
    policy: GcPolicy
    only: frozenset[str]
    spare: frozenset[str]
    trash: Trash | None

    def carry_out(
        self, tell: Callable[[GcProgress], None], should_stop: Callable[[], bool]
    ) -> GcReport:
        """Remove it, in this process; progress is told now and then.

        Raises:
            AgentExecError: the root cannot be cleaned.
            OSError: as well.
        """
        return collect_garbage(
            JobStore(self.root), self.policy, independent=True, progress=_now_and_then(tell),
            should_stop=should_stop, spare=self.spare, only=self.only, use_trash=self.trash,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """Every job of a root is to be looked at."""

    root: str

    def carry_out(
        self,
        _tell: Callable[[GcProgress], None] | None = None,
        _should_stop: Callable[[], bool] | None = None,
    ) -> Stock:
        """Look, in this process.

        Raises:
            AgentExecError: the root cannot be read.
        """
        planned = plan(JobStore(self.root), GcPolicy(), independent=True)
        return Stock(tuple(choice.candidate for choice in planned.choices), planned.left)


@dataclass(frozen=True, slots=True)
class Failure:
    """It could not be done."""

    problem: str


def look_beside(task: Look) -> Stock:
    """Look in a process of its own, here if there is none to be had; raises as ``carry_out``."""
    answer = _beside(task, lambda _: None, lambda: False)
    assert isinstance(answer, Stock)
    return answer


def remove_beside(
    task: Removal, tell: Callable[[GcProgress], None], should_stop: Callable[[], bool]
) -> GcReport:
    """Remove in a process of its own, here if there is none to be had; raises as ``carry_out``."""
    try:
        answer = _beside(task, tell, should_stop)
    finally:
        if task.trash is not None:
            task.trash.look_again()  # its copy is what was used
    assert isinstance(answer, GcReport)
    return answer


def _now_and_then(tell: Callable[[GcProgress], None]) -> Callable[[GcProgress], None]:
    due_s = 0.0

    def told(progress: GcProgress) -> None:
        nonlocal due_s
        if time.monotonic() >= due_s:
            due_s = time.monotonic() + _TOLD_EVERY_S
            tell(progress)

    return told


def _beside(
    task: Look | Removal, tell: Callable[[GcProgress], None], should_stop: Callable[[], bool]
) -> object:
    try:
        process, ours = start_child(_MODULE)
    except OSError:
        return task.carry_out(tell, should_stop)
    try:
        with ours, ours.makefile("rb") as answers:
            with contextlib.suppress(OSError):  # it has ended: so do its answers
                ours.sendall(pickle.dumps(task))
            while True:
                _wait(ours, should_stop)
                answer = pickle.load(answers)  # from nobody but the program started here
                if not isinstance(answer, GcProgress):
                    break
                tell(answer)
    except (EOFError, OSError):
        answer = Failure("the process that did it has ended; look again for what is left")
    finally:
        end_child(process, _END_LIMIT_S)
    if isinstance(answer, Failure):
        raise InternalError(answer.problem)
    return answer


def _wait(ours: socket.socket, should_stop: Callable[[], bool]) -> None:
    """Wait for the next answer; the process is told, by the end of our side, to stop."""
    is_told = False
    while True:
        if not is_told and should_stop():
            is_told = True
            with contextlib.suppress(OSError):  # it is over already
                ours.shutdown(socket.SHUT_WR)
        if select.select([ours], [], [], _LOOK_S)[0]:
            return
