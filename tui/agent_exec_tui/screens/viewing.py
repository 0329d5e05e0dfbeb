"""What the list shows and in what order: the filter, the tab, the sort, the directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual.widgets import Input

from agent_exec.model.filter import Filter, compile_filter
from agent_exec.model.filter_terms import FilterError
from agent_exec.model.lazy_dataclass import replace
from agent_exec_tui.arrangement import Sort, Tab, View, arranged, narrowed
from agent_exec_tui.job_rows import clean
from agent_exec_tui.layout import Part
from agent_exec_tui.messages import Arranged

if TYPE_CHECKING:
    from agent_exec_tui.arrangement import Arrangement
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.screens.main import MainScreen
    from agent_exec_tui.state import KeptState

# A list longer than this is worked out in a thread: no key waits for it.
AT_ONCE = 3000
LONG_LIST_REFRESH_S = 60.0


class Viewing:
    """Changes the list's view, at once or, for a long list, as soon as a thread has it.

    Attributes:
        text: the last filter that could be understood.
        flaw: what is wrong with what stands in the filter line, None when nothing is.
    """

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._asked: View | None = None
        self._filtered_s = 0.0
        self.text = ""
        self.flaw: str | None = None

    @property
    def view(self) -> View:
        """What was asked for last, shown already or not."""
        return self._asked or self._main.jobs.view

    def sort_by(self, sort: Sort, *, is_reversed: bool = False) -> None:
        """Choose the order."""
        self._change(replace(self.view, sort=sort, is_reversed=is_reversed))

    def reverse(self) -> None:
        """Turn the order round."""
        if self._asked is not None:
            self._change(replace(self.view, is_reversed=not self.view.is_reversed))
            return
        self._main.jobs.turn_round()
        self._main.list_changed()

    def go_to_tab(self, tab: Tab) -> None:
        """Choose the saved view."""
        self._change(replace(self.view, tab=tab))

    def scope(self, cwd: str | None) -> None:
        """Show the jobs of one directory, or of all."""
        self._change(replace(self.view, scope_cwd=cwd))

    def restore(self, kept: KeptState) -> None:
        """Show what was shown when the dashboard was left."""
        self._change(View(tab=Tab(kept.tab), sort=Sort(kept.sort), is_reversed=kept.is_reversed))
        if kept.filter_text:
            self.set_filter(kept.filter_text)

    def show_all(self) -> None:
        """Show every job now, however long the list is: the cursor is to go to one of them."""
        line = self._main.filter_input
        with line.prevent(Input.Changed):
            line.value = ""
        line.remove_class("-flawed")
        self.text, self.flaw = "", None
        self.close_filter()
        view = replace(self.view, wanted=None, scope_cwd=None, tab=Tab.ALL)
        self._change(view, is_at_once=True)

    def _change(self, view: View, *, is_at_once: bool = False) -> None:
        main = self._main
        basis, post = main.jobs.basis(view), main.post_message
        rows = main.jobs.snapshot() if basis is None else basis.shown

        def arrange() -> Arrangement:
            return arranged(rows, view) if basis is None else narrowed(basis, view)

        self._asked = view
        if is_at_once or len(rows) <= AT_ONCE:
            self.arranged(arrange())
            return

        def work() -> None:
            post(Arranged(arrange()))

        main.run_worker(work, thread=True, group="arrange", exclusive=True, exit_on_error=False)

    def arranged(self, arrangement: Arrangement) -> None:
        """Show what a thread worked out, unless something else was asked for meanwhile."""
        if arrangement.view is self._asked:
            self._asked = None
            was, shown = self._main.jobs.view, self._main.jobs.shown
            self._main.jobs.install(arrangement)
            self._draw(was, shown)

    def _draw(self, was: View, shown: list[JobRow]) -> None:
        """Draw the list, unless only time went by and it selects nobody else."""
        jobs, old, new = self._main.jobs, was.wanted, self._main.jobs.view.wanted
        is_older = (
            old is not None
            and new is not None
            and old.text == new.text
            and was == replace(jobs.view, wanted=old)
        )
        if not (is_older and jobs.shown == shown):
            self._main.list_changed()

    # The filter line

    def set_filter(self, text: str) -> None:
        """Show only what *text* lets through; a flawed one changes nothing but says so."""
        main = self._main
        try:
            wanted = self._compiled(text, main.clock())
        except FilterError as error:
            self.flaw = clean(error.problem)
            main.refresh_bars()
        else:
            self.flaw = None
            self.text = text.strip()
            self._filtered_s = main.clock()
            self._change(replace(self.view, wanted=wanted or None))
        main.filter_input.set_class(self.flaw is not None, "-flawed")

    def tick(self) -> None:
        """A second went by: look again who is older now than the filter allows, if it is time."""
        wanted, now_s = self.view.wanted, self._main.clock()
        if wanted is None or wanted.refresh_s is None:
            return
        is_long = len(self._main.jobs.rows) > AT_ONCE
        pause_s = LONG_LIST_REFRESH_S if is_long else wanted.refresh_s
        if not 0 <= now_s - self._filtered_s < pause_s:
            self._filtered_s = now_s
            self._change(replace(self.view, wanted=self._compiled(wanted.text, now_s)))

    def _compiled(self, text: str, now_s: float) -> Filter:
        return compile_filter(text, now_s, home=os.path.expanduser("~"))

    def open_filter(self) -> None:
        """Show the line with the filter in force, ready to be changed."""
        main = self._main
        main.panes.go(Part.JOBS)
        main.filter_input.display = True
        main.filter_input.value = self.text
        main.filter_input.cursor_position = len(self.text)
        main.set_focus(main.filter_input)

    def close_filter(self) -> None:
        """Leave the line; the filter stays in force."""
        if self.flaw is not None:
            self.set_filter(self.text)
        self._main.filter_input.display = False
        self._main.panes.go(Part.JOBS)

    def clear_filter(self) -> None:
        """Show everything again."""
        self._main.filter_input.value = ""
        self.set_filter("")
        self.close_filter()
