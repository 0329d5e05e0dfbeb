"""Every message of this session, with its time: toasts are gone before one has read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from agent_exec_tui import clipboard, formatting
from agent_exec_tui.screens.dialog import LISTED, Dialog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult

    from agent_exec_tui.told import Told

_TONES = {"warning": "$text-warning", "error": "$text-error"}


class MessagesDialog(Dialog[None]):
    """The messages, the last in sight; it does not grow while it is looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,at", "leave", "Close", show=False),
    ]
    help_title = "Messages"
    hints_at_help = True
    AUTO_FOCUS: ClassVar[str | None] = "#close"

    def __init__(self, told: Sequence[Told]) -> None:
        super().__init__()
        self.heading = "Messages"
        self._told = tuple(told)

    def compose_dialog(self) -> ComposeResult:
        """One line each, or several where it is long."""
        parts: list[str | tuple[str, str]] = []
        for told in self._told[-LISTED:]:
            tone = _TONES.get(told.severity, "")
            parts += [(told.line, tone) if tone else told.line, "\n"]
        text = Content.assemble(*parts[:-1]) if parts else Content("nothing was told yet")
        yield Static(text, id="messages")

    def compose_buttons(self) -> Iterable[Button]:
        """Take them along, or leave."""
        yield Button("Copy", id="copy", compact=True)
        yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """What was told last is what one looks for."""
        self.call_after_refresh(self.move_to_end, is_top=False)

    def on_resize(self) -> None:
        """Fit the frame's words."""
        hints = ((self.key_of("dialog.copy"), "copy"), ("esc", "close"))
        self.frame([self.heading, formatting.counted(len(self._told), "message")], hints)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter on a button."""
        event.stop()
        if event.button.id == "copy":
            self.copy_command()
        else:
            self.action_leave()

    def has_action(self, action_id: str) -> bool:
        """The messages are what can be copied."""
        return action_id == "dialog.copy" or super().has_action(action_id)

    def copy_command(self) -> None:
        """Copy all of them."""
        clipboard.copy(self.app, "messages", "\n".join(told.line for told in self._told))
