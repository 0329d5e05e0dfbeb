"""Bytes from a terminal into what they are: letters, whole sequences, pastes; pure.

Only a lone ESC runs out of time, for it is a key. What else begins with ESC is one sequence, in
however many pieces it comes; answers of the terminal that never end are let go of, unread.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from enum import Enum
from typing import Final, NamedTuple

ESCAPE_S: Final = 0.1
LATE_S: Final = 1.0
"""So long after a lone ESC the rest of its sequence may still come."""
ANSWER_S: Final = 1.0
"""An answer of the terminal that falls silent for so long never ends."""
PASTE_S: Final = 3.0
"""A paste that falls silent for so long has lost its end."""
PASTE_BYTES: Final = 1024 * 1024
_SEQUENCE_BYTES: Final = 128
_PASTE_BEGIN: Final = b"\x1b[200~"
_PASTE_END: Final = b"\x1b[201~"
_ESC: Final = 0x1B
_ABORT: Final = frozenset({0x18, 0x1A})
# Keys, not part of any answer: who presses them in the middle of one wants them to work.
_LEAVES_ANSWER: Final = frozenset({0x03, 0x0D})
_MOUSE_BYTES: Final = 3
_RXVT: Final = frozenset({b"\x1b[3$", b"\x1b[7$", b"\x1b[8$", b"\x1b[23$", b"\x1b[24$"})
_AFTER_ESC: Final = b"[O]PX^_"
_ANSWER_STOP: Final = re.compile(rb"[\x03\x07\r\x18\x1a\x1b\x9c]")
_EIGHT_BIT: Final = {0x8F: b"O", 0x90: b"P", 0x98: b"X", 0x9B: b"[", 0x9D: b"]", 0x9E: b"^",
                     0x9F: b"_"}  # fmt: skip
_STRING_END: Final = 0x9C


class Letters(NamedTuple):
    """Characters as they are typed, control characters among them."""

    text: str


class Sequence(NamedTuple):
    """A whole escape sequence."""

    text: str


class LoneEscape(NamedTuple):
    """ESC, and nothing behind it."""


class Pasted(NamedTuple):
    """What the terminal marked as a paste; *is_cut* when it was too much to hold."""

    text: str
    is_cut: bool = False


Token = Letters | Sequence | LoneEscape | Pasted


class _State(Enum):
    GROUND = "ground"
    ESCAPE = "escape"
    CONTROL = "control"  # behind ESC [
    CONSOLE = "console"  # behind ESC [ [
    SHIFT = "shift"  # behind ESC O
    ANSWER = "answer"  # behind ESC ] and its like
    ANSWER_ESCAPE = "answer, ESC"
    MOUSE = "mouse"  # behind ESC [ M: bytes that may be anything
    PASTE = "paste"


class InputTokens:
    """Takes a stream of bytes apart, whatever it is and however it is cut.

    Attributes:
        deadline_s: when ``tick`` has something to say, by the clock of its caller; None for never.
    """

    def __init__(self, escape_s: float = ESCAPE_S) -> None:
        self.deadline_s: float | None = None
        self._escape_s = escape_s
        self._state = _State.GROUND
        self._sequence = bytearray()
        self._is_too_long = False
        self._is_eight_bit = False
        self._mouse_left = 0
        self._paste = bytearray()
        self._is_cut = False
        self._late_until_s = 0.0
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")
        self._tokens: list[Token] = []

    def feed(self, data: bytes, now_s: float) -> list[Token]:
        """Take what was read at once; what is whole by now."""
        if now_s < self._late_until_s and len(data) > 1 and data[0] in _AFTER_ESC:
            self._state = _State.ESCAPE  # the rest of what began with an ESC that ran out of time
        self._late_until_s = 0.0
        self._take(data)
        self._deadline_from(now_s)
        return self._given()

    def tick(self, now_s: float) -> list[Token]:
        """Let go of what has run out of time."""
        if self.deadline_s is None or now_s < self.deadline_s:
            return []
        self.deadline_s = None
        if self._state is _State.ESCAPE:
            self._tokens.append(LoneEscape())
            self._late_until_s = now_s + LATE_S
        elif self._state is _State.PASTE:
            self._end_paste(bytes(self._paste))
        self._state = _State.GROUND
        return self._given()

    def _given(self) -> list[Token]:
        given, self._tokens = self._tokens, []
        return given

    def _deadline_from(self, now_s: float) -> None:
        waits_s = {
            _State.ESCAPE: self._escape_s,
            _State.ANSWER: ANSWER_S,
            _State.ANSWER_ESCAPE: ANSWER_S,
            _State.PASTE: PASTE_S,
        }.get(self._state)
        self.deadline_s = None if waits_s is None else now_s + waits_s

    def _take(self, data: bytes) -> None:
        while data:
            if self._state is _State.GROUND:
                data = self._letters(data)
            elif self._state is _State.PASTE:
                data = self._pasted(data)
            else:
                data = data[self._sequence_bytes(data) :]

    def _sequence_bytes(self, data: bytes) -> int:
        """Go through a sequence; how much of *data* is gone by then."""
        place = 0
        while place < len(data) and self._state not in (_State.GROUND, _State.PASTE):
            if self._state is _State.ANSWER:
                end = _ANSWER_STOP.search(data, place)
                if end is None:
                    return len(data)
                place = end.start()
            place += self._step(data[place])
        return place

    # Text

    def _letters(self, data: bytes) -> bytes:
        """Take letters up to the next sequence; what is left."""
        end = data.find(_ESC)
        run, rest = (data, b"") if end < 0 else (data[:end], data[end + 1 :])
        text = self._decoder.decode(run, final=end >= 0)
        if end >= 0:
            self._decoder.reset()
        for place, char in enumerate(text):
            code = ord(char) & 0xFF if "\udc80" <= char <= "\udcff" else ord(char)
            if code in _EIGHT_BIT and (char > "\udc7f" or char < "\xa0"):
                self._say(text[:place])
                behind = text[place + 1 :].encode(errors="surrogateescape")
                behind += self._decoder.getstate()[0]  # of a letter that is not whole yet
                self._decoder.reset()
                self._state, self._is_eight_bit = _State.ESCAPE, True
                self._step(_EIGHT_BIT[code][0])
                return behind + (data[end:] if end >= 0 else b"")
        self._say(text)
        if end >= 0:
            self._state, self._is_eight_bit = _State.ESCAPE, False
        return rest

    def _say(self, text: str) -> None:
        # Bytes that are no UTF-8, and controls of eight bits: no key has them.
        shown = "".join(char for char in text if not "\x80" <= char < "\xa0" and not _is_raw(char))
        if shown:
            self._tokens.append(Letters(shown))

    def _pasted(self, data: bytes) -> bytes:
        self._paste += data
        end = self._paste.find(_PASTE_END)
        if end >= 0:
            rest = bytes(self._paste[end + len(_PASTE_END) :])
            self._end_paste(bytes(self._paste[:end]))
            self._state = _State.GROUND
            return rest
        if len(self._paste) > PASTE_BYTES:
            self._is_cut = True
        if self._is_cut:  # wait for its end only
            del self._paste[: -len(_PASTE_END)]
        return b""

    def _end_paste(self, text: bytes) -> None:
        text = b"" if self._is_cut else text
        self._tokens.append(Pasted(text.decode(errors="replace").replace("\0", ""), self._is_cut))
        self._paste, self._is_cut = bytearray(), False

    # Sequences, byte by byte

    def _step(self, byte: int) -> bool:
        """Go on by a byte; False leaves it to the state that follows."""
        match self._state:
            case _State.ESCAPE:
                return self._after_escape(byte)
            case _State.CONTROL:
                return self._in_control(byte)
            case _State.SHIFT:
                return self._in_shift(byte)
            case _State.CONSOLE:
                return self._in_console(byte)
            case _State.MOUSE:
                return self._in_mouse(byte)
            case _:
                return self._in_answer(byte)

    def _after_escape(self, byte: int) -> bool:
        self._sequence = bytearray((_ESC, byte))
        self._is_too_long = False
        match byte:
            case 0x5B:  # [
                self._state = _State.CONTROL
            case 0x4F:  # O
                self._state = _State.SHIFT
            case 0x5D | 0x50 | 0x58 | 0x5E | 0x5F:  # ] P X ^ _
                self._state = _State.ANSWER
            case 0x1B:
                self._tokens.append(LoneEscape())
            case 0x5C:  # the end of an answer that is not there
                self._state = _State.GROUND
            case _:
                self._state = _State.GROUND
                if byte >= 0x80:
                    return False
                self._end_sequence()
        return True

    def _end_sequence(self) -> None:
        self._state = _State.GROUND
        if not self._is_too_long:
            self._tokens.append(Sequence(self._sequence.decode("latin-1")))

    def _breaks_off(self, byte: int) -> bool | None:
        """What to answer where *byte* belongs to no sequence; None where it may."""
        if 0x20 <= byte < 0x7F:
            return None
        self._state = _State.GROUND
        if byte == _ESC:
            self._state, self._is_eight_bit = _State.ESCAPE, False
        return byte == _ESC or byte in _ABORT

    def _in_control(self, byte: int) -> bool:
        broken = self._breaks_off(byte)
        if broken is not None:
            return broken
        is_first = len(self._sequence) == 2
        if len(self._sequence) < _SEQUENCE_BYTES:
            self._sequence.append(byte)
        else:
            self._is_too_long = True
        if is_first and byte == 0x5B:  # [
            self._state = _State.CONSOLE
        elif is_first and byte == 0x4D:  # M
            self._state, self._mouse_left = _State.MOUSE, _MOUSE_BYTES
        elif bytes(self._sequence) == _PASTE_BEGIN:
            self._state = _State.PASTE
        elif byte >= 0x40 or bytes(self._sequence) in _RXVT:
            self._end_sequence()
        return True

    def _in_shift(self, byte: int) -> bool:
        broken = self._breaks_off(byte)
        if broken is not None:
            return broken
        self._sequence.append(byte)
        if byte >= 0x40 or len(self._sequence) > _SEQUENCE_BYTES:
            self._end_sequence()
        return True

    def _in_console(self, byte: int) -> bool:
        broken = self._breaks_off(byte)
        if broken is not None:
            return broken
        self._sequence.append(byte)
        self._end_sequence()
        return True

    def _in_mouse(self, byte: int) -> bool:
        if byte < 0x20:
            return bool(self._breaks_off(byte))
        self._mouse_left -= 1
        if not self._mouse_left:
            self._state = _State.GROUND
        return True

    def _in_answer(self, byte: int) -> bool:
        if self._state is _State.ANSWER_ESCAPE:
            self._state, self._is_eight_bit = _State.ESCAPE, False
            return False
        if byte == _ESC:
            self._state = _State.ANSWER_ESCAPE
        elif byte in _LEAVES_ANSWER:
            self._state = _State.GROUND
            return False
        elif byte == 0x07 or byte in _ABORT or (byte == _STRING_END and self._is_eight_bit):
            self._state = _State.GROUND
        return True


def _is_raw(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"
