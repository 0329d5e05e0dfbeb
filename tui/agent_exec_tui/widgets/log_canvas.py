"""The painting half of a log view: rows on screen, scrollbar, mouse.

The place is a byte offset, not a scroll position: Textual's scroll_y only drives the scrollbar,
which shows bytes, as the number of rows of a huge log is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agent_exec_tui.ansi import plain
from agent_exec_tui.log_severity import Severity
from agent_exec_tui.log_viewport import Row, Viewport
from agent_exec_tui.widgets.extent import set_extent
from agent_exec_tui.widgets.line_looks import LineLooks, has_own_colours
from agent_exec_tui.widgets.log_paint import Gutter, Overlay, Palette, paint

if TYPE_CHECKING:
    from textual import events
    from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp

    from agent_exec_tui.log_pattern import Pattern
    from agent_exec_tui.log_window import LogLine, Window

_MIN_DIGITS: Final = 4
_EXACT_SCREENS: Final = 20
_DRAG_ROWS: Final = 3


class LogCanvas(ScrollView, can_focus=True, inherit_bindings=False):
    """Paints the rows of a viewport; keys are bound by the application's action table."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-view--gutter",
        "log-view--stderr",
        "log-view--error",
        "log-view--warning",
        "log-view--mark",
        "log-view--note",
        "log-view--hit",
        "log-view--hit-current",
        "log-view--line-current",
        "log-view--empty",
    }
    DEFAULT_CSS = """
    LogCanvas {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: $surface;
        color: $foreground;
        & > .log-view--gutter { color: $text-muted; }
        & > .log-view--stderr { color: $text-error; }
        & > .log-view--error { color: $text-error; }
        & > .log-view--warning { color: $text-warning; }
        & > .log-view--mark { color: $text-accent; text-style: bold; }
        & > .log-view--note { text-style: dim; }
        & > .log-view--hit { text-style: underline reverse; }
        & > .log-view--hit-current { text-style: bold underline reverse; }
        & > .log-view--line-current { text-style: bold; }
        & > .log-view--empty { color: $text-muted; }
    }
    """

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.viewport = Viewport()
        self.wrap = False
        self.line_numbers = False
        self.with_times = True
        self.with_dates = False
        self.pan_cells = 0
        self.pattern: Pattern | None = None
        self.current: int | None = None
        self.is_merged = False
        self._rows: list[Row] = []
        self._cells = 0
        self._line_count = 0
        self.with_severity = True
        self._looks = LineLooks()
        self._palette: Palette | None = None
        self._is_placing = False
        self._scroll_rest = 0.0

    @property
    def allow_select(self) -> bool:
        """Text can be selected with the mouse."""
        return True

    def move_rows(self, rows: int) -> None:
        """Move down, or up, by *rows*."""
        raise NotImplementedError

    def pan(self, cells: int) -> None:
        """Move right, or left, by *cells*."""
        raise NotImplementedError

    def go_fraction(self, fraction: float) -> None:
        """Go to that part of the log, 0.0 to 1.0."""
        raise NotImplementedError

    def empty_text(self) -> str:
        """Return what to say while there is nothing to show."""
        raise NotImplementedError

    # Painting

    @property
    def gutter_shape(self) -> Gutter:
        """What stands left of the text."""
        digits = max(_MIN_DIGITS, len(str(self._line_count))) if self.line_numbers else 0
        has_signs = self.with_severity and self.app.no_color
        return Gutter(digits, self.is_merged, self.with_times, self.with_dates, has_signs)

    def show_dates(self, with_dates: bool) -> None:
        """Show the day with each time, or not: where all are today's."""
        if with_dates != self.with_dates:
            self.with_dates = with_dates
            self.fit()
            self.repaint()

    def fit(self) -> None:
        """Give the viewport the room there is."""
        size = self.scrollable_content_region.size
        self._cells = size.width
        width = max(size.width - self.gutter_shape.width, 1)
        self.viewport.resize(width, max(size.height, 1), wrap=self.wrap)

    def repaint(self) -> None:
        """Draw the rows of the viewport as it is now."""
        self._rows = self.viewport.rows()
        self._place_scrollbar()
        self.refresh()

    def forget_highlights(self) -> None:
        """Look anew for what matches, at the next painting."""
        self._looks.forget()

    def notify_style_update(self) -> None:
        """Take the styles of another theme."""
        super().notify_style_update()
        self._palette = None

    def render_line(self, y: int) -> Strip:
        """Return row *y* of the screen."""
        palette = self._styles()
        width = self._cells
        if y < len(self._rows):
            row = self._rows[y]
            return paint(
                row,
                width,
                gutter=self.gutter_shape,
                palette=palette,
                pan=0 if self.wrap else self.pan_cells,
                overlays=self._overlays(row.line) if row.line is not None else (),
                severity=self._severity_of(row.line),
            )
        if y == 0 and (text := self.empty_text()):
            return self._notice(text, width, palette)
        return self._below(width, palette)

    def _notice(self, text: str, width: int, palette: Palette) -> Strip:
        segment = Segment(plain(text), palette.empty)
        return Strip([segment]).adjust_cell_length(width, palette.base)

    def _below(self, width: int, palette: Palette) -> Strip:
        """Return a row below the end; to the mouse it is the end of the last line."""
        blank = Strip.blank(width, palette.base)
        last = self._rows[-1].line if self._rows else None
        return blank if last is None else blank.apply_offsets(len(last.text), last.start)

    def _styles(self) -> Palette:
        # Kept until the styles change: looking them up costs more than painting a row.
        if self._palette is None:
            base = self.rich_style

            def own(name: str) -> Style:
                return self.get_component_rich_style(f"log-view--{name}", partial=True)

            self._palette = Palette(
                base=base,
                gutter=base + own("gutter"),
                stderr=own("stderr"),
                severity={severity: own(severity.value) for severity in Severity},
                mark=base + own("mark"),
                note=own("note"),
                empty=base + own("empty"),
                hit=own("hit"),
                hit_current=own("hit-current"),
                line_current=own("line-current"),
                selection=self._selection_style(),
            )
        return self._palette

    def _selection_style(self) -> Style:
        if self.app.no_color:
            return Style(reverse=True)
        style = self.screen.get_component_rich_style("screen--selection")
        # Its colour is see-through as a rule, which Rich does not know: text on itself.
        is_clear = self.screen.get_component_styles("screen--selection").color.a == 0
        return Style(color=None if is_clear else style.color, bgcolor=style.bgcolor)

    def _overlays(self, line: LogLine) -> list[Overlay]:
        overlays: list[Overlay] = []
        palette = self._styles()
        is_current = line.start == self.current
        hits = self._hits_of(line)
        severity = self._severity_of(line)
        if severity is not None and not has_own_colours(line):
            style = palette.severity[severity]
            overlays += [(begin, end, style) for begin, end in self._looks.words(line)]
        if is_current:
            overlays.append((0, len(line.text), palette.line_current))
        if hits:
            style = palette.hit_current if is_current else palette.hit
            overlays += [(begin, end, style) for begin, end in hits]
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(line.start)) is not None:
            begin, end = span
            end = len(line.text) if end == -1 else end
            overlays.append((max(begin, 0), end, palette.selection))
        return overlays

    def _hits_of(self, line: LogLine) -> list[tuple[int, int]]:
        return self._looks.hits(line, self.pattern)

    def _severity_of(self, line: LogLine | None) -> Severity | None:
        return self._looks.severity(line) if self.with_severity and line is not None else None

    # Scrollbar and mouse

    def _place_scrollbar(self) -> None:
        window, port = self.viewport.window, self.viewport
        rows = top = 0
        if window is not None and port.lines:
            rows, top = port.row_span()
            if not (window.at_start and window.at_end):
                rows, top = self._estimate(window)
        height = self.virtual_size.height
        # A new virtual size is a new layout of the screen: not at every line of a growing log.
        if rows <= _EXACT_SCREENS * port.height or abs(rows - height) > height // 8:
            height = rows
        self._is_placing = True
        if height != self.virtual_size.height:
            set_extent(self, Size(self.size.width, height))
        last = self.max_scroll_y
        self.scroll_y = last if port.is_at_end() else min(top * height // max(rows, 1), last)
        self._is_placing = False

    def _estimate(self, window: Window) -> tuple[int, int]:
        """Return about how many rows the log has, and how many are above the screen."""
        size = max(window.snapshot.size, 1)
        held = max(window.lines[-1].stop - window.lines[0].start, 1)
        rows = max(size * len(window.lines) // held, len(window.lines))
        if self._line_count and window.request is not None and window.request.only is None:
            rows = max(self._line_count, len(window.lines))
        return rows, rows * self.viewport.top_start // size

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow Textual where it scrolls by itself: dragging a selection over the edge."""
        super().watch_scroll_y(old_value, new_value)
        delta = new_value - old_value
        if self._is_placing or self.text_selection is None or abs(delta) > _DRAG_ROWS:
            return
        self._scroll_rest += delta
        rows = int(self._scroll_rest)
        if rows:
            self._scroll_rest -= rows
            self.move_rows(rows)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move down; with shift or ctrl, pan."""
        self._wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move up; with shift or ctrl, pan."""
        self._wheel(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Pan right."""
        self._wheel(event, 1, sideways=True)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Pan left."""
        self._wheel(event, -1, sideways=True)

    def _wheel(self, event: events.MouseEvent, sign: int, *, sideways: bool = False) -> None:
        event.prevent_default()
        event.stop()
        if sideways or event.shift or event.ctrl:
            self.pan(sign * round(self.app.scroll_sensitivity_x))
        else:
            self.move_rows(sign * max(round(self.app.scroll_sensitivity_y), 1))

    def on_scroll_up(self, message: ScrollUp) -> None:
        """Go back a page: a click above the scrollbar's thumb."""
        message.prevent_default()
        self.move_rows(-self.viewport.height)

    def on_scroll_down(self, message: ScrollDown) -> None:
        """Go on a page: a click below the scrollbar's thumb."""
        message.prevent_default()
        self.move_rows(self.viewport.height)

    def on_scroll_to(self, message: ScrollTo) -> None:
        """Go where the scrollbar's thumb was dragged to."""
        message.prevent_default()
        if message.y is not None and self.max_scroll_y > 0:
            self.go_fraction(min(max(message.y / self.max_scroll_y, 0.0), 1.0))
