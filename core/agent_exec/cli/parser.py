"""From words to a verb and its arguments."""

from __future__ import annotations

from agent_exec.cli import verbs
from agent_exec.cli.dashboard_options import DASHBOARD_OPTIONS, EXCLUSIVE, NEEDS
from agent_exec.cli.grammar import Arguments, Option, Positional, UsageError, Verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Values = dict[str, object]

_MAY_BE_SECRET = ("KEY=VALUE", "TEXT")  # what options take, as their help calls it
VERSION_OPTION = Option("--version -V", None, "Show the version")
_NESTED_WORDS = Positional("COMMAND", "", least=0, most=None, verbatim=True, hints="verb")


class HelpWanted(Exception):  # noqa: N818 (not an error)
    """Somebody asked for help; ``verb`` is empty for the program's."""

    def __init__(self, verb: str = "") -> None:
        super().__init__(verb)
        self.verb = verb


class VerbMissing(Exception):  # noqa: N818 (its help is the answer)
    """There is no command word where one is needed: below ``family``, or at all."""

    def __init__(self, family: str = "") -> None:
        super().__init__(family)
        self.family = family


class VersionWanted(Exception):  # noqa: N818 (not an error)
    """Somebody asked for the version."""


class Parsed:
    """A command line that makes sense.

    Attributes:
        verb: what to do; None when there is no command word.
        arguments: the verb's own arguments, or the dashboard's.
        root: ``--root`` as given; the one after the verb wins.
    """

    __slots__ = ("arguments", "json", "root", "verb", "verbosity", "yaml")

    def __init__(self, verb: Verb | None, arguments: Arguments, levels: Iterable[Values]) -> None:
        self.verb = verb
        self.arguments = arguments
        self.root: str | None = None
        self.yaml = self.json = False
        self.verbosity = 0
        for level in map(Arguments, levels):
            root = level.text("--root")
            self.root = self.root if root is None else root
            self.yaml = self.yaml or level.flag("--yaml")
            self.json = self.json or level.given("--json")
            self.verbosity += level.count("--verbose")


def parse(words: Sequence[str]) -> Parsed:
    """Make sense of the words after the program's name.

    Raises:
        UsageError: there is no sense in them.
        VerbMissing: ``tag`` or ``notify`` stand alone.
        HelpWanted, VersionWanted: ``--help`` or ``--version`` was met first.
    """
    _require_utf8(words)
    top, rest = _scan(program_verb(), words, verbatim=True)
    if not rest:
        _check_dashboard(top)
        return Parsed(None, Arguments(top), [top])
    for option in DASHBOARD_OPTIONS:
        if option.key in top:
            raise UsageError(
                f"the argument '{option.shown}' cannot be used with a command",
                tip="it belongs to the dashboard, which opens without a command word",
            )
    return _parse_verb([top], rest)


def program_verb() -> Verb:
    """The program without a command word, as a verb: what may stand before one."""
    options = (*DASHBOARD_OPTIONS, VERSION_OPTION)
    return Verb("", no_run, "", ("", options), positional=_NESTED_WORDS, conflicts=EXCLUSIVE)


def family_verb(name: str) -> Verb:
    """``tag`` or ``notify``, before the word that makes a verb of it."""
    return Verb(name, no_run, "", positional=_NESTED_WORDS)


def no_run(_arguments: Arguments, _call: object) -> int:
    """Stand in for what has no verb yet."""
    raise VerbMissing


def _check_dashboard(values: Values) -> None:
    verb = program_verb()
    _check(verb, values)
    for option, needed in NEEDS:
        if option in values and needed not in values:
            raise UsageError(f"the argument '{_shown(verb, option)}' needs '{needed}'")


def _parse_verb(levels: list[Values], words: Sequence[str]) -> Parsed:
    name = verbs.canonical(words[0])
    if name in verbs.FAMILIES:
        values, rest = _scan(family_verb(name), words[1:], verbatim=True)
        levels.append(values)
        if not rest:
            raise VerbMissing(name)
        name, words = f"{name} {rest[0]}", rest
    verb = verbs.load(name)
    if verb is None:
        raise UsageError(
            f"unrecognized subcommand '{words[0]}'",
            tip=_guess(words[0], verbs.names_below(name.rpartition(" ")[0])),
            verb=name.rpartition(" ")[0],
        )
    positional = verb.positional
    verbatim = positional is not None and positional.verbatim
    values, rest = _scan(verb, words[1:], verbatim=verbatim)
    levels.append(values)
    _take_positionals(verb, values, rest)
    _check(verb, values)
    return Parsed(verb, Arguments(values), levels)


def _require_utf8(words: Iterable[str]) -> None:
    # None of these words is shown: it may be a secret.
    for number, word in enumerate(words, 1):
        if "\0" in word:
            raise UsageError(f"no argument can have a NUL character, as number {number} has")
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"invalid UTF-8 was detected in argument {number}",
                tip="put such data in a file and give it with --stdin-file or --env-file",
            ) from None


