"""Letters that came at once and unmarked: a paste, as far as anybody can tell; they move, and never act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.events import InputEvent, Key, Paste
from textual.keys import _character_to_key
from textual.message import Message
from textual.widgets import Input

from agent_exec_tui.actions import ACTIONS, Group

if TYPE_CHECKING:
    from textual.app import App

_GROUPS: Final = frozenset({Group.MOVE, Group.FIND, Group.VIEW})
_OPENS_MORE: Final = frozenset({"list.sort", "app.search_all"})
MOVING: Final = frozenset(
    action.id for action in ACTIONS if action.group in _GROUPS and action.id not in _OPENS_MORE
) | {
    "log.search", "log.next", "log.previous", "log.only", "log.error_next", "log.error_previous",
    "log.stream", "log.follow", "app.back", "app.help",
}  # fmt: skip
"""Actions that change nothing but what is looked at."""
_NAMES: Final = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace"}


class Burst(InputEvent):
    """Several letters, read at once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.left_out = 0

    def next_typed(self, app: App[str]) -> Key | Paste | None:
        """What of it comes next where the focus is now; None when nothing is left.

        A line that only looks for something gets its keys; any other all the rest, as a paste.
        """
        focused = app.focused
        if isinstance(focused, Input) and not getattr(focused, "only_looks", False):
            text, self.text = _as_pasted(self.text), ""
            return Paste(text) if text else None
        while self.text:
            char, self.text = self.text[0], self.text[1:]
            key = _key_of(char)
            if isinstance(focused, Input) or _moves(app, key.key):
                return key
            self.left_out += 1
        return None


class PasteRefused(Message):
    """More was pasted than is held."""


def _as_pasted(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    return "".join(char for char in lines if char.isprintable() or char in "\n\t")


def _key_of(char: str) -> Key:
    name = _NAMES.get(char)
    if name is None and "\0" < char < "\x1b":
        name = f"ctrl+{chr(ord(char) + 0x60)}"
    if name is None:
        name = char if char.isalnum() else _character_to_key(char)
    return Key(name, char if char.isprintable() or char in _NAMES else None)


def _moves(app: App[str], key: str) -> bool:
    screen = app.screen
    if not getattr(screen, "moves_in_bursts", True):
        return False
    active = screen.active_bindings.get(key)
    return active is not None and active.binding.id in MOVING
