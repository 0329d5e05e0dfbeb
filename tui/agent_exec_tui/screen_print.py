"""The dashboard on paper: what it shows at a size, as text or as a picture, without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console

from agent_exec.store.places import log_path
from agent_exec.store.root import resolve_root
from agent_exec_tui.app import DashboardApp
from agent_exec_tui.demo_guard import guarded_demo
from agent_exec_tui.ending import Ending
from agent_exec_tui.failure_log import failures_in
from agent_exec_tui.keymap import is_key, normal_key
from agent_exec_tui.state import KeptState

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.worker import Worker

    from agent_exec_tui.running import Wish
    from agent_exec_tui.settings import Settings

LIMIT_S: Final = 10.0
"""So long at most is waited for the list and the logs, and again after the keys."""
_STILL_S: Final = 0.25  # longer than the cursor has to rest before its job's logs are opened
_LOOK_S: Final = 0.02
_ROUND_S: Final = 0.4  # longer than that
_ROUNDS: Final = 3
_READING_GROUPS: Final = ("arrange", "log-", "read-")
_NAMES: Final = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown"}


@dataclass(frozen=True, slots=True)
class Picture:
    """What was on the screen.

    Attributes:
        problems: what of the settings could not be used.
        is_complete: False when something was still being read at the time limit.
    """

    text: str
    svg: str
    is_complete: bool
    problems: tuple[str, ...] = ()


def keys_in(text: str) -> tuple[str, ...]:
    """Read keys as they are written in the help, with commas between: ``3,/,^d,pgdn,comma``.

    Raises:
        ValueError: one is no key.
    """
    keys = []
    for word in text.split(","):
        *modifiers, last = normal_key(_NAMES.get(word.strip(), word)).split("+")
        last = _NAMES.get(last, last)
        key = "+".join((*modifiers, last))
        if not is_key(key):
            raise ValueError(f"{word.strip()!r} is no key")
        keys.append(key)
    return tuple(keys)


def print_screen(
    wish: Wish, size: tuple[int, int], keys: tuple[str, ...] = (), *, is_demo: bool = False
) -> Picture:
    """Show what the command line asks for to nobody.

    Args:
        wish: what to show; how the dashboard was left the last time plays no part.
        size: columns and rows.
        keys: pressed one after the other, as Textual names them.
        is_demo: show jobs made for the purpose instead of a root.
    """
    settings = wish.settings(os.environ)
    with contextlib.ExitStack() as stack:
        ending = stack.enter_context(Ending())
        stack.enter_context(failures_in(log_path(os.environ)))
        if is_demo:
            root = stack.enter_context(guarded_demo(ending))
        else:
            root = resolve_root(wish.root, os.environ)
        return picture_of(root, size, settings, filter_text=wish.filter_text or "", keys=keys)


class _PaperApp(DashboardApp):
    def _handle_exception(self, error: Exception) -> None:
        # Textual would print the traceback with every local variable; it is raised to our caller.
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()


def picture_of(
    root: str,
    size: tuple[int, int],
    settings: Settings,
    *,
    filter_text: str = "",
    keys: tuple[str, ...] = (),
    limit_s: float = LIMIT_S,
) -> Picture:
    """Run the dashboard without a terminal until everything in sight has been read.

    Args:
        root: the jobs root.
        size: columns and rows.
        settings: as for the dashboard; how it was left the last time plays no part.
        filter_text: a filter that can be understood.
        keys: pressed one after the other, as Textual names them.
        limit_s: how long to wait for the reading, and again after the keys.
    """
    app = _PaperApp(root, settings, kept=KeptState(filter_text=filter_text))
    app.animation_level = "none"
    return asyncio.run(_take(app, size, keys, limit_s))


async def _take(
    app: DashboardApp, size: tuple[int, int], keys: tuple[str, ...], limit_s: float
) -> Picture:
    async with app.run_test(size=size, notifications=True) as pilot:
        try:
            is_complete = await _still(pilot, app, limit_s)
            for key in keys:
                await pilot.press(key)
            if keys:
                is_complete = await _still(pilot, app, limit_s)
            return Picture(_text(app), _svg(app), is_complete, app.settings.problems)
        finally:
            app.main.session.close()


async def _still(pilot: Pilot[str], app: DashboardApp, limit_s: float) -> bool:
    """Wait until nothing moves for a moment; or, where jobs go on writing, until what was there is drawn."""
    deadline_s = time.monotonic() + limit_s
    shown, since_s = "", time.monotonic()
    there = _WhatIsThere(app)
    while (now_s := time.monotonic()) < deadline_s:
        await pilot.pause()
        now = _text(app)
        if now != shown or _is_listing(app) or _readers(app):
            shown, since_s = now, now_s
        elif now_s - since_s >= _STILL_S:
            return True
        if there.is_read(now_s):
            await pilot.pause()
            return True
        if app.return_code is not None:  # a key has left the dashboard
            return True
        await asyncio.sleep(_LOOK_S)
    return False


class _WhatIsThere:
    """Tells when all has been read that was there when the view last changed, whatever came since."""

    def __init__(self, app: DashboardApp) -> None:
        self._app = app
        self._view: tuple[object, ...] = ()
        self._since_s = 0.0
        self._readers: set[Worker[object]] = set()
        self._rounds = 0

    def is_read(self, now_s: float) -> bool:
        """Look again."""
        main = self._app.main
        view = (self._app.screen, main.table.cursor_id, main.panes.wish, main.viewing.view)
        if view != self._view or _is_listing(self._app):
            self._view, self._since_s, self._rounds = view, now_s, 0
            self._readers = set()
        elif now_s - self._since_s >= (self._rounds + 1) * _ROUND_S and not any(
            not worker.is_finished for worker in self._readers
        ):
            # What these were to read may be what the next ones need.
            self._rounds += 1
            self._readers = _readers(self._app)
        return self._rounds > _ROUNDS


def _is_listing(app: DashboardApp) -> bool:
    main = app.main
    if main.viewing.view is not main.jobs.view:
        return True
    # A warning says why there is nothing to wait for.
    return not main.reading.is_loaded and not main.reading.state.warning


def _readers(app: DashboardApp) -> set[Worker[object]]:
    return {
        worker
        for worker in app.workers
        if worker.group.startswith(_READING_GROUPS) and not worker.is_finished
    }


def _recorded(app: DashboardApp) -> Console:
    """Draw the screen, dialogs and what lies beneath them, as Textual's screenshots do."""
    width, height = app.size
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(
        app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    )
    return console


def _text(app: DashboardApp) -> str:
    lines = _recorded(app).export_text(styles=False).splitlines()
    return "".join(f"{_printable(line)}\n" for line in lines[: app.size.height])


def _printable(line: str) -> str:
    # Nothing else reaches the screen; should it ever, it goes no further than this.
    shown = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return "".join(shown).rstrip()


def _svg(app: DashboardApp) -> str:
    return _recorded(app).export_svg(title=app.TITLE) + "\n"
