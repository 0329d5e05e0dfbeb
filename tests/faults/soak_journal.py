"""What each of the soak's callers asked for, written before it is done, and what came of it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

LAUNCHES: Final = ("run", "start", "restart")
MAKERS: Final = ("run", "create")
PREY: Final = "prey"  # how jobs are named that anybody's rules may take, at any time
LIVING: Final = "living"  # ``killed`` on record while their process lives: nobody may take them


@dataclass
class Told:
    """A call.

    Attributes:
        by: whose program made it: ``ours``, or a version of the real one.
        ids: the jobs that it made, launched or removed.
        is_over: whether its caller lived to tell.
        is_bin: made to be cleaned away by its tag.
    """

    verb: str
    job: str = ""
    by: str = "ours"
    limit: int = 0
    ids: list[str] = field(default_factory=list)
    error: str | None = None
    message: str = ""
    ms: int = 0
    is_over: bool = False
    is_bin: bool = False


class Journal:
    """One caller's; only ever appended to, a line at a time."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._number = 0

    def begin(self, call: Told) -> Told:
        """Write down what is about to be asked for."""
        self._number += 1
        self._write(call)
        return call

    def end(self, call: Told) -> None:
        """Write down what came of the last one."""
        call.is_over = True
        self._write(call)

    def _write(self, call: Told) -> None:
        who = f"{os.getpid()}.{self._number}"
        self._file.write(json.dumps({"number": who, **call.__dict__}) + "\n")
        self._file.flush()


def read_journals(folder: Path) -> list[Told]:
    """Every call of every journal."""
    calls: list[Told] = []
    for path in sorted(folder.glob("journal-*")):
        last: dict[str, Told] = {}
        for line in path.read_text().splitlines():
            try:
                document = json.loads(line)
            except ValueError:
                continue  # its writer was killed; the line before says what it was about
            number = document.pop("number")
            last[number] = Told(**document)
        calls += last.values()
    return calls


@dataclass
class Account:
    """What all the calls together allow.

    Attributes:
        made: ids of jobs that somebody was told of.
        gone: how often each was told to be removed.
        maybe_gone: jobs whose remover did not live to tell.
        launches: how often each may have been launched.
        by_peers: jobs that another program launched or changed.
        untold: how many makers did not live to tell of a job.
        may_go: how many jobs may have gone by removers of many that did not live to tell.
        bin: jobs that may have gone by such a one because of their tag.
        halves: jobs that another program made by half, on a full disk, and how many more
        unnamed_halves: of which it did not say which.
    """

    made: set[str] = field(default_factory=set)
    gone: Counter[str] = field(default_factory=Counter)
    maybe_gone: set[str] = field(default_factory=set)
    launches: Counter[str] = field(default_factory=Counter)
    by_peers: set[str] = field(default_factory=set)
    untold: int = 0
    may_go: int = 0
    bin: set[str] = field(default_factory=set)
    halves: set[str] = field(default_factory=set)
    unnamed_halves: int = 0

    def add(self, call: Told) -> None:
        """Count one call."""
        ids = call.ids or ([call.job] if call.job else [])
        if call.by != "ours" and call.verb in ("run", "create", "start", "restart", "kill"):
            self.by_peers.update(ids)
        if call.verb in (*MAKERS, "put"):
            self.made.update(ids)
            self.untold += not ids
            if call.by != "ours" and call.error:
                named = re.findall(r"\b[0-9a-f]{32}\b", call.message)
                self.halves.update(named)
                self.unnamed_halves += not named
            if call.is_bin:
                self.bin.update(ids)
        if call.verb in ("delete", "gc", "clean"):
            self._remove(call)
        is_launch = call.verb in LAUNCHES
        if is_launch and (call.error in (None, "launch_failed", "no room") or not call.is_over):
            self.launches.update(ids)

    def may_be_half(self, job_id: str) -> bool:
        """Whether records of a job may be missing or torn, and it is not our doing."""
        is_unnamed = self.unnamed_halves > 0 and job_id not in self.made
        return job_id in self.by_peers or job_id in self.halves or is_unnamed

    def _remove(self, call: Told) -> None:
        if call.is_over and call.error is None:
            self.gone.update(call.ids)
        elif call.job:
            self.maybe_gone.add(call.job)  # with an error, too: it may have gone half-way
        else:
            self.may_go += call.limit
