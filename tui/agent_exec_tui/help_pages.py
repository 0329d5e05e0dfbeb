"""What the help says: of each pane by the action table, of a screen by the keys it declares; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.binding import Binding

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.actions import BY_ID, Group, actions_for
from agent_exec_tui.keymap import keys_of, normal_key, shown_key
from agent_exec_tui.situation import Pane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from textual.binding import BindingType

    from agent_exec_tui.situation import Situation

    Overrides = Mapping[str, tuple[str, ...]]

TITLES: Final = {
    Pane.JOBS: "Jobs list",
    Pane.LOG: "Log panes",
    Pane.DETAIL: "Detail pane",
    Pane.DIALOG: "Dialogs",
}
# What can be done comes first; how to move is soon known.
_LATER: Final = (Group.MOVE, Group.APP, Group.DIALOG)
_GROUPS: Final = (*(group for group in Group if group not in _LATER), *_LATER)
_ORDER: Final = {group.value: place for place, group in enumerate(_GROUPS, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLine:
    """What some keys do.

    Attributes:
        group: the heading it stands below.
        keys: as people read them; "" for what only the palette offers.
        reason: why it is impossible now, "" if it is possible.
        words: what a search finds it by, besides what is shown.
    """

    group: str
    keys: str
    text: str
    reason: str = ""
    words: str = ""

    def matches(self, wanted: Iterable[str]) -> bool:
        """Whether it has all of these words, which are in lower case."""
        text = f"{self.words} {self.text} {self.keys or '(palette)'}".lower()
        return all(word in text for word in wanted)


@dataclass(frozen=True, slots=True)
class HelpPage:
    """The keys of one place, in the order of their headings."""

    title: str
    lines: tuple[HelpLine, ...]


def pane_page(pane: Pane, now: Situation, overrides: Overrides) -> HelpPage:
    """List what the action table has for a pane."""
    lines = [
        HelpLine(
            group=action.group.value,
            keys=" ".join(shown_key(key) for key in keys_of(action, overrides)),
            text=action.help,
            reason=action.enabled(now) or "",
            words=f"{action.id} {action.label}",
        )
        for action in actions_for(pane)
    ]
    return HelpPage(TITLES[pane], _in_order(lines))


def screen_page(
    title: str,
    of_widgets: Iterable[BindingType],
    of_screen: Iterable[BindingType],
    overrides: Overrides,
    has_action: Callable[[str], bool],
) -> HelpPage:
    """List the keys that a screen and what is on it declare.

    Args:
        title: what its own keys, those of no action of the table, stand below.
        of_widgets: what keys do in the parts of the screen; they take a key from the screen.
        of_screen: what keys do in all of it.
        overrides: the keys that the user chose, by action id.
        has_action: whether an action of the table has a meaning here.
    """
    lines: dict[tuple[str, str], HelpLine] = {}
    taken: set[str] = set()
    for bindings, is_whole in ((of_widgets, False), (of_screen, True)):
        for binding in bindings:
            if not isinstance(binding, Binding):
                continue
            action = BY_ID.get(binding.id or "")
            if action and not has_action(action.id):
                continue
            text = action.help if action else binding.description
            keys = [key for key in _keys_of(binding, overrides) if key not in taken or not is_whole]
            taken.update(keys)
            if keys and text:
                group = action.group.value if action else title
                shown = " ".join(map(shown_key, keys))
                line = HelpLine(group=group, keys=shown, text=text, words=binding.id or "")
                lines.setdefault((group, text), line)
    return HelpPage(title, _in_order(lines.values()))


def _keys_of(binding: Binding, overrides: Overrides) -> Iterator[str]:
    yield from overrides.get(binding.id or "") or map(normal_key, binding.key.split(","))


def _in_order(lines: Iterable[HelpLine]) -> tuple[HelpLine, ...]:
    return tuple(sorted(lines, key=lambda line: _ORDER.get(line.group, 0)))
