"""settings check: what of the settings cannot be used, by line and key, and what is allowed."""

from __future__ import annotations

import errno
import os

from agent_exec.commands.doctor import problems_of
from agent_exec.errors import AgentExecError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store.config import config_path, load_config
from agent_exec.store.places import settings_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_JOBS_FILE = "config.toml"
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsProblem:
    """One setting that cannot be used.

    Attributes:
        line: where it stands; None where only the file is known.
        key: with the tables it is in, such as ``keys.job.start``.
        allowed: what can stand there, or what else is wrong.
    """

    path: str
    line: int | None = None
    key: str | None = None
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsCheck:
    """What was looked at, and what of it cannot be used.

    Attributes:
        files: those that are there.
    """

    wire_type = "settings_check"

    files: tuple[str, ...]
    problems: tuple[SettingsProblem, ...]


def check_settings(
    path: str | None = None, *, environ: Mapping[str, str] = os.environ
) -> SettingsCheck:
    """Look at a file of settings, or at both that the program goes by; changes nothing.

    Args:
        path: a file named config.toml is the jobs', any other the dashboard's.
        environ: says where the program's own lie.
    """
    wanted = (path,) if path else (config_path(None, environ), settings_path(environ))
    files, problems = [], []
    for each in map(os.path.abspath, wanted):
        try:
            data = _read(each)
        except (FileNotFoundError, NotADirectoryError) as error:
            if path:
                problems.append(
                    SettingsProblem(path=each, allowed=f"is not there: {error.strerror}")
                )
            continue
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
            problems.append(SettingsProblem(path=each, allowed=why))
            continue
        files.append(each)
        told = _of_jobs(each) if os.path.basename(each) == _JOBS_FILE else problems_of(each, data)
        problems += [_problem(each, data, text) for text in told]
    return SettingsCheck(files=tuple(files), problems=tuple(problems))


def _read(path: str) -> bytes:
    """Read a file of settings; what is none (a pipe, a device) is not waited for."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "it is no file")
    with open(path, "rb") as file:
        return file.read(_MAX_BYTES)


def _of_jobs(path: str) -> tuple[str, ...]:
    try:
        load_config(path)
    except AgentExecError as error:
        return (str(error),)
    return ()


def _problem(path: str, data: bytes, text: str) -> SettingsProblem:
    """Take a problem apart that is told in one line."""
    import re

    told = re.sub(rf"^(config error: |parse config file )*{re.escape(path)}:? ?", "", text)
    if place := re.match(r"(\d+): ([^ :]+): (.+)", told, re.DOTALL):
        return SettingsProblem(path=path, line=int(place[1]), key=place[2], allowed=place[3])
    at_line = re.search(r"\bat line (\d+)", told)
    key = re.match(r"`([^`]+)` (.+)", told, re.DOTALL)
    name = key[1] if key else None
    return SettingsProblem(
        path=path,
        line=int(at_line[1]) if at_line else _line_of(data, name) if name else None,
        key=name,
        allowed=key[2] if key else told,
    )


def _line_of(data: bytes, key: str) -> int | None:
    """The line on which a key of a table stands, as near as its names tell."""
    table, _, name = key.rpartition(".")
    inside = ""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        bare = line.strip()
        if bare.startswith("["):
            inside = bare.strip("[] ")
        elif inside == table and bare.partition("=")[0].strip(" \"'") == name:
            return number
    return None
