"""Processor time and memory of running jobs, each with all that it started in its session."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_exec_tui.messages import UsageRead

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent_exec_tui.screens.main import MainScreen

Usage = tuple[float, int]
"""Per cent of a core since the last look, and bytes of memory."""

EVERY_TICKS: Final = 3
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
# Places in /proc/PID/stat counted from the field after the name (proc(5): field 3).
_SESSION, _UTIME, _STIME, _RSS = 3, 11, 12, 21


@dataclass(frozen=True, slots=True)
class _Total:
    cpu_s: float
    rss_bytes: int


class UsageWatch:
    """Measures the running jobs on screen every few ticks, in a thread."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._meter = UsageMeter()
        self._ticks = 0

    def tick(self) -> None:
        """A second went by."""
        main, meter = self._main, self._meter
        pids = main.table.pids_to_measure() if main.settings.shows_usage else {}
        if not pids:
            return
        self._ticks += 1
        if self._ticks % EVERY_TICKS != 1:
            return
        post = main.post_message

        def measure() -> None:
            usage = meter.measure(pids.values())
            post(UsageRead({name: usage[pid] for name, pid in pids.items() if pid in usage}))

        main.run_worker(measure, thread=True, group="usage", exclusive=True, exit_on_error=False)


class UsageMeter:
    """Measures whole sessions: a job's child leads one, so its shell's children count, too.

    One pass over /proc serves any number of jobs; where there is none, psutil is asked for each
    job and its descendants.
    """

    def __init__(self) -> None:
        self._last: dict[int, float] = {}
        self._last_at = 0.0

    def measure(self, pids: Iterable[int]) -> Mapping[int, Usage]:
        """Give the usage of the sessions that these processes lead; none where none is left."""
        wanted = frozenset(pids)
        now = time.monotonic()
        totals = _from_proc(wanted) if sys.platform == "linux" else _from_psutil(wanted)
        elapsed_s = now - self._last_at
        found = {}
        for pid, total in totals.items():
            before = self._last.get(pid)
            share = 0.0
            if before is not None and elapsed_s > 0:
                share = max(total.cpu_s - before, 0.0) / elapsed_s
            found[pid] = (share * 100, total.rss_bytes)
        self._last = {pid: total.cpu_s for pid, total in totals.items()}
        self._last_at = now
        return found


def _from_proc(sessions: frozenset[int]) -> dict[int, _Total]:
    totals: dict[int, _Total] = {}
    with os.scandir("/proc") as entries:
        names = [entry.name for entry in entries if entry.name.isdigit()]
    for name in names:
        try:
            with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                data = file.read(1024)
        except OSError:
            continue
        fields = data[data.rfind(b")") + 2 :].split()
        if len(fields) <= _RSS:
            continue
        session = int(fields[_SESSION])
        if session in sessions:
            known = totals.get(session, _Total(0.0, 0))
            ticks = int(fields[_UTIME]) + int(fields[_STIME])
            totals[session] = _Total(
                known.cpu_s + ticks / _TICKS_PER_S,
                known.rss_bytes + int(fields[_RSS]) * _PAGE_BYTES,
            )
    return totals


def _from_psutil(pids: frozenset[int]) -> dict[int, _Total]:
    import psutil

    totals = {}
    for pid in pids:
        try:
            leader = psutil.Process(pid)
            members = [leader, *leader.children(recursive=True)]
            cpu_s = sum(sum(member.cpu_times()[:2]) for member in members)
            totals[pid] = _Total(cpu_s, sum(member.memory_info().rss for member in members))
        except psutil.Error:
            continue
    return totals
