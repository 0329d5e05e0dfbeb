"""The command line that does the same as a dialog: cut to the screen, copied in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells
from textual.content import Content
from textual.widget import Widget

from agent_exec_tui import formatting
from agent_exec_tui.job_rows import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size


class CommandPreview(Widget, can_focus=False):
    """The first of one or more command lines, cut in the middle; of the others, how many.

    Args:
        rows: how many rows of the screen it may take.
    """

    def __init__(self, lines: Sequence[str] = (), *, rows: int = 1, id: str | None = None) -> None:
        super().__init__(id=id)
        self.note = ""
        self._rows = rows
        self._lines: Sequence[str] = ()
        self.show(lines)

    def show(self, lines: Sequence[str], note: str = "") -> None:
        """Show these; *note* is a word on them that is not copied."""
        self._lines, self.note = lines, note
        self.display = bool(lines)
        self.refresh(layout=True)

    @property
    def text(self) -> str:
        """What is copied: every line in full."""
        return "\n".join(self._lines)

    def _shown(self, width: int) -> str:
        if not self._lines:
            return ""
        more = f"   and {len(self._lines) - 1} more" if len(self._lines) > 1 else ""
        note = f"   ({self.note})" if self.note else ""
        room = max(width - cell_len(more) - cell_len(note) - 2, 12)
        return f"= {formatting.shorten_middle(clean(self._lines[0]), room)}{more}{note}"

    def _wrapped(self, width: int) -> list[str]:
        """Break it where the width ends: a word may be longer than a row."""
        text = self._shown(self._rows * width)
        return chop_cells(text, width)[: self._rows] if text and width > 0 else [text]

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All of the line, if there is room."""
        return cell_len(self._shown(10_000))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as it takes, and may."""
        return len(self._wrapped(width))

    def render(self) -> Content:
        """Cut to the width."""
        return Content("\n".join(self._wrapped(self.content_size.width)))
