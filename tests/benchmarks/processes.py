"""What the kernel says of other processes."""

from __future__ import annotations

import json
from pathlib import Path


def supervisor_of(root: Path, job_id: str) -> int:
    """The process that keeps a running job, whichever program it is: the parent of its child."""
    state = json.loads(Path(root, job_id, "state.json").read_text())
    return parent_of(int(state["pid"]))


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _status(pid: int, key: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"\n{key}:")[1].split()[0])


def peak_memory_mb(pid: int) -> float:
    return _status(pid, "VmHWM") / 1000


def resident_mb(pid: int) -> float:
    return _status(pid, "VmRSS") / 1000


def proportional_mb(pid: int) -> float:
    """Memory with each shared page counted in parts: what one more of them costs."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("\nPss:")[1].split()[0]) / 1000


def wakeups(pid: int) -> int:
    """How often it has gone to sleep, which is how often it was woken."""
    return _status(pid, "voluntary_ctxt_switches")


def cpu_seconds(pid: int) -> float:
    """CPU time of all its threads, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def children_of(pid: int) -> list[int]:
    """Its direct children."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for each in threads for child in (each / "children").read_text().split()]
