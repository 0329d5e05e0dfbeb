"""A regular expression that matches many lines at a time, for counting where nearly all match.

A call of RE2 costs 2 us, which is ten times what looking at a line does; RE2 for Python has
nothing that counts by itself. So here one call takes the next so many matching lines.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_PROGRAM: Final = 2000
"""Instructions; RE2's automaton of a larger one may not fit its memory, which makes it slow."""

_TOKEN: Final = re.compile(
    r"(?P<set>\[(?P<not>\^?)(?P<members>(?:[^\]\\\[]|\\.)+)\])"
    r"|\\(?P<escape>.)"
    r"|(?P<group>\((?!\?)|\(\?:|\(\?i[:)])"
    r"|(?P<other>[^\\\[(])",
    re.DOTALL,
)
_MEMBER_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_SPACES: Final = r"\t\f\r "
_REWRITTEN: Final = {"s": f"[{_SPACES}]", "W": r"[^0-9A-Za-z_\n]", "D": r"[^0-9\n]"}
_HARMLESS: Final = frozenset("dwSbB")


def within_lines(pattern: str) -> str | None:
    r"""Rewrite *pattern* so that no part of it can match a line's end; None where that is unsure.

    What a search in single lines leaves out by an option (``\s`` and ``[^x]`` are no line ends)
    must be said here, as the pattern for many lines has line ends of its own.
    """
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        part = _rewritten(match) if match is not None else None
        if match is None or part is None:
            return None
        parts.append(part)
        position = match.end()
    return "".join(parts)


def batch_pattern(pattern: str, lines: int) -> str | None:
    """Return what matches from a line's start to the end of the *lines*th line that matches."""
    inner = within_lines(pattern)
    if inner is None:
        return None
    return rf"(?m)(?:(?:[^\n]*\n)*?[^\n]*?(?:{inner})[^\n]*\n){{{lines}}}"


def is_small(program_size: int) -> bool:
    """Whether RE2 can hold the automaton of so many instructions."""
    return 0 < program_size <= _MAX_PROGRAM


def _rewritten(match: re.Match[str]) -> str | None:
    if match["set"]:
        return _set(match["not"], match["members"])
    escape, other = match["escape"], match["other"]
    if escape:
        if escape in _REWRITTEN:
            return _REWRITTEN[escape]
        return match[0] if escape in _HARMLESS or _is_sign(escape) else None
    return None if other and ord(other) < 0x20 else match[0]


def _set(negation: str, members: str) -> str | None:
    if any(ord(char) < 0x20 for char in members) or members[0] in "^-":
        return None
    escapes = set(_MEMBER_ESCAPE.findall(members))
    if negation:
        # Whatever else is left out, line ends are, too.
        known = all(escape in "dwsDWS" or _is_sign(escape) for escape in escapes)
        return rf"[^\n{members}]" if known else None
    if not all(escape in "dwsS" or _is_sign(escape) for escape in escapes):
        return None
    if "s" in escapes and "-" in members:
        return None  # the space would begin a range
    spelled = _MEMBER_ESCAPE.sub(lambda at: _SPACES if at[1] == "s" else at[0], members)
    return f"[{spelled}]"


def _is_sign(char: str) -> bool:
    return char.isascii() and char.isprintable() and not char.isalnum()
