"""config.toml, shared with the peers: the shell wrapper and automatic cleaning."""

from __future__ import annotations

import os

from agent_exec.errors import ConfigError, InternalError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store.places import home_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoGcConfig:
    """``[gc]``: what a launch may clean up besides.

    Attributes:
        older_than: a duration such as ``30d``.
        scan_limit: how many directories one automatic run looks at.
        delete_limit: how many jobs it removes at most.
    """

    auto: bool = True
    older_than: str = "30d"
    max_jobs: int | None = None
    max_bytes: int | None = None
    scan_limit: int = 200
    delete_limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What config.toml says; the defaults where it is silent or missing.

    Attributes:
        path: where it was looked for; errors name it.
        shell_wrapper: ``[shell] unix``; None when not set.
        log_max_bytes: ``[logs] max_bytes``, per stream; 0 means no limit.
    """

    path: str
    shell_wrapper: tuple[str, ...] | None = None
    gc: AutoGcConfig = AutoGcConfig()
    log_max_bytes: int = 0


def config_path(flag: str | None, environ: Mapping[str, str]) -> str:
    """Find config.toml: the flag, an absolute ``$XDG_CONFIG_HOME``, ``~/.config``."""
    if flag is not None:
        return flag
    base = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(home_directory(environ), ".config")
    return os.path.join(base, "agent-exec", "config.toml")


def load_config(path: str) -> Config:
    """Read config.toml; a missing file gives the defaults, unknown keys are ignored.

    Raises:
        ConfigError: it cannot be read, or is not what it should be.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Config(path=path)
    except OSError as error:
        wrapped = InternalError.from_os_error(error, f"read config file {path}")
        raise ConfigError(str(wrapped)) from None
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"parse config file {path}: larger than {_MAX_BYTES} bytes")
    import tomllib  # 8 ms that only those pay who have the file

    try:
        document = tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise ConfigError(f"parse config file {path}: nested beyond measure") from None
    except ValueError as error:  # no UTF-8, no TOML, or a number that nobody can count to
        raise ConfigError(f"parse config file {path}: {error}") from None
    return _config_of(path, document)


def _config_of(path: str, document: dict[str, object]) -> Config:
    reader = _TableReader(path, document)
    shell, gc, logs = reader.table("shell"), reader.table("gc"), reader.table("logs")
    defaults = AutoGcConfig()
    return Config(
        path=path,
        shell_wrapper=shell.texts("unix"),
        gc=AutoGcConfig(
            auto=gc.flag("auto", defaults.auto),
            older_than=gc.text("older_than", defaults.older_than),
            max_jobs=gc.optional_number("max_jobs"),
            max_bytes=gc.optional_number("max_bytes"),
            scan_limit=gc.number("scan_limit", defaults.scan_limit),
            delete_limit=gc.number("delete_limit", defaults.delete_limit),
        ),
        log_max_bytes=logs.number("max_bytes", 0),
    )


class _TableReader:
    """Typed access to one TOML table; a wrong type names the file and the key."""

    def __init__(self, path: str, table: dict[str, object], name: str = "") -> None:
        self._path = path
        self._table = table
        self._name = name

    def _fail(self, key: str, expected: str) -> ConfigError:
        name = f"{self._name}.{key}" if self._name else key
        return ConfigError(f"parse config file {self._path}: `{name}` must be {expected}")

    def table(self, key: str) -> _TableReader:
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._fail(key, "a table")
        return _TableReader(self._path, value, key)

    def text(self, key: str, default: str) -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str):
            raise self._fail(key, "a string")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._fail(key, "a list of strings")
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._fail(key, "true or false")
        return value

    def optional_number(self, key: str) -> int | None:
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._fail(key, "a whole number, 0 or more")
        return value

    def number(self, key: str, default: int) -> int:
        value = self.optional_number(key)
        return default if value is None else value
