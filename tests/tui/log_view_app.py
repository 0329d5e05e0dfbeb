"""A small app around one log view, for tests and for trying it by hand.

``python tests/tui/log_view_app.py FILE [--merged]`` binds the keys of the dashboard.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from agent_exec_tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

KEYS: dict[str, tuple[str, Callable[[LogView], object]]] = {
    "down": ("j,down", lambda view: view.scroll_line(1)),
    "up": ("k,up", lambda view: view.scroll_line(-1)),
    "page_down": ("space,pagedown", lambda view: view.page(1)),
    "page_up": ("b,pageup", lambda view: view.page(-1)),
    "home": ("g,home", lambda view: view.go_home()),
    "end": ("G,end", lambda view: view.go_end()),
    "left": ("h,left", lambda view: view.pan(-8)),
    "right": ("l,right", lambda view: view.pan(8)),
    "follow": ("F", lambda view: view.toggle_follow()),
    "next": ("n", lambda view: view.next_hit()),
    "previous": ("N", lambda view: view.previous_hit()),
    "error": ("e", lambda view: view.next_error()),
    "previous_error": ("E", lambda view: view.previous_error()),
    "only": ("ampersand", lambda view: view.toggle_only_matching()),
    "wrap": ("w", lambda view: view.toggle_wrap()),
    "numbers": ("number_sign", lambda view: view.toggle_line_numbers()),
    "times": ("t", lambda view: view.toggle_times()),
    "mark": ("m", lambda view: view.add_mark()),
    "hide": ("H", lambda view: view.hide_before_mark()),
    "middle": ("5", lambda view: view.go_fraction(0.5)),
    "write": ("W", lambda view: view.export("/tmp/log-view-export.txt")),
}


class LogViewApp(App[None]):
    """One log view with a border and a search line."""

    CSS = """
    LogView { border: round $primary; height: 1fr; }
    Input { display: none; height: 1; border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(keys, f"do('{name}')", show=False) for name, (keys, _) in KEYS.items()),
        Binding("slash", "find", show=False),
        Binding("q", "quit", show=False),
    ]

    def __init__(self, path: str | None = None, *, merged: bool = False) -> None:
        super().__init__()
        self.path = path
        self.merged = merged
        self.view = LogView(id="log")
        self.messages: list[object] = []

    def compose(self) -> ComposeResult:
        """The view, and the line to search from."""
        yield self.view
        yield Input()

    def on_mount(self) -> None:
        """Show the log."""
        self.view.show(self.path, title="stdout", key="job", merged=self.merged)
        self.view.focus()

    def action_do(self, name: str) -> None:
        """Do what a key is bound to."""
        KEYS[name][1](self.view)

    def action_find(self) -> None:
        """Ask for a pattern."""
        line = self.query_one(Input)
        line.display = True
        line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as it is typed; a leading ``re:`` makes it a regular expression."""
        text = event.value
        self.view.search(text.removeprefix("re:"), regex=text.startswith("re:"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the pattern."""
        event.input.display = False
        self.view.focus()

    def on_log_teller_status_changed(self, event: LogView.StatusChanged) -> None:
        """Show the status in the border."""
        self.view.border_title = Content(event.status.title)
        self.view.border_subtitle = Content("  ".join(event.status.parts()))

    def on_log_navigator_search_ended(self, event: LogView.SearchEnded) -> None:
        """Keep it for the test."""
        self.messages.append(event)

    def on_log_view_exported(self, event: LogView.Exported) -> None:
        """Keep it for the test."""
        self.messages.append(event)


if __name__ == "__main__":
    LogViewApp(sys.argv[1], merged="--merged" in sys.argv).run()
