"""A job's four descriptors over a socket, from whoever starts it to its supervisor: both ends.

Kept lean, as every supervisor loads this.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
else:
    # Python's own ``socket`` wraps this one: 5 ms on the way to every job that is started.
    import _socket as socket

Descriptors = tuple[int, int, int, int]
"""The job's directory, supervisor.lock, the report and the definition."""

SOCKET_FD = 3  # where each program of the folder ``supervisor`` finds its end
_COUNT = 4
_FD_BYTES = 4


def hand_over(to: socket.socket, descriptors: Descriptors) -> bool:
    """Send them in one message.

    Raises:
        OSError: nobody is there any more, or takes what was sent before.
    """
    data = b"".join(fd.to_bytes(_FD_BYTES, sys.byteorder) for fd in descriptors)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, data)
    flags = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
    return to.sendmsg([b"s"], [rights], flags) == 1


def open_socket(fd: int = SOCKET_FD) -> socket.socket:
    """The socket at a descriptor."""
    return socket.socket(fileno=fd)


def receive(requests: socket.socket) -> Descriptors | None:
    """Wait for the next ones; None when nobody is there to send any more."""
    byte, control, _, _ = requests.recvmsg(1, socket.CMSG_SPACE(_COUNT * _FD_BYTES))
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
