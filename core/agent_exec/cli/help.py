"""Help and usage errors as text."""

from __future__ import annotations

import shutil
import textwrap

from agent_exec.cli import verbs
from agent_exec.cli.dashboard_options import DASHBOARD_OPTIONS
from agent_exec.cli.grammar import GLOBALS, PROGRAM, UsageError
from agent_exec.cli.parser import VERSION_OPTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_exec.cli.grammar import Option, Verb

_MAX_WIDTH = 100
_MIN_WIDTH = 40
_LEFT_WIDTH = 28  # an option with a longer left side gets its text on the next line


def help_text(name: str) -> str:
    """Explain a verb, a family of verbs, or with an empty *name* the program.

    Raises:
        UsageError: there is no such verb.
    """
    if not name:
        return _program_help()
    first, _, second = name.partition(" ")
    first = verbs.canonical(first)
    if first in verbs.FAMILIES and not second:
        return _family_help(first)
    verb = verbs.load(f"{first} {second}".strip())
    if verb is None:
        raise UsageError(f"unrecognized subcommand '{name}'")
    return _verb_help(verb)


def usage_error_text(error: UsageError) -> str:
    """What is wrong, what may be meant, how it is used, and where to read more."""
    lines = [f"error: {error}", ""]
    if error.tip:
        lines += [f"  tip: {error.tip}", ""]
    verb = verbs.load(error.verb) if error.verb else None
    if verb is not None:
        lines += [f"Usage: {usage_line(verb)}", ""]
    elif error.verb in verbs.FAMILIES:
        words = " or ".join(f"`{error.verb} {word}`" for word in verbs.names_below(error.verb))
        lines += [f"Usage: {PROGRAM} {error.verb} <COMMAND>, where the command is {words}", ""]
    more = f"{PROGRAM} {error.verb}".strip()
    return "\n".join([*lines, f"`{more} --help` says more."])


def usage_line(verb: Verb) -> str:
    """One line: the program, the verb, what follows."""
    parts = [PROGRAM, verb.name, "[OPTIONS]"]
    if verb.positional is not None:
        parts.append(verb.positional.shown)
    return " ".join(parts)


def _width() -> int:
    columns = shutil.get_terminal_size((_MAX_WIDTH, 24)).columns
    return max(_MIN_WIDTH, min(columns, _MAX_WIDTH))


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _width(), break_on_hyphens=False)


def _rows(rows: Iterable[tuple[str, str]], left_width: int = _LEFT_WIDTH) -> list[str]:
    """Two columns; the right one wraps."""
    lines = []
    room = _width() - left_width - 4
    for left, right in rows:
        wrapped = textwrap.wrap(right, max(room, 16), break_on_hyphens=False) or [""]
        if len(left) > left_width:
            lines.append(f"  {left}")
            left = ""
        lines.append(f"  {left:<{left_width}}  {wrapped[0]}".rstrip())
        lines += [" " * (left_width + 4) + line for line in wrapped[1:]]
    return lines


def _option_rows(options: Sequence[Option]) -> list[tuple[str, str]]:
    rows = []
    for option in options:
        if option.hidden:
            continue
        short = [name for name in option.names if not name.startswith("--")]
        long = [name for name in option.names if name.startswith("--")]
        lead = f"{short[0]}, " if short else "    "
        left = lead + ", ".join(long)
        if option.metavar is not None:
            left += f"[={option.metavar}]" if option.absent is not None else f" {option.metavar}"
        rows.append((left, option.help))
    return rows


def _verb_help(verb: Verb) -> str:
    lines = [_paragraph(verb.about), "", f"Usage: {usage_line(verb)}"]
    aliases = [alias for alias, name in verbs.ALIASES.items() if name == verb.name]
    if aliases:
        lines.append(f"Alias: {', '.join(aliases)}")
    if verb.positional is not None:
        lines += ["", *_rows([(verb.positional.shown, verb.positional.help)])]
    for heading, options in (*verb.groups, ("Everywhere", GLOBALS)):
        lines += ["", f"{heading}:", *_rows(_option_rows(options))]
    if verb.examples:
        lines += ["", "Examples:", *(f"  {PROGRAM} {example}" for example in verb.examples)]
    return "\n".join(lines) + "\n"


def _family_help(family: str) -> str:
    words = verbs.names_below(family)
    rows = [(f"{family} {word}", verbs.SUMMARIES[f"{family} {word}"]) for word in words]
    lines = [
        f"{verbs.FAMILIES[family]}.", "", f"Usage: {PROGRAM} {family} <COMMAND>", "",
        "Commands:", *_rows(rows, 14), "", "Everywhere:", *_rows(_option_rows(GLOBALS)),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _program_help() -> str:
    names = {name: name for name in verbs.SUMMARIES}
    for alias, name in verbs.ALIASES.items():
        names[name] = f"{name}, {alias}"
    rows = [(names[name], summary) for name, summary in verbs.SUMMARIES.items()]
    lines = [
        _paragraph(
            "Background jobs that outlive the terminal: a dashboard over them, and commands for "
            "scripts and agents that answer with one JSON document."
        ),
        "",
        f"Usage: {PROGRAM} [OPTIONS]                   open the dashboard",
        f"       {PROGRAM} --json [OPTIONS]            print what it would show, as JSON",
        f"       {PROGRAM} --screen 120x36 [OPTIONS]   print how it would look",
        f"       {PROGRAM} <COMMAND> [OPTIONS] ...     do one thing and answer in JSON",
        "", "Commands:", *_rows(rows, 14),
        "", "Everywhere:", *_rows(_option_rows((*GLOBALS, VERSION_OPTION))),
        "", "Dashboard:", *_rows(_option_rows(DASHBOARD_OPTIONS)),
        "", _paragraph(
            "Exit status: 0 done, 1 an error (its envelope is on stdout), 2 the words make no "
            f"sense. `{PROGRAM} help COMMAND` explains a command."
        ),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
