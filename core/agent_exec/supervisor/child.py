"""Start a command in a session of its own, or say exactly why it cannot start."""

from __future__ import annotations

import marshal
import os

from agent_exec.process.bare_signal import signal
from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# What a supervisor sets differently for itself; all else is at its default already.
_RESET_SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTERM,
    signal.SIGCHLD,
)
_PREPARE, _CHDIR, _EXEC = range(3)
_FAILURE_BYTES_MAX = 64
_NOT_STARTED = 127


class LaunchProblem(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """The command cannot be started; the text says why."""

    @classmethod
    def from_errno(cls, number: int, doing: str) -> LaunchProblem:
        """Word a failed system call as the peers do."""
        return cls(f"{doing}: {os.strerror(number)} (os error {number})")


class Command:
    """What a new process becomes.

    Attributes:
        environment: a marshalled dict, unpacked in the new process alone.
        variables: what comes on top of it.
        standard: descriptors for its standard input, output and error; the caller's to close.
    """

    __slots__ = ("arguments", "cwd", "environment", "standard", "umask", "variables")

    def __init__(
        self,
        arguments: list[str],
        environment: bytes,
        variables: dict[str, str],
        cwd: str | None,
        umask: int,
        standard: tuple[int, int, int],
    ) -> None:
        self.arguments = arguments
        self.environment = environment
        self.variables = variables
        self.cwd = cwd
        self.umask = umask
        self.standard = standard


def open_stdin(name: str | None, dir_fd: int) -> int:
    """Open what the child reads; the caller closes it.

    Raises:
        LaunchProblem: the kept input is not there or no ordinary file.
    """
    if name is None:
        return os.open(os.devnull, os.O_RDONLY)
    try:
        fd = atomic.open_regular(name, dir_fd=dir_fd)
    except OSError as error:
        raise LaunchProblem.from_errno(error.errno or 0, f"open standard input {name}") from None
    os.set_blocking(fd, True)
    return fd


def start_process(command: Command) -> int:
    """Fork and exec; returns the pid once exec has succeeded.

    Raises:
        LaunchProblem: no process was made, or it ended before it became the command.
    """
    failure_read, failure_write = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(failure_read)
        os.close(failure_write)
        raise LaunchProblem.from_errno(error.errno or 0, "make a process") from None
    if pid == 0:
        _become(command, failure_write)
    os.close(failure_write)
    try:
        # Ends when exec closes the other end, or with the stage and errno of what failed.
        failure = os.read(failure_read, _FAILURE_BYTES_MAX)
    finally:
        os.close(failure_read)
    if not failure:
        return pid
    os.waitpid(pid, 0)
    stage, number = map(int, failure.split())
    doing = ("prepare the process", f"enter directory {command.cwd}", f"run {command.arguments[0]}")
    raise LaunchProblem.from_errno(number, doing[stage])


def _become(command: Command, failure_fd: int) -> NoReturn:
    stage = _PREPARE
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        for number in _RESET_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.umask(command.umask)
        for target, fd in enumerate(command.standard):
            os.dup2(fd, target)
        stage = _CHDIR
        if command.cwd is not None:
            os.chdir(command.cwd)
        stage = _EXEC
        environment = {**marshal.loads(command.environment), **command.variables}
        os.execvpe(command.arguments[0], command.arguments, environment)
    except OSError as error:
        os.write(failure_fd, b"%d %d" % (stage, error.errno or 0))
    except BaseException:  # noqa: BLE001  (whatever it is, this process must end here)
        os.write(failure_fd, b"%d %d" % (stage, 0))
    finally:
        os._exit(_NOT_STARTED)
