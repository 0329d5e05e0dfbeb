"""The line to type in, as all dialogs use it."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input

from agent_exec_tui.ansi import plain_cells


class LineInput(Input):
    """An input whose cursor stands still, and that shows whatever it holds without obeying it.

    What a job was made with is put into it: the value stays as it is, control characters
    and their like are drawn as marks. Over ssh every blink would be a repaint.
    """

    # Textual lays out the whole screen for each letter: needed only where a line grows with it.
    virtual_size = Reactive(Size(0, 0), layout=False)

    def on_mount(self) -> None:
        """Switch the blinking off."""
        self.cursor_blink = False

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
