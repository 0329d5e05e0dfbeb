"""What looks at several jobs at once: two side by side, a search through the logs of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.screens.jump import go_to_job, jump_to

if TYPE_CHECKING:
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.log_spot import LogSpot
    from agent_exec_tui.screens.main import MainScreen
    from agent_exec_tui.search_results import SearchResults


class AcrossHandlers:
    """Handlers of what reaches across jobs; remembers the last search."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._results: SearchResults | None = None

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        return {
            "job.compare": self._compare,
            "app.search_all": self._search,
            "log.tiles": self._tiles,
        }

    def _marked(self) -> list[JobRow]:
        """The marked jobs, those shown first and in their order."""
        table, jobs = self._main.table, self._main.jobs
        shown = [row for row in jobs.shown if row.job_id in table.marks]
        known = {row.job_id for row in shown}
        hidden = [jobs.rows[name] for name in table.marks - known if name in jobs.rows]
        return [*shown, *sorted(hidden, key=lambda row: row.created_s, reverse=True)]

    def _compare(self) -> None:
        from agent_exec_tui.screens.compare import CompareDialog

        # What is older stands left: it is what the other is compared with.
        left, right = sorted(self._marked(), key=lambda row: row.created_s)
        self._main.app.push_screen(CompareDialog(self._main, (left, right)), self._jump)

    def _search(self) -> None:
        from agent_exec_tui.screens.search_all import SearchAllDialog

        main, marked = self._main, self._marked()
        dialog = SearchAllDialog(main, marked or list(main.jobs.shown), self._results,
                                 is_marked=bool(marked))  # fmt: skip

        def answered(spot: LogSpot | None) -> None:
            self._results = dialog.results
            self._jump(spot)

        main.app.push_screen(dialog, answered)

    def _tiles(self) -> None:
        from agent_exec_tui.screens.tiles import TilesScreen

        main = self._main

        def answered(job_id: str | None) -> None:
            if job_id is not None and go_to_job(main, job_id) is not None:
                main.panes.go(main.panes.wish.stream)

        main.app.push_screen(TilesScreen(main, self._marked()), answered)

    def _jump(self, spot: LogSpot | None) -> None:
        if spot is not None:
            jump_to(self._main, spot)
