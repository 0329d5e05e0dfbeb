"""From a list of places to one of them: the job selected, its log at that line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.log_spot import LogSpot
    from agent_exec_tui.screens.main import MainScreen


def go_to_job(main: MainScreen, job_id: str) -> JobRow | None:
    """Select the job; None if it is gone.

    A tab or filter that hides the job is left for it.
    """
    row = main.jobs.rows.get(job_id)
    if row is None:
        main.say(f"job {job_id[:8]} is gone", severity="warning")
        return None
    main.table.stop_following()
    if not main.table.select(job_id):
        main.viewing.show_all()
        main.table.select(job_id)
        main.say("tab and filter left: they hid the job", timeout_s=3)
    return row


def jump_to(main: MainScreen, spot: LogSpot) -> bool:
    """Select the job and show the line; False if the job is gone."""
    row = go_to_job(main, spot.job_id)
    if row is None:
        return False
    frame = main.logs[spot.part]
    if frame.is_both:
        frame.toggle_both()
    main.panes.go(spot.part)
    frame.show_job(row, main.store.root)
    if spot.pattern:
        frame.view.search(spot.pattern, regex=spot.is_regex)
        frame.view.stop_search()  # the hit is known: no looking for the nearest one
    frame.view.go_to_line_at(spot.start, spot.focus)
    return True
