"""The main screen's widgets, and how they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container
from textual.widgets import Static

from agent_exec_tui.job_list import JobList
from agent_exec_tui.layout import BREAKPOINTS, Part, size_classes
from agent_exec_tui.screens.log_screen import LogScreen
from agent_exec_tui.widgets.bars import FooterBar, HeaderBar, TabsBar
from agent_exec_tui.widgets.detail import DetailPane, DetailStrip
from agent_exec_tui.widgets.job_table import JobTable
from agent_exec_tui.widgets.line_input import LineInput, Lines
from agent_exec_tui.widgets.log_frame import LogFrame
from agent_exec_tui.widgets.titled import Titled

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

FILTER_HINT = "filter: words !word re: tag: state: exit: cwd: id: age: ended:"


class MainFrame(LogScreen[None], inherit_bindings=False):
    """Bars above and below, the panes between."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(id="main")
        self.jobs = JobList()
        self.too_small = Static("", id="too-small", markup=False)
        self.header = HeaderBar(id="header")
        self.tabs = TabsBar(id="tabs")
        self.table = JobTable(self.jobs, clock=clock, id="table")
        self.filter_input = LineInput(
            placeholder=FILTER_HINT, compact=True, id="filter", lines=Lines.JOINED, only_looks=True
        )
        self.jobs_pane = Titled(id="jobs-pane", classes="pane")
        self.logs = {part: LogFrame(part, id=part.value) for part in (Part.STDOUT, Part.STDERR)}
        self.logs_box = Container(*self.logs.values(), id="logs")
        self.detail = DetailPane(id="detail")
        self.side = Container(id="side")
        self.strip = DetailStrip(id="strip")
        self.footer = FooterBar(id="footer")
        self._is_styled = False

    def update_node_styles(self, animate: bool = True) -> None:
        """Work out every style anew, but for the first time: that of each was, a moment ago."""
        if self._is_styled:
            super().update_node_styles(animate)
        self._is_styled = True

    def compose(self) -> ComposeResult:
        """Put them in their places, with the styles that the size asks for."""
        # Textual finds them with the first resize, and works out every style once more.
        self.update_classes(size_classes(*self.app.size), update=False)
        yield self.too_small
        yield self.header
        yield self.tabs
        with Container(id="body"):
            with self.jobs_pane:
                yield self.table
                yield self.filter_input
            with self.side:
                yield self.detail
                yield self.logs_box
        yield self.strip
        yield self.footer
