"""The one sanitiser: job-made bytes in, printable text and colour spans out.

Everything a job can write (output, command, tags, ids, error texts) goes through here before it
reaches a terminal. SGR colours and attributes survive as data; no escape sequence does.

A line is shown as a terminal of endless width would: what is written over, moved to or erased within
it has happened. What a look a line begins with is the caller's to know: a view opens a log anywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.ansi_cells import BASE, TAB_CELLS, CellLine, cells_in, uncovered
from agent_exec_tui.ansi_signs import EMOJI_JOINER, EMOJI_PARTS, INVISIBLE, SPECIAL, mark, one_cell
from agent_exec_tui.sgr import PLAIN, Sgr, apply_sgr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINE_LIMIT: Final = 64 * 1024
"""Bytes of one line that are looked at; a longer line tells how much is left out."""


class Span(NamedTuple):
    """Printable text of one look."""

    text: str
    style: Sgr


@dataclass(frozen=True, slots=True)
class CleanLine:
    """One line, safe to show: ``text`` is the spans' texts joined."""

    text: str
    spans: tuple[Span, ...]
    hidden_bytes: int = 0


_STRING_START = "\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f]"
_STRING_STOP = "\x07\x18\x1a\x9c"
_STRING_CUT = "\x1b\x90\x98\x9d-\x9f"
_UNSAFE_RUN = f"\x00-\x07\x0a-\x0c\x0e-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c\xa0\ud800-\udfff{INVISIBLE}"
# Text comes first: a run of it costs one step of the loop below, not a try of every kind a letter.
# A string that never ends hides nothing: of it the first character is taken, as a mark. Any other
# string's start ends it, so that none is read to the end of the line more than once.
_TOKEN: Final = re.compile(
    f"(?P<text>[^{SPECIAL}]+)"
    "|(?P<csi>(?:\x1b\\[|\x9b)([0-?]*)([ -/]*)([@-~]?))"
    f"|(?P<string>(?:{_STRING_START})[^{_STRING_CUT}{_STRING_STOP}]*+"
    f"(?:\x1b\\\\|[{_STRING_STOP}]|(?=[{_STRING_CUT}])))"
    "|(?P<escape>\x1b(?:[ -/]+[0-~]?|[0-OQ-WYZ\\\\`-~]|(?=\x1b)))"
    "|(?P<cr>\r+)|(?P<back>\x08+)|(?P<tab>\t+)"
    f"|(?P<emoji>{EMOJI_PARTS})|(?P<joiner>{EMOJI_JOINER})"
    f"|(?P<unsafe>(?:(?!\u200d)[{_UNSAFE_RUN}])+|.)",
    re.DOTALL,
)
_ENDLESS: Final = re.compile(_STRING_START)
_SPECIAL_CHAR: Final = re.compile(f"[{SPECIAL}]")
_SPECIAL_PART: Final = re.compile(
    f"(?P<emoji>{EMOJI_PARTS})|(?P<joiner>{EMOJI_JOINER})|(?P<tab>\t)|[{SPECIAL}]"
)
_MARKS: Final = re.compile("[ \ufffd]+|[^ \ufffd]+")
_SGR_PARAMS: Final = re.compile("[0-9;:]*")
_COLUMNS: Final = re.compile("[0-9]{1,4}")


def sanitize_line(
    data: bytes | str, *, limit: int | None = LINE_LIMIT, look: Sgr = PLAIN
) -> CleanLine:
    r"""Return one line as printable text with its colours.

    Text covers what stood where it is written, tabs are expanded, escape sequences vanish whole
    (one that never ends is shown), and what is left of controls, bidi and zero-width characters
    becomes a visible mark. A line wiped at its end shows what it said before.

    Args:
        data: the line, with or without its end; undecodable bytes become U+FFFD.
        limit: bytes (of a ``str``: characters) looked at; None for all.
        look: what the lines before have set.
    """
    size = len(data)
    if limit is not None and size > limit:
        data = data[:limit] if isinstance(data, str) else _cut_utf8(data, limit)
    hidden_bytes = size - len(data)
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    if not hidden_bytes:
        text = text.removesuffix("\n").rstrip("\r")
    if (text.isascii() and text.isprintable()) or _is_harmless(text):
        return CleanLine(text, (Span(text, look),) if text else (), hidden_bytes)
    recent = uncovered(text)
    spans = tuple(_Line(len(text), look, is_cut=hidden_bytes > 0).feed(recent).spans())
    if recent is not text and not any(
        span.text.strip() for span in spans
    ):  # what said it was wiped
        spans = tuple(_Line(len(text), look, is_cut=hidden_bytes > 0).feed(text).spans())
    return CleanLine("".join(span.text for span in spans), spans, hidden_bytes)


def plain(text: str) -> str:
    """Return one line of printable characters, for cells, titles, toasts and messages.

    Nothing is overwritten here: a command that hides its head behind a carriage return must not
    look like another command, so every control is shown as a mark.
    """
    if text.isascii() and text.isprintable():
        return text
    return _SPECIAL_PART.sub(_plain_part, text)


def plain_cells(text: str) -> str:
    """Return as many characters, each fit to be shown: for a line with a cursor in it."""
    if text.isascii() and text.isprintable():
        return text
    return _SPECIAL_CHAR.sub(lambda match: one_cell(match[0]), text)


