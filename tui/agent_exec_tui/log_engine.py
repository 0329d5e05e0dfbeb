"""Searching by RE2, whose time is linear in the text; the standard engine for literals without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import re2

_LINES: Final = "(?m)"

Search = Callable[[bytes, int], tuple[int, int] | None]


class PatternError(ValueError):
    """The pattern cannot be used; the text says why, in one line."""


def re2_search(text: str, *, fold: bool) -> Search:
    """Return what searches for the regular expression *text* within lines."""
    try:
        return _compile_re2(f"{_LINES}{text}".encode("utf-8", "replace"), fold=fold)
    except ImportError as error:
        # The standard engine can run for hours on a short line, and cannot be stopped.
        raise PatternError("regular expressions need the package google-re2") from error


def literal_search(wanted: bytes, *, fold: bool) -> Search:
    """Return what searches for *wanted* as it is."""
    try:
        return _compile_re2(wanted, fold=fold, is_literal=True)
    except ImportError:
        compiled = re.compile(re.escape(wanted), re.IGNORECASE if fold else re.NOFLAG)

    def search(data: bytes, position: int) -> tuple[int, int] | None:
        match = compiled.search(data, position)
        return match.span() if match else None

    return search


def batch_re2(text: str, lines: int, *, fold: bool) -> Search | None:
    """Return what finds the next so many *lines* at once; None where that is not possible."""
    import re2

    from agent_exec_tui.log_batch import batch_pattern, is_small

    pattern = batch_pattern(text, lines)
    if pattern is None:
        return None
    options = _options(fold=fold)
    try:
        compiled = re2.compile(pattern.encode("utf-8", "replace"), options)
    except re2.error:  # too many repetitions, for one
        return None
    return (
        _searching(compiled, re2._Anchor.ANCHOR_START) if is_small(compiled.programsize) else None
    )


def _compile_re2(pattern: bytes, *, fold: bool, is_literal: bool = False) -> Search:
    import re2

    options = _options(fold=fold)
    options.never_nl = True
    options.literal = is_literal
    if is_literal:  # bytes as they are: "k" must not match the Kelvin sign here and not there
        options.encoding = re2.Options.Encoding.LATIN1
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(_reason(error)) from None
    return _searching(compiled, re2._Anchor.UNANCHORED)


def _options(*, fold: bool) -> re2.Options:
    import re2

    options = re2.Options()
    options.case_sensitive = not fold
    options.log_errors = False
    options.never_capture = True
    return options


def _searching(compiled: re2._Regexp, anchor: object) -> Search:
    # The public search() builds a generator and a match object a call: 2.7 times slower where
    # every second line matches.
    match = compiled._regexp.Match

    def search(data: bytes, position: int) -> tuple[int, int] | None:
        size = len(data)
        if position > size:
            return None
        start, stop = match(anchor, data, position, size)[0]
        if start < 0 or (start == size and data.endswith(b"\n")):
            return None  # behind the last line's end there is no line, though "^$" matches there
        return start, stop

    return search


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else "bad pattern"
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return text.replace(_LINES, "", 1)  # nobody typed that
