"""Which process a pid means: start time, boot, PID namespace and whether it still lives.

Kept lean, as every supervisor loads this: no dataclasses, and no ``open``, whose buffers and
codecs alone would cost each of them 0.8 MB.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document


def _shows_our_pids() -> bool:
    """Whether /proc is there, and of our own PID namespace: else its numbers are others'."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


_IS_LINUX = sys.platform.startswith("linux")
HAS_PROC = _IS_LINUX and _shows_our_pids()
# Why no process can be told from another; empty where they can.
BLINDNESS = (
    "/proc is not mounted here, or is another PID namespace's, and no process can be recognised"
    if _IS_LINUX and not HAS_PROC
    else ""
)

_BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
_PID_NAMESPACE_FILE = "/proc/self/ns/pid"
_PID_MAX_FILE = "/proc/sys/kernel/pid_max"
_HIGHEST_PID = 4_194_304  # the kernel's own ceiling, where the system does not tell
_LARGEST_PID = 2**31 - 1  # what a system call takes
_DEAD_STATES = "ZXx"
_HIDDEN_STATE = "?"
_READ_BYTES = 4096

_boot_id: str | None = None  # of this process's own boot, once asked for
_pid_namespace: int | None = None


def read_file(path: str) -> bytes:
    """The whole of a file the kernel makes up."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        while chunk := os.read(fd, _READ_BYTES):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(fd)


class ProcessStat:
    """What the system says about one process at one moment.

    Attributes:
        state: one letter as in ``ps``; Z is a zombie, ? one that /proc hides from us.
        start_ticks: see ``model.supervision.ProcessIdentity``.
    """

    __slots__ = ("group", "parent_pid", "pid", "session", "start_ticks", "state")

    def __init__(
        self, pid: int, state: str, parent_pid: int, group: int, session: int, start_ticks: int
    ) -> None:
        self.pid = pid
        self.state = state
        self.parent_pid = parent_pid
        self.group = group
        self.session = session
        self.start_ticks = start_ticks

    @property
    def is_alive(self) -> bool:
        """Whether it still runs code; a zombie only waits to be collected."""
        return self.state not in _DEAD_STATES

    @property
    def is_hidden(self) -> bool:
        """Whether nothing is known of it but whose child it is: see ``read_below``."""
        return self.state == _HIDDEN_STATE


def read_stat(pid: int) -> ProcessStat | None:
    """Look at a process; None when there is none of that pid."""
    if not 0 < pid <= _LARGEST_PID:
        return None
    if not HAS_PROC:
        from agent_exec.process import darwin

        return darwin.read_stat(pid)
    try:
        line = read_file(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name in parentheses may hold blanks and parentheses itself: cut at the last one.
    fields = line[line.rfind(b")") + 2 :].split(None, 20)
    if len(fields) < 20:
        return None
    return ProcessStat(
        pid, fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19])
    )


def read_below(pid: int, parent_pid: int) -> ProcessStat | None:
    """Look at a process that was just seen as a child of another.

    Where /proc hides what has other rights (hidepid), a set-uid program that a job runs is still
    among its parent's children; what is told without /proc is told then.
    """
    stat = read_stat(pid)
    if stat is not None or not exists(pid):
        return stat
    try:
        return ProcessStat(pid, _HIDDEN_STATE, parent_pid, os.getpgid(pid), os.getsid(pid), 0)
    except OSError:
        return None


def boot_id() -> str:
    """Name the present boot; empty where the system has no name for it."""
    global _boot_id
    if _boot_id is None:
        _boot_id = _read_boot_id()
    return _boot_id


def _read_boot_id() -> str:
    if not HAS_PROC:
        from agent_exec.process import darwin

        return darwin.boot_id()
    try:
        return read_file(_BOOT_ID_FILE).decode().strip()
    except OSError:
        return ""


def pid_namespace() -> int:
    """The number of the PID namespace this process is in; 0 where the system has none."""
    global _pid_namespace
    if _pid_namespace is None:
        try:
            _pid_namespace = os.stat(_PID_NAMESPACE_FILE).st_ino
        except OSError:
            _pid_namespace = 0
    return _pid_namespace


def host_name() -> str:
    """What this machine is called; empty where that tells it from no other."""
    name = os.uname().nodename
    return "" if name.partition(".")[0] in ("", "localhost", "(none)") else name


def exists(pid: int) -> bool:
    """Whether there is a process of that pid, alive or not, even one that /proc hides from us."""
    if not 0 < pid <= _LARGEST_PID:
        return False
    try:
        os.kill(pid, 0)  # no signal: only whether there could be one
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def identity_document(pid: int, host: str | None = None) -> Document:
    """Describe a living process for supervision.json.

    Args:
        pid: the process.
        host: this machine's name where others can read the record, too.
    """
    stat = read_stat(pid)
    document: Document = {
        "pid": pid,
        "start_ticks": stat.start_ticks if stat else 0,
        "boot_id": boot_id(),
        "pid_namespace": pid_namespace(),
    }
    if host:
        document["host"] = host
    return document


def highest_pid() -> int:
    """The largest pid this system hands out."""
    try:
        return int(read_file(_PID_MAX_FILE))
    except (OSError, ValueError):
        return _HIGHEST_PID


def command_line(pid: int) -> list[bytes]:
    """The words a process was started with; empty when it is gone or not ours to see."""
    if not HAS_PROC:
        from agent_exec.process import darwin

        return darwin.command_line(pid)
    try:
        return read_file(f"/proc/{pid}/cmdline").split(b"\0")[:-1]
    except OSError:
        return []


def started_epoch_s(stat: ProcessStat) -> float | None:
    """When a process started, in seconds since 1970; None where the system does not tell."""
    if not HAS_PROC:
        return stat.start_ticks / 1_000_000
    try:
        for line in read_file("/proc/stat").split(b"\n"):
            if line.startswith(b"btime "):
                return int(line.split()[1]) + stat.start_ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        pass
    return None