def plain_lines(text: str) -> str:
    """Sanitise text of several lines, keeping the lines."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _plain_part(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind is None:
        return mark(match[0])
    return match[0] if kind == "emoji" else " " if kind == "tab" else ""


def _cut_utf8(data: bytes, limit: int) -> bytes:
    """Cut at *limit*, or up to three bytes before it where that would split a character."""
    for cut in range(limit, max(limit - 4, 0), -1):
        if data[cut] & 0xC0 != 0x80:
            return data[:cut]
    return data[:limit]


def _is_harmless(text: str) -> bool:
    return _SPECIAL_CHAR.search(text) is None and (not text or cells_in(text[0]) > 0)


class _Line:
    """What a terminal line holds after the text fed so far.

    Most lines only grow, and are kept as pieces; the others become cells.
    """

    def __init__(self, size: int, look: Sgr, *, is_cut: bool) -> None:
        self._size = size
        self._look = look
        self._is_cut = is_cut
        self._pieces: list[Span] = []
        self._measured = self._column = 0
        self._cells: CellLine | None = None

    def feed(self, text: str) -> _Line:
        # Spelled out, not dispatched: a line may be little else than sequences.
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind in ("text", "emoji"):
                self._put(match[0])
            elif kind == "csi":
                params, intermediate, final = match.group(3, 4, 5)
                if intermediate or (final == "K" and not params and self._cells is None):
                    continue
                if final != "m":
                    self._move(final, params)
                elif _SGR_PARAMS.fullmatch(params):
                    self._look = apply_sgr(self._look, params)
            elif kind == "cr":
                if cells := self._written():
                    cells.go(0)
            elif kind == "back":
                if cells := self._written():
                    cells.back(len(match[0]))
            elif kind == "tab":
                self._tab(len(match[0]))
            elif kind == "unsafe":
                if self._is_cut and _ENDLESS.match(text, match.start()):
                    break  # it ends in what is hidden
                self._mark("".join(map(mark, match[0])))
        return self

    def spans(self) -> Iterator[Span]:
        pieces = self._pieces if self._cells is None else _stripped(self._cells.runs())
        pending: list[str] = []
        style = PLAIN
        for text, look in pieces:
            if look != style:
                if pending:
                    yield Span("".join(pending), style)
                pending, style = [], look
            if text:
                pending.append(text)
        if pending:
            yield Span("".join(pending), style)

    def _put(self, text: str) -> None:
        if self._cells is not None:
            self._cells.put(text, self._look)
            return
        if not self._pieces and not cells_in(text[0]):
            text = BASE + text
        self._pieces.append(Span(text, self._look))

    def _tab(self, count: int) -> None:
        if self._cells is not None:
            self._cells.tab(count)
            return
        self._column += sum(cells_in(text) for text, _ in self._pieces[self._measured :])
        self._measured = len(self._pieces)
        blanks = TAB_CELLS * count - self._column % TAB_CELLS
        self._pieces.append(Span(" " * blanks, PLAIN if _is_seen(self._look) else self._look))

    def _mark(self, text: str) -> None:
        look = self._look if text.isspace() else self._look._replace(mark=True)
        if self._cells is not None:
            _put_marks(self._cells, text, look)
        else:
            self._pieces.append(Span(text, look))

    def _move(self, final: str, params: str) -> None:
        if final not in "CDGKX`a" or not (not params or _COLUMNS.fullmatch(params)):
            return  # about other lines, or what no log has a use for
        number = int(params or 0)
        if final == "K":
            if (self._cells is not None or number) and (cells := self._written()):
                cells.erase(number)
        elif final == "X":
            if self._cells is not None:  # else nothing is right of the cursor
                self._cells.erase_cells(max(number, 1))
        elif final == "D":
            if cells := self._written():
                cells.back(max(number, 1))
        elif final in "Ca":
            self._as_cells().forward(max(number, 1))
        else:
            self._as_cells().go(max(number, 1) - 1)

    def _written(self) -> CellLine | None:
        """Return the line as cells; None while there is nothing to move in."""
        return self._as_cells() if self._pieces or self._cells is not None else None

    def _as_cells(self) -> CellLine:
        if self._cells is None:
            self._cells = CellLine(self._size)
            for text, look in self._pieces:
                if look.mark:
                    _put_marks(self._cells, text, look)
                elif text:
                    self._cells.put(text, look)
        return self._cells


def _put_marks(cells: CellLine, text: str, look: Sgr) -> None:
    for part in _MARKS.findall(text):
        if part[0] in " \ufffd":  # these stand for what takes cells itself
            cells.put(part, look)
        else:
            cells.hang(part, look)


def _is_seen(look: Sgr) -> bool:
    """Whether a blank of this look can be told from none."""
    return look.bg is not None or look.reverse or look.underline or look.strike


def _stripped(runs: Iterable[tuple[str, Sgr]]) -> list[Span]:
    """Leave out the blanks at a line's end: they are what something was wiped with."""
    pieces = [Span(text, look) for text, look in runs]
    while pieces and not _is_seen(pieces[-1].style):
        text = pieces[-1].text.rstrip(" ")
        if text:
            pieces[-1] = pieces[-1]._replace(text=text)
            break
        pieces.pop()
    return pieces
