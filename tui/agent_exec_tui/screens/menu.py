"""Small dialogs: choose one of a few, type one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from agent_exec_tui.job_rows import clean
from agent_exec_tui.screens.dialog import Dialog
from agent_exec_tui.widgets.command_preview import CommandPreview
from agent_exec_tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.app import ComposeResult


PROMPT_CELLS = 72
PREVIEW_ROWS = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a menu.

    Attributes:
        value: what the menu answers.
        key: the letter that picks it at once.
        reason: why it cannot be picked, or "".
    """

    value: str
    key: str
    label: str
    reason: str = ""


class MenuDialog(Dialog[str]):
    """A list to pick from, by its letters or with enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", show=False)]
    moves_in_bursts = False  # a letter picks before it moves

    def __init__(
        self, title: str, choices: Sequence[Choice], *, current: str = "", acts: bool = False
    ) -> None:
        super().__init__()
        self.acts = acts
        self.heading = title
        self._choices = tuple(choices)
        self._current = current

    def compose_dialog(self) -> ComposeResult:
        """One option a choice; what cannot be picked says why."""
        options = []
        for choice in self._choices:
            mark = "•" if choice.value == self._current else " "
            text = Content.assemble(
                (f"{choice.key:>2}", "$text-accent bold"),
                f"{mark} {choice.label}",
                (f"   {choice.reason}" if choice.reason else "", "$text-muted"),
            )
            options.append(Option(text, id=choice.value, disabled=bool(choice.reason)))
        yield OptionList(*options, markup=False, compact=True)

    def on_mount(self) -> None:
        """Start on what is in force."""
        options = self.query_one(OptionList)
        for index, choice in enumerate(self._choices):
            if choice.value == self._current:
                options.highlighted = index

    def on_key(self, event: events.Key) -> None:
        """A letter picks its line, before it means movement."""
        for choice in self._choices:
            if choice.key and event.character == choice.key and not choice.reason:
                event.stop()
                event.prevent_default()
                self.dismiss(choice.value)
                return

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click."""
        event.stop()
        self.dismiss(event.option.id)

    def move(self, lines: int) -> None:
        """Go up or down, past what cannot be picked, and stop at the ends."""
        options = self.query_one(OptionList)
        can = [
            index
            for index in range(options.option_count)
            if not options.get_option_at_index(index).disabled
        ]
        if not can:
            return
        to = (-1 if options.highlighted is None else options.highlighted) + lines
        if lines > 0:
            options.highlighted = next((index for index in can if index >= to), can[-1])
        else:
            options.highlighted = next((index for index in reversed(can) if index <= to), can[0])

    def move_to_end(self, *, is_top: bool) -> None:
        """Go to the first or the last choice."""
        options = self.query_one(OptionList)
        (options.action_first if is_top else options.action_last)()


class PromptDialog(Dialog[str]):
    """One line to type, checked as it is typed."""

    acts = True

    def __init__(
        self,
        title: str,
        *,
        does: str,
        value: str = "",
        hint: str = "",
        check: Callable[[str], str | None] | None = None,
        is_secret: bool = False,
        command_lines: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self.heading = title
        self._does = does
        self._value, self._hint = value, hint
        self._check = check
        self._is_secret = is_secret
        self._command_lines = command_lines

    def compose_dialog(self) -> ComposeResult:
        """The line, and below it a hint or what is wrong."""
        yield LineInput(self._value, compact=True, select_on_focus=False, password=self._is_secret)
        yield Static(Content(self._hint), id="hint")
        if self._command_lines:
            yield CommandPreview(self._command_lines(self._value), rows=PREVIEW_ROWS)

    def on_resize(self) -> None:
        """Fit the frame's words."""
        hints = (("enter", self._does), (self.key_of("app.back"), "cancel"))
        self.frame([self.heading], hints, width=PROMPT_CELLS)

    def compose_buttons(self) -> Iterable[Button]:
        """The command line can be taken along."""
        if self._command_lines:
            yield Button("Copy", id="copy", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Copy the command line."""
        event.stop()
        self.copy_command()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is wrong while it is typed."""
        self._flaw(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer if nothing is wrong."""
        if not self._flaw(event.value):
            self.dismiss(event.value)

    def _flaw(self, value: str) -> str | None:
        flaw = self._check(value) if self._check else None
        text = Content.styled(clean(flaw), "$text-error") if flaw else Content(self._hint)
        self.query_one("#hint", Static).update(text)
        if self._command_lines:
            lines = () if flaw else self._command_lines(value)
            self.query_one(CommandPreview).show(lines)
            self.query_one("#copy").display = bool(lines)
        return flaw
