"""What this dashboard did to jobs, in order, and the script that does it again; pure."""

from __future__ import annotations

import re
import shlex
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec_tui import formatting
from agent_exec_tui.command_line import job_line
from agent_exec_tui.job_rows import ID_CHARS, clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from agent_exec.commands.gc import GcReport

KEPT: Final = 5000
"""So many entries are kept, the newest."""
_HEAD: Final = """\
#!/bin/sh
# What a dashboard did, in its order; run, it does the same again. Jobs it makes get new ids.
# Values of environments are not kept, nor what is typed as a stdin: set the variables before,
# STDIN where it is named.
"""
_ID: Final = """ | sed -n 's/.*"job_id": *"\\([^"]*\\)".*/\\1/p'"""

# As `shell_text.cli_line` writes them: one without quotes, or any number of quoted pieces.
_WORD: Final = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")
_STEP: Final = re.compile("(/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing done to one job.

    Attributes:
        at_s: when it was asked for, seconds since 1970.
        verb: what was asked for, in a word.
        job_id: of which job; "" for none yet.
        line: the command line that does the same; "" for what only a dashboard can do.
        is_done: whether it was done; else *text* says why not.
        new_id: the job that was made, if one was.
        removed: the jobs that were removed.
        restored: those of them that an undo brought back.
    """

    at_s: float
    verb: str
    job_id: str
    line: str
    is_done: bool
    text: str
    new_id: str | None = None
    removed: tuple[str, ...] = ()
    restored: frozenset[str] = frozenset()


class Journal:
    """Lives as long as the dashboard; never holds output, an input or a value of an environment."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Remember this, too."""
        self._dropped += len(self._entries) == KEPT
        self._entries.append(entry)

    def undone(self, job_ids: Collection[str]) -> None:
        """Know that these jobs are back: what removed them last is not to be done again."""
        wanted = set(job_ids)
        for index in reversed(range(len(self._entries))):
            if not wanted:
                break
            entry = self._entries[index]
            back = wanted.intersection(entry.removed) - entry.restored
            if back:
                self._entries[index] = replace(entry, restored=entry.restored | back)
                wanted -= back

    def script(self) -> str:
        """Write all of it as a shell script."""
        dropped = f"# {self._dropped:,} earlier ones are not kept.\n" if self._dropped else ""
        return "".join((_HEAD, dropped, *self._pieces()))

    def _pieces(self) -> Iterator[str]:
        made: dict[str, str] = {}
        for entry in self._entries:
            yield f"\n# {_when(entry.at_s)}  {_told(entry)}\n"
            if not entry.line:
                continue
            line = _WORD.sub(lambda word: _of_new_jobs(word[0], made), entry.line)
            if entry.restored:
                # What later lines name is there again; of a cleaning, all or none can be done.
                yield _commented(line, f"undone{_share_of(entry)}: ")
            elif not entry.is_done or not _is_plain(line):
                yield _commented(line)
            elif entry.new_id:
                made[entry.new_id] = f"job_{len(made) + 1}"
                yield f"{made[entry.new_id]}=$({line}{_ID})\n"
            else:
                yield f"{line}\n"


def _of_new_jobs(word: str, made: Mapping[str, str]) -> str:
    """Put the jobs that the script makes in the place of those a word, or a path in it, names."""
    if word.startswith('"') or made.keys().isdisjoint(word.strip("'").split("/")):
        return word
    parts = _STEP.split("".join(shlex.split(word)))
    return "".join(
        f'"${made[part]}"' if part in made else shlex.quote(part) for part in parts if part
    )


def _commented(line: str, word: str = "") -> str:
    return "".join(f"# {word}{clean(part)}\n" for part in line.split("\n"))


def _share_of(entry: Entry) -> str:
    """Say of how many jobs it was undone, where some could not be brought back."""
    back, all_of_them = len(entry.restored), len(entry.removed)
    return "" if back == all_of_them else f" for {back:,} of {all_of_them:,} jobs"


def _told(entry: Entry) -> str:
    name = f" {clean(entry.job_id)[:ID_CHARS]}" if entry.job_id else ""
    failed = "" if entry.is_done else "FAILED: "
    return f"{entry.verb}{name}: {failed}{clean(entry.text)}"


def _is_plain(line: str) -> bool:
    """Whether a terminal that shows the line, or gets it pasted, takes nothing in it for a command."""
    return all(char in "\n\t" or char.isprintable() for char in line)


def _when(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def cleaning(
    report: GcReport | None, problem: str, line: str, root: Sequence[str], *, at_s: float
) -> Iterator[Entry]:
    """Say in entries what a cleaning did: by its rules, or job by job where they take more.

    Args:
        report: what became of it; None if it failed, for the reason *problem*.
        problem: why it failed.
        line: the command line of its rules; "" where some of what they select was to stay.
        root: the words that name another root than the usual one.
        at_s: when.
    """
    if report is None:
        yield Entry(at_s=at_s, verb="clean", job_id="", line=line, is_done=False, text=problem)
        return
    size = formatting.size(report.freed_bytes)
    text = f"removed {report.deleted:,}, failed {report.failed:,}, freed {size}"
    is_by_rule = bool(line) and not report.stopped
    deleted = [job for job in report.jobs if job.action == "deleted"]
    yield Entry(
        at_s=at_s,
        verb="clean",
        job_id="",
        line=line if is_by_rule else "",
        is_done=True,
        text=text,
        removed=tuple(job.job_id for job in deleted) if is_by_rule else (),
    )
    for job in () if is_by_rule else deleted:
        each = job_line("delete", root=root, job_id=job.job_id)
        yield Entry(at_s=at_s, verb="clean", job_id=job.job_id, line=each,
                    is_done=True, text=job.reason, removed=(job.job_id,))  # fmt: skip
