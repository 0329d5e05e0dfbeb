"""What the bars and the list's frame say, drawn together from the screen's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.arrangement import Tab
from agent_exec_tui.job_rows import RowKind, clean
from agent_exec_tui.situation import Pane
from agent_exec_tui.unseen import unseen_text
from agent_exec_tui.widgets.bars import HeaderFacts

if TYPE_CHECKING:
    from agent_exec_tui.screens.main import MainScreen


def header_facts(main: MainScreen) -> HeaderFacts:
    """What the header says."""
    jobs = main.jobs
    unreadable = jobs.counts.get(RowKind.PROBLEM, 0)
    warnings = list(main.reading.warnings)
    if unreadable:
        warnings.append(f"{unreadable} unreadable {'dir' if unreadable == 1 else 'dirs'}")
    if main.reading.state.warning:
        warnings.append(main.reading.state.warning)
    if main.settings.read_only:
        warnings.append("read-only")
    place = f"dir {_short(jobs.view.scope_cwd)}" if jobs.view.scope_cwd else _short(main.store.root)
    return HeaderFacts(
        place=place,
        counts=dict(jobs.counts),
        doubt=jobs.doubt,
        shown=len(jobs),
        total=jobs.scoped_total,
        log_bytes=jobs.log_bytes,
        warnings=tuple(warnings),
        progress="" if main.reading.is_loaded else main.reading.state.progress,
        is_ascii=main.settings.ascii,
    )


def jobs_title(main: MainScreen) -> str:
    """What the list's frame says on top: how many, and why not all."""
    jobs, table = main.jobs, main.table
    parts = [f"Jobs {len(jobs):,}/{jobs.scoped_total:,}" if jobs.scoped_total else "Jobs"]
    if jobs.view.scope_cwd:
        parts.append("this directory")
    if jobs.view.tab is not Tab.ALL:
        parts.append(jobs.view.tab.value)
    if main.viewing.flaw:
        parts.append(main.viewing.flaw)
    elif main.viewing.text:
        parts.append(f"filter: {formatting.shorten_end(clean(main.viewing.text), 30)}")
    if table.follows_newest:
        parts.append("following the newest")
    if unseen := unseen_text(table.unread):
        parts.append(unseen)
    rows = jobs.rows
    silent = sum(1 for name in table.silent if name in rows and rows[name].is_live)
    if silent:
        parts.append(f"{silent} silent")
    watched = sum(1 for name in table.watched if name in rows and not rows[name].kind.has_ended)
    if watched:
        parts.append(f"{watched} watched")
    if table.marks:
        hidden = sum(1 for name in table.marks if not jobs.shows(name))
        parts.append(f"{len(table.marks)} marked" + (f" ({hidden} not shown)" if hidden else ""))
    if table.is_ranging:
        parts.append("range")
    if main.app.no_color and main.panes.pane is Pane.JOBS:
        parts.append("(focused)")
    return " · ".join(parts)


def sort_text(main: MainScreen) -> str:
    """What the list's frame says below."""
    jobs = main.jobs
    if main.settings.ascii:
        return f"sort: {jobs.view.sort.value}{', reversed' if jobs.view.is_reversed else ''}"
    return f"sort: {jobs.view.sort.value} {'↑' if jobs.view.rises else '↓'}"


def _short(path: str | None) -> str:
    return clean(formatting.short_path(path))
