"""info: which program this is, and where it keeps what."""

from __future__ import annotations

import os
import sys

from agent_exec.model.job import CONTRACT_VERSION, SCHEMA_VERSION
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store import places
from agent_exec.store.cache import cache_path
from agent_exec.store.config import config_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.store.jobs import JobStore

_LIBRARIES = (
    "google-re2", "humanize", "platformdirs", "psutil", "pydantic", "PyYAML", "rich", "textual",
    "watchfiles",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The program's and those of what it stands on.

    Attributes:
        contract: of agent-exec, whose files and answers these are.
        libraries: by the name they are installed under; one that is missing is left out.
    """

    program: str
    contract: str
    schema: str
    python: str
    libraries: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file or directory, there or not."""

    path: str
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are kept.

    Attributes:
        root: the jobs.
        config: config.toml, which the other program reads, too.
        settings: tui.toml, the dashboard's.
        state: how the dashboard was left.
        cache: what makes listing quicker; it may be removed at any time.
        trash: what can still be brought back.
        log: what went wrong in the dashboard.
    """

    root: Place
    config: Place
    settings: Place
    state: Place
    cache: Place
    trash: Place
    log: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramInfo:
    """The program and its places.

    Attributes:
        executable: the Python that runs it and its supervisors.
    """

    wire_type = "info"

    versions: Versions
    executable: str
    platform: str
    places: Places


def program_info(store: JobStore, *, environ: Mapping[str, str] = os.environ) -> ProgramInfo:
    """Tell versions and places; looks for each, and reads none."""
    from agent_exec import __version__

    return ProgramInfo(
        versions=Versions(
            program=__version__,
            contract=CONTRACT_VERSION,
            schema=SCHEMA_VERSION,
            python=".".join(map(str, sys.version_info[:3])),
            libraries=_library_versions(),
        ),
        executable=sys.executable or "",
        platform=sys.platform,
        places=Places(
            root=_place(store.root),
            config=_place(config_path(None, environ)),
            settings=_place(places.settings_path(environ)),
            state=_place(places.state_path(environ)),
            cache=_place(os.path.dirname(cache_path(store.root))),
            trash=_place(places.trash_directory(environ)),
            log=_place(places.log_path(environ)),
        ),
    )


def _place(path: str) -> Place:
    return Place(path=path, exists=os.path.lexists(path))


def _library_versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
