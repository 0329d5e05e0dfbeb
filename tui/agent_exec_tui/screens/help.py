"""The help screen: the action table, pane by pane, searchable."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from agent_exec_tui.actions import Action, Group, actions_for
from agent_exec_tui.keymap import keys_of, shown_key
from agent_exec_tui.screens.dialog import Dialog
from agent_exec_tui.situation import Pane
from agent_exec_tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from agent_exec_tui.situation import Situation

_TITLES = {
    Pane.JOBS: "Jobs list",
    Pane.LOG: "Log panes",
    Pane.DETAIL: "Detail pane",
    Pane.DIALOG: "Dialogs",
}
WIDTH_CELLS = 90
KEY_CELLS = 14
NARROW_KEY_CELLS = 8


class HelpSearch(LineInput):
    """A line in which ``?`` is no letter, so that it can show the next pane's keys."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Leave ``?`` to the dialog, which Textual asks only for what no line takes."""
        return character != "?" and super().check_consume_key(key, character)


class HelpDialog(Dialog[str]):
    """All keys of a pane; ``?`` goes on to the next pane's, typing searches, enter does nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "next_pane", show=False, priority=True),
        Binding("down", "act('move.down')", show=False, priority=True),
        Binding("up", "act('move.up')", show=False, priority=True),
        Binding("ctrl+d", "act('move.half_down')", show=False, priority=True),
        Binding("ctrl+u", "act('move.half_up')", show=False, priority=True),
    ]

    def __init__(self, situations: Mapping[Pane, Situation], keys: Mapping[str, tuple[str, ...]],
                 pane: Pane) -> None:  # fmt: skip
        super().__init__()
        self._situations = situations
        self._keys = keys
        self._pane = pane

    def compose_dialog(self) -> ComposeResult:
        """The search line and the table."""
        yield HelpSearch(placeholder="type to search…", compact=True, id="search")
        yield Static("", id="keys", markup=False)

    def on_resize(self) -> None:
        """Fill the table, wrapped to the width."""
        self._show(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Nothing to submit: leave."""
        self.dismiss(None)

    def action_next_pane(self) -> None:
        """Show the keys of the next pane."""
        panes = list(Pane)
        self._pane = panes[(panes.index(self._pane) + 1) % len(panes)]
        self._show(self.query_one(Input).value)

    def _show(self, search: str) -> None:
        hints = (("?", "next pane"), ("dimmed:", "not possible now"), ("esc", "close"))
        self.frame([f"Help · {_TITLES[self._pane]}"], hints, width=WIDTH_CELLS)
        words = search.lower().split()
        pieces: list[Content | str | tuple[str, str]] = []
        for group in Group:
            actions = [
                action for action in actions_for(self._pane)
                if action.group is group and self._matches(action, words)
            ]  # fmt: skip
            if actions:
                pieces.append((f"{group.value.upper()}\n", "$text-accent bold"))
                for action in actions:
                    pieces += self._line(action)
        if not pieces:
            pieces.append(("nothing found; ? shows the next pane's keys", "$text-muted"))
        self.query_one("#keys", Static).update(Content.assemble(*pieces))

    def _matches(self, action: Action, words: list[str]) -> bool:
        text = f"{action.id} {action.label} {action.help} {self._key_text(action)}".lower()
        return all(word in text for word in words)

    def _key_text(self, action: Action) -> str:
        return " ".join(shown_key(key) for key in keys_of(action, self._keys)) or "(palette)"

    def _line(self, action: Action) -> list[Content | str | tuple[str, str]]:
        reason = action.enabled(self._situations[self._pane])
        width = self.body.scrollable_content_region.width
        cells = KEY_CELLS if width > WIDTH_CELLS // 2 else NARROW_KEY_CELLS
        key = f"  {self._key_text(action):<{cells}} "
        text = f"{action.help}  ({reason})" if reason else action.help
        lines = textwrap.wrap(
            text,
            max(width - 1, len(key) + 12),
            initial_indent=" " * len(key),
            subsequent_indent=" " * (cells + 3),
        )
        wrapped = "\n".join(lines)[len(key) :] + "\n"
        if reason:
            return [(key + wrapped, "$text-muted")]
        return [(key, "bold"), wrapped]
