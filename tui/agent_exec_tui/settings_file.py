"""tui.toml: what it may hold, checked; a mistake is told with its line and never fatal.

Apart from ``settings``: pydantic takes a fifth of the time to the first frame, and who has no
file needs none of it.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
)

from agent_exec_tui.keymap import checked_overrides
from agent_exec_tui.settings import (
    DEFAULT_THEME,
    AttentionSettings,
    NotifySettings,
    Settings,
    theme_flaw,
)
from agent_exec_tui.widgets.job_columns import FIELD_OF_WORD, WidthClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec_tui.widgets.job_columns import Field as Column

_HEADER = re.compile(r"\s*\[+([^\]]*)\]")
_KEY = re.compile(r"([^=#]+)=")
# What is allowed, by pydantic's name for the mistake.
_OUR_WORDS = {
    "extra_forbidden": "no such setting",
    "bool_type": "must be true or false, without quotes",
    "bool_parsing": "must be true or false, without quotes",
    "literal_error": 'must be true, false or "auto"',
    "string_type": 'must be text in quotes, such as "a"',
    "float_type": "must be a number, without quotes",
    "float_parsing": "must be a number, without quotes",
    "finite_number": "must be a number",
    "greater_than_equal": "must be 0 or more",
    "tuple_type": 'must be a list, such as ["a", "b"]',
    "model_type": "must be a table of its own, in brackets",
    "dict_type": "must be a table of its own, in brackets",
}


class NotifyTable(BaseModel):
    """``[notify]``: how the end of a job that is watched with ``N`` is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bell: StrictBool = True
    desktop: StrictBool = True
    min_seconds: float = Field(default=30.0, ge=0, strict=True)


class ConfirmTable(BaseModel):
    """``[confirm]``: what is asked before it is done; what erases always is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stop: StrictBool = True


class AttentionTable(BaseModel):
    """``[attention]``: what is marked in the list while nobody looks at the job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: StrictBool = True
    silent_s: float = Field(default=0.0, ge=0, strict=True)


ColumnWords = tuple[str, ...]


class ColumnTable(BaseModel):
    """``[columns]``: what the list shows, by the room it has; ``any`` is for the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    any: ColumnWords | None = None
    narrow: ColumnWords | None = None
    medium: ColumnWords | None = None
    wide: ColumnWords | None = None
    full: ColumnWords | None = None

    @field_validator("*")
    @classmethod
    def _known_and_once(cls, words: ColumnWords | None) -> ColumnWords | None:
        for index, word in enumerate(words or ()):
            if word not in FIELD_OF_WORD:
                raise ValueError(f"no column {word!r}; there are {', '.join(FIELD_OF_WORD)}")
            if word in (words or ())[:index]:
                raise ValueError(f"{word!r} is named twice")
        return words

    def fields(self) -> dict[WidthClass, tuple[Column, ...]]:
        """The columns of each class that was given some."""
        named = {
            WidthClass.NARROW: self.narrow,
            WidthClass.MEDIUM: self.medium,
            WidthClass.WIDE: self.wide,
            WidthClass.FULL: self.full,
        }
        return {
            name: tuple(FIELD_OF_WORD[word] for word in words)
            for name, own in named.items()
            if (words := self.any if own is None else own) is not None
        }


class SettingsFile(BaseModel):
    """What tui.toml may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str | None = None
    ascii: StrictBool | Literal["auto"] = "auto"
    read_only: StrictBool = False
    mouse: StrictBool = True
    usage: StrictBool = True
    severity: StrictBool = True
    notify: NotifyTable = NotifyTable()
    confirm: ConfirmTable = ConfirmTable()
    attention: AttentionTable = AttentionTable()
    columns: ColumnTable = ColumnTable()
    keys: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("theme")
    @classmethod
    def _known(cls, theme: str | None) -> str | None:
        if theme is not None and (flaw := theme_flaw(theme)):
            raise ValueError(flaw)
        return theme

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


def parse_settings(path: str, data: bytes, *, is_ascii: bool) -> Settings:
    """Take over what of the file at *path* can be used; the rest is among the problems.

    Args:
        path: named in the problems.
        data: what it holds.
        is_ascii: what ``ascii = "auto"`` means here.
    """
    text = data.decode("utf-8", "replace")
    wanted, problems = _read(path, data)
    keys, key_problems = checked_overrides(wanted.keys)
    problems += [
        f"{path}:{_line_of(text, ('keys', action_id))}: keys.{action_id}: {why}"
        for action_id, why in key_problems
    ]
    return Settings(
        theme=wanted.theme or DEFAULT_THEME,
        theme_from="" if wanted.theme is None else path,
        ascii=is_ascii if wanted.ascii == "auto" else wanted.ascii,
        read_only=wanted.read_only,
        mouse=wanted.mouse,
        asks_to_stop=wanted.confirm.stop,
        shows_usage=wanted.usage,
        shows_severity=wanted.severity,
        notify=NotifySettings(**wanted.notify.model_dump()),
        attention=AttentionSettings(**wanted.attention.model_dump()),
        columns=wanted.columns.fields(),
        keys=keys,
        problems=tuple(problems),
    )


def _read(path: str, data: bytes) -> tuple[SettingsFile, list[str]]:
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except RecursionError:
        return SettingsFile(), [f"{path}: nested beyond measure"]
    except ValueError as error:  # no UTF-8, no TOML, or a number that nobody can count to
        return SettingsFile(), [f"{path}: {error}"]
    return _validated(path, text, document)


def _validated(path: str, text: str, document: dict[str, object]) -> tuple[SettingsFile, list[str]]:
    """Take over what is right and leave out, by name and line, what is not."""
    problems: list[str] = []
    for _ in range(len(document) + 1):
        try:
            return SettingsFile.model_validate(document), problems
        except ValidationError as error:
            flaws = {_place_of(document, flaw["loc"]): flaw for flaw in error.errors()}
            for place, flaw in flaws.items():
                told = _OUR_WORDS.get(flaw["type"], flaw["msg"])
                why = told.removeprefix("Value error, ")
                problems.append(f"{path}:{_line_of(text, place)}: {'.'.join(place)}: {why}")
                _leave_out(document, place)
    return SettingsFile(), problems


def _place_of(document: dict[str, object], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Name what is flawed; of one value the parts and the types it could have had are one place."""
    place: list[str] = []
    inner: object = document
    for part in location:
        if not isinstance(inner, dict):
            break
        place.append(str(part))
        inner = inner.get(part)
    return tuple(place)


def _leave_out(document: dict[str, object], place: tuple[str, ...]) -> None:
    """Drop what is flawed and no more than that, as far as the document has it by these names."""
    inner = document.get(place[0])
    if len(place) > 1 and isinstance(inner, dict) and place[1] in inner:
        _leave_out(inner, place[1:])
    else:
        document.pop(place[0], None)


def _line_of(text: str, place: tuple[str, ...]) -> int:
    """The line a key stands on, as near as its names tell; 1 when they do not."""
    wanted, table, best = ".".join(place), "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = _unquoted(header[1])
            table = f"{name}."
        elif key := _KEY.match(line):
            name = table + _unquoted(key[1])
        else:
            continue
        if name == wanted:
            return number
        if wanted.startswith(f"{name}."):
            best = number
    return best


def _unquoted(name: str) -> str:
    return re.sub(r"[\s\"']", "", name)
