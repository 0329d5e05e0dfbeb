"""The main screen: the list, the logs, the detail, and the news that keep them true."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.widgets import Input

from agent_exec.store.jobs import JobStore
from agent_exec_tui import usual
from agent_exec_tui.actions import BY_ID, Action
from agent_exec_tui.arrangement import Tab
from agent_exec_tui.attention import Attention
from agent_exec_tui.empty import empty_lines
from agent_exec_tui.feed import JobFeed
from agent_exec_tui.formatting import short_path
from agent_exec_tui.handlers import handlers_for
from agent_exec_tui.hints import hints_for
from agent_exec_tui.job_rows import clean
from agent_exec_tui.keymap import screen_bindings
from agent_exec_tui.layout import Part
from agent_exec_tui.messages import (
    Arranged,
    FeedChanged,
    Journaled,
    Noticed,
    OperationEnded,
    ProgressRead,
    RecordRead,
    RowsRead,
    SizesRead,
    UsageRead,
)
from agent_exec_tui.screens import facts
from agent_exec_tui.screens.frame import MainFrame
from agent_exec_tui.screens.panes import Panes
from agent_exec_tui.screens.reading import Reading
from agent_exec_tui.screens.viewing import Viewing
from agent_exec_tui.selection import SelectedJob
from agent_exec_tui.session import Session
from agent_exec_tui.situation import Pane, Situation
from agent_exec_tui.usage import UsageWatch
from agent_exec_tui.widgets.bars import TabsBar
from agent_exec_tui.widgets.job_table import JobTable
from agent_exec_tui.widgets.log_frame import LogFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual import events

    from agent_exec_tui.command_line import Usual
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.news import FeedMaker
    from agent_exec_tui.settings import Settings
    from agent_exec_tui.state import KeptState

TICK_S = 1.0
# Nobody looks that closely: running times go on by three seconds then, as those of top(1) do.
UNATTENDED_AFTER_S = 10.0
UNATTENDED_TICKS = 3


class MainScreen(MainFrame, inherit_bindings=False):
    """Everything the dashboard shows at once; what keys do lives in the handlers.

    Attributes:
        cwd: where the dashboard was started; "" when that directory is gone.
        touched_s: when the last key came, or the mouse moved, monotonic seconds.
    """

    BINDINGS = screen_bindings()
    AUTO_FOCUS: ClassVar[str | None] = "#table"

    def __init__(
        self,
        root: str,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        feed_for: FeedMaker = JobFeed,
    ) -> None:
        super().__init__(clock)
        self.settings = settings
        self.keys = settings.keys
        self.clock = clock
        self.store = JobStore(root)
        self.cwd = _this_directory()
        self.notices: dict[str, str] = {}
        self.attention = Attention(self)
        self.viewing = Viewing(self)
        self.session = Session()
        self.reading = Reading(self, feed_for)
        self.usage_watch = UsageWatch(self)
        self.touched_s = time.monotonic()
        self._rested = 0

        self.panes = Panes(self)
        self.selected = SelectedJob(self)

    @cached_property
    def handlers(self) -> dict[str, Handler]:
        """What each action does; looked up with the first key, after the first picture."""
        return handlers_for(self)

    def on_mount(self) -> None:
        """Paint the frame; the jobs come from threads."""
        self.filter_input.display = False
        self.table.is_ascii = self.settings.ascii
        self.table.chosen_columns = self.settings.columns
        self.set_class(self.settings.ascii, "-ascii")
        for log in self.logs.values():
            log.view.with_severity = self.settings.shows_severity
        self.panes.arrange()
        self.refresh_bars()
        self.reading.open(self.store.root)
        self.set_interval(TICK_S, self._tick)
        self.watch(self.app, "app_focus", self._app_focus_changed, init=False)

    def on_unmount(self) -> None:
        """End the threads."""
        self.reading.close()

    # What there is to know about now

    @property
    def row(self) -> JobRow | None:
        """The job under the cursor, which the logs and the detail show."""
        return self.table.cursor_row

    def situation(self, pane: Pane | None = None) -> Situation:
        """Sum up the moment for the action table."""
        pane = pane or self.panes.pane
        row = self.row
        targets: tuple[JobRow, ...] = (row,) if row else ()
        if pane is Pane.JOBS and (marked := self.table.marked_rows()):
            targets = tuple(marked)
        log = self.logs[self.panes.wish.stream]
        return Situation(
            pane=pane,
            row=row,
            targets=targets,
            marked=len(self.table.marks),
            shown=len(self.jobs),
            unread=len(self.table.unread),
            read_only=self.settings.read_only,
            undo=self.session.undo_label,
            done=len(self.session.journal),
            has_search=log.has_search,
            has_mark=bool(log.view.viewport.marks),
        )

    def restore(self, kept: KeptState) -> None:
        """Look as the dashboard looked when it was left."""
        self.viewing.restore(kept)
        self.panes.percent = kept.percent
        self.table.follows_newest = kept.follows_newest
        self.session.forms = list(kept.recents)
        self.session.theme = kept.theme
        self.follow_new(kept.job_id)

    @property
    def base(self) -> str:
        """What a path that is typed is relative to."""
        return self.cwd or os.path.expanduser("~")

    def path_of(self, typed: str) -> str:
        """Make a path that is typed a whole one."""
        return os.path.normpath(os.path.join(self.base, os.path.expanduser(typed)))

    def root_words(self) -> tuple[str, ...]:
        """What a command line needs besides to mean this root."""
        return usual.root_words(self.store.root, os.environ)

    def usual(self) -> Usual:
        """What a job's command line need not say."""
        return usual.usual_here(self.store.root, os.environ)

    def situation_for(self, action: Action) -> Situation:
        """Sum up the moment in a pane where *action* has a meaning."""
        pane = self.panes.pane
        return self.situation(pane if pane in action.panes else min(action.panes))

    # Doing things

    def action_do(self, action_id: str) -> None:
        """Do what the table offers, or say why not."""
        action = BY_ID[action_id]
        now = self.situation_for(action)
        reason = action.enabled(now)
        if reason:
            self.say(f"{action.label}: {reason}", severity="warning")
            return
        if now.pane is not self.panes.pane:
            part = {Pane.JOBS: Part.JOBS, Pane.DETAIL: Part.DETAIL}.get(now.pane)
            self.panes.go(part or self.panes.wish.stream)
        self.handlers[action_id]()
        self.refresh_footer()

    def follow_new(self, job_id: str) -> None:
        """Put the cursor on a job that was just made, as soon as the list shows it."""
        self.table.want(job_id)

    def notice(self, texts: Mapping[str, str]) -> None:
        """Keep a word on each of some jobs where its row can be seen; "" forgets it."""
        for job_id, text in texts.items():
            if text:
                self.notices[job_id] = clean(text)
            else:
                self.notices.pop(job_id, None)
        self.job_changed()

    # News

    @on(RowsRead)
    def _rows_read(self, event: RowsRead) -> None:
        if event.root == self.store.root:
            self.reading.rows_read(event.news)

    @on(SizesRead)
    def _sizes_read(self, event: SizesRead) -> None:
        if event.root == self.store.root:
            self.reading.sizes_read(event.news)

    @on(FeedChanged)
    def _feed_changed(self, event: FeedChanged) -> None:
        if event.root == self.store.root:
            self.reading.state_changed(event.news)

    @on(LogFrame.SearchClosed)
    def _search_closed(self) -> None:
        self.refresh_footer()

    @on(UsageRead)
    def _usage_read(self, event: UsageRead) -> None:
        self.table.usage = event.usage  # drawn with the next tick

    @on(Arranged)
    def _arranged(self, event: Arranged) -> None:
        self.viewing.arranged(event.arrangement)

    @on(RecordRead)
    def _record_read(self, event: RecordRead) -> None:
        self.selected.record_read(event)

    @on(ProgressRead)
    def _progress_read(self, event: ProgressRead) -> None:
        self.selected.progress_read(event)

    @on(OperationEnded)
    def _operation_ended(self, event: OperationEnded) -> None:
        from agent_exec_tui.handlers.results import show_results

        show_results(self, event)

    @on(Journaled)
    def _journaled(self, event: Journaled) -> None:
        for entry in event.entries:
            self.session.journal.add(entry)

    @on(Noticed)
    def _noticed(self, event: Noticed) -> None:
        self.say(event.text, severity=event.severity)

    @on(JobTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.job_changed()

    @on(JobTable.MarksChanged)
    def _marks_changed(self) -> None:
        self.refresh_bars()

    @on(JobTable.FollowEnded)
    def _follow_ended(self) -> None:
        self.refresh_bars()

    @on(JobTable.JobOpened)
    def _job_opened(self) -> None:
        self.action_do("list.open")

    @on(JobTable.SortClicked)
    def _sort_clicked(self, event: JobTable.SortClicked) -> None:
        view = self.viewing.view
        is_again = event.sort is view.sort
        self.viewing.sort_by(event.sort, is_reversed=is_again and not view.is_reversed)

    @on(TabsBar.TabClicked)
    def _tab_clicked(self, event: TabsBar.TabClicked) -> None:
        self.viewing.go_to_tab(event.tab)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        self.viewing.set_filter(event.value)

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        if self.viewing.flaw is None:
            self.viewing.close_filter()
        else:  # what was typed is kept, to be mended
            self.say(self.viewing.flaw, severity="warning")

    # Drawing

    def on_resize(self, _: events.Resize) -> None:
        """Fit the panes to the terminal."""
        self.panes.arrange()
        self.refresh_bars()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow the focus: keys and hints go with it.

        In a burst of keys the focus has moved on before this is told.
        """
        part = self.panes.part_of(event.widget)
        if part is not None and event.widget is self.focused:
            self.panes.focused(part)

    def pane_changed(self) -> None:
        """Another pane has the focus."""
        self.refresh_bars()

    def _app_focus_changed(self, has_focus: bool) -> None:
        if has_focus and self.row is not None:
            self.attention.seen(self.row.job_id)

    def list_changed(self) -> None:
        """Rows came, went or moved."""
        is_missing = not self.jobs.rows and not os.path.isdir(self.store.root)
        self.table.empty_lines = empty_lines(
            self.jobs,
            is_loaded=self.reading.is_loaded,
            filter_text=self.viewing.text,
            width=self.size.width,
            problem="" if self.reading.is_loaded else self.reading.state.warning,
            missing_root=clean(short_path(self.store.root)) if is_missing else "",
        )
        self.table.list_changed()
        self.refresh_bars()

    def job_changed(self) -> None:
        """Another job is selected, or the selected one changed."""
        row = self.row
        if row is not None:
            self.attention.seen(row.job_id)
        self.selected.show(row)
        self.refresh_footer()

    def refresh_footer(self) -> None:
        """Draw the hints anew; none while another screen takes the keys."""
        if self.app.screen is self:
            self.footer.show(hints_for(self.situation(), self.keys))

    def refresh_bars(self) -> None:
        """Draw everything anew that is not a pane."""
        jobs = self.jobs
        self.header.show(facts.header_facts(self))
        self.tabs.show(
            jobs.view.tab, tuple(jobs.count_of(tab) for tab in Tab), clean(self.viewing.text)
        )
        self.jobs_pane.set_titles(facts.jobs_title(self), facts.sort_text(self))
        self.refresh_footer()

    def _tick(self) -> None:
        """Once a second, and cheap: only what is on screen and grows."""
        is_attended = time.monotonic() - self.touched_s < UNATTENDED_AFTER_S
        self._rested = 0 if is_attended else (self._rested + 1) % UNATTENDED_TICKS
        if self._rested:
            return
        self.table.refresh_live()
        self.selected.tick()
        self.viewing.tick()
        self.attention.tick()
        self.usage_watch.tick()


def _this_directory() -> str:
    """Where the dashboard was started; "" when that is gone."""
    try:
        return os.path.realpath(os.getcwd())
    except OSError:
        return ""
