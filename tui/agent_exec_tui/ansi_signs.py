"""Characters that may not reach a terminal as they are, and what stands for them."""

from __future__ import annotations

from typing import Final

INVISIBLE: Final = (
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000ffffe-\U000fffff\U0010fffe-\U0010ffff"
)
_FLAG: Final = "\U0001f1e6-\U0001f1ff"
_TONE: Final = "\U0001f3fb-\U0001f3ff"
SPECIAL: Final = f"\x00-\x1f\x7f-\xa0\ud800-\udfff{INVISIBLE}{_FLAG}{_TONE}"
"""A class of a regular expression: what is looked at more closely."""

_EMOJI: Final = (
    "\u2194\u2195\u2600-\u27bf\u2b1b\u2b1c\u2b50"
    "\U0001f000-\U0001f1ad\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
)
# Behind these a skin tone colours the emoji, and a joiner between two of them makes one of both.
_BEHIND_EMOJI: Final = f"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))"
EMOJI_PARTS: Final = f"[{_FLAG}]{{2}}|{_BEHIND_EMOJI}[{_TONE}]"
"""What looks well beside the emoji before it, as wide as every terminal thinks it is."""

EMOJI_JOINER: Final = f"(?:{_BEHIND_EMOJI}|(?<=[{_TONE}]))\u200d(?=[{_EMOJI}])"
"""It only asks for one picture in place of two. Terminals disagree on the width of that one, so
it is left out: the two stand side by side, and nothing right of them moves."""


def mark(char: str) -> str:
    """Return what stands for one special character."""
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


def one_cell(char: str) -> str:
    """Return one character that stands for a special one."""
    text = " " if char == "\t" else mark(char)
    return "\ufffd" if not text or text[0] == "<" else text[0]
