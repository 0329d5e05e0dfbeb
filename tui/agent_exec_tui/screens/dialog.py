"""What all dialogs share: a box that fits any terminal, keys to leave, and typed answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], Generic[Answer], inherit_bindings=False):
    """A box over the dashboard; ``esc`` leaves it with the answer None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave"),
        Binding("ctrl+c", "leave", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
        Binding("ctrl+z", "app.suspend_process", show=False),
    ]
    AUTO_FOCUS: ClassVar[str | None] = "*"

    heading = ""

    def compose(self) -> ComposeResult:
        """One scrolling box; lower terminals scroll what they cannot show."""
        with VerticalScroll(id="dialog", can_focus=False) as box:
            box.border_title = Content(self.heading)
            yield from self.compose_dialog()

    def compose_dialog(self) -> ComposeResult:
        """The dialog's widgets."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    @property
    def box(self) -> VerticalScroll:
        """The box."""
        return self.query_one("#dialog", VerticalScroll)


class ConfirmDialog(Dialog[bool]):
    """A yes-or-no question that names what it is about; the harmless answer has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "do it"),
        Binding("n", "answer(False)", "don't"),
        Binding("h,left", "app.focus_previous", show=False),
        Binding("l,right", "app.focus_next", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("ctrl+d", "scroll(8)", show=False),
        Binding("ctrl+u", "scroll(-8)", show=False),
    ]
    AUTO_FOCUS: ClassVar[str | None] = "#no"

    def __init__(
        self,
        title: str,
        lines: Iterable[str],
        *,
        yes: str,
        no: str,
        note: str = "",
        command_line: str = "",
    ) -> None:
        super().__init__()
        self.heading = title
        self._lines = tuple(lines)
        self._yes, self._no = yes, no
        self._note, self._command_line = note, command_line

    def compose_dialog(self) -> ComposeResult:
        """What it is about, the command line that does the same, the two answers."""
        yield Static(Content("\n".join(self._lines)), classes="targets")
        if self._note:
            yield Static(Content.styled(self._note, "$text-warning"), classes="note")
        if self._command_line:
            yield Static(Content.styled(f"= {self._command_line}", "$text-muted"), classes="cli")
        with Horizontal(classes="buttons"):
            yield Button(Content(f"y  {self._yes}"), id="yes", variant="error", compact=True)
            yield Button(Content(f"n  {self._no}"), id="no", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter on a button."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """One key is enough."""
        self.dismiss(answer)

    def action_scroll(self, lines: int) -> None:
        """Read on in a list longer than the terminal."""
        self.box.scroll_relative(y=lines, animate=False)


class TextDialog(Dialog[bool]):
    """Text to read, such as what became of each of several jobs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "leave", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("ctrl+d,pagedown,space", "scroll(8)", show=False),
        Binding("ctrl+u,pageup", "scroll(-8)", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.heading = title
        self._text = text

    def compose_dialog(self) -> ComposeResult:
        """The text and a way out."""
        yield Static(Content(self._text))
        with Horizontal(classes="buttons"):
            yield Button("close", id="close", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter on the button."""
        event.stop()
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Read on."""
        self.box.scroll_relative(y=lines, animate=False)
