"""A helper process of a supervisor: what it is handed, what it answers, and that it may end.

Nothing waits for one, and one that dies costs no more than its own work.
"""

from __future__ import annotations

import errno
import os
import select
import sys

from agent_exec.process.bare_signal import signal
from agent_exec.process.loader import loader_variables
from agent_exec.process.signalling import signal_own_child
from agent_exec.supervisor.frames import Inlet, Outlet
from agent_exec.supervisor.loop import READABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.supervisor.frames import Message
    from agent_exec.supervisor.loop import Loop

# What a helper answers ``("sync",)`` with, once it is through with all before it.
SYNCED: Message = ("", None)

_MATCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matcher.py")
_READY_LIMIT_MS = 2000


class Helper:
    """Owns both pipes of one helper, and its process until it is collected.

    Attributes:
        pid: 0 once it was collected.
        has_ended: whether it answers no more.
    """

    def __init__(
        self,
        process: tuple[int, int, int],
        loop: Loop,
        backlog_bytes: int,
        on_message: Callable[[Message], None],
        on_gone: Callable[[], None],
    ) -> None:
        """Take over a process.

        Args:
            process: its pid, where its messages go, and where its answers come from.
            loop: serves both.
            backlog_bytes: what is kept for it while it does not read.
            on_message: gets each answer; ``SYNCED`` when it was asked to.
            on_gone: called once if it ends before it is closed.
        """
        self.pid, to_fd, from_fd = process
        self.has_ended = False
        self._loop = loop
        self._outlet = Outlet(to_fd, loop, backlog_bytes)
        self._inlet = Inlet(from_fd)
        self._on_message = on_message
        self._on_gone = on_gone
        self._unanswered = 0
        os.set_blocking(from_fd, False)
        loop.watch(from_fd, READABLE, self._receive)

    def send(self, message: Message, *, is_dispensable: bool = True) -> bool:
        """Hand over a message; False when it is dropped."""
        return self._outlet.send(message, is_dispensable=is_dispensable)

    def sync(self) -> bool:
        """Ask it to say when it is through; False when it cannot be asked."""
        is_asked = self._outlet.send(("sync",), is_dispensable=False)
        self._unanswered += is_asked
        return is_asked

    @property
    def is_busy(self) -> bool:
        """Whether something is still awaited of it."""
        return not self.has_ended and (self._unanswered > 0 or self._outlet.has_backlog)

    def await_first(self) -> None:
        """Wait for its first words or its end, not for long; only while there is no child yet."""
        poll = select.poll()
        poll.register(self._inlet.fd, READABLE)
        if poll.poll(_READY_LIMIT_MS):
            self._receive()

    def _receive(self) -> None:
        for message in self._inlet.receive():
            if message == SYNCED:
                self._unanswered -= 1
            self._on_message(message)
        if self._inlet.has_ended:
            self.close()
            self._on_gone()

    def close(self) -> None:
        """Let it see the end; it finishes by itself."""
        self.has_ended = True
        self._outlet.close()
        if self._inlet.fd >= 0:
            self._loop.unwatch(self._inlet.fd)
            self._inlet.close()

    def kill(self) -> None:
        """End it at once."""
        self.close()
        if self.pid:
            signal_own_child(self.pid, signal.SIGKILL)


def spawn_matcher() -> tuple[int, int, int]:
    """Start a matcher: its pid, where its lines go and its findings come from."""
    fds: list[int] = []
    try:
        fds += os.pipe()
        fds += os.pipe()
        lines_read, lines_write, found_read, found_write = fds
        pid = _spawn([sys.executable, "-I", _MATCHER], {0: lines_read, 1: found_write})
    except OSError:
        for fd in fds:
            os.close(fd)
        raise
    os.close(lines_read)
    os.close(found_write)
    return pid, lines_write, found_read


def _spawn(words: list[str], descriptors: dict[int, int]) -> int:
    try:
        return os.posix_spawn(
            words[0],
            words,
            loader_variables(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, target) for target, source in descriptors.items()
            ],
            setpgroup=0,
        )
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            raise
    from agent_exec.process.forking import fork_and_exec  # what starts the job loads it then, too

    return fork_and_exec(
        words[0], words, loader_variables(), descriptors, begins_session=False, reset_signals=()
    )
