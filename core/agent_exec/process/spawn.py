"""Programs of ours that are started by path, and get their descriptors over a socket."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import time

from agent_exec.process.bare_signal import signal
from agent_exec.process.fd_passing import SOCKET_FD, hand_over, open_socket
from agent_exec.process.loader import loader_variables
from agent_exec.process.signalling import signal_own_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from agent_exec.process.fd_passing import Descriptors
else:
    import _socket as socket

_END_LIMIT_S = 1.0
_END_PAUSE_S = 0.005
_PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "supervisor")


def start_program(name: str, *arguments: str) -> tuple[int, socket.socket]:
    """Start a program of the folder ``supervisor``: its pid, and our end of its socket.

    Raises:
        OSError: there is no process, or no descriptor, to be had.
    """
    ours, theirs = map(_above_standard, socket.socketpair())
    try:
        # A number out of the way: dup2 onto itself would leave it close-on-exec.
        number = theirs.fileno()
        source = os.dup(number) if number == SOCKET_FD else number
        try:
            words = [sys.executable, "-I", "-S", os.path.join(_PROGRAMS, name), *arguments]
            pid = _spawn(words, source)
        finally:
            if source != number:
                os.close(source)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return pid, ours


def _spawn(words: list[str], source: int) -> int:
    # In a group of its own: out of reach of the terminal's signals from its first moment.
    reset = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    try:
        return os.posix_spawn(
            words[0],
            words,
            loader_variables(),
            file_actions=[
                *((os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)),
                (os.POSIX_SPAWN_DUP2, source, SOCKET_FD),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=reset,
        )
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            raise
    from agent_exec.process.forking import fork_and_exec

    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        descriptors = {SOCKET_FD: source, 0: null, 1: null, 2: null}
        return fork_and_exec(
            words[0],
            words,
            loader_variables(),
            descriptors,
            begins_session=False,
            reset_signals=reset,
        )
    finally:
        os.close(null)


def _above_standard(end: socket.socket) -> socket.socket:
    """The same with another number, where the caller's standard input was closed and is missed."""
    if end.fileno() >= SOCKET_FD:
        return end
    moved = open_socket(fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, SOCKET_FD))
    end.close()
    return moved


def program_words(name: str) -> tuple[str, ...]:
    """The command line of a program of the folder ``supervisor``, without its arguments."""
    return (sys.executable, "-I", "-S", os.path.join(_PROGRAMS, name))


class NewSupervisor:
    """A supervisor of its own interpreter, for one job, that may be started before there is one.

    Loading takes it 25 ms, in which its starter can do what comes before the job's start. It ends
    by itself when it is closed, or its starter gone, before it was handed a job.
    """

    def __init__(self, shown: str) -> None:
        """Start it.

        Args:
            shown: stands on its command line, for readers of ``ps``.

        Raises:
            OSError: it cannot be started.
        """
        self.pid, self._socket = start_program("__main__.py", shown)
        self._has_job = False

    def start(self, descriptors: Descriptors) -> bool:
        """Hand it its job; False when it is gone. Its pid is the caller's to collect then."""
        try:
            self._has_job = hand_over(self._socket, descriptors)
        except OSError:
            return False
        finally:
            self._socket.close()
        return self._has_job

    def close(self) -> None:
        """Let go of it; with a job it goes on."""
        self._socket.close()
        if not self._has_job:
            collect(self.pid)


def collect(pid: int) -> None:
    """Wait for a child that ends by itself at once; one that does not is ended."""
    give_up_at = time.monotonic() + _END_LIMIT_S
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > give_up_at:
                signal_own_child(pid, signal.SIGKILL)
            time.sleep(_END_PAUSE_S)
