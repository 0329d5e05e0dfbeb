"""What background threads and dialogs tell the main screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from agent_exec_tui.news import RowsNews, SizesNews

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.arrangement import Arrangement
    from agent_exec_tui.journal import Entry
    from agent_exec_tui.news import News, StateNews
    from agent_exec_tui.operations import Outcome
    from agent_exec_tui.usage import Usage


@dataclass(eq=False, repr=False)
class RowsRead(Message):
    """Jobs below *root* were read; news of a root that was left meanwhile is dropped."""

    root: str
    news: RowsNews


@dataclass(eq=False, repr=False)
class SizesRead(Message):
    """How large the logs of some jobs are was found out."""

    root: str
    news: SizesNews


@dataclass(eq=False, repr=False)
class UsageRead(Message):
    """What running jobs use, by job id: per cent of a core, bytes of memory."""

    usage: Mapping[str, Usage]


@dataclass(eq=False, repr=False)
class Arranged(Message):
    """A thread has worked out what the list is to show."""

    arrangement: Arrangement


@dataclass(eq=False, repr=False)
class FeedChanged(Message):
    """How the list is kept up to date has changed."""

    root: str
    news: StateNews

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, FeedChanged)


def message_of(root: str, news: News) -> RowsRead | SizesRead | FeedChanged:
    """Wrap up what a feed tells for the main screen."""
    if isinstance(news, RowsNews):
        return RowsRead(root, news)
    if isinstance(news, SizesNews):
        return SizesRead(root, news)
    return FeedChanged(root, news)


@dataclass(eq=False, repr=False)
class ProgressRead(Message):
    """The end of a running job's logs was looked at; "" where it shows no progress."""

    job_id: str
    progress: str


@dataclass(eq=False, repr=False)
class RecordRead(Message):
    """One job was read in full, for the detail pane; None if it is gone.

    Attributes:
        evidence: what its being alive, or not, rests on.
        progress: how far its output says it is, and where; "" for a job that does not run.
        owner_uid: whose it is, if not the user's.
    """

    job_id: str
    record: JobRecord | None
    evidence: str = ""
    progress: str = ""
    owner_uid: int | None = None


@dataclass(eq=False, repr=False)
class OperationEnded(Message):
    """Commands on one or more jobs are through.

    Attributes:
        at_s: when they were asked for.
        line_of: the command line that does the same to one job; None where the outcome has it.
    """

    verb: str
    outcomes: tuple[Outcome, ...]
    at_s: float = 0.0
    line_of: Callable[[Outcome], str] | None = None


@dataclass(eq=False, repr=False)
class Journaled(Message):
    """Something is done that is to be remembered, whatever has been closed meanwhile."""

    entries: tuple[Entry, ...]


@dataclass(eq=False, repr=False)
class Noticed(Message):
    """Something for a toast, from a thread."""

    text: str
    severity: str = "information"
