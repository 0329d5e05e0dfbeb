"""Keys one at a time: each is dealt with where the one before it has left the focus.

Textual sends a key to what has the focus when it arrives. Of keys that arrive together, such as
``/make`` and enter and ``2`` through a multiplexer, the last would be typed into the line.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from agent_exec_tui.bursts import Burst

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import App
    from textual.dom import DOMNode
    from textual.events import Key, Paste

    Typed = Key | Paste
    Waiting = Typed | Burst


# First the key itself is dealt with, then what widgets have told their parents because of it.
_ROUNDS: Final = 2
_LIMIT_S: Final = 0.25
"""A widget that is removed meanwhile takes with it what it was asked; keys must not wait for it."""


class KeyTurns:
    """Lets the next key through once the last one has been through everything above the focus.

    Behind keys that leave the focus where it is nobody waits: text and a held arrow are as quick
    as ever.
    """

    def __init__(
        self,
        app: App[str],
        hand_on: Callable[[Typed], Awaitable[None]],
        stays: Callable[[Typed], bool],
        left_out: Callable[[Burst], object],
    ) -> None:
        self._app = app
        self._hand_on = hand_on
        self._stays = stays
        self._left_out = left_out
        self._waiting: deque[Waiting] = deque()
        self._turn = 0
        self._is_busy = False

    async def take(self, event: Waiting) -> None:
        """Hand a key on, now or when it is its turn; of a burst what may be, key by key."""
        self._waiting.append(event)
        if not self._is_busy:
            await self._go_on()
        elif len(self._waiting) == 1:
            self._limit_turn()

    async def _go_on(self) -> None:
        while self._waiting and not self._is_busy:
            event = self._waiting.popleft()
            if not isinstance(event, Burst):
                await self._begin(event)
                continue
            typed = event.next_typed(self._app)
            if typed is None:
                self._left_out(event)
                continue
            self._waiting.appendleft(event)  # the rest of it, where this one leaves the focus
            typed.set_sender(self._app)
            await self._begin(typed)

    async def _begin(self, event: Typed) -> None:
        if self._stays(event):
            await self._hand_on(event)
            return
        self._turn += 1
        self._is_busy = True
        if self._waiting:
            self._limit_turn()
        await self._hand_on(event)
        await self._climb(self._turn, _ROUNDS, self._lowest)

    @property
    def _lowest(self) -> DOMNode:
        return self._app.focused or self._app.screen

    async def _climb(self, turn: int, rounds: int, node: DOMNode | None) -> None:
        """Come by each one's messages behind the key, from the focus up to the application."""
        if turn != self._turn or not self._is_busy:
            return
        if node is not None and node.call_later(self._climb, turn, rounds, node.parent):
            return
        if node is None and rounds > 1:
            await self._climb(turn, rounds - 1, self._lowest)
        else:
            await self._end(turn)

    async def _end(self, turn: int) -> None:
        if turn != self._turn or not self._is_busy:
            return
        self._is_busy = False
        await self._go_on()

    def _limit_turn(self) -> None:
        self._app.set_timer(_LIMIT_S, partial(self._end, self._turn))
