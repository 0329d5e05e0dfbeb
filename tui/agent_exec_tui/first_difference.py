"""Where two byte streams of any size part, found in bounded memory; opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from agent_exec_tui.ansi import plain, sanitize_line

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_BYTES: Final = 1024 * 1024
EXCERPT_BYTES: Final = 4096
HEAD_BYTES: Final = 256
"""Of a line that is alike for longer than an excerpt, so much before the difference is kept."""


class ByteSource(Protocol):
    """Bytes that can be read anywhere, such as an open log."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to *length* bytes from *offset*; fewer only at the end."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is kept of a line around the difference.

    Attributes:
        data: without the line's end; None where the stream ends before this line.
        is_ended: the line has a newline, in the excerpt's reach or beyond it.
        is_cut: more of the line follows.
    """

    data: bytes | None
    is_ended: bool = True
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line that differs; both streams are alike up to the byte *offset*.

    Attributes:
        line_number: from 1, the same in both.
        line_start: the byte where the line starts, the same in both.
        excerpt_start: where the excerpts start: at the line, or later in a very long one.
    """

    line_number: int
    line_start: int
    offset: int
    excerpt_start: int
    left: Excerpt
    right: Excerpt


@dataclass(frozen=True, slots=True)
class Compared:
    """How far two streams are alike; *difference* None means to the end, if *is_complete*."""

    difference: Difference | None
    alike_bytes: int
    is_complete: bool = True


def first_difference(
    left: ByteSource,
    right: ByteSource,
    *,
    left_size: int,
    right_size: int,
    should_stop: Callable[[], bool] = lambda: False,
    tell: Callable[[int], object] = lambda _: None,
) -> Compared:
    """Read both streams side by side up to the first byte that is not the same.

    Nothing beyond the two sizes is looked at: a log that grows has to end somewhere. Between
    blocks *tell* gets the bytes that are alike so far, and *should_stop* is asked, which leaves
    the answer incomplete.
    """
    position = line_start = newlines = 0
    while True:
        if should_stop():
            return Compared(None, position, is_complete=False)
        ours = left.read(position, min(BLOCK_BYTES, max(left_size - position, 0)))
        theirs = right.read(position, min(BLOCK_BYTES, max(right_size - position, 0)))
        alike = len(ours) if ours == theirs else _alike(ours, theirs)
        newlines += ours.count(b"\n", 0, alike)
        newline = ours.rfind(b"\n", 0, alike)
        if newline >= 0:
            line_start = position + newline + 1
        if alike < len(ours) or alike < len(theirs):
            break
        if not ours:
            return Compared(None, position)
        position += alike
        tell(position)
    offset = position + alike
    start = line_start
    if offset - line_start > EXCERPT_BYTES // 2:
        start = _whole_character(left.read(offset - HEAD_BYTES, 4), offset - HEAD_BYTES)
    return Compared(
        Difference(
            newlines + 1,
            line_start,
            offset,
            start,
            _excerpt(left, start, left_size),
            _excerpt(right, start, right_size),
        ),
        offset,
    )


def _alike(ours: bytes, theirs: bytes) -> int:
    """How many leading bytes are the same, by halving: a compare of slices is one memcmp."""
    low, high = 0, min(len(ours), len(theirs))
    while low < high:
        middle = (low + high + 1) // 2
        if ours[low:middle] == theirs[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _whole_character(data: bytes, offset: int) -> int:
    """Step over the rest of a UTF-8 character that starts before *offset*."""
    for index, byte in enumerate(data[:3]):
        if byte & 0xC0 != 0x80:
            return offset + index
    return offset


def _excerpt(source: ByteSource, start: int, size: int) -> Excerpt:
    if start >= size:
        return Excerpt(None)
    data = source.read(start, min(EXCERPT_BYTES, size - start))
    end = data.find(b"\n")
    if end >= 0:
        return Excerpt(data[:end])
    is_cut = start + len(data) < size
    return Excerpt(data, is_ended=is_cut, is_cut=is_cut)


@dataclass(frozen=True, slots=True)
class ShownPair:
    """Two differing lines, fit to be shown.

    Attributes:
        alike: leading characters that are the same in both.
        note: what the texts themselves do not show, or "".
    """

    left: str | None
    right: str | None
    alike: int
    note: str = ""


def shown_pair(difference: Difference) -> ShownPair:
    """Make both lines printable so that what differs can be seen.

    Lines that look the same on a terminal, as they differ in colours or carriage returns only,
    are shown with every control as a mark.
    """
    ours, theirs = difference.left.data, difference.right.data
    if ours is None or theirs is None:
        left = None if ours is None else sanitize_line(ours).text
        right = None if theirs is None else sanitize_line(theirs).text
        return ShownPair(left, right, 0)
    if ours == theirs:
        text = sanitize_line(ours).text
        return ShownPair(text, text, len(text), _unseen_end(difference))
    left, right, note = sanitize_line(ours).text, sanitize_line(theirs).text, ""
    if left == right:
        left, right = _marked(ours), _marked(theirs)
        note = "look alike: control characters differ"
    if left == right:
        at = difference.offset - difference.excerpt_start
        note = f"look alike: byte {ours[at : at + 1].hex() or 'none'} / {theirs[at : at + 1].hex() or 'none'}"
    return ShownPair(left, right, alike_chars(left, right), note)


def _unseen_end(difference: Difference) -> str:
    if difference.left.is_ended and difference.right.is_ended:
        return "changed while they were compared"
    side = "right" if difference.left.is_ended else "left"
    return f"no newline at the end of the {side} one"


def alike_chars(left: str, right: str) -> int:
    """How many leading characters are the same."""
    for index, (ours, theirs) in enumerate(zip(left, right, strict=False)):
        if ours != theirs:
            return index
    return min(len(left), len(right))


def _marked(data: bytes) -> str:
    return plain(data.decode("utf-8", "surrogateescape"))
