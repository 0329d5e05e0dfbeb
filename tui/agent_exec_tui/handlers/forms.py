"""The form that adds a job, or edits one and runs it as a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.commands.again import lost_values
from agent_exec_tui import operations
from agent_exec_tui.command_line import command_line
from agent_exec_tui.handlers.work import work
from agent_exec_tui.recents import submitted

if TYPE_CHECKING:
    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.operations import Outcome
    from agent_exec_tui.screens.main import MainScreen


class FormHandlers:
    """Handlers of what ends in the form."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        return {"job.add": self._add, "job.edit": self._edit}

    def _add(self) -> None:
        from agent_exec_tui.screens.job_form import JobForm

        main = self._main
        main.app.push_screen(JobForm(main, None), self._formed)

    def _edit(self) -> None:
        self._main.selected.once_read(self._edit_read)

    def _edit_read(self, record: JobRecord) -> None:
        from agent_exec_tui.screens.job_form import JobForm

        main, row = self._main, self._main.row
        definition = operations.definition_of(record, main.store)
        if record.meta is None or row is None or definition is None:
            main.say("what it was made with cannot be read", severity="warning")
            return
        missing = tuple(lost_values(record.meta))
        form = JobForm(main, definition, origin=row.short_id, missing=missing)
        main.app.push_screen(form, self._formed)

    def _formed(self, answer: object) -> None:
        from agent_exec_tui.screens.job_form import FormAnswer

        if not isinstance(answer, FormAnswer):
            return
        main, definition, runs_now = self._main, answer.definition, answer.runs_now
        main.session.cwd = definition.cwd or main.session.cwd
        main.session.forms.insert(0, submitted(answer.text, main.clock()))
        store, launcher = main.store, main.session.launcher
        line = command_line(definition, runs_now=runs_now, usual=main.usual(), is_kept=True)

        def make() -> Outcome:
            if runs_now:
                return operations.run(store, definition, launcher)
            return operations.create(store, definition)

        work(
            main,
            "run" if runs_now else "create",
            lambda: (operations.guarded("", make),),
            lambda _: line,
        )
