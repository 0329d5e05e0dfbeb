"""What posix_spawn(3) does, by fork and exec: for sandboxes that refuse the calls it makes.

Old container profiles answer EPERM to clone3, which the C library then does not replace by the
call that came before it. Slower, hence only tried where the quick way is refused.
"""

from __future__ import annotations

import errno
import fcntl
import os

from agent_exec.process.bare_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OUT_OF_THE_WAY = 10  # above every number that a program of ours is given a descriptor at
_ERRNO_BYTES = 4


def fork_and_exec(
    path: str,
    arguments: list[str],
    environment: Mapping[bytes, bytes],
    descriptors: Mapping[int, int],
    *,
    begins_session: bool,
    reset_signals: Iterable[int],
) -> int:
    """Start a program; returns its pid.

    Args:
        path: of the program.
        arguments: with its name.
        environment: all of it.
        descriptors: target to source; done in this order.
        begins_session: or a process group only.
        reset_signals: those it gets with their default action.

    Raises:
        OSError: it cannot be started, as of the call that failed.
    """
    told, tell = os.pipe()
    try:
        pid = os.fork()
        if pid == 0:
            _become(path, arguments, environment, descriptors, begins_session, reset_signals, tell)
        os.close(tell)
        tell = -1
        problem = os.read(told, _ERRNO_BYTES)
    finally:
        os.close(told)
        if tell >= 0:
            os.close(tell)
    if problem:
        os.waitpid(pid, 0)
        number = int.from_bytes(problem, "little")
        raise OSError(number, os.strerror(number), path)
    return pid


def _lead(begins_session: bool) -> None:
    if begins_session:
        try:
            os.setsid()
        except OSError:
            pass  # refused: a group is what signals reach, too
        else:
            return
    os.setpgid(0, 0)


def _become(
    path: str,
    arguments: list[str],
    environment: Mapping[bytes, bytes],
    descriptors: Mapping[int, int],
    begins_session: bool,
    reset_signals: Iterable[int],
    tell: int,
) -> None:
    try:
        tell = fcntl.fcntl(tell, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
        _lead(begins_session)
        for number in reset_signals:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for target, source in descriptors.items():
            os.dup2(source, target)
        os.execve(path, arguments, environment)
    except OSError as error:
        os.write(tell, (error.errno or errno.EIO).to_bytes(_ERRNO_BYTES, "little"))
    finally:
        os._exit(127)
