"""The help screen: the keys of where one is and of each pane, searchable."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from agent_exec_tui.screens.dialog import Dialog
from agent_exec_tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from agent_exec_tui.help_pages import HelpLine, HelpPage

WIDTH_CELLS = 90
KEY_CELLS = 14
NARROW_KEY_CELLS = 8


class HelpSearch(LineInput):
    """A line in which ``?`` is no letter, so that it can show the next page's keys."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Leave ``?`` to the dialog, which Textual asks only for what no line takes."""
        return character != "?" and super().check_consume_key(key, character)


class HelpDialog(Dialog[str]):
    """All keys of one page; ``?`` goes on to the next, typing searches, enter does nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "next_page", show=False, priority=True, id="app.help"),
        Binding("down", "act('move.down')", show=False, priority=True),
        Binding("up", "act('move.up')", show=False, priority=True),
        Binding("ctrl+d", "act('move.half_down')", show=False, priority=True),
        Binding("ctrl+u", "act('move.half_up')", show=False, priority=True),
    ]

    def __init__(self, pages: Sequence[HelpPage], current: int = 0) -> None:
        super().__init__()
        self._pages = pages
        self._current = current

    def compose_dialog(self) -> ComposeResult:
        """The search line and the table."""
        yield HelpSearch(placeholder="type to search…", compact=True, id="search", only_looks=True)
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

    def action_next_page(self) -> None:
        """Show the keys of the next pane."""
        self._current = (self._current + 1) % len(self._pages)
        self._show(self.query_one(Input).value)

    def _show(self, search: str) -> None:
        page = self._pages[self._current]
        hints = (
            (self.key_of("app.help"), "next page"),
            ("dimmed:", "not possible now"),
            ("esc", "close"),
        )
        self.frame([f"Help · {page.title}"], hints, width=WIDTH_CELLS)
        words = search.lower().split()
        pieces: list[Content | str | tuple[str, str]] = []
        group = ""
        for line in page.lines:
            if not line.matches(words):
                continue
            if line.group != group:
                group = line.group
                pieces.append((f"{group.upper()}\n", "$text-accent bold"))
            pieces += self._line(line)
        if not pieces:
            pieces.append(("nothing found on this page", "$text-muted"))
        self.query_one("#keys", Static).update(Content.assemble(*pieces))

    def _line(self, line: HelpLine) -> list[Content | str | tuple[str, str]]:
        width = self.body.scrollable_content_region.width
        cells = KEY_CELLS if width > WIDTH_CELLS // 2 else NARROW_KEY_CELLS
        key = f"  {line.keys or '(palette)':<{cells}} "
        text = f"{line.text}  ({line.reason})" if line.reason else line.text
        lines = textwrap.wrap(
            text,
            max(width - 1, len(key) + 12),
            initial_indent=" " * len(key),
            subsequent_indent=" " * (cells + 3),
        )
        wrapped = "\n".join(lines)[len(key) :] + "\n"
        if line.reason:
            return [(key + wrapped, "$text-muted")]
        return [(key, "bold"), wrapped]
