"""From tokens of the terminal's input to keys, mouse and the few answers that are waited for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import FOCUSIN, FOCUSOUT, IS_ITERM, XTermParser
from textual.keys import Keys

from agent_exec_tui.bursts import Burst, PasteRefused
from agent_exec_tui.input_tokens import ESCAPE_S, InputTokens, Letters, LoneEscape, Pasted, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.message import Message

    from agent_exec_tui.input_tokens import Token

BURST_S: Final = 0.1
"""Nobody types that soon after a paste: it is the rest of it."""
_SGR_MOUSE: Final = re.compile(r"\x1b\[<\d{1,4};-?\d{1,5};-?\d{1,5}[Mm]")
_KEY: Final = re.compile(
    r"\x1b\[(?P<code>\d{1,7})(?::(?P<shifted>\d{0,7})(?::\d{0,7})?)?"
    r"(?:;(?P<mods>\d{0,3})(?::(?P<event>\d?))?(?:;(?P<text>[\d:]{0,100}))?)?(?P<end>[u~A-HPQS])"
)
_OTHER_KEY: Final = re.compile(r"\x1b\[27;(?P<mods>\d{1,3});(?P<code>\d{1,7})~")  # xterm's own
_MODE: Final = re.compile(r"\x1b\[\?(?P<mode>2026|2048);(?P<setting>\d)\$y")
_SIZE: Final = re.compile(r"\x1b\[48;(\d{1,5})(?::[^;]*)?;(\d{1,5})(?::[^;]*)?"
                          r";(\d{1,6})(?::[^;]*)?;(\d{1,6})(?::[^;t]*)?t")  # fmt: skip
_POSITION: Final = re.compile(r"\x1b\[[\d;]*R")
_PRESSED: Final = frozenset({"", "1", "2"})
_SHIFT: Final = 1
_LOCKS: Final = 64 | 128
_MOST_MODIFIERS: Final = 255


class InputParser(XTermParser):
    """Textual's reading of keys and mouse, over tokens that are known to be whole.

    What is no key is dropped: answers of the terminal, releases, all that is not understood.
    """

    def __init__(self) -> None:
        super().__init__()
        self._cutter = InputTokens(constants.ESCAPE_DELAY or ESCAPE_S)
        self._burst_until_s = 0.0

    @property
    def deadline_s(self) -> float | None:
        """When ``tick_at`` has something to say; None for never."""
        return self._cutter.deadline_s

    def read(self, data: bytes, now_s: float) -> list[Message]:
        """Take what was read at once; the messages it makes."""
        tokens = self._cutter.feed(data, now_s)
        typed = [char for token in tokens if isinstance(token, Letters)
                 for char in token.text if char.isprintable() or char in "\r\n\t"]  # fmt: skip
        is_burst = len(set(typed)) > 1 or (bool(typed) and now_s < self._burst_until_s)
        if is_burst:
            self._burst_until_s = now_s + BURST_S
        return [message for token in tokens for message in self._messages(token, is_burst)]

    def tick_at(self, now_s: float) -> list[Message]:
        """Let go of what has run out of time."""
        return [message for token in self._cutter.tick(now_s)
                for message in self._messages(token, False)]  # fmt: skip

    def _messages(self, token: Token, is_burst: bool) -> Iterator[Message]:
        match token:
            case Letters(text):
                if is_burst:
                    yield Burst(text)
                    return
                for char in text:
                    yield from self._keys(char)
            case LoneEscape():
                yield events.Key("escape", "\x1b")
            case Pasted(text, is_cut):
                yield PasteRefused() if is_cut else events.Paste(text)
            case Sequence(text):
                yield from self._of_sequence(text)

    def _keys(self, sequence: str, alt: bool = False) -> Iterator[events.Key]:
        for key in self._sequence_to_key_events(sequence, alt):
            if key.key != Keys.Ignore:
                yield key

    def _of_sequence(self, sequence: str) -> Iterator[Message]:
        if sequence == FOCUSIN:
            yield events.AppFocus()
        elif sequence == FOCUSOUT:
            yield events.AppBlur()
        elif _SGR_MOUSE.fullmatch(sequence):
            mouse = self.parse_mouse_code(sequence)
            if mouse is not None:
                yield mouse
        elif match := _MODE.fullmatch(sequence):
            yield from self._of_mode(match["mode"], int(match["setting"]))
        elif match := _SIZE.fullmatch(sequence):
            yield from self._of_size(*map(int, match.groups()))
        elif _POSITION.fullmatch(sequence):
            return
        elif match := _OTHER_KEY.fullmatch(sequence):
            yield from self._of_key(f"\x1b[{match['code']};{match['mods']}u")
        elif _KEY.fullmatch(sequence):
            yield from self._of_key(sequence)
        elif sequence in ANSI_SEQUENCES_KEYS:
            yield from self._keys(sequence)
        elif len(sequence) == 2:
            yield from self._keys(sequence[1], alt=True)

    def _of_mode(self, mode: str, setting: int) -> Iterator[Message]:
        if mode == "2026" and setting > 0:
            yield messages.TerminalSupportsSynchronizedOutput()
        elif mode == "2048" and constants.SMOOTH_SCROLL and not IS_ITERM:
            yield messages.InBandWindowResize.from_setting_parameter(setting)

    def _of_size(
        self, height: int, width: int, pixel_height: int, pixel_width: int
    ) -> Iterator[Message]:
        if not (width and height):
            return
        resize = events.Resize.from_dimensions((width, height), (pixel_width, pixel_height))
        self.terminal_size, self.terminal_pixel_size = resize.size, resize.pixel_size
        self.mouse_pixels = bool(pixel_width >= width and pixel_height >= height)
        yield resize

    def _of_key(self, sequence: str) -> Iterator[events.Key]:
        """A key of the kitty protocol in any of its forms, written as Textual reads it."""
        match = _KEY.fullmatch(sequence)
        if match is None or (match["event"] or "") not in _PRESSED:
            return
        code, end = int(match["code"]), match["end"]
        modifiers = max(int(match["mods"] or 1) - 1, 0)
        if modifiers > _MOST_MODIFIERS:
            return
        text = _printable(match["text"] or "")
        is_known = f"{code}{end}" in FUNCTIONAL_KEYS
        if not is_known:
            if end != "u" or not (text or _printable(str(code))):
                return
            if not text and not modifiers & ~(_SHIFT | _LOCKS):
                with_shift = _printable(match["shifted"] or "")
                text = with_shift if modifiers & _SHIFT else str(code)
        if constants.DISABLE_KITTY_KEY and end == "u":
            return
        words = f"{modifiers + 1 if modifiers else ''};{text}" if text else f"{modifiers + 1}"
        if not modifiers and not text:
            words = ""
        canonical = f"\x1b[{code};{words}{end}"
        if sequence in ANSI_SEQUENCES_KEYS and not (match["text"] or match["event"]):
            yield from self._keys(sequence)
            return
        for key in self._parse_extended_key(canonical) or ():
            yield key.copy()


def _printable(codes: str) -> str:
    """Code points as the protocol writes them, if all of them are letters; else ""."""
    numbers = [int(word) for word in codes.split(":") if word.isdecimal() and len(word) <= 7]
    is_text = numbers and all(n <= 0x10FFFF and chr(n).isprintable() for n in numbers)
    return ":".join(map(str, numbers)) if is_text else ""
