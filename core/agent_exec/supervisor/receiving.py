"""The receiving end of ``process.spawn``: four descriptors a message."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from agent_exec.process.spawn import Descriptors
else:
    import _socket as socket

_DESCRIPTORS = 4
_FD_BYTES = 4


def open_socket(fd: int) -> socket.socket:
    """The socket that the starter left at *fd*."""
    return socket.socket(fileno=fd)


def receive(requests: socket.socket) -> Descriptors | None:
    """Wait for the directory, the lock, the report and the definition; None when nobody asks."""
    byte, control, _, _ = requests.recvmsg(1, socket.CMSG_SPACE(_DESCRIPTORS * _FD_BYTES))
    if not byte:
        return None
    data = control[0][2]
    fds = [
        int.from_bytes(data[at : at + _FD_BYTES], sys.byteorder)
        for at in range(0, len(data), _FD_BYTES)
    ]
    for fd in fds:
        os.set_inheritable(fd, False)
    directory, lock, report, definition = fds
    return directory, lock, report, definition
