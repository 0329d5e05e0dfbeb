"""The action table: every key, hint, palette entry and help line of the dashboard comes from it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui import situation as when
from agent_exec_tui.situation import ALL_PANES, Pane, Reason, Situation

Condition = Callable[[Situation], Reason]


class Group(StrEnum):
    """The headings of the help screen, in its order."""

    MOVE = "Move"
    FIND = "Find"
    MARK = "Mark"
    JOB = "Job"
    LOG = "Log"
    VIEW = "View"
    OUT = "Out"
    APP = "App"
    DIALOG = "Dialogs"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do.

    Attributes:
        id: what settings rebind and tests name; ``<noun>.<verb>``.
        keys: Textual's key names; empty for what only the palette offers.
        label: one or two words, for the footer.
        help: one line, for the palette, the help screen and the documentation.
        panes: where the keys work.
        rank: place in the footer, small first; 0 keeps it out of the footer.
        enabled: says why it is impossible now, or None.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    panes: frozenset[Pane] = ALL_PANES
    rank: int = 0
    enabled: Condition = when.always


JOBS = frozenset({Pane.JOBS})
LOG = frozenset({Pane.LOG})
DETAIL = frozenset({Pane.DETAIL})
LISTED = frozenset({Pane.JOBS, Pane.DETAIL})
DIALOG = frozenset({Pane.DIALOG})
EVERYWHERE = ALL_PANES | DIALOG

_MOVE = (
    Action("move.down", ("j", "down"), "down", "Move down one line", Group.MOVE, EVERYWHERE),
    Action("move.up", ("k", "up"), "up", "Move up one line", Group.MOVE, EVERYWHERE),
    Action("move.top", ("g", "home"), "first", "Go to the first line", Group.MOVE, EVERYWHERE),
    Action("move.bottom", ("G", "end"), "last", "Go to the last line", Group.MOVE, EVERYWHERE),
    Action(
        "move.half_down", ("ctrl+d",), "half down", "Move down half a page", Group.MOVE, EVERYWHERE
    ),
    Action("move.half_up", ("ctrl+u",), "half up", "Move up half a page", Group.MOVE, EVERYWHERE),
    Action(
        "move.page_down",
        ("pagedown", "ctrl+f"),
        "page down",
        "Move down a page",
        Group.MOVE,
        EVERYWHERE,
    ),
    Action(
        "move.page_up", ("pageup", "ctrl+b"), "page up", "Move up a page", Group.MOVE, EVERYWHERE
    ),
    Action("log.page_down", ("space",), "page", "Move down a page", Group.MOVE, LOG),
    Action("log.page_up", ("b",), "back", "Move up a page", Group.MOVE, LOG),
    Action("log.left", ("h", "left"), "left", "Pan left", Group.MOVE, LOG),
    Action("log.right", ("l", "right"), "right", "Pan right", Group.MOVE, LOG),
)

_FIND = (
    Action(
        "list.filter", ("slash",), "filter",
        "Filter the list: words, !word, re: tag: state: exit: cwd: id: age: ended:", Group.FIND, LISTED, 60,
    ),
    Action("list.tab_next", ("]",), "next tab", "Next tab", Group.FIND, JOBS),
    Action("list.tab_previous", ("[",), "previous tab", "Previous tab", Group.FIND, JOBS),
    Action(
        "list.scope", ("0",), "this dir/all",
        "Show the jobs of this directory only, or all", Group.FIND, rank=120,
    ),
    Action("list.sort", ("o",), "sort", "Choose the sort order", Group.FIND, JOBS, 100),
    Action("list.reverse", ("O",), "reverse", "Reverse the sort order", Group.FIND, JOBS),
    Action(
        "app.search_all", ("*",), "search all",
        "Search in the logs of the marked jobs, or of all shown", Group.FIND, rank=118,
        enabled=when.needs_logs,
    ),
    Action(
        "list.follow_newest", (), "follow newest",
        "Keep the cursor on the job that starts or appears next, or not", Group.FIND,
    ),
    Action(
        "list.attention", ("!",), "what's new",
        "Go to the next job that ended (*), fell silent (z) or wrote (•) since you looked", Group.FIND, rank=75,
        enabled=when.needs_unread,
    ),
)  # fmt: skip

_MARK = (
    Action(
        "mark.toggle", ("space",), "mark", "Mark this job and go on", Group.MARK, JOBS, 70,
        when.needs_jobs,
    ),
    Action(
        "mark.range", ("V",), "range", "Start or end marking a range", Group.MARK, JOBS,
        enabled=when.needs_jobs,
    ),
    Action(
        "mark.extend_down", ("shift+down",), "extend down", "Mark downwards", Group.MARK, JOBS,
        enabled=when.needs_jobs,
    ),
    Action(
        "mark.extend_up", ("shift+up",), "extend up", "Mark upwards", Group.MARK, JOBS,
        enabled=when.needs_jobs,
    ),
    Action(
        "mark.all", ("A",), "mark all", "Mark all jobs shown, or none", Group.MARK, JOBS,
        enabled=when.needs_jobs,
    ),
)  # fmt: skip

_JOB = (
    Action(
        "job.add", ("a",), "add", "Add a job", Group.JOB, LISTED, 10, when.needs_write
    ),
    Action(
        "job.start", ("s",), "start", "Start a created job", Group.JOB, rank=11,
        enabled=when.can_start,
    ),
    Action(
        "job.stop", ("x",), "stop", "Stop the job (TERM to its process group; asks)",
        Group.JOB, rank=12, enabled=when.can_signal,
    ),
    Action(
        "job.kill", ("X",), "kill", "Kill the job (KILL; asks)", Group.JOB, rank=40,
        enabled=when.can_signal,
    ),
    Action(
        "job.signal", ("S",), "signal", "Choose a signal to send", Group.JOB, rank=90,
        enabled=when.can_signal,
    ),
    Action(
        "job.rerun", ("r",), "rerun", "Run the same command again as a new job", Group.JOB,
        rank=30, enabled=when.can_rerun,
    ),
    Action(
        "job.restart", ("R",), "restart in place",
        "Restart in place (asks: old logs are overwritten)", Group.JOB, rank=95,
        enabled=when.can_restart,
    ),
    Action(
        "job.edit", ("e",), "edit+rerun", "Edit the definition and run it as a new job",
        Group.JOB, LISTED, 50, when.can_rerun,
    ),
    Action(
        "job.tags", ("t",), "tags", "Change the tags", Group.JOB, LISTED, 105,
        when.can_rerun,
    ),
    Action(
        "job.delete", ("d",), "delete", "Delete the job with its logs (asks)", Group.JOB,
        LISTED, 85, when.can_delete,
    ),
    Action(
        "job.repair", ("f",), "fix",
        "Fix the record of a job whose supervisor or process is gone (asks)", Group.JOB,
        LISTED, 15, when.can_repair,
    ),
    Action(
        "job.compare", ("=",), "compare", "Compare the two marked jobs", Group.JOB, rank=16,
        enabled=when.needs_two_marked,
    ),
    Action(
        "job.notify", ("N",), "notify me", "Tell me when this job ends (N before its row), or do not",
        Group.JOB, LISTED, 110, when.needs_readable_job,
    ),
)  # fmt: skip

_LOG = (
    Action("log.follow", ("F",), "follow", "Follow the end of the log, or stop", Group.LOG, LOG, 10),
    Action("log.search", ("slash",), "search", "Search in the log (^r: regex)", Group.LOG, LOG, 20),
    Action(
        "log.next", ("n",), "next hit", "Go to the next hit", Group.LOG, LOG, 21,
        when.needs_search,
    ),
    Action(
        "log.previous", ("N",), "previous hit", "Go to the previous hit", Group.LOG, LOG, 22,
        when.needs_search,
    ),
    Action(
        "log.only", ("ampersand",), "only hits", "Show only lines that match, or all",
        Group.LOG, LOG, 25, when.needs_search,
    ),
    Action("log.error_next", ("e",), "next error", "Go to the next error-like line", Group.LOG, LOG, 35),
    Action(
        "log.error_previous", ("E",), "previous error", "Go to the previous error-like line",
        Group.LOG, LOG,
    ),
    Action("log.stream", ("o",), "stream", "stdout, stderr, both", Group.LOG, LOG, 45),
    Action("log.wrap", ("w",), "wrap", "Wrap long lines, or not", Group.LOG, LOG, 50),
    Action("log.numbers", ("#",), "numbers", "Show line numbers, or not", Group.LOG, LOG),
    Action("log.times", ("t",), "times", "Show times where they are known", Group.LOG, LOG),
    Action("log.mark", ("m",), "mark", "Mark the end of the log as it is now", Group.LOG, LOG, 65),
    Action(
        "log.hide_before_mark", (), "hide before mark",
        "Hide everything before the last mark, or show it again", Group.LOG, LOG,
        enabled=when.needs_mark,
    ),
    Action("log.goto", (), "go to line", "Go to a line number", Group.LOG, LOG),
    Action(
        "log.tiles", (), "tiles", "Watch the logs of the marked jobs side by side", Group.LOG,
        enabled=when.needs_several_marked,
    ),
    Action("split.grow", ("plus",), "bigger", "Give the logs more room", Group.VIEW),
    Action("split.shrink", ("minus",), "smaller", "Give the logs less room", Group.VIEW),
)  # fmt: skip

_VIEW = (
    Action(
        "list.open", ("enter",), "log", "Open the job's log", Group.VIEW, JOBS, 20,
        when.needs_job,
    ),
    Action("pane.detail_toggle", ("i",), "detail", "Show or hide the detail pane", Group.VIEW, rank=115),
    Action("pane.jobs", ("1",), "jobs", "Go to the jobs list", Group.VIEW),
    Action("pane.stdout", ("2",), "stdout", "Go to stdout", Group.VIEW),
    Action("pane.stderr", ("3",), "stderr", "Go to stderr", Group.VIEW),
    Action("pane.detail", ("4",), "detail", "Go to the detail pane", Group.VIEW),
    Action("pane.next", ("tab",), "next pane", "Go to the next pane", Group.VIEW),
    Action("pane.previous", ("shift+tab",), "previous pane", "Go to the previous pane", Group.VIEW),
    Action("pane.zoom", ("z",), "zoom", "Give the whole screen to this pane, or not", Group.VIEW, rank=80),
    Action(
        "detail.reveal", ("full_stop",), "env values", "Show or hide environment values",
        Group.VIEW, DETAIL, 10, when.needs_readable_job,
    ),
)  # fmt: skip

_OUT = (
    Action(
        "copy.menu", ("y",), "copy", "Copy id, path, command, command line, selection or log",
        Group.OUT, rank=112, enabled=when.needs_job,
    ),
    Action(
        "copy.report", ("Y",), "report", "Copy a failure report", Group.OUT,
        enabled=when.needs_job,
    ),
    Action(
        "open.pager", ("P",), "pager", "Open the log in $PAGER", Group.OUT, enabled=when.needs_job
    ),
    Action(
        "open.editor", ("v",), "editor", "Open the log in $VISUAL or $EDITOR", Group.OUT,
        enabled=when.needs_job,
    ),
    Action(
        "log.write", ("W",), "write", "Write what the log pane shows to a file", Group.OUT, LOG, 90,
        when.needs_job,
    ),
)  # fmt: skip

_APP = (
    Action("app.palette", ("colon", "ctrl+p"), "commands", "Search all commands", Group.APP, rank=900),
    Action("app.help", ("question_mark",), "help", "Show the keys that work here, then all others", Group.APP, EVERYWHERE, rank=1000),
    Action("app.clean", ("C",), "clean", "Clean up finished jobs (opens on a dry run)", Group.APP, rank=78,
           enabled=when.needs_write),
    Action("app.undo", ("U",), "undo", "Bring back what was cleaned up last", Group.APP, rank=76, enabled=when.can_undo),
    Action("app.journal", ("J",), "journal", "Show what was done here, as a script that does it again", Group.APP, enabled=when.needs_journal),
    Action("app.messages", ("at",), "messages", "Show every message of this session, with its time", Group.APP),
    Action("app.back", ("escape",), "back", "Go back one layer: dialog, search, filter, marks, zoom", Group.APP, EVERYWHERE),
    Action("app.refresh", ("ctrl+l",), "refresh", "Draw and read everything anew", Group.APP),
    Action("app.mouse", ("M",), "mouse", "Give the mouse to the terminal, or take it back", Group.APP, rank=130),
    Action("app.suspend", ("ctrl+z",), "suspend", "Suspend to the shell", Group.APP),
    Action("app.interrupt", ("ctrl+c",), "copy or quit", "Copy the selected text, else quit", Group.APP),
    Action("app.theme", (), "theme", "Choose the colours", Group.APP),
    Action("app.root", (), "change root", "Look at another jobs root", Group.APP),
    Action("app.screenshot", (), "screenshot", "Save the screen as an SVG picture", Group.APP),
    Action("app.quit", ("q",), "quit", "Leave; jobs go on", Group.APP, rank=950),
)  # fmt: skip

_DIALOG = (
    Action("dialog.confirm", ("y",), "do it", "Do what is asked about", Group.DIALOG, DIALOG),
    Action("dialog.cancel", ("n",), "don't", "Do not do it", Group.DIALOG, DIALOG),
    Action("dialog.next", ("l", "right"), "right", "Go to the next button", Group.DIALOG, DIALOG),
    Action("dialog.previous", ("h", "left"), "left", "Go to the previous button", Group.DIALOG, DIALOG),
    Action("dialog.copy", ("c",), "copy command", "Copy the command line that does the same", Group.DIALOG, DIALOG),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (
    *_MOVE, *_FIND, *_MARK, *_JOB, *_LOG, *_VIEW, *_OUT, *_APP, *_DIALOG
)  # fmt: skip
BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}


def actions_for(pane: Pane) -> list[Action]:
    """List what has a meaning in *pane*, in the table's order."""
    return [action for action in ACTIONS if pane in action.panes]
