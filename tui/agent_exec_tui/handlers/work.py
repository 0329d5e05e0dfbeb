"""Commands on jobs, run in a thread; what became of each comes back as a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from agent_exec_tui import operations
from agent_exec_tui.command_line import job_line
from agent_exec_tui.messages import OperationEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.operations import Operation, Outcome
    from agent_exec_tui.screens.main import MainScreen


class EachLine(Sequence[str]):
    """The command line of each of many jobs, written when it is asked for: one is seen at once."""

    def __init__(self, write: Callable[[JobRow], str], rows: Sequence[JobRow]) -> None:
        self._write, self._rows = write, rows
        self._written: dict[int, str] = {}  # drawn and copied more than once, read from a file

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return EachLine(self._write, self._rows[index])
        if index not in self._written:
            self._written[index] = self._write(self._rows[index])
        return self._written[index]


def work(
    main: MainScreen,
    verb: str,
    call: Callable[[], tuple[Outcome, ...]],
    line_of: Callable[[Outcome], str] | None = None,
) -> None:
    """Do it, and tell the screen.

    Args:
        main: whose root and clock they are.
        verb: what it is, in a word.
        call: does it, in the thread.
        line_of: the command line that does the same to one job; None where each outcome has it.
    """
    post, at_s = main.post_message, main.clock()

    def run() -> None:
        post(OperationEnded(verb, call(), at_s=at_s, line_of=line_of))

    main.run_worker(run, thread=True, exit_on_error=False)


def work_on(
    main: MainScreen, verb: str, operation: Operation, rows: Sequence[JobRow], words: Sequence[str]
) -> None:
    """Do one thing to each of these jobs; *words* are those of the command line before the id."""
    store, root = main.store, main.root_words()
    work(
        main,
        verb,
        lambda: operations.apply_to_all(operation, store, rows),
        lambda outcome: (
            outcome.line or (job_line(*words, root=root, job_id=outcome.job_id) if words else "")
        ),
    )
