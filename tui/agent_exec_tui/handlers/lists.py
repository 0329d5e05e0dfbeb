"""Moving, marking, filtering, sorting: everything that only changes what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.arrangement import Sort, Tab
from agent_exec_tui.layout import Part
from agent_exec_tui.screens.menu import Choice, MenuDialog
from agent_exec_tui.situation import Pane
from agent_exec_tui.unseen import next_unseen

if TYPE_CHECKING:
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.screens.main import MainScreen
    from agent_exec_tui.widgets.log_view import LogView

_SORT_KEYS = dict(zip(Sort, "nasexoctdw", strict=True))


class ListHandlers:
    """Handlers of the groups move, find and mark."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        table = self._main.table
        return {
            "move.down": lambda: self._move(1),
            "move.up": lambda: self._move(-1),
            "move.top": lambda: self._jump("top"),
            "move.bottom": lambda: self._jump("bottom"),
            "move.half_down": lambda: self._page(0.5),
            "move.half_up": lambda: self._page(-0.5),
            "move.page_down": lambda: self._page(1),
            "move.page_up": lambda: self._page(-1),
            "list.filter": self._main.viewing.open_filter,
            "list.tab_next": lambda: self._tab(1),
            "list.tab_previous": lambda: self._tab(-1),
            "list.scope": self._scope,
            "list.sort": self._sort,
            "list.reverse": self._main.viewing.reverse,
            "list.follow_newest": self._follow_newest,
            "list.attention": self._attention,
            "list.open": self._open,
            "mark.toggle": table.toggle_mark,
            "mark.range": table.toggle_range,
            "mark.extend_down": lambda: table.extend(1),
            "mark.extend_up": lambda: table.extend(-1),
            "mark.all": table.toggle_all,
        }

    @property
    def _view(self) -> LogView:
        return self._main.logs[self._main.panes.wish.stream].view

    def _move(self, lines: int) -> None:
        main = self._main
        match main.panes.pane:
            case Pane.JOBS:
                main.table.move(lines)
            case Pane.LOG:
                self._view.move_rows(lines)
            case Pane.DETAIL:
                main.detail.scroll_relative(y=lines, animate=False)

    def _page(self, pages: float) -> None:
        main = self._main
        match main.panes.pane:
            case Pane.JOBS:
                main.table.move(int(main.table.page_lines * pages) or (1 if pages > 0 else -1))
            case Pane.LOG:
                self._view.page(pages)
            case Pane.DETAIL:
                height = main.detail.scrollable_content_region.height
                main.detail.scroll_relative(y=int(height * pages), animate=False)

    def _jump(self, where: str) -> None:
        main, is_top = self._main, where == "top"
        match main.panes.pane:
            case Pane.JOBS:
                main.table.move_to(0 if is_top else -1)
            case Pane.LOG:
                (self._view.go_home if is_top else self._view.go_end)()
            case Pane.DETAIL:
                if is_top:
                    main.detail.scroll_home(animate=False)
                else:
                    main.detail.scroll_end(animate=False)

    def _tab(self, step: int) -> None:
        tabs = list(Tab)
        now = tabs.index(self._main.viewing.view.tab)
        self._main.viewing.go_to_tab(tabs[(now + step) % len(tabs)])

    def _scope(self) -> None:
        main = self._main
        if not (main.cwd or main.viewing.view.scope_cwd):
            main.say("the directory this was started in is gone", severity="warning")
            return
        main.viewing.scope(None if main.viewing.view.scope_cwd else main.cwd)

    def _sort(self) -> None:
        main = self._main

        def sort(answer: str | None) -> None:
            if answer:
                main.viewing.sort_by(Sort(answer))

        choices = [Choice(order.value, _SORT_KEYS[order], order.value) for order in Sort]
        main.app.push_screen(
            MenuDialog("Sort by", choices, current=main.viewing.view.sort.value), sort
        )

    def _follow_newest(self) -> None:
        main = self._main
        main.table.follows_newest = not main.table.follows_newest
        main.refresh_bars()
        if main.table.follows_newest:
            main.say("the cursor goes to whatever starts next; moving it ends that")

    def _attention(self) -> None:
        main = self._main
        if main.panes.wish.current is not Part.JOBS:
            main.panes.go(Part.JOBS)
        job_id = next_unseen(main.jobs, main.table.unread, main.table.cursor_id)
        if job_id is not None:
            main.table.stop_following()
            main.table.select(job_id)
            main.attention.seen(job_id)
            return
        count = len(main.table.unread)
        main.say(f"{count} changed, but the filter or tab hides them; esc shows all")

    def _open(self) -> None:
        self._main.panes.go(self._main.panes.wish.stream)
