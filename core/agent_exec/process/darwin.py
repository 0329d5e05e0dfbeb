"""What /proc tells on Linux, asked of libproc on macOS."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

from agent_exec.process.identity import ProcessStat

# struct proc_bsdinfo of <sys/proc_info.h>: status at 4, ppid at 16, pgid at 100, start at 120.
_BSD_INFO = 3
_BSD_INFO_BYTES = 136
_ZOMBIE = 5
_STOPPED = 4
_MAX_CHILDREN = 4096
_IS_HERE = sys.platform == "darwin"  # not on Linux without /proc, where nothing can be told
_CTL_KERN = 1
_KERN_PROCARGS2 = 49
_ARGUMENTS_BYTES = 1024 * 1024  # ARG_MAX


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def read_stat(pid: int) -> ProcessStat | None:
    """Look at a process; None when there is none of that pid or it is another user's."""
    if not _IS_HERE:
        return None
    buffer = ctypes.create_string_buffer(_BSD_INFO_BYTES)
    size_bytes = _library().proc_pidinfo(
        pid, _BSD_INFO, ctypes.c_uint64(0), buffer, _BSD_INFO_BYTES
    )
    if size_bytes != _BSD_INFO_BYTES:
        return None
    status, parent_pid, group = (
        struct.unpack_from("=I", buffer, offset)[0] for offset in (4, 16, 100)
    )
    seconds, microseconds = struct.unpack_from("=QQ", buffer, 120)
    state = {_ZOMBIE: "Z", _STOPPED: "T"}.get(status, "S")
    try:
        session = os.getsid(pid)
    except OSError:
        session = 0
    return ProcessStat(pid, state, parent_pid, group, session, seconds * 1_000_000 + microseconds)


def boot_id() -> str:
    """Name the present boot."""
    if not _IS_HERE:
        return ""
    size = ctypes.c_size_t(64)
    buffer = ctypes.create_string_buffer(size.value)
    name = b"kern.bootsessionuuid"
    if _library().sysctlbyname(name, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return ""
    return buffer.value.decode("ascii", "replace")


def command_line(pid: int) -> list[bytes]:
    """The words a process was started with; empty when it is gone or another user's."""
    if not _IS_HERE:
        return []
    name = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, pid)
    size = ctypes.c_size_t(_ARGUMENTS_BYTES)
    buffer = ctypes.create_string_buffer(size.value)
    if _library().sysctl(name, 3, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return []
    # A count, the program's path, padding, then the words and the environment.
    data = buffer.raw[: size.value]
    count = int.from_bytes(data[:4], "little")
    path_end = data.find(b"\0", 4)
    return data[path_end:].lstrip(b"\0").split(b"\0")[:count]


def children_of(pid: int) -> list[int]:
    """The pids of a process's children."""
    if not _IS_HERE:
        return []
    buffer = (ctypes.c_int * _MAX_CHILDREN)()
    count = _library().proc_listchildpids(pid, buffer, ctypes.sizeof(buffer))
    return list(buffer[: max(0, count)])
