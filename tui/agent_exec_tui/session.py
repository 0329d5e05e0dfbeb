"""What this run of the dashboard remembers: the last definition, what ``U`` can bring back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.operations import Outcome

if TYPE_CHECKING:
    from agent_exec.commands.definition import JobDefinition
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.trash import Trash
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.operations import Operation

Undo = Callable[[], tuple[Outcome, ...]]


@dataclass
class Session:
    """Lives as long as the dashboard.

    Attributes:
        recent: what the form was last submitted with.
        undo_label: what ``U`` would bring back, "" for nothing.
    """

    recent: JobDefinition | None = None
    undo_label: str = ""
    _undo: Undo | None = field(default=None, repr=False)

    def offer_undo(self, label: str, undo: Undo) -> None:
        """Let ``U`` take back what was just done."""
        self.undo_label, self._undo = label, undo

    def take_undo(self) -> Undo | None:
        """Give out what takes the last cleaning back, once."""
        undo, self._undo, self.undo_label = self._undo, None, ""
        return undo

    def trash(self, root: str) -> Trash | None:
        """Where jobs of *root* can be moved to and brought back from; None if nowhere."""
        from agent_exec.store.trash import Trash

        return Trash.for_root(root)

    def deleting(self, root: str) -> Operation:
        """Make the operation that deletes jobs, into the trash where there is one."""
        trash = self.trash(root)

        def delete(store: JobStore, row: JobRow) -> Outcome:
            from agent_exec.commands.delete import delete_job

            delete_job(store, row.job_id, trash=trash)
            return Outcome(row.job_id, True, f"deleted {formatting.size(row.log_bytes)}")

        return delete
