"""Which lines of a log look like errors or warnings, though not "0 errors" or "no warnings"."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

from agent_exec_tui.log_pattern import PatternError, Regex

if TYPE_CHECKING:
    from agent_exec_tui.log_pattern import Pattern

_LOOK_CHARS: Final = 4096

_ERROR_WORDS: Final = (
    r"\b(?:errors?|exceptions?|traceback|fatal|panic(?:ked)?|critical|fail(?:ed|ure|ures)?"
    r"|segfault|segmentation fault|core dumped|abort(?:ed)?|assertion|killed|oom|emerg"
    r"|permission denied|no such file or directory|command not found)\b"
    r"|(?-i:[a-z](?:Error|Exception)\b)"
)
_NO_ERROR: Final = (
    rb"\b(?:0|no|without|zero)[ -](?:errors?|failures?|failed|fail|exceptions?|fatal)\b"
    rb"|\b(?:errors?|failures?|failed|exceptions?)[ =:]{1,2}0\b"
    rb"|\b(?:error|exception)[-_ ](?:handl|rate|log|count|page)\w{0,8}"
)
_WARNING_WORDS: Final = r"\b(?:warn(?:ings?)?|deprecat(?:ed|ions?))\b|(?-i:[a-z]Warning\b)"
_NO_WARNING: Final = (
    rb"\b(?:0|no|without|zero)[ -](?:warnings?|deprecations?)\b"
    rb"|\b(?:warnings?|warn|deprecations?)[ =:]{1,2}0\b"
)


class Severity(StrEnum):
    """How bad a line looks."""

    ERROR = "error"
    WARNING = "warning"


class _WordLines(Regex):
    """Lines with certain words, once what only sounds like them is taken out."""

    def __init__(self, words: str, harmless: bytes) -> None:
        super().__init__(words, fold=True)
        self._harmless = re.compile(harmless, re.IGNORECASE)

    def _batch_search(self) -> None:
        """Look at each line: what is harmless is no regular expression."""

    def first(self, prepared: bytes, position: int) -> tuple[int, int] | None:
        while (match := self._search(prepared, position)) is not None:
            stop = prepared.find(b"\n", match[1])
            stop = len(prepared) if stop < 0 else stop
            line = prepared[prepared.rfind(b"\n", 0, match[0]) + 1 : stop][:_LOOK_CHARS]
            cleared = self._harmless.sub(b"", line)
            if cleared == line or self._search(cleared, 0) is not None:
                return match
            position = stop
        return None


@cache
def error_lines() -> Pattern:
    """Return the pattern of lines that look like errors."""
    return _WordLines(_ERROR_WORDS, _NO_ERROR)


@cache
def warning_lines() -> Pattern:
    """Return the pattern of lines that look like warnings."""
    return _WordLines(_WARNING_WORDS, _NO_WARNING)


def severity_of(text: str) -> Severity | None:
    """Say how bad the shown *text* of a line looks, by the words ``e`` goes to; 3 us a line."""
    data = text[:_LOOK_CHARS].encode("utf-8", "replace")
    try:
        if error_lines().first(data, 0) is not None:
            return Severity.ERROR
        return Severity.WARNING if warning_lines().first(data, 0) is not None else None
    except PatternError:  # without google-re2 there is no engine quick enough to ask
        return None
