"""What the dashboard keeps from one time to the next: how it looked, never output or values."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from agent_exec_tui.arrangement import Sort, Tab

if TYPE_CHECKING:
    from agent_exec_tui.screens.main import MainScreen

MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """How the dashboard was left.

    Attributes:
        percent: the list's share of the body; None leaves it to the height.
        job_id: where the cursor was.
        follows_newest: whether it goes to whatever starts next.
    """

    sort: str = Sort.NEWEST.value
    is_reversed: bool = False
    tab: str = Tab.ALL.value
    filter_text: str = ""
    percent: int | None = None
    job_id: str = ""
    follows_newest: bool = False


def load_state(path: str) -> KeptState:
    """Read how it was left; whatever cannot be used is as if it had never been kept."""
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return KeptState()
    if not isinstance(document, dict):
        return KeptState()
    default = KeptState()

    def text(name: str, fallback: str) -> str:
        value = document.get(name)
        return value if isinstance(value, str) else fallback

    percent = document.get("percent")
    return KeptState(
        sort=text("sort", default.sort) if document.get("sort") in set(Sort) else default.sort,
        is_reversed=document.get("is_reversed") is True,
        tab=text("tab", default.tab) if document.get("tab") in set(Tab) else default.tab,
        filter_text=text("filter_text", ""),
        percent=percent if isinstance(percent, int) and 10 <= percent <= 90 else None,
        job_id=text("job_id", ""),
        follows_newest=document.get("follows_newest") is True,
    )


def save_state(path: str, state: KeptState) -> None:
    """Keep it; a disk that does not take it costs nothing but the memory."""
    temp = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temp, "w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
        os.replace(temp, path)


def state_of(main: MainScreen) -> KeptState:
    """How the dashboard looks now."""
    view = main.viewing.view
    return KeptState(
        sort=view.sort.value,
        is_reversed=view.is_reversed,
        tab=view.tab.value,
        filter_text=main.viewing.text,
        percent=main.panes.percent,
        job_id=main.table.cursor_id or "",
        follows_newest=main.table.follows_newest,
    )
