"""What background threads and dialogs tell the main screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.arrangement import Arrangement
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.operations import Outcome
    from agent_exec_tui.usage import Usage


@dataclass
class RowsRead(Message):
    """Jobs were read.

    Attributes:
        root: where; news of a root that was left meanwhile is dropped.
        removed: jobs that are gone.
        touched: jobs in whose directories anything moved, their logs included.
        is_complete: the first look at all jobs is over; everything not read by then is gone.
    """

    root: str
    rows: tuple[JobRow, ...] = ()
    removed: tuple[str, ...] = ()
    touched: frozenset[str] = frozenset()
    is_complete: bool = False


@dataclass
class SizesRead(Message):
    """How large the logs of some jobs are: stdout, stderr, full, by job id."""

    root: str
    sizes: dict[str, tuple[int, int, int]]


@dataclass
class UsageRead(Message):
    """What running jobs use, by job id: per cent of a core, bytes of memory."""

    usage: Mapping[str, Usage]


@dataclass
class Arranged(Message):
    """A thread has worked out what the list is to show."""

    arrangement: Arrangement


@dataclass
class FeedChanged(Message):
    """How the list is kept up to date has changed.

    Attributes:
        warning: what is wrong, in a few words; "" when nothing is.
        progress: how far the first look is, "" once it is over.
    """

    root: str
    warning: str = ""
    progress: str = ""

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, FeedChanged)


@dataclass
class RecordRead(Message):
    """One job was read in full, for the detail pane; None if it is gone.

    Attributes:
        evidence: what its being alive, or not, rests on.
    """

    job_id: str
    record: JobRecord | None
    evidence: str = ""


@dataclass
class OperationEnded(Message):
    """Commands on one or more jobs are through."""

    verb: str
    outcomes: tuple[Outcome, ...]


@dataclass
class Noticed(Message):
    """Something for a toast, from a thread."""

    text: str
    severity: str = "information"
