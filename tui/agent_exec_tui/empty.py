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
    jobs: JobList, *, is_loaded: bool, filter_text: str, width: int, problem: str = ""
) -> tuple[str, ...]:
    """Say why the list is empty and what to do about it; *problem* keeps the root from being read."""
    if problem and not jobs.rows:
        return (*textwrap.wrap(problem, max(width - 8, 20)), "", ":   change root", "q   quit")
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
    lines = ["No jobs here yet.", "", "a   add a job"]
    if elsewhere:
        lines.append(f"0   show all {formatting.counted(elsewhere, 'job')} in every directory")
    lines += [":   all commands", "?   help", "q   quit"]
    if width >= 60:
        lines += ["", "From a shell:  agent-exec-tui run -- echo hello"]
    return tuple(lines)
