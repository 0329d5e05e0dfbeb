"""Two columns of texts with a cursor on a pair and a side; drawn line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agent_exec_tui.comparison import Verdict
from agent_exec_tui.side_by_side import (
    BETWEEN_CELLS,
    GUTTER_CELLS,
    LABEL_CELLS,
    VERDICT_CELLS,
    Cell,
    Laid,
    Pair,
    column_cells,
    lay_out,
)

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events

HEAD_LINES = 1


class PairList(ScrollView, can_focus=True, inherit_bindings=False):
    """What was compared; the cursor stays on its pair while others come."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", id="move.down"),
        Binding("k,up", "move(-1)", id="move.up"),
        Binding("ctrl+d", "move(8)", id="move.half_down"),
        Binding("pagedown,ctrl+f", "move(8)", id="move.page_down"),
        Binding("ctrl+u", "move(-8)", id="move.half_up"),
        Binding("pageup", "move(-8)", id="move.page_up"),
        Binding("g,home", "move(-1000000)", id="move.top"),
        Binding("G,end", "move(1000000)", id="move.bottom"),
        Binding("h,left", "side(0)", "Choose the left job", show=False),
        Binding("l,right", "side(1)", "Choose the right job", show=False),
        Binding("enter", "open", "Go to the first line that differs, in its log", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pair-list--head", "pair-list--row", "pair-list--cursor", "pair-list--quiet",
        "pair-list--different", "pair-list--lit",
    }  # fmt: skip
    ALLOW_SELECT = False

    class Opened(Message):
        """Enter, or a double click, on one side of a pair."""

        def __init__(self, key: str, side: int) -> None:
            super().__init__()
            self.key = key
            self.side = side

    def __init__(self, titles: tuple[str, str], *, is_ascii: bool = False, id: str | None = None):
        super().__init__(id=id)
        self.side = 0
        self._titles = titles
        self._is_ascii = is_ascii
        self._pairs: list[Pair] = []
        self._laid: list[Laid] = []
        self._key = ""
        self._has_moved = False

    @property
    def key(self) -> str:
        """The pair the cursor is on."""
        return self._key

    def show(self, titles: tuple[str, str], pairs: list[Pair], *, suggested: str = "") -> None:
        """Show these; the cursor goes to *suggested* unless it was moved by hand."""
        self._titles, self._pairs = titles, pairs
        keys = [pair.key for pair in pairs if pair.key]
        if suggested in keys and not self._has_moved:
            self._key = suggested
        elif self._key not in keys:
            self._key = keys[0] if keys else ""
        self._fit()

    def on_resize(self, _: events.Resize) -> None:
        """Wrap anew."""
        self._fit()

    def _fit(self) -> None:
        self._laid = lay_out(self._pairs, self.scrollable_content_region.width)
        self.virtual_size = Size(0, len(self._laid) + HEAD_LINES)
        self._reveal()
        self.refresh()

    def action_move(self, pairs: int) -> None:
        """Move the cursor from pair to pair."""
        keys = [pair.key for pair in self._pairs if pair.key]
        if keys:
            self._has_moved = True
            now = keys.index(self._key) + pairs
            self._key = keys[min(max(now, 0), len(keys) - 1)]
            self._reveal()
            self.refresh()

    def action_side(self, side: int) -> None:
        """Choose the left or the right one."""
        self._has_moved = True
        self.side = side
        self.refresh()

    def action_open(self) -> None:
        """Tell which one is meant."""
        if self._key:
            self.post_message(self.Opened(self._key, self.side))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; a second click opens it."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEAD_LINES:
            return
        line = offset.y - HEAD_LINES + self.scroll_offset.y
        if line < len(self._laid):
            pair = self._pairs[self._laid[line].pair]
            self._has_moved = True
            self._key = pair.key or self._key
            width = self.scrollable_content_region.width
            middle = GUTTER_CELLS + LABEL_CELLS + VERDICT_CELLS + column_cells(width)
            self.side = int(offset.x >= middle)
            self.refresh()
            if event.chain == 2:
                self.action_open()

    def _reveal(self) -> None:
        """Bring the pair of the cursor into sight; the first one together with what is above."""
        lines = [n for n, laid in enumerate(self._laid) if self._pairs[laid.pair].key == self._key]
        height = self.size.height - HEAD_LINES
        if not lines or height < 1:
            return
        top, first, last = self.scroll_offset.y, lines[0], lines[-1]
        if self._key == next(pair.key for pair in self._pairs if pair.key):
            first = 0
        if first < top:
            top = first
        elif last >= top + height:
            top = min(last - height + 1, first)
        self.scroll_to(y=top, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """Draw the heading or one line."""
        width = self.scrollable_content_region.width
        cells = column_cells(width)
        if y < HEAD_LINES:
            return self._head(cells, width)
        index = y - HEAD_LINES + self.scroll_offset.y
        base = self._style("row")
        if index >= len(self._laid):
            return Strip.blank(width, base)
        laid = self._laid[index]
        pair = self._pairs[laid.pair]
        is_cursor = bool(pair.key) and pair.key == self._key
        is_first = laid.verdict is not None
        quiet = self._style("quiet")
        text = quiet if pair.verdict is Verdict.SAME else base
        sides = [
            self._style("cursor") if is_cursor and side == self.side else text for side in (0, 1)
        ]
        verdict = laid.verdict or Verdict.ASIDE
        sign = verdict.ascii if self._is_ascii else verdict.value
        toned = base + self._tone("different") if verdict is Verdict.DIFFERENT else quiet
        pointers = [">" if is_cursor and is_first and side == self.side else " " for side in (0, 1)]
        segments = [
            Segment(set_cell_size(laid.label, LABEL_CELLS + GUTTER_CELLS), quiet),
            Segment(sign, toned),
            Segment(pointers[0], base),
        ]
        if laid.right is None:
            segments += self._cell(laid.left, 2 * cells + BETWEEN_CELLS, text)
        else:
            segments += self._cell(laid.left, cells, sides[0])
            segments.append(Segment("|" if self._is_ascii else "│", quiet))
            segments.append(Segment(pointers[1], base))
            segments += self._cell(laid.right, cells, sides[1])
        return Strip(segments).adjust_cell_length(width, base)

    def _cell(self, cell: Cell, cells: int, style: Style) -> list[Segment]:
        lit = style + self._tone("lit")
        fitted = set_cell_size(cell.text, cells)
        return [
            Segment(fitted[: cell.lit_start], style),
            Segment(fitted[cell.lit_start : cell.lit_stop], lit),
            Segment(fitted[cell.lit_stop :], style),
        ]

    def _head(self, cells: int, width: int) -> Strip:
        style = self._style("head")
        indent = " " * (GUTTER_CELLS + LABEL_CELLS + VERDICT_CELLS)
        left, right = (set_cell_size(title, cells) for title in self._titles)
        bar = "|" if self._is_ascii else "│"
        return Strip([Segment(f"{indent}{left}{bar} {right}", style)]).adjust_cell_length(
            width, style
        )

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"pair-list--{name}")

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"pair-list--{name}", partial=True)
