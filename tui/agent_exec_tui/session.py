"""What this run of the dashboard remembers: the last directory, and its trash."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent_exec.errors import AgentExecError
from agent_exec.store.trash import Trash
from agent_exec_tui import formatting
from agent_exec_tui.journal import Journal
from agent_exec_tui.operations import Outcome
from agent_exec_tui.told import KEPT, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_exec import PrewarmedLauncher
    from agent_exec.store.jobs import JobStore
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.operations import Operation
    from agent_exec_tui.recents import Submitted


class Session:
    """Lives as long as the dashboard.

    Attributes:
        cwd: where the last job of the form runs; "" before there is one.
        forms: what is kept of all submitted forms, newest first.
        theme: the colours chosen in the dashboard, now or earlier; "" for none.
        launcher: makes supervisors quickly; None starts each by itself.
        journal: what was done.
        told: the messages of this session, the oldest first: time, severity, text.
    """

    def __init__(self, trash: Trash | None = None) -> None:
        self.cwd = ""
        self.forms: list[Submitted] = []
        self.theme = ""
        self.launcher: PrewarmedLauncher | None = None
        self.journal = Journal()
        self.told: list[Told] = []
        self._trash = trash or Trash()
        self._lock = threading.Lock()

    def note(self, told: Told) -> None:
        """Keep a message, and the oldest no longer where there are too many."""
        self.told.append(told)
        del self.told[:-KEPT]

    @property
    def undo_label(self) -> str:
        """What ``U`` would bring back, "" for nothing."""
        count = self._trash.undoable
        return formatting.counted(count, "job") if count else ""

    def trash_for(self, root: str) -> Trash | None:
        """Where jobs of *root* can be moved to and brought back from; None if nowhere."""
        return self._trash if self._trash.accepts(root) else None

    @contextmanager
    def trashing(self) -> Iterator[None]:
        """Hold the trash, which one thread may use at a time; what goes now comes back together."""
        with self._lock:
            self._trash.begin()
            yield

    def delete(self, root: str) -> Operation:
        """Make the operation that deletes a job, into the trash where there is one."""
        trash = self.trash_for(root)

        def delete(store: JobStore, row: JobRow) -> Outcome:
            from agent_exec.commands.delete import delete_job
            from agent_exec.store.removal import size_of_job
            from agent_exec_tui.operations import require_unchanged

            require_unchanged(store, row)
            size = formatting.size(size_of_job(store, row.job_id))
            delete_job(store, row.job_id, trash=trash)
            text = f"deleted, {size}"
            return Outcome(row.job_id, True, text, is_removed=True)

        return delete

    def undo(self) -> tuple[Outcome, ...]:
        """Bring back what was removed last."""
        with self._lock:
            undone = self._trash.undo()
        back = [
            Outcome(name, True, "brought back", name, is_restored=True) for name in undone.restored
        ]
        return (*back, *(Outcome(name, False, why) for name, why in undone.failed))

    def warm_up(self) -> None:
        """Have the launcher ready before the first ``s``; takes no time here."""
        from agent_exec import PrewarmedLauncher

        if self.launcher is None:
            self.launcher = PrewarmedLauncher()

    def close(self) -> str:
        """Let the launcher go and empty the trash; what went wrong, or ""."""
        if self.launcher is not None:
            self.launcher.close()
        try:
            with self._lock:
                self._trash.empty()
        except AgentExecError as error:
            return str(error)
        return ""
