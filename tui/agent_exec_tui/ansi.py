"""The one sanitiser: job-made bytes in, printable text and colour spans out.

Everything a job can write (output, command, tags, ids, error texts) goes through here before it
reaches a terminal. SGR colours and attributes survive as data; no escape sequence does.

Style state starts anew on every line. A view opens a log at any byte, so carrying state would
make a line's colours depend on where one scrolled from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.sgr import PLAIN, Sgr, apply_sgr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINE_LIMIT: Final = 64 * 1024
"""Bytes of one line that are looked at; a longer line tells how much is left out."""

_TAB_WIDTH: Final = 8
_MAX_OVERWRITES: Final = 256


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


# Stray bytes 0x80..0xff come out of the decoder as U+DC80..U+DCFF: the 8-bit C1 introducers are
# told from the same bytes inside a valid character.
_STRING_START = "\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f\udc90\udc98\udc9d-\udc9f]"
_STRING_STOP = "\x07\x18\x1a\x9c\udc9c"
_INVISIBLE = (
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000ffffe-\U000fffff\U0010fffe-\U0010ffff"
)
_UNSAFE_RUN = (
    "\x00-\x07\x0a-\x0c\x0e-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c\xa0"
    "\ud800-\udc8f\udc91-\udc97\udc99\udc9a\udc9c\udca0-\udfff" + _INVISIBLE
)
_SPECIAL = f"\x00-\x1f\x7f-\xa0\ud800-\udfff{_INVISIBLE}"
# Text comes first: a run of it costs one step of the loop below, not a try of every kind a letter.
_TOKEN: Final = re.compile(
    f"(?P<text>[^{_SPECIAL}]+)"
    "|(?P<csi>(?:\x1b\\[|[\x9b\udc9b])([0-?]*)([ -/]*)([@-~]?))"
    f"|(?P<string>(?:{_STRING_START})[^\x1b{_STRING_STOP}]*(?:\x1b\\\\|[{_STRING_STOP}])?)"
    "|(?P<escape>\x1b(?:[ -/]+[0-~]?|[0-~]|(?=\x1b)))"
    "|(?P<cr>\r+)|(?P<back>\x08+)|(?P<tab>\t+)"
    f"|(?P<unsafe>[{_UNSAFE_RUN}]+|\x1b)"
)
_STRING: Final = re.compile(_STRING_START)
_SPECIAL_CHAR: Final = re.compile(f"[{_SPECIAL}]")
_SGR_PARAMS: Final = re.compile("[0-9;:]*")


def sanitize_line(data: bytes | str, *, limit: int | None = LINE_LIMIT) -> CleanLine:
    r"""Return one line as printable text with its colours.

    Carriage returns leave the last overwrite that shows anything, backspaces take back, tabs are
    expanded, escape sequences vanish whole (an unfinished one takes the rest of the line), and
    what is left of controls, bidi and zero-width characters is shown as a visible mark.

    Args:
        data: the line, with or without its end; undecodable bytes become U+FFFD.
        limit: bytes (of a ``str``: characters) looked at; None for all.
    """
    size = len(data)
    if limit is not None and size > limit:
        data = data[:limit] if isinstance(data, str) else _cut_utf8(data, limit)
    hidden_bytes = size - len(data)
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    if not hidden_bytes:
        text = text.removesuffix("\n").rstrip("\r")
    if (text.isascii() and text.isprintable()) or _SPECIAL_CHAR.search(text) is None:
        return CleanLine(text, (Span(text, PLAIN),) if text else (), hidden_bytes)
    recent = _last_overwrites(text)
    spans = tuple(_Line().feed(recent).spans())
    if recent is not text and not _shows(spans):
        spans = tuple(_Line().feed(text).spans())
    return CleanLine("".join(span.text for span in spans), spans, hidden_bytes)


def plain(text: str) -> str:
    """Return one line of printable characters, for cells, titles, toasts and messages.

    Nothing is dropped or overwritten here: a command that hides its head behind a carriage return
    must not look like another command, so every control is shown as a mark.
    """
    if text.isascii() and text.isprintable():
        return text
    return _SPECIAL_CHAR.sub(lambda match: " " if match[0] == "\t" else _mark(match[0]), text)


def plain_cells(text: str) -> str:
    """Return as many characters, each fit to be shown: for a line with a cursor in it."""
    if text.isascii() and text.isprintable():
        return text
    return _SPECIAL_CHAR.sub(lambda match: _one_cell(match[0]), text)


def plain_lines(text: str) -> str:
    """Sanitise text of several lines, keeping the lines."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _cut_utf8(data: bytes, limit: int) -> bytes:
    """Cut at *limit*, or up to three bytes before it where that would split a character."""
    for cut in range(limit, max(limit - 4, 0), -1):
        if data[cut] & 0xC0 != 0x80:
            return data[:cut]
    return data[:limit]


