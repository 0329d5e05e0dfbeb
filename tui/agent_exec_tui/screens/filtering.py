"""The filter in force and the line to type it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.model.filter import FilterError, compile_filter
from agent_exec_tui.job_rows import clean
from agent_exec_tui.layout import Part

if TYPE_CHECKING:
    from agent_exec_tui.screens.main import MainScreen


class Filtering:
    """Narrows the list as the filter is typed.

    Attributes:
        text: the last one that could be understood.
        flaw: what is wrong with what stands in the line, None when nothing is.
    """

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self.text = ""
        self.flaw: str | None = None

    def set(self, text: str) -> None:
        """Show only what *text* lets through; a flawed one changes nothing but says so."""
        main = self._main
        try:
            wanted = compile_filter(text)
        except FilterError as error:
            self.flaw = clean(error.problem)
        else:
            self.flaw = None
            self.text = text.strip()
            main.jobs.narrow(wanted)
        main.filter_input.set_class(self.flaw is not None, "-flawed")
        main.list_changed()

    def open(self) -> None:
        """Show the line with the filter in force, ready to be changed."""
        main = self._main
        main.panes.go(Part.JOBS)
        main.filter_input.display = True
        main.filter_input.value = self.text
        main.filter_input.cursor_position = len(self.text)
        main.filter_input.focus()

    def close(self) -> None:
        """Leave the line; the filter stays in force."""
        if self.flaw is not None:
            self.set(self.text)
        self._main.filter_input.display = False
        self._main.panes.go(Part.JOBS)

    def clear(self) -> None:
        """Show everything again."""
        self._main.filter_input.value = ""
        self.set("")
        self.close()
