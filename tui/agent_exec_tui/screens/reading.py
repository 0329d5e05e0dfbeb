"""The root that is read: by whom, how far, and what its news do to the list."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent_exec.store.jobs import JobStore
from agent_exec.store.root import root_warnings
from agent_exec_tui.handlers import load_handlers
from agent_exec_tui.job_rows import clean
from agent_exec_tui.layout import Part
from agent_exec_tui.messages import message_of
from agent_exec_tui.news import StateNews
from agent_exec_tui.pace import Pace
from agent_exec_tui.screens import facts
from agent_exec_tui.situation import Pane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.timer import Timer

    from agent_exec_tui.job_list import Change
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.news import Feed, FeedMaker, News, RowsNews, SizesNews
    from agent_exec_tui.screens.main import MainScreen


LOADING_DRAWN_S = 0.25


class Reading:
    """Owns the feed of the main screen.

    Attributes:
        state: how the list is kept up to date.
        warnings: what is wrong with the root itself.
        is_loaded: whether the first look at all jobs is over.
        listener: is told of rows as well, while another screen shows jobs.
    """

    def __init__(self, main: MainScreen, feed_for: FeedMaker) -> None:
        self._main = main
        self._feed_for = feed_for
        self._feed: Feed | None = None
        self.state = StateNews()
        self.warnings: tuple[str, ...] = ()
        self.is_loaded = False
        self._drawn_s = 0.0
        self._opened_s = 0
        self._pace = Pace()
        self._waiting: list[RowsNews] = []
        self._due: Timer | None = None
        self._unmet: set[str] | None = None  # while all is read again: what was not met yet
        self.listener: Callable[[RowsNews], None] | None = None

    def open(self, root: str) -> None:
        """Read another jobs root from now on."""
        main = self._main
        self._leave()
        main.store = JobStore(root)
        main.jobs.clear()
        main.table.keeps_top = True
        main.attention.forget()
        self.is_loaded = False
        self._opened_s = int(main.clock())  # ends are recorded by the second
        self.warnings = tuple(clean(warning) for warning in root_warnings(root))
        self.state = StateNews()
        gc.disable()  # until all jobs are read: nothing made meanwhile is garbage
        self._start()
        main.list_changed()

    def read_anew(self) -> None:
        """Read all of this root again; cursor, marks and flags stay with their jobs."""
        if not self.is_loaded:
            self.open(self._main.store.root)
            return
        self._leave()
        self.warnings = tuple(clean(text) for text in root_warnings(self._main.store.root))
        self._unmet = set(self._main.jobs.rows)
        self._start()

    def _leave(self) -> None:
        if self._feed is not None:
            self._feed.stop(timeout_s=0.5)
        self._unmet = None
        self._forget_waiting()

    def _start(self) -> None:
        main, root = self._main, self._main.store.root
        self._feed = feed = self._feed_for(main.store)

        def post(news: News) -> None:
            if self._feed is feed:  # of one that was left, nothing comes behind what is read anew
                main.post_message(message_of(root, news))

        feed.start(post)

    def close(self) -> None:
        """End the feed."""
        gc.enable()
        if self._feed is not None:
            self._feed.stop()

    def refresh(self, names: Iterable[str]) -> None:
        """Have these jobs read now."""
        if self._feed is not None:
            self._feed.refresh(names)

    # News

    def rows_read(self, news: RowsNews) -> None:
        """Jobs were read: shown now, or with what comes until the next picture."""
        if self._unmet is not None:
            self._unmet.difference_update(row.job_id for row in news.rows)
            if news.is_complete:
                news = replace(news, removed=(*news.removed, *self._unmet))
                self._unmet = None
        self._waiting.append(news)
        wait_s = 0.0
        if self.is_loaded and not news.is_complete:
            is_covered = not self._main.is_current and self.listener is None
            wait_s = self._pace.wait_s(time.monotonic(), is_covered=is_covered)
        if not wait_s:
            self._take_over()
        elif self._due is None:
            self._due = self._main.set_timer(wait_s, self._take_over)

    def _forget_waiting(self) -> list[RowsNews]:
        if self._due is not None:
            self._due.stop()
            self._due = None
        waiting, self._waiting = self._waiting, []
        return waiting

    def _take_over(self) -> None:
        main = self._main
        was_loaded, waiting = self.is_loaded, self._forget_waiting()
        is_complete = any(news.is_complete for news in waiting)
        if is_complete:
            self._complete()
        in_sight, looked_at = main.table.sight(), main.row
        changes = [self._apply(news, was_loaded and not is_complete) for news in waiting]
        updated = frozenset[str]().union(*(change.updated for change in changes))
        if any(change.moved for change in changes) or not main.jobs.rows or is_complete:
            if is_complete or main.table.sight() != in_sight or not self._is_drawn_soon():
                main.list_changed()
                main.table.select_wanted()
            if is_complete:
                main.table.keeps_top = False
                if was_loaded:  # all was read again
                    main.selected.moved()
                    main.selected.logs_grew()
        elif updated:
            main.table.refresh_jobs(updated)
            main.refresh_bars()
        elif any(news.rows or news.removed for news in waiting):
            main.refresh_bars()  # of jobs that the list does not show: they are counted
        if looked_at is not None and looked_at.job_id not in main.jobs.rows:
            self._looked_at_what_is_gone(looked_at)
        self._tell_selected(waiting, updated)
        self._pace.shown(time.monotonic())
        if self.listener is not None:
            for news in waiting:
                self.listener(news)

    def _apply(self, news: RowsNews, is_later: bool) -> Change:
        main = self._main
        since_s = self._opened_s if is_later else None
        change = main.jobs.apply(news.rows, news.removed, news_since_s=since_s)
        main.attention.changed(change, news.removed)
        if is_later and main.table.follows_newest:
            self._go_to_newest(change.begun)
        return change

    def _looked_at_what_is_gone(self, row: JobRow) -> None:
        """Go back to the list: no log may become another job's beneath the eyes of its reader."""
        main = self._main
        if main.panes.pane is not Pane.JOBS:
            main.panes.zoom(False)
            main.panes.go(Part.JOBS)
        if main.is_current and not main.attention.is_expected(row.job_id):
            main.say(f"{row.short_id} is gone: it was removed elsewhere", severity="warning")

    def _tell_selected(self, waiting: list[RowsNews], updated: frozenset[str]) -> None:
        main, shown = self._main, self._main.table.cursor_id
        if shown is None:
            return
        if shown in updated or any(shown in news.touched for news in waiting):
            main.selected.moved()
        elif any(shown in news.grown for news in waiting):
            main.selected.logs_grew()

    def _is_drawn_soon(self) -> bool:
        """Whether more rows are on their way, and what came is drawn with those.

        Of 50 chunks each would draw the counts, and nothing else that is in sight.
        """
        now_s = time.monotonic()
        if self.is_loaded or now_s - self._drawn_s >= LOADING_DRAWN_S:
            self._drawn_s = now_s
            return False
        return True

    def _complete(self) -> None:
        self.is_loaded = True
        self.state.progress = ""
        # Rows live as long as the dashboard; looking through them for garbage takes longer
        # than any key may wait.
        gc.freeze()
        gc.enable()
        self._main.run_worker(load_handlers, thread=True, exit_on_error=False)

    def _go_to_newest(self, begun: tuple[JobRow, ...]) -> None:
        main = self._main
        shown = [row for row in begun if main.jobs.view.shows(row)]
        if shown and not main.table.is_ranging:
            newest = max(shown, key=lambda row: (row.started_s or row.created_s, row.job_id))
            main.follow_new(newest.job_id)

    def sizes_read(self, news: SizesNews) -> None:
        """The sizes of logs were found out."""
        main = self._main
        change = main.jobs.take_sizes(news.sizes)
        if change.moved:
            main.list_changed()
        else:
            main.table.refresh_jobs(change.updated)
            main.header.show(facts.header_facts(main))

    def state_changed(self, news: StateNews) -> None:
        """How the list is kept up to date has changed."""
        main = self._main
        self.state = news
        for log in main.logs.values():
            log.view.is_told_of_growth = news.tells_growth
        if news.warning:
            gc.enable()  # there may be no end of the first look
        main.refresh_bars()
        if not main.jobs.rows:
            main.list_changed()
