"""What two jobs wrote, or were given to read: compared file by file, and put in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.comparison import Verdict
from agent_exec_tui.first_difference import Compared, Difference, first_difference, shown_pair
from agent_exec_tui.log_lines import LineReader, LogFile
from agent_exec_tui.side_by_side import Pair

if TYPE_CHECKING:
    from collections.abc import Callable

LinePlace = tuple[int, int]
"""Where a line starts, and the byte of it that matters."""

ENDS_BEFORE = "(ends before this line)"
GONE_ON = "…"


@dataclass(frozen=True, slots=True)
class StreamPair:
    """How far the comparison of one stream has come.

    Attributes:
        sizes: in bytes, as they were when it began; None before that.
        alike_bytes: compared so far.
        compared: the result, None while it is going on.
        places: of each side the line to look at, and the byte within; None in an empty file.
        problem: why there is no result.
    """

    name: str
    sizes: tuple[int, int] | None = None
    alike_bytes: int = 0
    compared: Compared | None = None
    places: tuple[LinePlace | None, LinePlace | None] = (None, None)
    problem: str = ""

    @property
    def difference(self) -> Difference | None:
        """Where they part, if that is known."""
        return self.compared.difference if self.compared else None


class _Nothing:
    """A file that is not there holds nothing."""

    def read(self, offset: int, length: int) -> bytes:
        return b""


def compare_files(
    name: str,
    paths: tuple[str, str],
    should_stop: Callable[[], bool],
    tell: Callable[[StreamPair], object],
) -> StreamPair:
    """Compare two files; what cannot be read is told in the result."""
    try:
        (left, left_size), (right, right_size) = (_open(path) for path in paths)
        sizes = left_size, right_size
        compared = first_difference(
            left,
            right,
            left_size=left_size,
            right_size=right_size,
            should_stop=should_stop,
            tell=lambda alike: tell(StreamPair(name, sizes, alike)),
        )
        places: tuple[LinePlace | None, LinePlace | None] = (None, None)
        if compared.difference is not None:
            offset = compared.difference.offset
            places = _place(left, left_size, offset), _place(right, right_size, offset)
    except OSError as error:
        return StreamPair(name, problem=error.strerror or str(error))
    return StreamPair(name, sizes, compared.alike_bytes, compared, places)


def _place(file: LogFile | _Nothing, size: int, offset: int) -> LinePlace | None:
    """Find the log pane's line that holds the difference, or the last one before it."""
    if not size or isinstance(file, _Nothing):
        return None
    focus = min(offset, size - 1)
    return LineReader(file, size).start_of(focus), focus


def _open(path: str) -> tuple[LogFile | _Nothing, int]:
    try:
        file = LogFile(path)
    except FileNotFoundError:
        return _Nothing(), 0
    return file, file.status()[0]


def stream_rows(stream: StreamPair) -> list[Pair]:
    """Say in rows where two streams part, the two lines below."""
    if stream.sizes is None:
        text = f"cannot be read: {stream.problem}" if stream.problem else "waiting…"
        return [_wide(stream.name, text, Verdict.UNKNOWN)]
    sizes = [formatting.size(size) for size in stream.sizes]
    if stream.compared is None or not stream.compared.is_complete:
        total = max(min(stream.sizes), 1)
        going = "comparing…" if stream.compared is None else "stopped:"
        text = f"{going} alike for {formatting.size(stream.alike_bytes)}"
        text += f", {stream.alike_bytes * 100 // total} %"
        return [_wide(stream.name, text, Verdict.UNKNOWN)]
    difference = stream.difference
    if difference is None:
        text = f"the same, {sizes[0]}" if stream.sizes[0] else "both empty"
        return [_wide(stream.name, text, Verdict.SAME)]
    where = f"first differing line {difference.line_number:,}, byte {difference.line_start:,}"
    shown = shown_pair(difference)
    skipped = GONE_ON if difference.excerpt_start > difference.line_start else ""
    texts = [ENDS_BEFORE if text is None else skipped + text for text in (shown.left, shown.right)]
    rows = [
        Pair(
            key="",
            label=stream.name,
            verdict=Verdict.DIFFERENT,
            left=f"{where}{f' · {shown.note}' if shown.note else ''}",
            is_wide=True,
        ),
        Pair(
            key=stream.name,
            label=f"{difference.line_number:>8}",
            verdict=Verdict.DIFFERENT,
            left=texts[0],
            right=texts[1],
            is_lit=None not in (shown.left, shown.right),
        ),
        Pair(
            key="",
            label="",
            verdict=Verdict.ASIDE,
            left=f"of {sizes[0]}",
            right=f"of {sizes[1]}",
        ),
    ]
    return rows


def _wide(label: str, text: str, verdict: Verdict) -> Pair:
    return Pair(key="", label=label, verdict=verdict, left=text, is_wide=True)
