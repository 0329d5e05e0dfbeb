"""Programs of ours that are started by path, and get their descriptors over a socket."""

from __future__ import annotations

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
_ERRORS_BYTES = 65536
_REASON_LENGTH_MAX = 300
_PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "supervisor")


def start_program(
    name: str, *arguments: str, errors_fd: int | None = None
) -> tuple[int, socket.socket]:
    """Start a program of the folder ``supervisor``: its pid, and our end of its socket.

    Args:
        name: of its file.
        arguments: of its command line.
        errors_fd: its standard error, above the standard numbers; None is the null device.

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
            pid = _spawn(words, source, errors_fd)
        finally:
            if source != number:
                os.close(source)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return pid, ours


def _spawn(words: list[str], source: int, errors_fd: int | None) -> int:
    # In a group of its own: out of reach of the terminal's signals from its first moment.
    reset = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    try:
        return os.posix_spawn(
            words[0],
            words,
            loader_variables(),
            file_actions=[
                *((os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)),
                *(() if errors_fd is None else ((os.POSIX_SPAWN_DUP2, errors_fd, 2),)),
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
        errors = null if errors_fd is None else errors_fd
        descriptors = {2: errors, SOCKET_FD: source, 0: null, 1: null}
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


def _number_above_standard(fd: int) -> int:
    if fd >= SOCKET_FD:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, SOCKET_FD)
    os.close(fd)
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
        self._errors_fd, errors_fd = map(_number_above_standard, os.pipe())
        try:
            self.pid, self._socket = start_program("__main__.py", shown, errors_fd=errors_fd)
        except BaseException:
            os.close(self._errors_fd)
            raise
        finally:
            os.close(errors_fd)
        self._has_job = False
        self._end_status: int | None = None

    def start(self, descriptors: Descriptors) -> bool:
        """Hand it its job; False when it is gone. Its pid is the caller's to collect then."""
        try:
            self._has_job = hand_over(self._socket, descriptors)
        except OSError:
            return False
        finally:
            self._socket.close()
        return self._has_job

    def settle(self) -> None:
        """Collect the process it began with, which leaves at once; a supervisor is nobody's."""
        if self._end_status is None:
            self._end_status = collect(self.pid)

    def give_up(self, waited_s: float) -> None:
        """Await nothing of it, after that time without a word; its job was taken back."""
        self.settle()

    def last_words(self) -> str:
        """How it ended and what it said before that, for people; empty where nobody knows."""
        self.settle()
        status = self._end_status
        how = ""
        if status and os.WIFSIGNALED(status):
            how = f"signal {os.WTERMSIG(status)}"
        elif status:
            how = f"exit status {os.waitstatus_to_exitcode(status)}"
        return ", ".join(filter(None, (how, self._last_error())))

    def _last_error(self) -> str:
        os.set_blocking(self._errors_fd, False)
        try:
            text = os.read(self._errors_fd, _ERRORS_BYTES).decode("utf-8", "replace")
        except BlockingIOError:
            return ""
        lines = [line for line in text.splitlines() if line and not line[0].isspace()]
        # Behind an interpreter's reason comes where it was.
        reasons = [line for line in lines if "rror" in line] or lines
        return reasons[-1][:_REASON_LENGTH_MAX] if reasons else ""

    def close(self) -> None:
        """Let go of it; with a job it goes on."""
        self._socket.close()
        if self._errors_fd >= 0:
            os.close(self._errors_fd)
            self._errors_fd = -1
        if not self._has_job:
            self.settle()


def collect(pid: int, patience_s: float = _END_LIMIT_S) -> int | None:
    """Wait for a child that ends by itself at once; one that does not is ended.

    Returns:
        Its wait status; None where it was collected by others, or even killing does not end it.
    """
    now_s = time.monotonic()
    kill_at, give_up_at = now_s + patience_s, now_s + patience_s + _END_LIMIT_S
    try:
        while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            now_s = time.monotonic()
            if now_s > give_up_at:
                return None
            if now_s > kill_at:
                signal_own_child(pid, signal.SIGKILL)
            time.sleep(_END_PAUSE_S)
    except ChildProcessError:
        return None
    return found[1]
