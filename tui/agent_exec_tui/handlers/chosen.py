"""Which of the jobs aimed at a command acts on; how a question names them, and those left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from rich.cells import cell_len

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store.removal import size_of_job
from agent_exec_tui import formatting
from agent_exec_tui.job_rows import DOUBTFUL, RUNS, RowKind
from agent_exec_tui.screens.dialog import LISTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from agent_exec.store.jobs import JobStore
    from agent_exec_tui.job_rows import JobRow

MIN_COMMAND_CELLS = 14
_MEASURED_ROWS = 1000  # looking into the directories of more would keep the question waiting
READABLE: Final = frozenset(RowKind) - {RowKind.PROBLEM}
_ENDED = ("has ended", "have ended")
_WHY_LEFT = {
    **dict.fromkeys(RUNS, ("runs", "run")),
    **dict.fromkeys(DOUBTFUL, ("may still run", "may still run")),
    RowKind.CREATED: ("was never started", "were never started"),
    RowKind.PROBLEM: ("cannot be read", "cannot be read"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The jobs that a command acts on, and those aimed at that it leaves as they are.

    Attributes:
        rows: in the order that lists usually have.
        left: in any order.
    """

    rows: tuple[JobRow, ...]
    left: tuple[JobRow, ...] = ()

    @classmethod
    def of(cls, targets: Iterable[JobRow], kinds: Collection[RowKind]) -> Self:
        """Choose the jobs of these kinds."""
        return cls.where(targets, lambda row: row.kind in kinds)

    @classmethod
    def where(cls, targets: Iterable[JobRow], test: Callable[[JobRow], bool]) -> Self:
        """Choose the jobs of which that is so."""
        ordered = sorted(targets, key=lambda row: row.place)
        return cls(
            tuple(row for row in ordered if test(row)),
            tuple(row for row in ordered if not test(row)),
        )

    @property
    def is_one(self) -> bool:
        """Whether it acts on one job alone."""
        return len(self.rows) == 1

    @property
    def is_alone(self) -> bool:
        """Whether it acts on one job, and only that was aimed at."""
        return self.is_one and not self.left

    @property
    def jobs(self) -> str:
        """Write ``job``, ``5 jobs`` or, where some are left out, ``4 of 5 jobs``."""
        if self.left:
            return f"{len(self.rows):,} of {formatting.counted(len(self.rows + self.left), 'job')}"
        return "job" if self.is_one else formatting.counted(len(self.rows), "job")

    @property
    def left_text(self) -> str:
        """Say how many stay as they are and why, ``Left out: 1 runs, 2 have ended.``; "" for none."""
        if not self.left:
            return ""
        counts = Counter(_WHY_LEFT.get(row.kind, _ENDED) for row in self.left)
        parts = [f"{count:,} {why[count > 1]}" for why, count in counts.items()]
        return f"Left out: {', '.join(parts)}."

    def note(self, *sentences: str) -> str:
        """Say below a question what it leaves out, then the rest."""
        text = " ".join(filter(None, sentences))
        return "\n".join(filter(None, (self.left_text, text)))

    def named(self, now_s: float, width: int) -> list[str]:
        """Name each job it acts on, one a line no wider than *width* cells; one job on two."""
        lines = []
        for row in self.rows[:LISTED]:
            pid = f"  pid {row.pid}" if row.pid and not row.kind.has_ended else ""
            head = f"{row.short_id}  {row.word} {row.elapsed_text(now_s)}{pid}"
            if self.is_one:
                lines += [head, formatting.shorten_middle(row.command, width)]
            else:
                if cell_len(head) + MIN_COMMAND_CELLS > width:
                    head = row.short_id
                command = formatting.shorten_middle(row.command, width - cell_len(head) - 2)
                lines.append(f"{head}  {command}")
        if len(self.rows) > LISTED:
            lines.append(f"… and {len(self.rows) - LISTED:,} more")
        return lines


def frees_text(store: JobStore, rows: Sequence[JobRow]) -> str:
    """Say what their removal frees, in the figure that a cleaning tells."""
    if len(rows) > _MEASURED_ROWS:
        return f"Frees more than {formatting.size(sum(row.log_bytes for row in rows))} of logs."
    size = sum(size_of_job(store, row.job_id) for row in rows)
    return f"Frees {formatting.size(size)}: logs and records."
