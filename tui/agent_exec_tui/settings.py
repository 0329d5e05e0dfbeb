"""tui.toml: what the user wants, checked; a mistake is told with its line and never fatal."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from agent_exec.store.places import settings_path
from agent_exec_tui.keymap import checked_overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

TERMINAL_THEMES = {
    "terminal": "ansi-dark",
    "terminal-dark": "ansi-dark",
    "terminal-light": "ansi-light",
}
NO_COLOUR_THEME = "none"
DEFAULT_THEME = "textual-dark"


class NotifySettings(BaseModel):
    """``[notify]``: how the end of a job that is watched with ``N`` is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bell: bool = True
    desktop: bool = True
    min_seconds: float = Field(default=30.0, ge=0)


class ConfirmSettings(BaseModel):
    """``[confirm]``: what is asked before it is done; what erases always is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stop: bool = True


class SettingsFile(BaseModel):
    """What tui.toml may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str = DEFAULT_THEME
    ascii: bool | Literal["auto"] = "auto"
    read_only: bool = False
    mouse: bool = True
    usage: bool = True
    notify: NotifySettings = NotifySettings()
    confirm: ConfirmSettings = ConfirmSettings()
    keys: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("keys", mode="before")
    @classmethod
    def _one_key_or_several(cls, keys: object) -> object:
        if not isinstance(keys, dict):
            return keys
        return {name: (value,) if isinstance(value, str) else value for name, value in _flat(keys)}


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """``job.start = "s"`` is a table in a table to TOML; to us it is the id ``job.start``."""
    found: list[tuple[str, object]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force.

    Attributes:
        theme: a Textual theme's name, ``terminal`` or ``none``.
        asks_to_stop: whether TERM to one job is asked about; KILL and bulk always are.
        shows_usage: whether processor time and memory of running jobs are measured.
        keys: only those that differ from the action table.
        problems: what in the file could not be used, each with its place.
    """

    theme: str = DEFAULT_THEME
    ascii: bool = False
    read_only: bool = False
    mouse: bool = True
    asks_to_stop: bool = True
    shows_usage: bool = True
    notify: NotifySettings = field(default_factory=NotifySettings)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def has_no_colour(self) -> bool:
        """Whether nothing may depend on colour."""
        return self.theme == NO_COLOUR_THEME

    @property
    def is_terminal_native(self) -> bool:
        """Whether the terminal's own colours are used."""
        return self.has_no_colour or self.theme in TERMINAL_THEMES

    @property
    def textual_theme(self) -> str:
        """The name Textual knows the theme by."""
        return "ansi-dark" if self.has_no_colour else TERMINAL_THEMES.get(self.theme, self.theme)


def is_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the locale can show more than ASCII; one that says nothing is trusted to."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return locale not in ("C", "POSIX") and ("." not in locale or "utf" in locale.lower())


def load_settings(
    environ: Mapping[str, str], *, theme: str | None = None, read_only: bool = False
) -> Settings:
    """Read tui.toml and what the command line and the environment add to it.

    Args:
        environ: ``NO_COLOR`` and the locale stand over the file.
        theme: from the command line, over everything.
        read_only: from the command line; cannot be undone by the file.
    """
    path = settings_path(environ)
    wanted, problems = _read(path)
    keys, key_problems = checked_overrides(wanted.keys)
    problems += [f"{path}: {problem}" for problem in key_problems]
    has_no_color = bool(environ.get("NO_COLOR"))
    chosen = theme or (NO_COLOUR_THEME if has_no_color else wanted.theme)
    if not _is_known(chosen):
        problems.append(f"{path}: theme: no theme {chosen!r}")
        chosen = DEFAULT_THEME
    return Settings(
        theme=chosen,
        ascii=not is_utf8(environ) if wanted.ascii == "auto" else bool(wanted.ascii),
        read_only=read_only or wanted.read_only,
        mouse=wanted.mouse,
        asks_to_stop=wanted.confirm.stop,
        shows_usage=wanted.usage,
        notify=wanted.notify,
        keys=keys,
        problems=tuple(problems),
    )


def _is_known(theme: str) -> bool:
    from textual.theme import BUILTIN_THEMES

    return theme in BUILTIN_THEMES or theme in TERMINAL_THEMES or theme == NO_COLOUR_THEME


def _read(path: str) -> tuple[SettingsFile, list[str]]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return SettingsFile(), []
    except OSError as error:
        return SettingsFile(), [f"{path}: {error.strerror}"]
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return SettingsFile(), [f"{path}: {error}"]
    return _validated(path, text, document)


def _validated(path: str, text: str, document: dict[str, object]) -> tuple[SettingsFile, list[str]]:
    """Take over what is right and leave out, by name and line, what is not."""
    problems: list[str] = []
    for _ in range(len(document) + 1):
        try:
            return SettingsFile.model_validate(document), problems
        except ValidationError as error:
            for flaw in error.errors():
                place = [str(part) for part in flaw["loc"]]
                problems.append(f"{path}:{_line_of(text, place)}: {'.'.join(place)}: {flaw['msg']}")
                document.pop(place[0], None)
    return SettingsFile(), problems


def _line_of(text: str, place: list[str]) -> int:
    """The line a key stands on, as near as its names tell; 1 when they do not."""
    best = 1
    for number, line in enumerate(text.splitlines(), 1):
        for name in reversed(place):
            if re.match(rf"\s*(\[\s*)?[\"']?{re.escape(name)}[\"']?\s*[\].=]", line):
                if name == place[-1]:
                    return number
                best = number
    return best
