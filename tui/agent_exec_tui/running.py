"""The dashboard in a terminal, from its start to its end, however that comes."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING

from agent_exec.cli.call import OutputError, say, write_stdout
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.store.jobs import JobStore
from agent_exec.store.places import log_path, state_path
from agent_exec.store.root import resolve_root
from agent_exec_tui.ending import Ending
from agent_exec_tui.failure_log import failures_in
from agent_exec_tui.feed_process import FeedProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec_tui.settings import Settings

SWITCH_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks of the dashboard.

    Attributes:
        root: the jobs root as given; None finds it as the commands do.
        theme: stands over settings and environment.
        read_only: allow nothing that changes a job.
        filter_text: shows these jobs at first, whatever was shown the last time.
    """

    root: str | None = None
    theme: str | None = None
    read_only: bool = False
    filter_text: str | None = None

    def settings(self, environ: Mapping[str, str], last_theme: str = "") -> Settings:
        """Read the settings; says to the program's libraries whether there is colour."""
        from agent_exec_tui.settings import load_settings

        settings = load_settings(
            environ, theme=self.theme, read_only=self.read_only, last_theme=last_theme
        )
        if settings.has_no_colour:
            os.environ["NO_COLOR"] = "1"
        return settings


def run(wish: Wish, *, environ: Mapping[str, str] | None = None, is_demo: bool = False) -> int:
    """Show the dashboard until the user or a signal ends it; the exit status.

    Args:
        wish: what to show and how.
        environ: None is this process's environment.
        is_demo: show jobs made for the purpose, in place of any of the user's, and keep nothing.
    """
    environ = os.environ if environ is None else environ
    with contextlib.ExitStack() as stack:
        ending = stack.enter_context(Ending())
        stack.enter_context(failures_in(log_path(environ)))
        if is_demo:
            from agent_exec_tui.demo_guard import guarded_demo

            wish = replace(wish, root=stack.enter_context(guarded_demo(ending)))
        # The main screen enables it again when all jobs are read: nothing made by then is garbage.
        gc.disable()
        # A key waits for no thread that reads, counts or sorts longer than that.
        sys.setswitchinterval(SWITCH_S)
        # Before anything of Textual is loaded: by the first picture the first jobs are read.
        root = resolve_root(wish.root, environ)
        feeds = stack.enter_context(contextlib.closing(FeedProcesses(JobStore(root))))
        return _show(wish, root, feeds, ending, environ, is_demo=is_demo)


def _show(
    wish: Wish,
    root: str,
    feeds: FeedProcesses,
    ending: Ending,
    environ: Mapping[str, str],
    *,
    is_demo: bool,
) -> int:
    from agent_exec_tui.arrangement import Tab
    from agent_exec_tui.hang_up import HangUpWatch
    from agent_exec_tui.state import KeptState, for_root, load_state, save_state, state_of
    from agent_exec_tui.terminal_app import TerminalApp

    path = state_path(environ)
    kept = KeptState() if is_demo else for_root(load_state(path), root)
    settings = wish.settings(environ, kept.theme)
    if wish.filter_text is not None:
        kept = replace(kept, filter_text=wish.filter_text, tab=Tab.ALL.value)
    app = TerminalApp(root, settings, kept=kept, feed_for=feeds)
    ending.leave_by(app.exit)
    try:
        with contextlib.closing(HangUpWatch()) as app.hang_up:
            app.run(mouse=settings.mouse)
    except BaseException:
        ending.restore_terminal()
        raise
    finally:
        ending.no_more()
        problem = app.main.session.close()
    if app.failure is not None:
        _own_up(app.failure, environ)
    elif not is_demo:
        save_state(path, state_of(app.main))
    lines = ("" if is_demo else app.farewell(), problem)
    try:
        write_stdout("".join(f"{line}\n" for line in lines if line).encode(errors="replace"))
    except (OSError, OutputError):
        _let_go_of_terminal()
    return ending.status or app.return_code or 0


def _let_go_of_terminal() -> None:
    """It is gone: what Python still holds for it must not fail once more at the very end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)


def _own_up(failure: BaseException, environ: Mapping[str, str]) -> None:
    say(
        f"agent-exec-tui: the dashboard failed, your jobs go on: {type(failure).__name__}: "
        f"{failure}\nDetails are in {log_path(environ)}"
    )
