"""The command palette's source: every action, its key, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from agent_exec_tui.actions import ACTIONS, DIALOG, Action
from agent_exec_tui.keymap import keys_of, shown_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec_tui.screens.main import MainScreen

_OFFERED = tuple(
    action for action in ACTIONS if action.id != "app.palette" and action.panes != DIALOG
)


class ActionProvider(Provider):
    """Offers the whole action table; what is impossible now says why when it is picked too."""

    @property
    def _main(self) -> MainScreen:
        from agent_exec_tui.screens.main import MainScreen

        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    def _entry(self, action: Action) -> tuple[str, str]:
        now = self._main.situation_for(action)
        keys = " ".join(shown_key(key) for key in keys_of(action, self._main.keys))
        reason = action.enabled(now)
        shown = f"{keys} · " if keys else ""
        return action.help, f"{shown}not now: {reason}" if reason else f"{shown}{action.id}"

    async def discover(self) -> Hits:
        """Offer everything, what is possible now first."""
        entries = [(action, *self._entry(action)) for action in _OFFERED]
        entries.sort(key=lambda entry: ("not now:" in entry[2], entry[0].rank or 10_000))
        for action, text, help_text in entries:
            yield DiscoveryHit(Content(text), self._doing(action), text=text, help=help_text)

    async def search(self, query: str) -> Hits:
        """Offer what the query fits, by help text, id or key."""
        matcher = self.matcher(query)
        for action in _OFFERED:
            text, help_text = self._entry(action)
            score = max(matcher.match(text), matcher.match(action.id), matcher.match(action.label))
            if score > 0:
                yield Hit(
                    score, matcher.highlight(text), self._doing(action), text=text, help=help_text
                )

    def _doing(self, action: Action) -> Callable[[], None]:
        main = self._main
        return lambda: main.action_do(action.id)
