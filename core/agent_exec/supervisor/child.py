"""Start the job's command in a session of its own, or say exactly why it cannot start."""

from __future__ import annotations

import os
import signal
import struct

from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from agent_exec.supervisor.definition import Definition

# What the supervisor itself set differently; all else is at its default already.
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
_STAGES = ("prepare the process", "enter directory", "run")
_PREPARE, _CHDIR, _EXEC = range(3)
_FAILURE = struct.Struct("=ii")
_NOT_STARTED = 127


class LaunchProblem(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """The command cannot be started; the text says why."""

    @classmethod
    def from_os_error(cls, error: OSError, doing: str) -> LaunchProblem:
        """Word a failed system call as the peers do."""
        return cls(f"{doing}: {error.strerror} (os error {error.errno})")


def open_stdin(definition: Definition, dir_fd: int) -> int:
    """Open what the child reads; the caller closes it.

    Raises:
        LaunchProblem: the kept input is not there or no ordinary file.
    """
    name = definition.stdin_file
    if name is None:
        return os.open(os.devnull, os.O_RDONLY)
    try:
        fd = atomic.open_regular(name, dir_fd=dir_fd)
    except OSError as error:
        raise LaunchProblem.from_os_error(error, f"open standard input {name}") from None
    os.set_blocking(fd, True)
    return fd


def start_child(definition: Definition, stdin_fd: int, stdout_fd: int, stderr_fd: int) -> int:
    """Fork and exec the command; returns its pid once exec has succeeded.

    Raises:
        LaunchProblem: the process was not made, or died before it became the command.
    """
    failure_read, failure_write = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(failure_read)
        os.close(failure_write)
        raise LaunchProblem.from_os_error(error, "make a process") from None
    if pid == 0:
        _become_child(definition, (stdin_fd, stdout_fd, stderr_fd), failure_write)
    os.close(failure_write)
    try:
        # Ends when exec closes the other end, or with the stage and errno of what failed.
        failure = os.read(failure_read, _FAILURE.size)
    finally:
        os.close(failure_read)
    if not failure:
        return pid
    os.waitpid(pid, 0)
    stage, number = _FAILURE.unpack(failure)
    raise LaunchProblem(_explain(definition, stage, number))


def _explain(definition: Definition, stage: int, number: int) -> str:
    doing = _STAGES[stage]
    if stage == _CHDIR:
        doing += f" {definition.cwd}"
    elif stage == _EXEC:
        doing += f" {definition.shell_wrapper[0]}"
    return f"{doing}: {os.strerror(number)} (os error {number})"


def _become_child(
    definition: Definition, standard: tuple[int, int, int], failure_fd: int
) -> NoReturn:
    stage = _PREPARE
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in _RESET_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.umask(definition.umask)
        for target, fd in enumerate(standard):
            os.dup2(fd, target)
        stage = _CHDIR
        if definition.cwd is not None:
            os.chdir(definition.cwd)
        stage = _EXEC
        arguments = definition.arguments()
        os.execvpe(arguments[0], arguments, definition.child_environment())
    except OSError as error:
        os.write(failure_fd, _FAILURE.pack(stage, error.errno or 0))
    except BaseException:  # noqa: BLE001  (whatever it is, this process must end here)
        os.write(failure_fd, _FAILURE.pack(stage, 0))
    finally:
        os._exit(_NOT_STARTED)
