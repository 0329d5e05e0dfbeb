"""What a feed tells of the jobs below a root: plain values, fit to pass between processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.store.jobs import JobStore
    from agent_exec_tui.job_rows import JobRow


@dataclass(slots=True)
class RowsNews:
    """Jobs were read.

    Attributes:
        removed: jobs that are gone.
        touched: jobs of which a record was replaced, whatever that changed.
        grown: jobs to whose logs output was added.
        is_complete: the first look at all jobs is over.
    """

    rows: tuple[JobRow, ...] = ()
    removed: tuple[str, ...] = ()
    touched: frozenset[str] = frozenset()
    grown: frozenset[str] = frozenset()
    is_complete: bool = False


@dataclass(slots=True)
class SizesNews:
    """How large the logs of some jobs are: stdout, stderr, full, by job id."""

    sizes: dict[str, tuple[int, int, int]]


@dataclass(slots=True)
class StateNews:
    """How the list is kept up to date has changed.

    Attributes:
        warning: what is wrong, in a few words; "" when nothing is.
        progress: how far the first look is, "" once it is over.
        tells_growth: whether added output is told at once.
    """

    warning: str = ""
    progress: str = ""
    tells_growth: bool = False


News = RowsNews | SizesNews | StateNews
Post = Callable[[News], object]


class Feed(Protocol):
    """Reads one root from ``start`` to ``stop`` and posts what it finds, from any thread."""

    def start(self, post: Post) -> None:
        """Begin to read."""

    def refresh(self, names: Iterable[str]) -> None:
        """Read these jobs now."""

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End; nothing is posted afterwards."""


FeedMaker = Callable[["JobStore"], Feed]
