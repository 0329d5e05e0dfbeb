"""What is understood without a command word: by the dashboard and by what stands in for it."""

from __future__ import annotations

from agent_exec.cli.grammar import Option

SCREEN_FORMATS = ("text", "svg")
_MAX_SCREEN = 1000  # cells a side; a mistyped size must not fill the memory


def screen_size(text: str) -> tuple[int, int]:
    """Read ``120x36``: columns and rows."""
    columns, separator, rows = text.partition("x")
    sides = [int(side) for side in (columns, rows) if side.isascii() and side.isdigit()]
    if not separator or len(sides) < 2:
        raise ValueError("not columns and rows, such as 120x36")
    if not all(0 < side <= _MAX_SCREEN for side in sides):
        raise ValueError(f"columns and rows go from 1 to {_MAX_SCREEN}")
    return sides[0], sides[1]


def _checked_size(text: str) -> str:
    screen_size(text)
    return text


DASHBOARD_OPTIONS = (
    Option("--filter", "TEXT", "Only the jobs that fit, such as 'state:running tag:build.* make'"),
    Option("--read-only", None, "Look only: nothing is started, killed, changed or removed"),
    Option("--theme", "NAME", "Colours of the dashboard"),
    Option("--demo", None, "Show a throw-away root with jobs of every state; all of it ends "
           "with the dashboard"),
    Option("--watch", None, "With --json: go on with one line for each job that is added, "
           "changes or is removed"),
    Option("--screen", "COLSxROWS", "Print the dashboard as a terminal of that size shows it, "
           "such as 120x36", convert=_checked_size),
    Option("--format", "FORMAT", "With --screen: text (default) or svg", choices=SCREEN_FORMATS),
    Option("--keys", "KEYS", "With --screen: press these first, such as '3,/,e,r,r,enter'; they "
           "do what they do"),
)  # fmt: skip
EXCLUSIVE = (
    ("--theme", "--json"),
    ("--read-only", "--json"),
    ("--demo", "--json"),
    ("--screen", "--json"),
    ("--screen", "--yaml"),
)
NEEDS = (("--watch", "--json"), ("--format", "--screen"), ("--keys", "--screen"))
