"""Commands that were run before, newest first and each once, for the form to be filled with; pure."""

from __future__ import annotations

import heapq
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_exec_tui.job_rows import RowKind, shown_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec_tui.form_text import FormText
    from agent_exec_tui.job_rows import JobRow

OFFERED: Final = 10
_JOBS_LOOKED_AT: Final = 1000  # the newest; among more the list would not be made between two keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What is kept of a form that was submitted: no environment, no input, nobody to tell.

    Attributes:
        at_s: when, seconds since 1970.
    """

    command: str
    is_shell: bool = False
    cwd: str = ""
    tags: str = ""
    timeout: str = ""
    at_s: float = 0.0

    @property
    def argv(self) -> tuple[str, ...]:
        """The command's words."""
        return (self.command,) if self.is_shell else tuple(shlex.split(self.command))

    @property
    def form(self) -> FormText:
        """The form as far as it is kept."""
        from agent_exec_tui.form_text import FormText  # needs what only forms need

        return FormText(
            command=self.command,
            is_shell=self.is_shell,
            cwd=self.cwd,
            tags=self.tags,
            timeout=self.timeout,
        )


def submitted(text: FormText, at_s: float) -> Submitted:
    """Keep of a form what may be kept."""
    return Submitted(
        command=text.command.strip(),
        is_shell=text.is_shell,
        cwd=text.cwd,
        tags=text.tags,
        timeout=text.timeout,
        at_s=at_s,
    )


@dataclass(frozen=True, slots=True)
class Recent:
    """A command to fill the form with.

    Attributes:
        command: fit to be shown.
        source: the job it is the command of, which knows all of it; else what was submitted.
    """

    command: str
    at_s: float
    source: JobRow | Submitted


def recents(forms: Iterable[Submitted], rows: Iterable[JobRow]) -> list[Recent]:
    """List what to offer; a job stands for the form it was made with."""
    found = [Recent(shown_command(form.argv), form.at_s, form) for form in forms]
    found += [
        Recent(row.command, row.created_s, row)
        for row in heapq.nsmallest(_JOBS_LOOKED_AT, rows, key=lambda row: row.place)
        if row.kind is not RowKind.PROBLEM
    ]
    by_command: dict[str, Recent] = {}
    for recent in sorted(found, key=lambda recent: -recent.at_s):
        other = by_command.setdefault(recent.command, recent)
        if isinstance(other.source, Submitted) and not isinstance(recent.source, Submitted):
            by_command[recent.command] = recent
    return list(by_command.values())[:OFFERED]