def _scan(verb: Verb, words: Sequence[str], *, verbatim: bool) -> tuple[Values, list[str]]:
    """Take the options; what is left are the positionals, or the command from its first word on."""
    by_name = {name: option for option in verb.options() for name in option.names}
    values: Values = {}
    positionals: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            return values, positionals + list(words[index:])
        if word == "-" or not word.startswith("-"):
            if verbatim:
                return values, list(words[index - 1 :])
            positionals.append(word)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            option = by_name.get(name)
            if option is None:
                raise _unknown(verb, name, by_name)
            index += _take(verb, values, option, value if equals else None, words[index:])
        else:
            for letter in word[1:]:
                option = by_name.get("-" + letter)
                if option is None:
                    raise _unknown(verb, word, by_name)
                _take(verb, values, option, None, ())
    return values, positionals


def _take(
    verb: Verb, values: Values, option: Option, value: str | None, following: Sequence[str]
) -> int:
    """Keep one option; says how many of the following words were its value."""
    if option.key == "--help":
        raise HelpWanted(verb.name)
    if option.key == "--version":
        raise VersionWanted
    if option.key in values and not option.repeats:
        raise UsageError(
            f"the argument '{option.shown}' cannot be used multiple times", verb=verb.name
        )
    if option.metavar is None:
        if value is not None:
            raise UsageError(
                f"unexpected value for '{option.key}' found; it takes none",
                verb=verb.name,
            )
        if option.repeats:
            values[option.key] = Arguments(values).count(option.key) + 1
        else:
            values[option.key] = True
        return 0
    used = 0
    if value is None:
        value, used = _following_value(verb, option, following)
    converted = _converted(verb, option, value)
    if option.repeats:
        kept = values.setdefault(option.key, [])
        assert isinstance(kept, list)
        kept.append(converted)
    else:
        values[option.key] = converted
    return used


def _following_value(verb: Verb, option: Option, following: Sequence[str]) -> tuple[str, int]:
    candidate = following[0] if following else None
    if option.absent is not None:
        # The value may be missing, and then the next word is not ours.
        return (candidate, 1) if candidate in ("true", "false") else (option.absent, 0)
    if candidate is None or (candidate.startswith("-") and candidate != "-"):
        raise UsageError(
            f"a value is required for '{option.shown}' but none was supplied",
            tip=_tip_for(option, candidate) if candidate else "",
            verb=verb.name,
        )
    return candidate, 1


def _tip_for(option: Option, value: str) -> str:
    """How a value that looks like an option is given; one that may be a secret is not shown."""
    shown = option.metavar if option.metavar in _MAY_BE_SECRET else value
    return f"write {option.key}={shown} if that is the value"


def _shown_word(word: str) -> str:
    """A word as errors show it: what stands behind its = sign may be a secret."""
    name, equals, _ = word.partition("=")
    return f"{name}=…" if equals else word


def _converted(verb: Verb, option: Option, text: str) -> object:
    try:
        return option.convert(text)
    except ValueError as error:
        raise UsageError(
            f"invalid value '{text}' for '{option.shown}': {error}",
            tip=_guess(text, option.choices),
            verb=verb.name,
        ) from None


def _take_positionals(verb: Verb, values: Values, words: list[str]) -> None:
    positional = verb.positional
    most = 0 if positional is None else positional.most
    if most is not None and len(words) > most:
        raise UsageError(f"unexpected argument '{_shown_word(words[most])}' found", verb=verb.name)
    if positional is None:
        return
    for word in words:
        if positional.choices and word not in positional.choices:
            raise UsageError(
                f"invalid value '{word}' for '{positional.shown}': "
                f"possible values: {', '.join(positional.choices)}",
                tip=_guess(word, positional.choices),
                verb=verb.name,
            )
    if words:
        values[positional.metavar] = words
    elif positional.least:
        raise UsageError(
            f"the following required arguments were not provided: {positional.shown}",
            verb=verb.name,
        )


def _check(verb: Verb, values: Values) -> None:
    for first, second in verb.conflicts:
        if first in values and second in values:
            raise UsageError(
                f"the argument '{_shown(verb, first)}' cannot be used with "
                f"'{_shown(verb, second)}'",
                verb=verb.name,
            )
    if verb.needs_one_of and not any(key in values for key in verb.needs_one_of):
        wanted = " or ".join(_shown(verb, key) for key in verb.needs_one_of)
        raise UsageError(
            f"the following required arguments were not provided: {wanted}", verb=verb.name
        )


def _shown(verb: Verb, key: str) -> str:
    for option in verb.options():
        if option.key == key:
            return option.shown
    return verb.positional.shown if verb.positional else key


def _unknown(verb: Verb, name: str, known: Iterable[str]) -> UsageError:
    shown = _shown_word(name)
    tip = _guess(shown, [known_name for known_name in known if known_name.startswith("--")])
    if not tip and verb.positional is not None and verb.positional.hints == "command":
        tip = f"if '{shown}' is a word of the command, put -- before the command"
    return UsageError(f"unexpected argument '{shown}' found", tip=tip, verb=verb.name)


def _guess(word: str, known: Iterable[str]) -> str:
    import difflib  # 3 ms that only a mistyped word pays

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"did you mean '{near[0]}'?" if near else ""
