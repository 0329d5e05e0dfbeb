"""Start a command in a session of its own, or say exactly why it cannot start."""

from __future__ import annotations

import errno
import marshal
import os

from agent_exec.process.bare_signal import signal
from agent_exec.store import atomic

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
_NEXT_MAY_DO = (errno.EACCES, errno.ENOEXEC)


class LaunchProblem(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """The command cannot be started; the text says why."""

    @classmethod
    def from_errno(cls, number: int, doing: str) -> LaunchProblem:
        """Word a failed system call as the peers do."""
        return cls(f"{doing}: {os.strerror(number)} (os error {number})")


class Command:
    """What a new process becomes.

    Attributes:
        environment: a marshalled dict of bytes to bytes.
        variables: what comes on top of it.
        standard: descriptors for its standard input, output and error; the caller's to close.
    """

    __slots__ = ("arguments", "cwd", "environment", "standard", "umask", "variables")

    def __init__(
        self,
        arguments: list[str],
        environment: bytes,
        variables: dict[bytes, bytes],
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
    except ValueError as error:
        raise LaunchProblem(f"open standard input: {error}") from None
    os.set_blocking(fd, True)
    return fd


def start_process(command: Command) -> int:
    """Start the command as the leader of a session of its own; returns its pid.

    ``posix_spawn`` shares memory with the new process until exec: 0.2 ms where a fork of
    this process takes 2 to 7, most of it for copying pages. It cannot change the directory or
    the umask, so this process does, and back; it has one thread, nobody sees it.

    Raises:
        LaunchProblem: it cannot be run, and why.
    """
    environment = {**marshal.loads(command.environment), **command.variables}
    own_umask = os.umask(command.umask)
    doing = f"enter directory {command.cwd}"
    try:
        if command.cwd is not None:
            os.chdir(command.cwd)
        doing = f"run {command.arguments[0]}"
        return _spawn_first(command, environment)
    except OSError as error:
        raise LaunchProblem.from_errno(error.errno or 0, doing) from None
    except ValueError as error:  # a NUL, or what is no text, in another program's record
        raise LaunchProblem(f"{doing}: {error}") from None
    finally:
        os.umask(own_umask)
        os.chdir("/")


def _spawn_first(command: Command, environment: dict[bytes, bytes]) -> int:
    """Run the first program of that name in the child's own PATH, as execvp(3) would."""
    program = command.arguments[0]
    if "/" in program:
        return _spawn(program, command, environment)
    problem: OSError | None = None
    path = environment.get(b"PATH")
    for directory in (os.defpath if path is None else os.fsdecode(path)).split(":"):
        candidate = os.path.join(directory, program)
        try:
            os.stat(candidate)  # a process made only to fail its exec costs 1 ms each
            return _spawn(candidate, command, environment)
        except (FileNotFoundError, NotADirectoryError) as error:
            problem = problem or error
        except OSError as error:
            problem = error
            if error.errno not in _NEXT_MAY_DO:
                break
    raise problem or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def _spawn(path: str, command: Command, environment: dict[bytes, bytes]) -> int:
    try:
        return os.posix_spawn(
            path,
            command.arguments,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(command.standard)
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_RESET_SIGNALS,
        )
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            raise
    from agent_exec.process.forking import fork_and_exec

    return fork_and_exec(
        path,
        command.arguments,
        environment,
        dict(enumerate(command.standard)),
        begins_session=True,
        reset_signals=_RESET_SIGNALS,
    )
