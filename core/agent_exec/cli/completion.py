"""What fits at the cursor: words of the grammar, and IDs of the jobs it can be about.

The shells' scripts call the program with ``COMPLETE=<shell>`` and the words after ``--``, as the
peers' scripts do. A generator of static scripts could not know which jobs there are.
"""

from __future__ import annotations

import os
import re
import time

from agent_exec.cli import verbs
from agent_exec.cli.parser import family_verb, program_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agent_exec.cli.grammar import Option, Verb
    from agent_exec.store.listing import JobRecord

    Candidates = Iterable[tuple[str, str]]

# The scripts take this exit status for "complete file names yourself".
EXIT_FILES = 3

_SIGNALS = ("TERM", "INT", "KILL", "HUP", "QUIT", "USR1", "USR2", "CONT", "WINCH")
_READING_LIMIT_S = 1.0  # nobody waits longer for a TAB
_SAFE_WORD = re.compile(r"[A-Za-z0-9_.,:+@%-]+")  # needs quotes in no shell


class _Cursor:
    """Where the cursor stands, after walking over the words before it.

    Attributes:
        verb: the innermost one that is complete.
        awaiting: the option whose value the cursor is in.
        given: how many positionals the verb already has.
        only_words: whether ``--`` or a word of the command ended the options.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.verb: Verb | None = program_verb()
        self.awaiting: Option | None = None
        self.given = 0
        self.only_words = False
        self.root: str | None = None
        for word in words:
            self._step(word)

    def _step(self, word: str) -> None:
        if self.awaiting is not None:
            if word == "=":  # bash makes a word of it
                return
            if self.awaiting.key == "--root":
                self.root = word
            self.awaiting = None
        elif word == "--" and not self.only_words:
            self.only_words = True
        elif word.startswith("-") and word != "-" and not self.only_words:
            self._step_option(word)
        else:
            self._step_positional(word)

    def _step_option(self, word: str) -> None:
        name, equals, value = word.partition("=")
        option = self.option(name)
        if option is None or option.metavar is None:
            return
        if equals:
            self.root = value if option.key == "--root" else self.root
        elif option.absent is None:
            self.awaiting = option

    def _step_positional(self, word: str) -> None:
        positional = self.verb.positional if self.verb else None
        if self.verb is None or positional is None:
            return
        if positional.hints == "verb" and self.verb.name != "help":
            name = f"{self.verb.name} {verbs.canonical(word)}".strip()
            if name in verbs.FAMILIES:
                self.verb = family_verb(name)
            else:
                self.verb = verbs.load(name)
            return
        self.given += 1
        self.only_words = self.only_words or positional.verbatim

    def option(self, name: str) -> Option | None:
        """The verb's option of that name."""
        if self.verb is None:
            return None
        return next((option for option in self.verb.options() if name in option.names), None)