def _mark(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if code in (0xFE0E, 0xFE0F):  # only ask for the text or the emoji form, and terminals disagree
        return ""
    if code == 0x3000:
        return "  "
    if code in (0xA0, 0x1680, 0x202F, 0x205F) or 0x2000 <= code <= 0x200A:
        return " "
    return f"<U+{code:04X}>"


def _one_cell(char: str) -> str:
    mark = " " if char == "\t" else _mark(char)
    if not mark or mark[0] == "<":
        return "\ufffd"
    return mark[0]


class _Line:
    """What a terminal line holds after the text fed so far."""

    def __init__(self) -> None:
        self._style = PLAIN
        self._pieces: list[Span] = []
        self._overwritten: list[Span] = []
        self._column = 0

    def feed(self, text: str) -> _Line:
        # Spelled out, not dispatched: a line may be little else than sequences.
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "text":
                self._put(match[0], self._style)
            elif kind == "csi":
                params, intermediate, final = match.group(3, 4, 5)
                if final == "m" and not intermediate and _SGR_PARAMS.fullmatch(params):
                    self._style = apply_sgr(self._style, params)
            elif kind == "cr":
                if _shows(self._pieces):
                    self._overwritten = self._pieces
                self._pieces = []
                self._column = 0
            elif kind == "back":
                self._take_back(len(match[0]))
            elif kind == "tab":
                first = _TAB_WIDTH - self._column % _TAB_WIDTH
                self._put(" " * (first + _TAB_WIDTH * (len(match[0]) - 1)), self._style)
            elif kind == "unsafe":
                self._mark(match[0])
        return self

    def spans(self) -> Iterator[Span]:
        has_text = _shows(self._pieces) or not self._overwritten
        pending: list[str] = []
        style = PLAIN
        for text, look in self._pieces if has_text else self._overwritten:
            if look != style:
                if pending:
                    yield Span("".join(pending), style)
                pending, style = [], look
            if text:
                pending.append(text)
        if pending:
            yield Span("".join(pending), style)

    def _put(self, text: str, style: Sgr) -> None:
        self._pieces.append(Span(text, style))
        self._column += len(text)

    def _take_back(self, count: int) -> None:
        pieces = self._pieces
        while count and pieces:
            text, style = pieces.pop()
            taken = min(count, len(text))
            if taken < len(text):
                pieces.append(Span(text[:-taken], style))
            self._column -= taken
            count -= taken

    def _mark(self, run: str) -> None:
        text = "".join(map(_mark, run))
        self._put(text, self._style if text.isspace() else self._style._replace(mark=True))


def _shows(pieces: Iterable[Span]) -> bool:
    return any(text and not text.isspace() for text, _ in pieces)


def _last_overwrites(text: str) -> str:
    """Drop all but the last overwrites of a progress line, whose thousands would take long.

    Colours set before those are forgotten with them.
    """
    if text.count("\r") <= _MAX_OVERWRITES or _STRING.search(text) is not None:
        return text
    return "\r".join(text.rsplit("\r", _MAX_OVERWRITES)[1:])
