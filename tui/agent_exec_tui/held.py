"""Who still holds the output of a job that is over, in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent_exec.commands.holders import holders_of
from agent_exec_tui import formatting
from agent_exec_tui.job_rows import clean

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent_exec.store.jobs import JobStore

NAMED = 3
NAME_CELLS = 20
UNKNOWN_TEXT = "output may still be written by what the job left behind"


def held_text(store: JobStore, job_id: str) -> str:
    """Say how many processes hold a job's output, with the names of the first; looks only."""
    commands = holders_of(store, job_id)
    if not commands:
        return UNKNOWN_TEXT
    return f"output still held by {processes(len(commands))}: {_names(commands)}; x ends them"


def processes(number: int) -> str:
    """Write ``1 process``, ``3 processes``."""
    return "1 process" if number == 1 else f"{number:,} processes"


def _names(commands: Collection[str]) -> str:
    words = (command.split(" ", 1)[0] for command in commands)
    names = list(dict.fromkeys(clean(os.path.basename(word) or word) for word in words))
    shown = [formatting.shorten_end(name, NAME_CELLS) for name in names[:NAMED]]
    return ", ".join(shown) + (", …" if len(names) > NAMED else "")
