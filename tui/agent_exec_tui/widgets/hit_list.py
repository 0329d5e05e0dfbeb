"""The list of matching lines; any length, only those in sight are sanitised and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agent_exec_tui.job_rows import ID_CHARS, clean
from agent_exec_tui.layout import Part
from agent_exec_tui.search_all import Hit, fitted, shown_hit

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events

    from agent_exec_tui.log_pattern import Pattern

HEAD_LINES: Final = 1
NUMBER_CELLS: Final = 9
NUMBERS_FROM: Final = 60  # cells of width; narrower lists leave line numbers out


class HitList(ScrollView, can_focus=True, inherit_bindings=False):
    """Hits of one search; more may come at its end while the cursor stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", id="move.down"),
        Binding("n", "move(1)", "Go to the next hit", show=False),
        Binding("k,up", "move(-1)", id="move.up"),
        Binding("N", "move(-1)", "Go to the hit before", show=False),
        Binding("ctrl+d", "page(0.5)", id="move.half_down"),
        Binding("ctrl+u", "page(-0.5)", id="move.half_up"),
        Binding("pagedown,ctrl+f,space", "page(1)", "Move down a page", show=False),
        Binding("pageup,b", "page(-1)", "Move up a page", show=False),
        Binding("g,home", "move(-1000000000)", id="move.top"),
        Binding("G,end", "move(1000000000)", id="move.bottom"),
        Binding("J,right_square_bracket", "job(1)", "Go to the next log", show=False),
        Binding("K,left_square_bracket", "job(-1)", "Go to the log before", show=False),
        Binding("enter", "open", "Go to the hit, in its log", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "hit-list--head", "hit-list--row", "hit-list--cursor", "hit-list--quiet", "hit-list--hit",
    }  # fmt: skip
    ALLOW_SELECT = False

    class Moved(Message):
        """The cursor is on another hit."""

    class Opened(Message):
        """Enter, or a double click."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hits: list[Hit] = []
        self._pattern: Pattern | None = None
        self.cursor = 0

    @property
    def hit(self) -> Hit | None:
        """The hit under the cursor."""
        return self._hits[self.cursor] if self.cursor < len(self._hits) else None

    def show(self, hits: list[Hit], pattern: Pattern | None, *, cursor: int = 0) -> None:
        """Show another list, which may grow."""
        self._hits, self._pattern = hits, pattern
        self.cursor = min(cursor, max(len(hits) - 1, 0))
        self.grown()
        self.scroll_to(y=max(self.cursor - self._page // 2, 0), animate=False, force=True)
        self.post_message(self.Moved())

    def grown(self) -> None:
        """Draw what has come at the end of the list."""
        had_none = self.virtual_size.height <= HEAD_LINES
        self.virtual_size = Size(0, len(self._hits) + HEAD_LINES)
        self.refresh()
        if had_none and self._hits:
            self.post_message(self.Moved())

    @property
    def _page(self) -> int:
        return max(self.size.height - HEAD_LINES, 1)

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        last = max(len(self._hits) - 1, 0)
        self.cursor = min(max(self.cursor + lines, 0), last)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + self._page:
            self.scroll_to(y=self.cursor - self._page + 1, animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_page(self, pages: float) -> None:
        """Move the cursor by screens."""
        self.action_move(round(self._page * pages))

    def action_job(self, step: int) -> None:
        """Move to the next, or previous, job's first hit."""
        here = self.hit
        position = self.cursor
        while here and 0 <= position < len(self._hits):
            if self._hits[position].job_id != here.job_id:
                break
            position += step
        if step < 0 and 0 <= position < len(self._hits):
            name = self._hits[position].job_id
            while position > 0 and self._hits[position - 1].job_id == name:
                position -= 1
        self.action_move(position - self.cursor)

    def action_open(self) -> None:
        """Tell that this one is wanted."""
        if self.hit is not None:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Go to a line, open it on a double click."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEAD_LINES:
            return
        position = offset.y - HEAD_LINES + self.scroll_offset.y
        if position < len(self._hits):
            self.action_move(position - self.cursor)
            if event.chain == 2:
                self.action_open()

    def render_line(self, y: int) -> Strip:
        """Draw the heading or one hit."""
        width = self.scrollable_content_region.width
        has_numbers = width >= NUMBERS_FROM
        if y < HEAD_LINES:
            number = f"{'LINE':>{NUMBER_CELLS}} " if has_numbers else ""
            head = f"  {'ID':<{ID_CHARS}} LOG {number} TEXT"
            style = self._style("head")
            return Strip([Segment(set_cell_size(head, width), style)], width)
        position = y - HEAD_LINES + self.scroll_offset.y
        base = self._style("row")
        if position >= len(self._hits) or self._pattern is None:
            return Strip.blank(width, base)
        hit, is_cursor = self._hits[position], position == self.cursor
        if is_cursor:
            base = self._style("cursor")
        quiet = base if is_cursor else self._style("quiet")
        number = f"{hit.number:>{NUMBER_CELLS},} " if has_numbers else ""
        log = "err" if hit.part is Part.STDERR else "out"
        name = clean(hit.job_id)[:ID_CHARS]
        head = f"{'>' if is_cursor else ' '} {name:<{ID_CHARS}} {log} {number} "
        segments = [Segment(head, quiet), *self._text(hit, width - len(head), base, quiet)]
        return Strip(segments).adjust_cell_length(width, base)

    def _text(self, hit: Hit, room: int, base: Style, quiet: Style) -> list[Segment]:
        assert self._pattern is not None
        if hit.unlisted:
            lines = "line matches" if hit.unlisted == 1 else "lines match"
            return [Segment(f"… {hit.unlisted:,} more {lines} in this log, from here on", quiet)]
        text, lit = fitted(*shown_hit(hit, self._pattern), max(room, 1), is_inner=hit.is_inner)
        style = base + self._tone("hit")
        segments: list[Segment] = []
        position = 0
        for start, stop in lit:
            start = max(start, position)
            segments.append(Segment(text[position:start], base))
            segments.append(Segment(text[start:stop], style))
            position = max(stop, position)
        return [*segments, Segment(text[position:], base)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"hit-list--{name}")

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"hit-list--{name}", partial=True)
