"""Messages to and from helper processes, over pipes that nobody waits at.

A frame is four bytes of length and a marshalled tuple; both ends are the same program.
"""

from __future__ import annotations

import marshal
import os

from agent_exec.supervisor.loop import WRITABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.supervisor.loop import Loop

Message = tuple[object, ...]

_LENGTH_BYTES = 4
_IO_BYTES = 64 * 1024


def encode(message: Message) -> bytes:
    """Write a message as a frame."""
    data = marshal.dumps(message)  # type: ignore[arg-type]  # tuples of text, bytes, numbers
    return len(data).to_bytes(_LENGTH_BYTES, "little") + data


class Outlet:
    """The sending end: keeps what the pipe does not take, up to a limit."""

    def __init__(self, fd: int, loop: Loop, limit_bytes: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = loop
        self._limit_bytes = limit_bytes
        self._backlog = bytearray()

    @property
    def has_backlog(self) -> bool:
        """Whether something is not sent yet."""
        return bool(self._backlog)

    def send(self, message: Message, *, is_dispensable: bool = True) -> bool:
        """Hand over a message; False when it is dropped, for want of room or of a reader."""
        if self._fd < 0 or (is_dispensable and len(self._backlog) >= self._limit_bytes):
            return False
        is_idle = not self._backlog
        self._backlog += encode(message)
        if is_idle:
            self._write()
            if self._backlog:
                self._loop.watch(self._fd, WRITABLE, self._write)
        return self._fd >= 0

    def _write(self) -> None:
        try:
            while self._backlog:
                with memoryview(self._backlog) as view:
                    written = os.write(self._fd, view[:_IO_BYTES])
                del self._backlog[:written]
        except BlockingIOError:
            return
        except OSError:
            self.close()  # its reader is gone
            return
        self._loop.unwatch(self._fd)

    def close(self) -> None:
        """Give up what is not sent yet."""
        if self._fd >= 0:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._backlog.clear()


class Inlet:
    """The receiving end.

    Attributes:
        has_ended: whether the sender is done and everything was received.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.has_ended = False
        self._rest = bytearray()

    def receive(self) -> list[Message]:
        """Read once; the messages that are complete now."""
        try:
            data = os.read(self.fd, _IO_BYTES)
        except BlockingIOError:
            return []
        if not data:
            self.has_ended = True
            return []
        self._rest += data
        messages = []
        start = 0
        while start + _LENGTH_BYTES <= len(self._rest):
            body = start + _LENGTH_BYTES
            end = body + int.from_bytes(self._rest[start:body], "little")
            if end > len(self._rest):
                break
            messages.append(marshal.loads(self._rest[body:end]))
            start = end
        del self._rest[:start]
        return messages

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
