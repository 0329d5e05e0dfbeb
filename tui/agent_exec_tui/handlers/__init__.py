"""What each action of the table does; one module a group, found by action id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agent_exec_tui.screens.main import MainScreen

Handler = Callable[[], None]


class _Handlers(Protocol):
    def __init__(self, main: MainScreen) -> None: ...

    def handlers(self) -> dict[str, Handler]: ...


def handlers_for(main: MainScreen) -> dict[str, Handler]:
    """Bind every action id to the code that does it."""
    found: dict[str, Handler] = {}
    for part in _parts():
        found.update(part(main).handlers())
    return found


def load_handlers() -> None:
    """Load the code of all actions, which the first key would wait for; in a thread, say."""
    _parts()


def _parts() -> tuple[type[_Handlers], ...]:
    # Here, for the first picture needs none of it.
    from agent_exec_tui.handlers.across import AcrossHandlers
    from agent_exec_tui.handlers.forms import FormHandlers
    from agent_exec_tui.handlers.general import GeneralHandlers
    from agent_exec_tui.handlers.jobs import JobHandlers
    from agent_exec_tui.handlers.lists import ListHandlers
    from agent_exec_tui.handlers.logs import LogHandlers
    from agent_exec_tui.handlers.output import OutputHandlers
    from agent_exec_tui.handlers.tags import TagHandlers

    return (
        ListHandlers, JobHandlers, FormHandlers, LogHandlers, OutputHandlers, GeneralHandlers,
        AcrossHandlers, TagHandlers,
    )  # fmt: skip
