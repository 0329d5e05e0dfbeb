"""Processes as the system shows them, named by pid and start time; read without our own code."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.waiting import wait_until

MARK_VARIABLE: Final = "FAULT_BENCH"
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Seen:
    """A process that was seen; its number may have become another's since."""

    pid: int
    start_ticks: int

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        fields = _stat_fields(self.pid)
        return bool(fields) and int(fields[19]) == self.start_ticks and fields[0] not in "ZX"

    def send(self, number: int) -> None:
        """Signal exactly this process, if it is still there."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:
            return
        try:
            if self.is_alive:
                signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            return
        finally:
            os.close(fd)

    def end(self) -> None:
        """Kill it and see it gone."""
        self.send(signal.SIGKILL)
        wait_until(lambda: not self.is_alive, what=f"the end of {self.pid}")

    def command(self) -> str:
        return _read(f"/proc/{self.pid}/cmdline").replace(b"\0", b" ").decode(errors="replace")

    def figure_kb(self, name: str) -> int:
        """A line of its status in KiB, such as VmHWM, the most memory it ever held."""
        return _kb(_read(f"/proc/{self.pid}/status"), name)

    def shared_memory_kb(self) -> int:
        """Its proportional share of the memory (PSS)."""
        return _kb(_read(f"/proc/{self.pid}/smaps_rollup"), "Pss")

    def cpu_s(self) -> float:
        """CPU time it has used so far, to the tick."""
        fields = _stat_fields(self.pid)
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S if fields else 0.0

    def cpu_ns(self) -> int:
        """CPU time it has used so far, exactly."""
        return int((_read(f"/proc/{self.pid}/schedstat") or b"0").split()[0])

    def count(self, folder: str) -> int:
        """How many entries its ``fd`` or ``task`` folder has."""
        try:
            return len(os.listdir(f"/proc/{self.pid}/{folder}"))
        except OSError:
            return 0

    def files(self) -> list[str]:
        """What its descriptors are open on."""
        return list(_open_paths(self.pid))

    @property
    def parent_pid(self) -> int:
        fields = _stat_fields(self.pid)
        return int(fields[1]) if fields else 0

    @property
    def session(self) -> int:
        fields = _stat_fields(self.pid)
        return int(fields[3]) if fields else 0


def await_idle(process: Seen, quiet_s: float = 0.3) -> None:
    """Wait until a process has used no CPU for a while: it waits for something."""
    last_ns, since_s = -1, time.monotonic()

    def is_idle() -> bool:
        nonlocal last_ns, since_s
        now_ns = process.cpu_ns()
        if now_ns != last_ns:
            last_ns, since_s = now_ns, time.monotonic()
        return time.monotonic() - since_s > quiet_s

    wait_until(is_idle, timeout_s=10, what=f"rest of {process.pid}")


def see(pid: int) -> Seen:
    """Look at a living process.

    Raises:
        ProcessLookupError: there is none of that pid.
    """
    fields = _stat_fields(pid)
    if not fields:
        raise ProcessLookupError(pid)
    return Seen(pid, int(fields[19]))


def carrying(mark: str) -> list[Seen]:
    """Every living process that has the mark in its environment."""
    word = f"{MARK_VARIABLE}={mark}".encode()
    return _all(lambda pid: word in _read(f"/proc/{pid}/environ").split(b"\0"))


def using(path: str) -> list[Seen]:
    """Every living process that has something below *path* open or on its command line."""
    encoded = os.fsencode(path)

    def uses(pid: int) -> bool:
        return encoded in _read(f"/proc/{pid}/cmdline") or any(
            name.startswith(path) for name in _open_paths(pid)
        )

    return _all(uses)


def end_all(find: Callable[[], list[Seen]], timeout_s: float = 10.0) -> None:
    """Kill what *find* finds until it finds nothing."""

    def is_clean() -> bool:
        found = find()
        for process in found:
            process.send(signal.SIGKILL)
        return not found

    wait_until(is_clean, timeout_s, what="the end of what a test had started")


def _all(belongs: Callable[[int], bool]) -> list[Seen]:
    found = []
    looked_at = {1, os.getpid()}
    # Until nobody new is there: a process may have made another and ended while we looked.
    while new := {int(name) for name in os.listdir("/proc") if name.isdigit()} - looked_at:
        looked_at |= new
        for pid in new:
            if belongs(pid):
                fields = _stat_fields(pid)
                if fields and fields[0] not in "ZX":
                    found.append(Seen(pid, int(fields[19])))
    return found


def _stat_fields(pid: int) -> list[str]:
    line = _read(f"/proc/{pid}/stat").decode(errors="replace")
    return line[line.rfind(")") + 2 :].split()


def _open_paths(pid: int) -> Iterator[str]:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _kb(text: bytes, name: str) -> int:
    for line in text.decode(errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0
