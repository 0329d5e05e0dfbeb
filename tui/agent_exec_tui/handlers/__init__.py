"""What each action of the table does; one module a group, found by action id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_exec_tui.screens.main import MainScreen

Handler = Callable[[], None]


def handlers_for(main: MainScreen) -> dict[str, Handler]:
    """Bind every action id to the code that does it."""
    from agent_exec_tui.handlers.across import AcrossHandlers
    from agent_exec_tui.handlers.general import GeneralHandlers
    from agent_exec_tui.handlers.jobs import JobHandlers
    from agent_exec_tui.handlers.lists import ListHandlers
    from agent_exec_tui.handlers.logs import LogHandlers
    from agent_exec_tui.handlers.output import OutputHandlers

    found: dict[str, Handler] = {}
    for part in (ListHandlers, JobHandlers, LogHandlers, OutputHandlers, GeneralHandlers,
                 AcrossHandlers):  # fmt: skip
        found.update(part(main).handlers())
    return found
