"""What a verb accepts: the tables that parsing, help and completion are all made from.

Not argparse: the peers' rules (a command taken verbatim from the first positional on, no
option given twice, no value that looks like an option, an option whose value may be missing)
go against its grain, and its handling of ``--`` differs between Python releases.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent_exec.cli.call import Call

    Convert = Callable[[str], object]
    Run = Callable[["Arguments", Call], int]

PROGRAM = "agent-exec-tui"


class UsageError(Exception):
    """The words of the command line make no sense; nothing was done.

    Attributes:
        tip: what would make sense, if that can be guessed.
        verb: whose usage to show; empty for the program's.
    """

    def __init__(self, message: str, *, tip: str = "", verb: str = "") -> None:
        super().__init__(message)
        self.tip = tip
        self.verb = verb


class Option:
    """One option or flag.

    Attributes:
        names: every spelling; the first is the one shown and the key of its value.
        metavar: what stands for the value; None makes a flag of it.
        convert: turns the text into the value; its ValueError says what is wrong.
        choices: the only words allowed, for help and completion.
        repeats: whether it may be given more than once and collects its values.
        absent: the value when the option stands there without one; None demands one.
        hints: what completion offers for the value: "path", "job" or nothing.
    """

    __slots__ = (
        "absent", "choices", "convert", "help", "hidden", "hints", "metavar", "names", "repeats",
    )  # fmt: skip

    def __init__(
        self,
        names: str,
        metavar: str | None = None,
        text: str = "",
        *,
        convert: Convert | None = None,
        choices: Sequence[str] = (),
        repeats: bool = False,
        absent: str | None = None,
        hints: str = "",
        hidden: bool = False,
    ) -> None:
        self.names = tuple(names.split())
        self.metavar = metavar
        self.help = text
        self.convert: Convert = convert or (one_of(choices) if choices else str)
        self.choices = choices
        self.repeats = repeats
        self.absent = absent
        self.hints = hints
        self.hidden = hidden

    @property
    def key(self) -> str:
        """The name its value is kept under."""
        return self.names[0]

    @property
    def shown(self) -> str:
        """The option as messages name it: ``--until <SECONDS>``."""
        if self.metavar is None:
            return self.key
        value = f"<{self.metavar}>"
        return f"{self.key} [{value}]" if self.absent is not None else f"{self.key} {value}"


class Positional:
    """The words after the options.

    Attributes:
        most: how many there may be; None for any number.
        verbatim: whether everything from the first one on belongs to it, options too.
        choices: the only words allowed.
        hints: what completion offers: "job", "command", "verb" or nothing.
    """

    __slots__ = ("choices", "help", "hints", "least", "metavar", "most", "verbatim")

    def __init__(
        self,
        metavar: str,
        text: str,
        *,
        least: int = 1,
        most: int | None = 1,
        verbatim: bool = False,
        choices: Sequence[str] = (),
        hints: str = "",
    ) -> None:
        self.metavar = metavar
        self.help = text
        self.least = least
        self.most = most
        self.verbatim = verbatim
        self.choices = choices
        self.hints = hints

    @property
    def shown(self) -> str:
        """The positional as usage lines name it: ``<JOB_ID>``, ``[JOB_ID]...``."""
        name = f"<{self.metavar}>" if self.least else f"[{self.metavar}]"
        return name if self.most == 1 else f"{name}..."


class Verb:
    """Everything one verb accepts, and the function that carries it out.

    Attributes:
        groups: options under the headings help shows them with.
        conflicts: pairs of keys (an option's first name or a positional's metavar) that
            exclude each other.
        needs_one_of: keys of which one must be there.
        states: which jobs completion offers for a positional with the hint "job".
    """

    __slots__ = (
        "about", "conflicts", "examples", "groups", "name", "needs_one_of", "positional", "run",
        "states",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        run: Run,
        about: str,
        *groups: tuple[str, Sequence[Option]],
        positional: Positional | None = None,
        conflicts: Sequence[tuple[str, str]] = (),
        needs_one_of: Sequence[str] = (),
        examples: Sequence[str] = (),
        states: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.run = run
        self.about = about
        self.groups = groups
        self.positional = positional
        self.conflicts = conflicts
        self.needs_one_of = needs_one_of
        self.examples = examples
        self.states = states

    def options(self) -> list[Option]:
        """All options, the global ones last."""
        own = [option for _, options in self.groups for option in options]
        return own + list(GLOBALS)


class Arguments:
    """What was given, by option name or positional metavar, already converted."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def given(self, key: str) -> bool:
        """Whether the option or positional stood on the command line."""
        return key in self._values

    def flag(self, key: str) -> bool:
        """Whether a flag was given, or an option of true and false is true."""
        return self._values.get(key) is True

    def count(self, key: str) -> int:
        """How often a flag was given."""
        value = self._values.get(key, 0)
        return value if isinstance(value, int) else 0

    def text(self, key: str) -> str | None:
        """The value of a text option; None when it was not given."""
        value = self._values.get(key)
        return value if isinstance(value, str) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """The values of a repeatable option or of the positionals."""
        value = self._values.get(key, ())
        return tuple(value) if isinstance(value, list) else ()

    def number(self, key: str, default: int = 0) -> int:
        """The value of a whole-number option (seconds: in milliseconds)."""
        value = self._values.get(key)
        return value if isinstance(value, int) else default

    def optional_number(self, key: str) -> int | None:
        """The value of a whole-number option; None when it was not given."""
        value = self._values.get(key)
        return value if isinstance(value, int) else None


MAX_NUMBER = 2**64 - 1  # the peers keep every number in 64 bits


def whole_number(text: str) -> int:
    """Read a whole number of 0 or more."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("not a whole number, 0 or more")
    if len(digits.lstrip("0")) > 20 or int(digits) > MAX_NUMBER:
        raise ValueError(f"larger than {MAX_NUMBER}")
    return int(digits)


def milliseconds(text: str) -> int:
    """Read a number of seconds, whole or with a fraction, as milliseconds.

    What is more than nothing stays more than nothing: 0 switches most limits off.
    """
    whole, point, fraction = text.removeprefix("+").partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()) or (point and not fraction):
        raise ValueError("not a number of seconds, such as 90 or 1.5")
    if len(whole.lstrip("0")) > 20:
        raise ValueError(f"larger than {MAX_NUMBER // 1000}")
    value = int(whole or "0") * 1000 + int((fraction + "000")[:3])
    if value > MAX_NUMBER:
        raise ValueError(f"larger than {MAX_NUMBER // 1000}")
    return value or int(digits.strip("0") != "")


def true_or_false(text: str) -> bool:
    """Read ``true`` or ``false``."""
    one_of(("true", "false"))(text)
    return text == "true"


def one_of(choices: Sequence[str]) -> Convert:
    """Make a converter that lets only the given words pass."""

    def convert(text: str) -> str:
        if text not in choices:
            raise ValueError(f"possible values: {', '.join(choices)}")
        return text

    return convert


GLOBALS = (
    Option("--root", "PATH", "Directory of the jobs. Without it: $AGENT_EXEC_ROOT, then "
           "$XDG_DATA_HOME/agent-exec/jobs, then ~/.local/share/agent-exec/jobs", hints="path"),
    Option("--yaml", None, "Answer in YAML instead of JSON"),
    Option("--json", None, "Taken, but not needed: answers are JSON. Without a command, prints "
           "what the dashboard would show", repeats=True),
    Option("--verbose -v", None, "Say more on stderr; twice (-vv) for everything", repeats=True),
    Option("--help -h", None, "Show this help"),
)  # fmt: skip
