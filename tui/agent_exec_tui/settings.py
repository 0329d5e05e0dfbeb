"""What the user wants, from tui.toml, the environment and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.model.lazy_dataclass import dataclass, field, replace
from agent_exec.store.places import settings_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec_tui.widgets.job_columns import Field as Column
    from agent_exec_tui.widgets.job_columns import WidthClass

TERMINAL_THEMES = {
    "terminal": "ansi-dark",
    "terminal-dark": "ansi-dark",
    "terminal-light": "ansi-light",
}
NO_COLOUR_THEME = "none"
DEFAULT_THEME = "textual-dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """How the end of a job that is watched with ``N`` is told."""

    bell: bool = True
    desktop: bool = True
    min_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSettings:
    """What is marked in the list while nobody looks at the job.

    Attributes:
        output: whether running jobs that write something are.
        silent_s: after how long without output running jobs are; 0 for never.
    """

    output: bool = True
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force.

    Attributes:
        theme: one of ``theme_names``.
        theme_from: who says so and stands over what is chosen in the dashboard; "" for nobody.
        asks_to_stop: whether TERM to one job is asked about; KILL and bulk always are.
        shows_usage: whether processor time and memory of running jobs are measured.
        shows_severity: whether lines of logs that look like errors or warnings are set off.
        columns: the list's, of the width classes that do not have ours.
        keys: only those that differ from the action table.
        problems: what in the file could not be used, each with its place.
    """

    theme: str = DEFAULT_THEME
    theme_from: str = ""
    ascii: bool = False
    read_only: bool = False
    mouse: bool = True
    asks_to_stop: bool = True
    shows_usage: bool = True
    shows_severity: bool = True
    notify: NotifySettings = field(default_factory=NotifySettings)
    attention: AttentionSettings = field(default_factory=AttentionSettings)
    columns: Mapping[WidthClass, tuple[Column, ...]] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def has_no_colour(self) -> bool:
        """Whether nothing may depend on colour."""
        return self.theme == NO_COLOUR_THEME

    @property
    def is_terminal_native(self) -> bool:
        """Whether the terminal's own colours are used."""
        return is_terminal_native(self.theme)

    @property
    def textual_theme(self) -> str:
        """The name Textual knows the theme by."""
        return "ansi-dark" if self.has_no_colour else TERMINAL_THEMES.get(self.theme, self.theme)


def is_terminal_native(theme: str) -> bool:
    """Whether a theme leaves the colours to the terminal, which is settled at the start."""
    return theme == NO_COLOUR_THEME or theme in TERMINAL_THEMES


def theme_names() -> list[str]:
    """List what can be chosen, the terminal's own colours first."""
    from textual.theme import BUILTIN_THEMES

    ours = sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi)
    return [*TERMINAL_THEMES, NO_COLOUR_THEME, *ours]


def theme_flaw(theme: str) -> str:
    """Say why there is no such theme, "" if there is."""
    from textual.theme import BUILTIN_THEMES

    if theme in BUILTIN_THEMES or is_terminal_native(theme):
        return ""
    return f"no theme {theme!r}; there are {', '.join(theme_names())}"


def is_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the locale can show more than ASCII; one that says nothing is trusted to."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return locale not in ("C", "POSIX") and ("." not in locale or "utf" in locale.lower())


def load_settings(
    environ: Mapping[str, str],
    *,
    theme: str | None = None,
    read_only: bool = False,
    last_theme: str = "",
) -> Settings:
    """Read tui.toml and what the command line and the environment add to it.

    Args:
        environ: ``NO_COLOR`` and the locale stand over the file.
        theme: from the command line, over everything.
        read_only: from the command line; cannot be undone by the file.
        last_theme: what was chosen in the dashboard the last time, for want of anything else.
    """
    path = settings_path(environ)
    kept = _kept(path, is_ascii=not is_utf8(environ))
    problems = list(kept.problems)
    if theme and (flaw := theme_flaw(theme)):
        problems.append(f"--theme: {flaw}")
        theme = DEFAULT_THEME
    chosen, source = kept.theme, kept.theme_from
    if theme:
        chosen, source = theme, "--theme"
    elif environ.get("NO_COLOR"):
        chosen, source = NO_COLOUR_THEME, "NO_COLOR"
    elif not source and last_theme and not theme_flaw(last_theme):
        chosen = last_theme
    return replace(
        kept,
        theme=chosen,
        theme_from=source,
        read_only=read_only or kept.read_only,
        problems=tuple(problems),
    )


def _kept(path: str, *, is_ascii: bool) -> Settings:
    """Read the file; *is_ascii* is what holds where it leaves that open."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Settings(ascii=is_ascii)
    except OSError as error:
        return Settings(ascii=is_ascii, problems=(f"{path}: {error.strerror}",))
    from agent_exec_tui.settings_file import parse_settings

    return parse_settings(path, data, is_ascii=is_ascii)
