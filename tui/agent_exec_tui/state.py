"""What the dashboard keeps from one time to the next: how it looked, never output or values."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.store import atomic
from agent_exec_tui.arrangement import Sort, Tab
from agent_exec_tui.recents import OFFERED, Submitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent_exec_tui.screens.main import MainScreen

MAX_BYTES = 64 * 1024
MAX_RECENT_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """How the dashboard was left.

    Attributes:
        root: which jobs it showed; what is of these jobs alone is not taken to others.
        percent: the list's share of the body; None leaves it to the height.
        job_id: where the cursor was.
        follows_newest: whether it goes to whatever starts next.
        theme: what was chosen in the dashboard; "" for nothing.
        recents: commands the form was submitted with, without environment, input and notification.
    """

    root: str = ""
    sort: str = Sort.NEWEST.value
    is_reversed: bool = False
    tab: str = Tab.ALL.value
    filter_text: str = ""
    percent: int | None = None
    job_id: str = ""
    follows_newest: bool = False
    theme: str = ""
    recents: tuple[Submitted, ...] = ()


def load_state(path: str) -> KeptState:
    """Read how it was left; whatever cannot be used is as if it had never been kept."""
    try:
        with open(atomic.open_regular(path), "rb") as file:
            document = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return KeptState()
    if not isinstance(document, dict):
        return KeptState()
    default = KeptState()

    def text(name: str, fallback: str) -> str:
        value = document.get(name)
        return value if isinstance(value, str) and _is_text(value) else fallback

    sort, tab = text("sort", default.sort), text("tab", default.tab)

    percent = document.get("percent")
    return KeptState(
        root=text("root", ""),
        sort=sort if sort in set(Sort) else default.sort,
        is_reversed=document.get("is_reversed") is True,
        tab=tab if tab in set(Tab) else default.tab,
        filter_text=text("filter_text", ""),
        percent=percent if isinstance(percent, int) and 10 <= percent <= 90 else None,
        job_id=text("job_id", ""),
        follows_newest=document.get("follows_newest") is True,
        theme=text("theme", ""),
        recents=tuple(_recents(document.get("recents"))),
    )


def _recents(found: object) -> Iterator[Submitted]:
    for item in found[:OFFERED] if isinstance(found, list) else ():
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            recent = Submitted(**item)
            texts = (recent.command, recent.cwd, recent.tags, recent.timeout)
            is_right = all(isinstance(text, str) and _is_text(text) for text in texts)
            at_s = float(recent.at_s)
            if is_right and recent.argv and isinstance(recent.is_shell, bool) and isfinite(at_s):
                yield replace(recent, at_s=at_s)


def _is_text(value: str) -> bool:
    """Whether it can be shown and written again: no half of a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def for_root(state: KeptState, root: str) -> KeptState:
    """Leave out what a filter, a tab and a cursor mean among the jobs of another root."""
    if state.root == root:
        return state
    return replace(state, root=root, tab=Tab.ALL.value, filter_text="", job_id="")


def save_state(path: str, state: KeptState) -> None:
    """Keep it; a disk that does not take it costs nothing but the memory."""
    temp = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
        os.replace(temp, path)


def state_of(main: MainScreen) -> KeptState:
    """How the dashboard looks now."""
    view = main.viewing.view
    return KeptState(
        root=main.store.root,
        sort=view.sort.value,
        is_reversed=view.is_reversed,
        tab=view.tab.value,
        filter_text=main.viewing.text,
        percent=main.panes.percent,
        job_id=main.table.cursor_id or "",
        follows_newest=main.table.follows_newest,
        theme=main.session.theme,
        recents=tuple(_kept(main.session.forms)),
    )


def _kept(forms: Iterable[Submitted]) -> Iterator[Submitted]:
    """Keep each command once, and none so long that the file would not be read again."""
    seen: set[tuple[str, ...]] = set()
    for form in forms:
        if form.argv not in seen and len(json.dumps(asdict(form))) <= MAX_RECENT_BYTES:
            seen.add(form.argv)
            yield form
        if len(seen) == OFFERED:
            return
