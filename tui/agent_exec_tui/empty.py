"""What the list says when it has nothing to show; pure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from agent_exec.model.filter_terms import MOMENTS, TESTS
from agent_exec_tui import formatting
from agent_exec_tui.arrangement import Tab

if TYPE_CHECKING:
    from agent_exec_tui.job_list import JobList


def empty_lines(
    jobs: JobList,
    *,
    is_loaded: bool,
    filter_text: str,
    width: int,
    problem: str = "",
    missing_root: str = "",
) -> tuple[str, ...]:
    """Say why the list is empty and what to do about it.

    Args:
        jobs: the list.
        is_loaded: whether the first look at all jobs is over.
        filter_text: the filter in force.
        width: cells there are.
        problem: what keeps the root from being read.
        missing_root: the root, fit to be shown, if nothing is there.
    """
    room = max(width - 8, 20)
    if problem and not jobs.rows:
        return (*textwrap.wrap(problem, room), "", ":   change root", "q   quit")
    if not is_loaded:
        return ("reading…",)
    elsewhere = len(jobs.rows) - jobs.scoped_total
    if filter_text or (jobs.view.tab is not Tab.ALL and jobs.scoped_total):
        lines = [f"None of {formatting.counted(jobs.scoped_total, 'job')} is shown.", ""]
        strangers = jobs.view.wanted.strangers if jobs.view.wanted else ()
        lines += [f"{key}: is no field; searched as text" for key in strangers]
        if strangers:
            lines += [f"fields: {' '.join(f'{key}:' for key in (*TESTS, *MOMENTS))}", ""]
        if filter_text:
            lines.append("esc   clear the filter")
        if jobs.view.tab is not Tab.ALL:
            lines.append("]     next tab")
        return tuple(lines)
    lines = ["No jobs here yet."]
    if missing_root:
        lines += textwrap.wrap(f"{missing_root} does not exist; the first job makes it.", room)
    lines += ["", "a   add a job"]
    if elsewhere:
        lines.append(f"0   show all {formatting.counted(elsewhere, 'job')} in every directory")
    lines += [":   all commands", "?   help", "q   quit"]
    if width >= 60:
        gap = [] if missing_root else [""]  # at 80x24 there is room for eight lines
        lines += [*gap, "From a shell:  agent-exec-tui run -- echo hello"]
    return tuple(lines)
