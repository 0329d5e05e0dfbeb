"""Files that a caller names: read to their end, but never waited for without a limit."""

from __future__ import annotations

import os
import select
import stat
import time

from agent_exec.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1024 * 1024
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def open_source(path: str, doing: str) -> int:
    """Open a file that may be anything; the caller closes it.

    Raises:
        InternalError: it cannot be opened, or is a directory or a terminal.
    """
    try:
        fd = os.open(path, _FLAGS)  # a fifo without a writer must not hang its reader
    except OSError as error:
        raise InternalError.from_os_error(error, doing) from None
    if os.isatty(fd):
        os.close(fd)
        raise InternalError(f"{doing}: it is a terminal")
    return fd


def read_source(fd: int, doing: str, quiet_s: float) -> Iterator[bytes]:
    """Read to the end; a pipe that says nothing for *quiet_s* seconds is given up.

    Raises:
        InternalError: it cannot be read, or nothing more came in time.
    """
    is_file = stat.S_ISREG(os.fstat(fd).st_mode)
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    give_up_at = time.monotonic() + quiet_s
    while True:
        # A fifo that nobody has opened yet reads as empty, and only poll knows better.
        left_ms = max(0, int((give_up_at - time.monotonic()) * 1000))
        if not is_file and not poller.poll(left_ms):
            raise InternalError(
                f"{doing}: nothing came within {quiet_s:g} s, and whoever writes there has not ended"
            )
        try:
            chunk = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            continue
        except OSError as error:
            raise InternalError.from_os_error(error, doing) from None
        if not chunk:
            return
        give_up_at = time.monotonic() + quiet_s
        yield chunk
