"""The lines around a place in a log, cleaned and measured: what a view holds of the file.

A window is a few screens long whatever the file's size, and is built off the UI thread.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from rich.cells import get_character_cell_size

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec_tui.ansi import LINE_LIMIT, Span, sanitize_line
from agent_exec_tui.formatting import size
from agent_exec_tui.log_lines import LineSpan
from agent_exec_tui.log_look import LOOK_BACK_BYTES
from agent_exec_tui.log_search import UNINDEXED_BUDGET_BYTES, LineFinder
from agent_exec_tui.sgr import MARK, PLAIN, look_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent_exec_tui.log_lines import LineReader
    from agent_exec_tui.log_pattern import Pattern
    from agent_exec_tui.log_source import LogSource, Snapshot
    from agent_exec_tui.sgr import Sgr

WINDOW_BYTES: Final = 1024 * 1024
"""Lines beyond those needed for a screen are left out of a window once it is that large."""

_PREFIX_BYTES: Final = 80
_PREFIX: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) \[(STDOUT|STDERR)\] "
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as it is shown. ``cells``: where each character starts; None if all are one wide.

    ``stamp`` and ``stream`` are what full.log says of the line; empty in the other logs.
    """

    start: int
    stop: int
    text: str
    spans: tuple[Span, ...]
    cells: Sequence[int] | None
    stamp: str = ""
    stream: str = ""
    is_continued: bool = False
    number: int | None = None


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """Which lines are wanted.

    Args:
        at: a byte of the line around which; None for the end of the log.
        before: lines wanted before it.
        after: lines wanted from it on.
        screen: so many of each are given whatever their size.
        floor: nothing before this byte.
        only: only lines of this pattern.
        focus: a byte that must be within what is shown of its line, however long that is.
    """

    at: int | None
    before: int
    after: int
    screen: int
    floor: int = 0
    only: Pattern | None = None
    focus: int | None = None
    is_merged: bool = False
    with_numbers: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive shown lines of one snapshot; *is_partial* if more may be found by waiting."""

    snapshot: Snapshot
    lines: tuple[LogLine, ...] = ()
    at_start: bool = True
    at_end: bool = True
    is_partial: bool = False
    request: WindowRequest | None = None


def build_window(
    source: LogSource,
    snapshot: Snapshot,
    request: WindowRequest,
    should_stop: Callable[[], bool] = lambda: False,
) -> Window:
    """Read the lines *request* asks for."""
    reader = snapshot.reader()
    if reader is None or request.floor >= snapshot.size:
        return Window(snapshot, request=request)
    pick = _Picker(source, reader, request, should_stop)
    if request.at is None:
        before, at_start = pick.before(snapshot.size, request.after + request.before)
        after: list[LineSpan] = []
        at_end = True
    else:
        at = reader.start_of(max(request.at, request.floor))
        before, at_start = pick.before(at, request.before)
        after, at_end = pick.after(at, request.after)
    loader = _Loader(source, reader, request)
    kept_after, cut_after = loader.keep(after)
    kept_before, cut_before = loader.keep(reversed(before))
    kept_before.reverse()
    return Window(
        snapshot,
        tuple(loader.numbered(loader.load(kept_before + kept_after))),
        at_start=at_start and not cut_before,
        at_end=at_end and not cut_after,
        is_partial=pick.is_partial,
        request=request,
    )


def load_line(
    reader: LineReader,
    span: LineSpan,
    *,
    focus: int | None = None,
    is_merged: bool = False,
    look: Sgr = PLAIN,
) -> LogLine:
    """Read, clean and measure one line, which begins with *look*.

    Of a huge one its head, or the part around the byte *focus*, or, where it is a progress
    display, its end.
    """
    start, stamp, stream = span.start, "", ""
    if is_merged:
        head = reader.read(start, min(start + _PREFIX_BYTES, span.stop))
        stamp, stream, rest = split_prefix(head)
        start += len(head) - len(rest)
    data, skipped, hidden = _body(reader, LineSpan(start, span.stop), focus)
    spans = list(sanitize_line(data, look=look).spans)
    if skipped:
        spans.insert(0, Span(f"+{size(skipped)} ", MARK))
    if hidden > 1:  # 1: its newline
        spans.append(Span(f" +{size(hidden)}", MARK))
    text = "".join(part.text for part in spans)
    return LogLine(
        span.start,
        span.stop,
        text,
        tuple(spans),
        cells_of(text),
        stamp,
        stream,
        reader.is_continued(span.start),
    )


def split_prefix(data: bytes) -> tuple[str, str, bytes]:
    """Split a line of full.log into its time, its stream and the rest; or "", "" and the line."""
    match = _PREFIX.match(data)
    if match is None:
        return "", "", data
    return match[1].decode(), match[2].decode().lower(), data[match.end() :]


def cells_of(text: str) -> Sequence[int] | None:
    """Return the cell at which each character starts, and the end; None if each is one wide."""
    if text.isascii() or all(get_character_cell_size(char) == 1 for char in set(text)):
        return None
    return array("I", accumulate(map(get_character_cell_size, text), initial=0))


def _body(reader: LineReader, span: LineSpan, focus: int | None) -> tuple[bytes, int, int]:
    """Return what is looked at of a line, and how many bytes before and after are left out."""
    length = span.stop - span.start
    if length <= LINE_LIMIT:
        return reader.read(span.start, span.stop), 0, 0
    if focus is not None and span.start + LINE_LIMIT <= focus < span.stop:
        start = min(focus - LINE_LIMIT // 2, span.stop - LINE_LIMIT)
        data = reader.read(start, start + LINE_LIMIT)
        # Not within a character: its last bytes are 10xxxxxx, and at most three.
        torn = next((i for i, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), 0)
        return data[torn:], start + torn - span.start, span.stop - start - len(data)
    head = reader.read(span.start, span.start + LINE_LIMIT)
    if b"\r" in head:
        tail = reader.read(span.stop - LINE_LIMIT, span.stop)
        cut = tail.find(b"\r")
        if 0 <= cut < len(tail.rstrip(b"\r\n")):
            return tail[cut:], 0, 0
    # One byte more, so that the sanitiser knows it must not cut a character.
    return reader.read(span.start, span.start + LINE_LIMIT + 1), 0, length - LINE_LIMIT


class _Picker:
    """Chooses spans before and after a place: all lines, or the matching ones."""

    def __init__(
        self,
        source: LogSource,
        reader: LineReader,
        request: WindowRequest,
        should_stop: Callable[[], bool],
    ) -> None:
        self._reader = reader
        self._floor = request.floor
        self.is_partial = False
        self._finder: LineFinder | None = None
        if request.only is not None:
            self._finder = LineFinder(
                reader,
                request.only,
                source.hit_index if source.pattern is request.only else None,
                should_stop=should_stop,
                budget_bytes=UNINDEXED_BUDGET_BYTES,
            )

    def before(self, stop: int, count: int) -> tuple[list[LineSpan], bool]:
        """Return the lines, and whether there are no earlier ones."""
        if self._finder is None:
            spans = self._reader.backward(stop, count, floor=self._floor)
            return spans, (spans[0].start if spans else stop) <= self._floor
        found = self._finder.backward(stop, count, floor=self._floor)
        self.is_partial |= not found.is_complete
        return list(found.spans), found.is_complete and len(found.spans) < count

    def after(self, start: int, count: int) -> tuple[list[LineSpan], bool]:
        """Return the lines, and whether there are no later ones."""
        if self._finder is None:
            spans = self._reader.forward(start, count)
            return spans, (spans[-1].stop if spans else start) >= self._reader.size
        found = self._finder.forward(start, count)
        self.is_partial |= not found.is_complete
        return list(found.spans), found.is_complete and len(found.spans) < count


class _Loader:
    def __init__(self, source: LogSource, reader: LineReader, request: WindowRequest) -> None:
        self._source = source
        self._reader = reader
        self._request = request

    def keep(self, spans: Iterable[LineSpan]) -> tuple[list[LineSpan], bool]:
        """Choose lines, nearest first; return them and whether some were left out."""
        kept: list[LineSpan] = []
        used = 0
        for span in spans:
            if used > WINDOW_BYTES and len(kept) >= self._request.screen:
                return kept, True
            kept.append(span)
            used += min(span.stop - span.start, LINE_LIMIT)
        return kept, False

    def load(self, spans: Iterable[LineSpan]) -> list[LogLine]:
        """Load lines in their order, each with the colours that the one before left."""
        lines: list[LogLine] = []
        at, look = -1, PLAIN
        for span in spans:
            if span.start != at:
                look = self._source.look_at(span.start)
            line = load_line(
                self._reader,
                span,
                focus=self._request.focus,
                is_merged=self._request.is_merged,
                look=look,
            )
            lines.append(line)
            at = span.stop
            look = look_after(look, self._reader.read(max(span.start, at - LOOK_BACK_BYTES), at))
        return lines

    def numbered(self, lines: list[LogLine]) -> list[LogLine]:
        if not self._request.with_numbers:
            return lines
        numbered: list[LogLine] = []
        number: int | None = None
        for line in lines:
            follows = numbered and numbered[-1].stop == line.start and number is not None
            if follows and number is not None:
                number += not line.is_continued
            else:
                number = self._source.line_number(line.start)
            numbered.append(replace(line, number=number))
        return numbered
