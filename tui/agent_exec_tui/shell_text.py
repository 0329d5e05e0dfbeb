"""Text for a shell: words quoted so that sh, bash, zsh and fish all read them the same; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "agent-exec-tui"

_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_KEPT_RAW: Final = "\n"
_RESERVED: Final = re.compile(  # words of one shell or another
    "and|begin|builtin|case|command|coproc|do|done|elif|else|end|esac|exec|fi|for|foreach|function"
    "|if|in|nocorrect|noglob|not|or|repeat|select|switch|then|time|until|while"
)


class ShellText(str):
    """A word that is written for the shell already, and not quoted again."""

    __slots__ = ()


def quote(word: str) -> str:
    r"""Write a word for the shell, in characters a terminal shows and takes nothing else in.

    What ``shlex.quote`` writes means something else to fish, where a backslash counts within
    single quotes, and lets escape sequences through to whoever looks at it. So quotes and
    backslashes stand in double quotes, and what no terminal shows is left to ``printf``.
    """
    # A leading `=` or `~`, a `%` and braces mean something to one shell or another when bare.
    if _PLAIN.fullmatch(word) and word[0] not in "=%":
        return word
    pieces: list[str] = []
    for kind, run in _runs(word):
        if kind == "raw":
            pieces.append(f"'{run}'")
        elif kind == "escaped":
            pieces.append('"' + re.sub(r"([\\$])", r"\\\1", run) + '"')
        else:
            octal = "".join(f"\\{byte:03o}" for byte in run.encode())
            pieces.append(f"\"$(printf '{octal}')\"")
    return "".join(pieces) or "''"


def _in_quotes(word: str) -> str:
    is_name = re.fullmatch(r"[A-Za-z0-9_./+-]+", word) and not _RESERVED.fullmatch(word)
    return word if is_name else quote(word) if quote(word) != word else f"'{word}'"


def is_shown(text: str) -> bool:
    """Whether a terminal shows all of a text, line by line, and takes nothing in it as a command."""
    return all(char.isprintable() or char in _KEPT_RAW for char in text)


def _runs(word: str) -> list[tuple[str, str]]:
    # Behind a substitution, fish 3.6 takes a `$` in single quotes for a variable's.
    escaped = "'\\" if is_shown(word) else "'\\$"
    runs: list[tuple[str, str]] = []
    for char in word:
        if char in escaped:
            kind = "escaped"
        elif is_shown(char):
            kind = "raw"
        else:
            kind = "unseen"
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + char)
        else:
            runs.append((kind, char))
    return runs


def can_be_written(words: Sequence[str]) -> bool:
    """Whether a command line can carry these words: none has a NUL or a lone surrogate."""
    text = "".join(words)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def join(words: Sequence[str]) -> str:
    """Write words as a command line."""
    return " ".join(word if isinstance(word, ShellText) else quote(word) for word in words)


def cli_line(*words: str) -> str:
    """Write the command line that does the same as a key, or a comment that says why none can."""
    if not can_be_written(words):
        return "# no command line can carry this: a word of it is not UTF-8 text"
    return join((PROGRAM, *words))


def typed_command(command: Sequence[str], wrapper: Sequence[str]) -> str:
    """Write a job's command as it is typed at a prompt.

    Args:
        command: as recorded; one word is a string for the shell already.
        wrapper: the shell that gets it, named only where the string cannot be shown as it is.
    """
    if not can_be_written((*command, *wrapper)):
        return cli_line(*command)
    if len(command) != 1:
        # At its place a bare `A=b` would set a variable, and `if` be no program.
        return join((ShellText(_in_quotes(command[0])), *command[1:])) if command else ""
    (text,) = command
    return text if is_shown(text) else join((*wrapper, text))
