"""Where the program keeps what is not a job, by the XDG base directories."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "agent-exec-tui"
# Stands for the home of who has none: nothing can be found or made below it.
NO_HOME = "/dev/null"


def home_directory(environ: Mapping[str, str]) -> str:
    """The user's home; ``NO_HOME`` for who has neither ``HOME`` nor an entry in passwd."""
    home = environ.get("HOME") or os.path.expanduser("~")
    return NO_HOME if home == "~" else home


def settings_path(environ: Mapping[str, str]) -> str:
    """The dashboard's tui.toml."""
    return os.path.join(_base(environ, "XDG_CONFIG_HOME", ".config"), "agent-exec", "tui.toml")


def state_directory(environ: Mapping[str, str]) -> str:
    """What lasts from one run to the next and is no setting."""
    return os.path.join(_base(environ, "XDG_STATE_HOME", ".local", "state"), PROGRAM)


def state_path(environ: Mapping[str, str]) -> str:
    """How the dashboard was left."""
    return os.path.join(state_directory(environ), "state.json")


def trash_directory(environ: Mapping[str, str]) -> str:
    """What can still be brought back."""
    return os.path.join(state_directory(environ), "trash")


def log_path(environ: Mapping[str, str]) -> str:
    """What went wrong in the dashboard."""
    return os.path.join(state_directory(environ), "dashboard.log")


def _base(environ: Mapping[str, str], variable: str, *below_home: str) -> str:
    base = environ.get(variable, "")
    if os.path.isabs(base):
        return base
    return os.path.join(home_directory(environ), *below_home)
