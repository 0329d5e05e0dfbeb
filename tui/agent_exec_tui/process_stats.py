"""Processor time and memory of running jobs, each with all that it started in its session."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
# Places in /proc/PID/stat counted from the field after the name (proc(5): field 3).
_SESSION, _UTIME, _STIME, _START, _RSS = 3, 11, 12, 19, 21
_MICROSECONDS: Final = 1_000_000
# As for other programs' jobs elsewhere: their records and the kernel's clock count whole seconds,
# and their supervisor starts in between.
_EARLIEST_START_S: Final = -2.0
_LATEST_START_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Which process a job's records mean: its pid, and when that process started.

    Attributes:
        start_ticks: exactly, as our supervisor records it; None for other programs' jobs.
        started_s: when the run began by the record, in seconds since 1970.
    """

    pid: int
    start_ticks: int | None = None
    started_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What a job uses.

    Attributes:
        cpu_percent: of one core since the last look; None at the first.
        memory_bytes: resident, shared pages counted for each process.
        processes: how many of them there are.
    """

    cpu_percent: float | None
    memory_bytes: int
    processes: int


@dataclass(slots=True)
class _Total:
    cpu_s: float = 0.0
    memory_bytes: int = 0
    processes: int = 0
    is_verified: bool = False


class ProcessSampler:
    """Measures whole sessions: a job's child leads one, so its shell's children count, too.

    One pass over /proc serves any number of jobs; where there is none, psutil is asked for each
    job and its descendants. A process that is not the one the records mean, because the pid is
    another's by now, is not measured.
    """

    def __init__(self) -> None:
        self._last: dict[Identity, tuple[float, float]] = {}

    def sample(self, jobs: Mapping[str, Identity]) -> dict[str, Sample]:
        """Measure the jobs whose processes are there, by job id."""
        now_s = time.monotonic()
        wanted = set(jobs.values())
        totals = _from_proc(wanted) if sys.platform == "linux" else _from_psutil(wanted)
        shares = {
            identity: self._share(identity, total, now_s) for identity, total in totals.items()
        }
        self._last = {identity: (total.cpu_s, now_s) for identity, total in totals.items()}
        return {
            job_id: Sample(
                shares[identity], totals[identity].memory_bytes, totals[identity].processes
            )
            for job_id, identity in jobs.items()
            if identity in totals
        }

    def _share(self, identity: Identity, total: _Total, now_s: float) -> float | None:
        before = self._last.get(identity)
        if before is None or now_s <= before[1]:
            return None
        # A child that ended took its time along.
        return max(total.cpu_s - before[0], 0.0) / (now_s - before[1]) * 100


def _from_proc(wanted: set[Identity]) -> dict[Identity, _Total]:
    by_pid = {identity.pid: identity for identity in wanted}
    totals = {identity: _Total() for identity in by_pid.values()}
    with os.scandir("/proc") as entries:
        names = [entry.name for entry in entries if entry.name.isdigit()]
    for name in names:
        fields = _stat(name)
        if fields is None:
            continue
        identity = by_pid.get(int(fields[_SESSION]))
        if identity is None:
            continue
        total = totals[identity]
        total.cpu_s += (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_PER_S
        total.memory_bytes += int(fields[_RSS]) * _PAGE_BYTES
        total.processes += 1
        if int(name) == identity.pid:
            total.is_verified = _is_meant(identity, int(fields[_START]))
    return {identity: total for identity, total in totals.items() if total.is_verified}


def _stat(pid: str) -> list[bytes] | None:
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = os.read(fd, 1024)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name in parentheses may hold blanks and parentheses itself: cut at the last one.
    fields = data[data.rfind(b")") + 2 :].split()
    return fields if len(fields) > _RSS else None


def _is_meant(identity: Identity, start_ticks: int) -> bool:
    if identity.start_ticks is not None:
        return start_ticks == identity.start_ticks
    return _is_about(identity, _boot_s() + start_ticks / _TICKS_PER_S)


def _is_about(identity: Identity, started_s: float) -> bool:
    if identity.started_s is None:
        return False
    return _EARLIEST_START_S <= started_s - identity.started_s <= _LATEST_START_S


def _boot_s() -> float:
    """When the system was started; anew each time, as it moves with the clock."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _from_psutil(wanted: set[Identity]) -> dict[Identity, _Total]:
    import psutil

    totals = {}
    for identity in wanted:
        try:
            leader = psutil.Process(identity.pid)
            created_s = leader.create_time()
            if identity.start_ticks is not None:
                is_meant = abs(created_s - identity.start_ticks / _MICROSECONDS) < 1
            else:
                is_meant = _is_about(identity, created_s)
            if not is_meant:
                continue
            members = [leader, *leader.children(recursive=True)]
        except psutil.Error:
            continue
        total = _Total(is_verified=True)
        for member in members:
            try:
                times, memory = member.cpu_times(), member.memory_info()
            except psutil.Error:
                continue
            total.cpu_s += times.user + times.system
            total.memory_bytes += memory.rss
            total.processes += 1
        totals[identity] = total
    return totals
