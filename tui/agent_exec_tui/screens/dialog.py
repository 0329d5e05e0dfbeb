"""What all dialogs share: a box that fits any terminal, keys to leave, and typed answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from agent_exec_tui import clipboard
from agent_exec_tui.bursts import MOVING
from agent_exec_tui.hints import hint_line, title_line
from agent_exec_tui.keymap import dialog_bindings, help_binding, shown_key
from agent_exec_tui.layout import BREAKPOINTS
from agent_exec_tui.screens.helped import Helped
from agent_exec_tui.widgets.command_preview import CommandPreview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from agent_exec_tui.hints import Hint

Answer = TypeVar("Answer")

FRAME_CELLS = 8
"""What the frame takes of the width: its corners, and a margin to the terminal's edge."""

_DRAWN_LOOK_S: Final = 0.01
_NO_ANSWERS: Final = frozenset({
    "leave", "more", "recent", "app.focus_next", "app.focus_previous", "app.suspend_process",
})  # fmt: skip

LISTED = 500
"""So many lines are listed at most: more would be read by nobody, and laid out for seconds."""


class Dialog(Helped, ModalScreen[Answer | None], Generic[Answer], inherit_bindings=False):
    """A box over the dashboard; what does not fit scrolls, above buttons that always stand.

    ``esc`` leaves it with the answer None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *dialog_bindings(
            "app.back", "move.down", "move.up", "move.half_down", "move.half_up",
            "move.page_down", "move.page_up", "move.top", "move.bottom",
            "dialog.next", "dialog.previous", "dialog.copy",
        ),
        help_binding(),
        Binding("ctrl+c", "leave", "Close", show=False),
        Binding("tab", "app.focus_next", "Go to the next field or button", show=False),
        Binding("shift+tab", "app.focus_previous", "Go to the one before", show=False),
        Binding("ctrl+z", "app.suspend_process", "Suspend to the shell", show=False),
    ]  # fmt: skip
    AUTO_FOCUS: ClassVar[str | None] = "*"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    heading = ""
    acts: bool = False
    """Whether its answer does something: then no key answers that was pressed before it was seen."""
    moves_in_bursts: ClassVar[bool] = True
    """Whether letters that come at once may move in it."""
    _seen_s = math.inf
    hints_at_help: ClassVar[bool] = False
    """Whether there are keys here that no button and no line of the frame tells."""

    def compose(self) -> ComposeResult:
        """The frame, in it what scrolls and what does not."""
        with Vertical(id="dialog") as box:
            box.border_title = Content(self.heading)
            with VerticalScroll(id="contents", can_focus=False):
                yield from self.compose_dialog()
            buttons = tuple(self.compose_buttons())
            if buttons:
                yield Horizontal(*buttons, classes="buttons")

    def compose_dialog(self) -> ComposeResult:
        """The dialog's widgets."""
        raise NotImplementedError

    def compose_buttons(self) -> Iterable[Button]:
        """Its buttons, from left to right; none unless a dialog has some."""
        return ()

    @property
    def box(self) -> Vertical:
        """The frame."""
        return self.query_one("#dialog", Vertical)

    @property
    def body(self) -> VerticalScroll:
        """What scrolls in it."""
        return self.query_one("#contents", VerticalScroll)

    def frame(self, titles: Sequence[str], hints: Sequence[Hint], *, width: int = 10_000) -> None:
        """Write into the frame as much as fits whole: the first title, the last hint always.

        Args:
            titles: from the most to the least important.
            hints: likewise, but for the last.
            width: how wide the dialog is where the terminal is wider.
        """
        room = min(self.app.size.width, width) - FRAME_CELLS
        if self.hints_at_help and not isinstance(self.focused, Input):
            hints = [*hints[:-1], (self.key_of("app.help"), "help"), *hints[-1:]]
        self.box.border_title = Content(title_line(titles, room))
        self.box.border_subtitle = Content(hint_line(hints, room))

    def has_action(self, action_id: str) -> bool:
        """Leave out what needs buttons or a command line where there are none."""
        if action_id == "dialog.copy":
            return bool(self.query(CommandPreview))
        return not action_id.startswith("dialog.") or bool(self.query(Button))

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    # Keys

    def on_mount(self) -> None:
        """Take note of when it can be seen."""
        self.call_after_refresh(self._drawn)

    def _drawn(self, shown_since: Callable[[], float | None] | None = None) -> None:
        shown_since = shown_since or self.app.shown_since()  # type: ignore[attr-defined]
        seen_s = shown_since()
        if seen_s is None:  # a slow terminal
            self.set_timer(_DRAWN_LOOK_S, lambda: self._drawn(shown_since))
        else:
            self._seen_s = seen_s

    def is_early(self, event: events.Key) -> bool:
        """Whether a key would answer what could not be seen yet when it was pressed."""
        if not self.acts or event.time >= self._seen_s:
            return False
        if isinstance(self.focused, Input) and event.is_printable:
            return False
        active = self.active_bindings.get(event.key)
        if active is None:
            return True
        return active.binding.id not in MOVING and active.binding.action not in _NO_ANSWERS

    def action_act(self, action_id: str) -> None:
        """Do what the action table says of dialogs."""
        half, page = max(self.body.size.height // 2, 1), max(self.body.size.height - 1, 1)
        doing: dict[str, Callable[[], None]] = {
            "app.back": self.action_leave,
            "move.down": lambda: self.move(1),
            "move.up": lambda: self.move(-1),
            "move.half_down": lambda: self.move(half),
            "move.half_up": lambda: self.move(-half),
            "move.page_down": lambda: self.move(page),
            "move.page_up": lambda: self.move(-page),
            "move.top": lambda: self.move_to_end(is_top=True),
            "move.bottom": lambda: self.move_to_end(is_top=False),
            "dialog.confirm": lambda: self.answer(True),
            "dialog.cancel": lambda: self.answer(False),
            "dialog.next": lambda: self._focus_button(1),
            "dialog.previous": lambda: self._focus_button(-1),
            "dialog.copy": self.copy_command,
        }
        doing[action_id]()

    def move(self, lines: int) -> None:
        """Read on, or go on in a list."""
        self.body.scroll_relative(y=lines, animate=False)

    def move_to_end(self, *, is_top: bool) -> None:
        """Go to the first or the last line."""
        (self.body.scroll_home if is_top else self.body.scroll_end)(animate=False)

    def answer(self, is_yes: bool) -> None:
        """Say yes or no, where that is asked."""

    def _focus_button(self, step: int) -> None:
        buttons = [button for button in self.query(Button) if button.focusable]
        if self.focused in buttons:
            place = buttons.index(self.focused)
            buttons[(place + step) % len(buttons)].focus()

    def copy_command(self) -> None:
        """Copy the command line the dialog shows."""
        for preview in self.query(CommandPreview):
            if preview.text:
                clipboard.copy(self.app, "command line", preview.text)

    def key_of(self, action_id: str) -> str:
        """The first key that does it now, as people read it."""
        bindings = self.active_bindings.values()
        keys = (active.binding.key for active in bindings if active.binding.id == action_id)
        return shown_key(next(keys, ""))


class ConfirmDialog(Dialog[bool]):
    """A yes-or-no question that names what it is about; the harmless answer has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = dialog_bindings("dialog.confirm", "dialog.cancel")
    AUTO_FOCUS: ClassVar[str | None] = "#no"
    acts = True

    def __init__(
        self,
        title: str,
        lines: Iterable[str],
        *,
        yes: str,
        no: str,
        note: str = "",
        command_lines: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.heading = title
        self._lines = tuple(lines)
        self._yes, self._no = yes, no
        self._note, self._command_lines = note, command_lines

    def compose_dialog(self) -> ComposeResult:
        """What will happen, to which jobs, the command line that does the same."""
        yield Static(Content("\n".join(self._lines)), classes="targets")
        if self._note:
            yield Static(Content.styled(self._note, "$text-warning"), classes="note")
        yield CommandPreview(self._command_lines)

    def compose_buttons(self) -> Iterable[Button]:
        """The two answers, with their keys."""
        yes, no = self.key_of("dialog.confirm"), self.key_of("dialog.cancel")
        yield Button(Content(f"{yes}  {self._yes}"), id="yes", variant="error", compact=True)
        yield Button(Content(f"{no}  {self._no}"), id="no", compact=True)

    def on_resize(self) -> None:
        """Say in the frame what more there is, once it is known what fits."""
        self.call_after_refresh(self._hint)

    def _hint(self) -> None:
        hints = []
        if self.body.max_scroll_y:
            hints.append((f"{self.key_of('move.down')} {self.key_of('move.up')}", "read on"))
        if self._command_lines:
            hints.append((self.key_of("dialog.copy"), "copy command"))
        self.box.border_subtitle = Content(hint_line(hints, self.box.size.width - 4))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter on a button."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def answer(self, is_yes: bool) -> None:
        """One key is enough."""
        self.dismiss(is_yes)


class TextDialog(Dialog[bool]):
    """Text to read, such as what became of each of several jobs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *dialog_bindings("dialog.cancel"),
        Binding("enter,q", "leave", show=False),
        Binding("space", "act('move.page_down')", show=False),
        Binding("b", "act('move.page_up')", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.heading = title
        self._text = text

    def compose_dialog(self) -> ComposeResult:
        """The text."""
        yield Static(Content(self._text))

    def compose_buttons(self) -> Iterable[Button]:
        """A way out."""
        yield Button("close", id="close", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter on the button."""
        event.stop()
        self.dismiss(None)

    def answer(self, is_yes: bool) -> None:
        """No more of it."""
        self.dismiss(None)
