"""The journal: what was done from here, to be read, copied, or written to a file and run again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from agent_exec_tui import clipboard, formatting
from agent_exec_tui.ansi import plain_lines
from agent_exec_tui.messages import Noticed
from agent_exec_tui.screens.dialog import LISTED, Dialog
from agent_exec_tui.screens.menu import PromptDialog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from agent_exec_tui.screens.main import MainScreen

FILE_NAME = "agent-exec-journal.sh"


class JournalDialog(Dialog[None]):
    """The script, its end in sight; it does not grow while it is looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("W", "write", "Write the script to a new file", show=False),
        Binding("q,J", "leave", "Close", show=False),
    ]
    help_title = "Journal"
    hints_at_help = True
    AUTO_FOCUS: ClassVar[str | None] = "#close"

    def __init__(self, main: MainScreen) -> None:
        super().__init__()
        self.heading = "Journal"
        self._main = main
        self._count = len(main.session.journal)
        self._script = main.session.journal.script()

    def compose_dialog(self) -> ComposeResult:
        """The script, or the end of a long one."""
        lines = self._script.rstrip("\n").split("\n")
        left_out = len(lines) - LISTED
        if left_out > 0:
            lines[:left_out] = [f"# … {left_out:,} lines more; what is copied or written has all"]
        yield Static(Content(plain_lines("\n".join(lines))), id="script")

    def compose_buttons(self) -> Iterable[Button]:
        """Take it along, or leave."""
        yield Button("Write to a file", id="write", compact=True)
        yield Button("Copy", id="copy", compact=True)
        yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """What was done last is what one looks for."""
        self.call_after_refresh(self.move_to_end, is_top=False)

    def on_resize(self) -> None:
        """Fit the frame's words."""
        hints = ((self.key_of("dialog.copy"), "copy"), ("W", "write"), ("esc", "close"))
        self.frame([self.heading, formatting.counted(self._count, "change")], hints)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter on a button."""
        event.stop()
        match event.button.id:
            case "write":
                self.action_write()
            case "copy":
                self.copy_command()
            case _:
                self.action_leave()

    def has_action(self, action_id: str) -> bool:
        """The script is its command lines."""
        return action_id == "dialog.copy" or super().has_action(action_id)

    def copy_command(self) -> None:
        """Copy the script."""
        clipboard.copy(self.app, "journal", self._script)

    def action_write(self) -> None:
        """Write the script to a new file."""

        def typed(answer: str | None) -> None:
            if answer:
                path = self._main.path_of(answer)
                main, script = self._main, self._script
                main.run_worker(
                    lambda: main.post_message(_written(path, script)),
                    thread=True,
                    exit_on_error=False,
                )

        hint = "a new file, a shell script"
        prompt = PromptDialog("Write the journal to", does="write", value=FILE_NAME, hint=hint)
        self.app.push_screen(prompt, typed)


def _written(path: str, script: str) -> Noticed:
    """Write the file, and say so or why not."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
        with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
            file.write(script)
    except OSError as error:
        return Noticed(f"{path}: {error.strerror}", "error")
    return Noticed(f"journal written to {formatting.short_path(path)}")
