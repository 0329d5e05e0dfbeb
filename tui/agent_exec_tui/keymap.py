"""From the action table to keys: bindings, how keys are written, overrides, clashes, the key table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType
from textual.keys import REPLACED_KEYS, Keys, _character_to_key, key_to_character

from agent_exec_tui.actions import ACTIONS, BY_ID, EVERYWHERE, Action, Group, actions_for
from agent_exec_tui.situation import ALL_PANES, Pane

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Keymap = dict[str, tuple[str, ...]]

_SHOWN = {
    "slash": "/", "colon": ":", "question_mark": "?", "ampersand": "&", "full_stop": ".",
    "plus": "+", "minus": "-", "space": "space", "enter": "enter", "escape": "esc",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "pgup", "pagedown": "pgdn",
    "exclamation_mark": "!", "number_sign": "#", "left_square_bracket": "[",
    "right_square_bracket": "]", "equals_sign": "=", "asterisk": "*", "comma": ",", "at": "@",
}  # fmt: skip

_KEYS = frozenset(key.value for key in Keys)
_MODIFIERS = frozenset({"ctrl", "shift", "alt"})

# The same byte as another key, or the terminal's, the multiplexer's or the browser's own.
UNSAFE_KEYS = {
    "ctrl+h": "is backspace",
    "ctrl+m": "is enter",
    "ctrl+i": "is tab",
    "ctrl+a": "is screen's prefix",
    "ctrl+b": "is tmux's prefix",
    "ctrl+s": "stops the terminal's output",
    "ctrl+q": "resumes the terminal's output",
    "ctrl+w": "closes a browser tab",
    "ctrl+t": "opens a browser tab",
    "ctrl+n": "opens a browser window",
}


def normal_key(key: str) -> str:
    """Turn what people write (``/``, ``^d``, ``G``) into Textual's name of the key."""
    key = key.strip()
    if len(key) == 2 and key.startswith("^"):
        return f"ctrl+{key[1].lower()}"
    return _character_to_key(key) if len(key) == 1 else key


def shown_key(key: str) -> str:
    """Write a key as people read it: ``^d``, ``/``, ``shift+↓``."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    *modifiers, last = key.split("+") if key != "+" else ["plus"]
    return "+".join((*modifiers, _SHOWN.get(last, last)))


def keys_of(action: Action, overrides: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The keys an action has now."""
    return overrides.get(action.id) or tuple(normal_key(key) for key in action.keys)


def bindings_for(*sets: frozenset[Pane]) -> list[BindingType]:
    """Make the bindings of the actions that live in exactly one of these sets of panes.

    Every key ends in one place: the screen's ``do``, which asks the table whether it may.
    """
    return bindings_of(action for panes in sets for action in ACTIONS if action.panes == panes)


def bindings_of(actions: Iterable[Action]) -> list[BindingType]:
    """Make the bindings of these actions, as far as they have keys."""
    return [_binding(action, "screen.do") for action in actions if action.keys]


def screen_bindings() -> list[BindingType]:
    """Make the main screen's bindings: what has the same meaning in all its panes."""
    return bindings_for(ALL_PANES, EVERYWHERE)


def pane_bindings(pane: Pane) -> list[BindingType]:
    """Make the bindings of a pane's widget: all its actions that are not everybody's."""
    sets = {action.panes for action in ACTIONS if pane in action.panes}
    return bindings_for(*sorted(sets - {ALL_PANES, EVERYWHERE}, key=sorted))


def dialog_bindings(*action_ids: str) -> list[BindingType]:
    """Make a dialog's bindings of these actions; each ends in the dialog's ``act``."""
    return [_binding(BY_ID[action_id], "act") for action_id in action_ids]


def help_binding() -> Binding:
    """Make the binding of the help for a screen over the main one."""
    return _binding(BY_ID["app.help"], "app.act")


def _binding(action: Action, method: str) -> Binding:
    keys = ",".join(normal_key(key) for key in action.keys)
    return Binding(keys, f"{method}('{action.id}')", action.label, id=action.id)


def clashes(overrides: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Name every key that means two things in one pane."""
    found: dict[str, None] = {}
    for pane in Pane:
        owners: dict[str, str] = {}
        for action in actions_for(pane):
            for key in keys_of(action, overrides):
                other = owners.setdefault(key, action.id)
                if other != action.id:
                    found[f"key {shown_key(key)} is both {other} and {action.id}"] = None
    return list(found)


def is_key(name: str) -> bool:
    """Whether a terminal has a key of that name, as ``normal_key`` writes it."""
    *modifiers, last = name.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return False
    return last in _KEYS or key_to_character(REPLACED_KEYS.get(last, last)) is not None


def checked_overrides(
    wanted: Mapping[str, Iterable[str]],
) -> tuple[Keymap, list[tuple[str, str]]]:
    """Take over what can be used of the user's keys, and say of which action what cannot and why."""
    taken: Keymap = {}
    problems: list[tuple[str, str]] = []
    for action_id, keys in wanted.items():
        names = tuple(normal_key(key) for key in keys if key.strip())
        if action_id not in BY_ID:
            problems.append((action_id, "no such action"))
        elif not names:
            problems.append((action_id, "needs at least one key"))
        else:
            flaws = {name: flaw for name in names if (flaw := _flaw_of(name))}
            problems += [(action_id, f"{shown_key(name)} {flaw}") for name, flaw in flaws.items()]
            usable = tuple(name for name in names if name not in flaws)
            if usable:
                taken[action_id] = usable
    for action_id in list(taken):
        clash = clashes(taken)
        if not clash:
            break
        mine = [text for text in clash if action_id in text.split()]
        if mine:
            problems.append((action_id, mine[0]))
            del taken[action_id]
    return taken, problems


def _flaw_of(name: str) -> str:
    return UNSAFE_KEYS.get(name, "" if is_key(name) else "is no key")


def key_table() -> str:
    """Write the documentation's key table in Markdown."""
    lines = ["| key | where | what | id |", "|---|---|---|---|"]
    for group in Group:
        for action in ACTIONS:
            if action.group is group:
                keys = " ".join(f"`{shown_key(normal_key(key))}`" for key in action.keys)
                lines.append(
                    f"| {keys or '(palette)'} | {_where(action)} | {action.help} | `{action.id}` |"
                )
    return "\n".join(lines) + "\n"


def _where(action: Action) -> str:
    if action.panes == EVERYWHERE:
        return "everywhere, dialogs"
    return "everywhere" if action.panes == ALL_PANES else ", ".join(sorted(action.panes))


if __name__ == "__main__":
    import sys

    sys.stdout.write(key_table())