def complete(shell: str, arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[bytes, int]:
    """Answer one request of a shell: the candidates in its form, and the exit status."""
    words = list(arguments[list(arguments).index("--") + 1 :]) if "--" in arguments else []
    index = _index(environ, len(words) - 1)
    words = words[: index + 1] + [""] * (index + 1 - len(words))
    current = words.pop() if words else ""
    found = _candidates(_Cursor(words[1:]), current, environ)
    if found is None:
        return b"", EXIT_FILES
    return _formatted(shell, found, environ.get("_CLAP_IFS") or "\n").encode("utf-8", "replace"), 0


def _index(environ: Mapping[str, str], last: int) -> int:
    text = environ.get("_CLAP_COMPLETE_INDEX", "")
    return min(int(text), max(last, 0) + 1) if text.isascii() and text.isdigit() else max(last, 0)


def _formatted(shell: str, found: Candidates, separator: str) -> str:
    if shell == "fish":
        return "".join(f"{value}\t{about}\n" if about else f"{value}\n" for value, about in found)
    if shell == "zsh":
        lines = []
        for value, about in found:
            escaped = value.replace("\\", "\\\\").replace(":", "\\:")
            lines.append(f"{escaped}:{about}" if about else escaped)
        return separator.join(lines)
    return separator.join(value for value, _ in found)


def _candidates(
    cursor: _Cursor, current: str, environ: Mapping[str, str]
) -> list[tuple[str, str]] | None:
    """What fits, in order; None when it is files."""
    if cursor.verb is None:
        return []
    if cursor.awaiting is not None:
        return _fitting(_values(cursor, cursor.awaiting, environ), current.removeprefix("="))
    if cursor.only_words and cursor.given:
        return None
    name, equals, value = current.partition("=")
    if equals and name.startswith("--"):
        option = cursor.option(name)
        found = _fitting(_values(cursor, option, environ), value) if option else []
        return found and [(f"{name}={choice}", about) for choice, about in found]
    options: Candidates = () if cursor.only_words else _options(cursor.verb)
    if current.startswith("-"):
        return _fitting(options, current)
    words = _words(cursor, current, environ)
    if words is None:
        return None
    return [*(_fitting(words, current) or ()), *(_fitting(options, current) or ())]


def _fitting(candidates: Candidates | None, prefix: str) -> list[tuple[str, str]] | None:
    if candidates is None:
        return None
    return [candidate for candidate in candidates if candidate[0].startswith(prefix)]


def _options(verb: Verb) -> Candidates:
    return ((option.key, option.help) for option in verb.options() if not option.hidden)


def _values(cursor: _Cursor, option: Option, environ: Mapping[str, str]) -> Candidates | None:
    if option.choices:
        return ((choice, "") for choice in option.choices)
    if option.absent is not None:
        return (("true", ""), ("false", ""))
    if option.hints == "path":
        return None
    if option.hints == "signal":
        return ((name, "") for name in _SIGNALS)
    if option.hints == "tag":
        return _tags(cursor, environ)
    return ()


def _words(cursor: _Cursor, current: str, environ: Mapping[str, str]) -> Candidates | None:
    verb = cursor.verb
    positional = verb.positional if verb else None
    if verb is None or positional is None:
        return ()
    if positional.most is not None and cursor.given >= positional.most:
        return ()
    if positional.choices:
        return ((choice, "") for choice in positional.choices)
    if positional.hints == "job":
        return _jobs(cursor, current, verb.states, environ)
    if positional.hints == "verb":
        family = "" if verb.name == "help" else verb.name
        return (
            (word, verbs.SUMMARIES.get(f"{family} {verbs.canonical(word)}".strip(), ""))
            for word in verbs.names_below(family)
        )
    if positional.hints == "command" and "/" not in current:
        return _programs(current, environ)
    return None


def _jobs(
    cursor: _Cursor, prefix: str, states: Sequence[str], environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for record in _records_here(cursor, prefix, environ):
        state = record.state.status.value if record.state else "unknown"
        if states and state not in states:
            continue
        command = " ".join(record.meta.command) if record.meta else ""
        about = "".join(char if char.isprintable() else " " for char in command)[:60]
        yield record.job_id, f"{state} {about}".strip()


def _tags(cursor: _Cursor, environ: Mapping[str, str]) -> Candidates:
    tags = {
        tag: ""
        for record in _records_here(cursor, "", environ)
        if record.meta
        for tag in record.meta.tags
    }
    return sorted(tags.items())


def _records_here(cursor: _Cursor, prefix: str, environ: Mapping[str, str]) -> Iterator[JobRecord]:
    """The jobs of this directory whose id starts so, last changed first, while there is time."""
    from agent_exec.store.directories import find_directories
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import read_job
    from agent_exec.store.root import resolve_root

    deadline = time.monotonic() + _READING_LIMIT_S
    cwd = os.path.realpath(os.getcwd())
    store = JobStore(resolve_root(cursor.root, environ))
    for name, _, _ in find_directories(store):
        if time.monotonic() > deadline:
            return
        if not (name.startswith(prefix) and _SAFE_WORD.fullmatch(name)):
            continue
        record = read_job(store, name)
        if record and record.meta and record.meta.cwd == cwd:
            yield record


def _programs(prefix: str, environ: Mapping[str, str]) -> Candidates | None:
    """Programs on the PATH; files where the prefix is too short to choose among them."""
    if not prefix:
        return None
    names: set[str] = set()
    for directory in environ.get("PATH", "").split(os.pathsep):
        try:
            with os.scandir(directory or ".") as entries:
                names.update(
                    entry.name
                    for entry in entries
                    if entry.name.startswith(prefix)
                    and _SAFE_WORD.fullmatch(entry.name)
                    and os.access(entry.path, os.X_OK)
                )
        except OSError:
            continue
    return [(name, "") for name in sorted(names)]
