"""The dashboard as an application: colours, keys, the terminal, the way out."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.reactive import Reactive
from textual.widgets import Input

from agent_exec_tui import ansi_colours, formatting
from agent_exec_tui.actions import ACTIONS, Group
from agent_exec_tui.ascii import AsciiFilter
from agent_exec_tui.bursts import Burst, PasteRefused
from agent_exec_tui.feed import JobFeed
from agent_exec_tui.key_turns import KeyTurns
from agent_exec_tui.keymap import keys_of
from agent_exec_tui.layout import HEIGHT_BREAKPOINTS
from agent_exec_tui.palette import ActionProvider
from agent_exec_tui.screens.dialog import Dialog
from agent_exec_tui.screens.main import MainScreen
from agent_exec_tui.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.terminal_theme import TerminalTheme
    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from agent_exec_tui.news import FeedMaker
    from agent_exec_tui.settings import Settings
    from agent_exec_tui.state import KeptState

FAREWELL_IDS = 4
FAREWELL_CELLS = 40


class DashboardApp(App[str], inherit_bindings=False):
    """One main screen and the dialogs over it."""

    CSS_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dashboard.tcss")
    TITLE = "agent-exec-tui"
    COMMANDS: ClassVar[set[type[ActionProvider] | Callable[[], type[ActionProvider]]]] = {  # type: ignore[assignment]
        ActionProvider
    }
    VERTICAL_BREAKPOINTS = HEIGHT_BREAKPOINTS
    # Ours is opened by the action table; Textual's own binding would open it over dialogs, too.
    ENABLE_COMMAND_PALETTE = False
    # Textual's three rows at each edge leave one of seven where a drag does not scroll; here four.
    SELECT_AUTO_SCROLL_LINES = 2
    SELECT_AUTO_SCROLL_SPEED = 20.0
    # Textual's Monokai has one colour for red and magenta, orange for yellow, black on black.
    ansi_theme_dark = Reactive(ansi_colours.DARK, init=False)
    ansi_theme_light = Reactive(ansi_colours.LIGHT, init=False)

    def __init__(
        self,
        root: str,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        kept: KeptState | None = None,
        feed_for: FeedMaker = JobFeed,
    ) -> None:
        self._drawn_with: TerminalTheme | None = None
        # Textual picks its colour filter while it is constructed: a theme set later would leave
        # black on black where there is to be no colour.
        super().__init__(ansi_color=True if settings.is_terminal_native else None)
        self._ascii = [AsciiFilter()] if settings.ascii else []
        self.settings = settings
        self.theme = settings.textual_theme
        self.root = root
        self._clock = clock
        self._kept = kept
        self._feed_for = feed_for
        self._moving_keys = frozenset(
            (pane, key)
            for action in ACTIONS
            if action.group is Group.MOVE
            for key in keys_of(action, settings.keys)
            for pane in action.panes
        )
        self._turns = KeyTurns(self, self._hand_on, self._leaves_the_focus, self._left_out)
        self.set_keymap({action: ",".join(keys) for action, keys in settings.keys.items()})

    @property
    def ansi_theme(self) -> TerminalTheme:
        """What the terminal's own colours are taken to be; Textual asks for every line it draws."""
        if self._drawn_with is None:
            self._drawn_with = super().ansi_theme
        return self._drawn_with

    def watch_theme(self) -> None:
        """Another theme was chosen."""
        self._drawn_with = None

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through on its way to the terminal."""
        return [*super().get_line_filters(), *self._ascii]

    def get_default_screen(self) -> Screen[None]:
        """The main screen is the bottom of the stack: there is nothing below it to fall back to."""
        return self.main

    @property
    def main(self) -> MainScreen:
        """The main screen, made on first use."""
        if not hasattr(self, "_main"):
            self._main = MainScreen(
                self.root, self.settings, clock=self._clock, feed_for=self._feed_for
            )
        return self._main

    def on_mount(self) -> None:
        """Look as it was left; tell what in the settings could not be used."""
        if self._kept is not None:
            self.main.restore(self._kept)
        for problem in self.settings.problems:
            self.notify(problem, severity="warning", timeout=15, markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a toast, and keep what it says for the message history."""
        self.main.session.note(Told(self._clock(), severity, message))
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    async def on_event(self, event: events.Event) -> None:
        """Take keys, and what is pasted between them, one at a time."""
        if isinstance(event, events.InputEvent):
            self.main.touched_s = time.monotonic()
        if isinstance(event, (events.Key, events.Paste, Burst)) and not event.is_forwarded:
            await self._turns.take(event)
        else:
            await super().on_event(event)

    async def _hand_on(self, event: events.Key | events.Paste) -> None:
        screen = self.screen
        if isinstance(screen, Dialog) and isinstance(event, events.Key) and screen.is_early(event):
            return
        await super().on_event(event)

    def _left_out(self, burst: Burst) -> None:
        if burst.left_out:
            self.main.say(
                f"{burst.left_out} of the letters that came at once were left out: "
                "a key that does something is pressed by itself",
                severity="warning",
            )

    def on_paste_refused(self, _: PasteRefused) -> None:
        """Tell of what was too much."""
        self.main.say(
            "more was pasted than is taken (1 MiB): nothing of it was", severity="warning"
        )

    def shown_since(self) -> Callable[[], float | None]:
        """Give what tells when all that is drawn by now had reached the terminal."""
        return time.monotonic

    def _leaves_the_focus(self, event: events.Key | events.Paste) -> bool:
        if isinstance(event, events.Paste):
            return True
        if isinstance(self.focused, Input):
            return event.is_printable
        return self.screen is self.main and (self.main.panes.pane, event.key) in self._moving_keys

    def action_act(self, action_id: str) -> None:
        """Do from another screen what the main screen does anywhere."""
        self.main.action_do(action_id)

    def farewell(self) -> str:
        """Say on the shell which jobs keep running."""
        running = [row for row in self.main.jobs.rows.values() if row.is_live]
        if not running:
            return ""
        names = ", ".join(
            f"{row.short_id} ({formatting.shorten_middle(row.command, FAREWELL_CELLS)})"
            for row in running[:FAREWELL_IDS]
        )
        more = f" and {len(running) - FAREWELL_IDS} more" if len(running) > FAREWELL_IDS else ""
        count = len(running)
        return f"{count} {'job keeps' if count == 1 else 'jobs keep'} running: {names}{more}"
