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
    r"\b(?:errors?|exceptions?|traceback|fatal|panic(?:ked)?|critical|fail(?:ed|ure|ures)?|severe"
    r"|segfault|segmentation fault|core dumped|abort(?:ed)?|assertion|killed|oom|emerg"
    r"|out of memory|permission denied|access denied|no such file or directory|command not found"
    r"|connection refused|could not resolve|undefined reference|terminate called|uncaught"
    r"|unhandled\w*)\b"
    # The classes of many languages, codes of the system's calls, levels in three letters.
    r"|(?-i:\b[A-Z]\w*(?:Error|Exception)\b|\w(?:Error|Exception):)"
    r"|(?-i:\b(?:ENOENT|EACCES|EPERM|ENOSPC|ETIMEDOUT|EADDRINUSE|ECONN[A-Z]+|ERR_[A-Z_]+)\b)"
    r"|(?-i:\b(?:ERR|FTL|PNC)\b!?)|(?-i:^E\d{4} \d\d:)"
    # What test runners, make and shells print.
    r"|^\s*(?:not ok\b|[✗✖✘] )|\bcaused by:|: \*\*\* |^curl: \(\d+\)"
    r"|\b(?:errors?|fail(?:ed|ures?)?)_count[\"' =:]{1,4}[1-9]"
    r"|\bexit(?:ed)?(?: with)?(?: (?:code|status))[ =:]{1,2}[1-9]|\bnon-zero (?:exit )?status"
)
_BAD: Final = rb"(?:errors?|exceptions?|fail(?:ed|ures?)?|fatal|killed)"
_FILES: Final = (
    rb"(?:cc?|cpp|h|hpp|o|py|pyc|go|rs|jsx?|tsx?|java|kt|rb|php|cs|swift|exs?|so|log|txt|md|html?|css"
    rb"|json|toml|ya?ml|gz|whl|crate)"
)
_NO_ERROR: Final = (
    # A test that passed, whatever it is called.
    rb"^\s*(?:ok \d|[\xe2]\x9c[\x93\x94]|(?-i:PASS\b|--- PASS|=== [A-Z])).*$"
    rb"|^\s*not ok\b.*\#\s*(?:todo|skip)\b.*$|^.*\.\.\. ?ok$"
    rb"|^(?!.*(?-i:\bFAILED\b)).*(?<!\d )(?-i:\bPASSED\b).*$"
    # None of them.
    rb"|\b(?:0|no|zero|without(?: any)?)[ -]" + _BAD + rb"\b"
    rb"|\b" + _BAD + rb"(?:_count)?[\"']?[ =:]{1,3}(?:0\b(?![.]?\d)|<nil>|[\"']{2}"
    rb"|(?:null|nil|none|false|off|no)\b(?=[\s\"']*(?:[,;)}\]]|$)))"
    # Figures, options, files, packages and programs of that name.
    rb"|\b(?:mean|squared|absolute|standard|relative|train(?:ing)?|val(?:idation)?|test|margin of)"
    rb"[ _-]errors?\b|\berror[ =:]{1,2}\d*[.]\d+"
    rb"|(?<![\w-])--[\w-]{0,24}?(?:error|fail|abort|fatal)[\w-]{0,24}|\b(?:(?:abort|fail) )?on (?:error|failure)\b"
    rb"|\babort on\b|\bfail-(?:fast|safe|over)\b"
    rb"|(?<![\w.-])[\w.-]{0,48}?(?:error|exception|fail|panic|fatal|abort)[\w.-]{0,24}?[.]"
    + _FILES
    + rb"\b"
    rb"|[/\\](?:errors?|exceptions?|failures?)(?=[/\\])"
    rb"|(?<![\w-])[\w-]{0,24}?(?:error|exception|failure)[\w-]{0,24}?[ =@>-]{1,3}v?\d+[.]\d"
    rb"|\b(?:error|exception)[-_ ](?:handl|rate|log|page|count(?![\"' =:]{1,4}[1-9]))\w{0,8}"
)
_WARNING_WORDS: Final = r"\b(?:warn(?:ings?)?|deprecat(?:ed|ions?))\b|(?-i:\b[A-Z]\w*Warning\b)"
_NO_WARNING: Final = (
    rb"\b(?:0|no|without|zero)[ -](?:warnings?|deprecations?)\b"
    rb"|\b(?:warnings?|warn|deprecations?)[ =:]{1,2}0\b"
)


class Severity(StrEnum):
    """How bad a line looks."""

    ERROR = "error"
    WARNING = "warning"


class WordLines(Regex):
    """Lines with certain words, once what only sounds like them is taken out."""

    def __init__(self, words: str, harmless: bytes) -> None:
        super().__init__(words, fold=True)
        self._harmless = re.compile(harmless, re.IGNORECASE)

    def _batch_search(self) -> None:
        """Look at each line: what is harmless is no regular expression."""

    def first(self, prepared: bytes, position: int) -> tuple[int, int] | None:
        """Return the first match at or after *position* that is meant as one."""
        while (match := self._search(prepared, position)) is not None:
            start = prepared.rfind(b"\n", 0, match[0]) + 1
            stop = prepared.find(b"\n", match[1])
            stop = len(prepared) if stop < 0 else stop
            line = self.looked_at(prepared[start : min(stop, start + _LOOK_CHARS)])
            found = self._search(line, max(position - start, 0))
            if found is not None:
                return start + found[0], start + found[1]
            if stop - start > _LOOK_CHARS and match[0] >= start + _LOOK_CHARS:
                return match  # beyond what is looked at for what is harmless
            position = max(stop, match[1])
        return None

    def looked_at(self, line: bytes) -> bytes:
        """Return the line with blanks in place of what is harmless."""
        head = self._harmless.sub(_blanks, line[:_LOOK_CHARS])
        return head + line[_LOOK_CHARS:] if len(line) > _LOOK_CHARS else head


def _blanks(match: re.Match[bytes]) -> bytes:
    return b" " * len(match[0])


@cache
def error_lines() -> Pattern:
    """Return the pattern of lines that look like errors."""
    return WordLines(_ERROR_WORDS, _NO_ERROR)


@cache
def warning_lines() -> Pattern:
    """Return the pattern of lines that look like warnings."""
    return WordLines(_WARNING_WORDS, _NO_WARNING)


def severity_of(text: str) -> Severity | None:
    """Say how bad the shown *text* of a line looks, by the words ``e`` goes to; 3 us a line."""
    data = text[:_LOOK_CHARS].encode("utf-8", "replace")
    try:
        if error_lines().first(data, 0) is not None:
            return Severity.ERROR
        return Severity.WARNING if warning_lines().first(data, 0) is not None else None
    except PatternError:  # without google-re2 there is no engine quick enough to ask
        return None


def severity_words(text: str, severity: Severity) -> list[tuple[int, int]]:
    """Return the character ranges of *text* that make it look as bad as it does."""
    lines = error_lines() if severity is Severity.ERROR else warning_lines()
    return [_trimmed(text, *span) for span in lines.highlights(text[:_LOOK_CHARS])]


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    """Leave out the blanks that a pattern needs around its word."""
    word = text[begin:end]
    return begin + len(word) - len(word.lstrip()), end - len(word) + len(word.rstrip())
