"""The line to type in, as all dialogs use it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input

from agent_exec_tui.ansi import plain_cells

if TYPE_CHECKING:
    from textual import events


class Lines(Enum):
    """What becomes of several lines that are pasted into one."""

    FIRST = "the first is taken, and that is said"
    JOINED = "blanks stand between them"
    KEPT = "all of it is taken as it is"


class LineInput(Input):
    """An input whose cursor stands still, and that shows whatever it holds without obeying it.

    What a job was made with is put into it: the value stays as it is, control characters
    and their like are drawn as marks. Over ssh every blink would be a repaint.

    Attributes:
        lines: what becomes of several lines that are pasted.
        only_looks: nothing is done by what is typed: letters that come at once may end it, too.
    """

    def __init__(
        self,
        value: str | None = None,
        *,
        lines: Lines = Lines.FIRST,
        only_looks: bool = False,
        **named: Any,
    ) -> None:
        super().__init__(value, **named)
        self.lines = lines
        self.only_looks = only_looks

    # Textual lays out the whole screen for each letter: needed only where a line grows with it.
    virtual_size = Reactive(Size(0, 0), layout=False)

    def on_mount(self) -> None:
        """Switch the blinking off."""
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        lines = [line for line in text.split("\n") if line.strip()]
        if self.lines is Lines.KEPT:
            taken = text.removesuffix("\n")
        elif self.lines is Lines.JOINED:
            taken = " ".join(lines)
        else:
            taken = lines[0] if lines else ""
            if len(lines) > 1:
                self.app.notify(
                    f"only the first of {len(lines):,} lines was taken: this is for one line",
                    severity="warning",
                    markup=False,
                )
        if self.selection.is_empty:
            self.insert_text_at_cursor(taken)
        else:
            self.replace(taken, *self.selection)

    @property
    def _value(self) -> Text:
        shown = "•" * len(self.value) if self.password else plain_cells(self.value)
        return Text(shown, no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(self._value.plain[:position])

    def _cell_offset_to_index(self, offset: int) -> int:
        offset += self.scroll_offset.x
        end = 0
        for index, char in enumerate(self._value.plain):
            end += cell_len(char)
            if offset < end:
                return index
        return len(self.value)
