"""Turn this process into one that nothing of its starter's reaches any more."""

from __future__ import annotations

import os

from agent_exec.process.bare_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import CDLL

# Nobody sends these to a supervisor on purpose. PIPE and XFSZ become errors of the write that
# caused them (EPIPE, EFBIG), which are handled where they occur.
IGNORED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
HANDLED = (signal.SIGTERM, signal.SIGCHLD)
PRIVATE_UMASK = 0o077
KEPT_FREE_BYTES = 2 * 1024 * 1024

_SET_NAME, _SET_CHILD_SUBREAPER = 15, 36  # <linux/prctl.h>
_M_TRIM_THRESHOLD = -1  # <malloc.h>
_M_MMAP_THRESHOLD = -3

_library: CDLL | None = None


def detach(keep: tuple[int, ...]) -> None:
    """Leave session, terminal, directory, descriptors and signal settings of the starter.

    Args:
        keep: descriptors that stay open, from now on closed at exec.
    """
    leave_session()
    settle(keep)


def leave_session() -> None:
    """Begin a session; where a sandbox refuses that, a process group at least."""
    try:
        os.setsid()
    except OSError:
        os.setpgid(0, 0)


def settle(keep: tuple[int, ...]) -> None:
    """``detach`` but for the session: what a launcher does once for all it will fork."""
    os.chdir("/")
    os.umask(PRIVATE_UMASK)
    _reset_signals()
    close_others(keep)
    keep_freed_memory()


def _reset_signals() -> None:
    for number in signal.valid_signals():
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, signal.SIG_IGN if number in IGNORED else signal.SIG_DFL)
            except (OSError, ValueError):
                continue  # the C library keeps some for itself
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def close_others(keep: tuple[int, ...]) -> None:
    """Close every descriptor but *keep*; standard input, output and error become null."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for fd in _open_descriptors():
        if fd > 2 and fd not in keep:
            try:
                os.close(fd)
            except OSError:
                continue  # the listing's own descriptor
    for fd in keep:
        os.set_inheritable(fd, False)


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return list(range(min(os.sysconf("SC_OPEN_MAX"), 65536)))


def open_wakeup(numbers: tuple[int, ...] = HANDLED) -> int:
    """Have signals readable as bytes, one number each; returns the descriptor."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, _leave_to_wakeup)
    return read_end


def _leave_to_wakeup(number: int, frame: object) -> None:
    """Do nothing: the byte in the wakeup pipe is what counts."""


def _c_library() -> CDLL:
    global _library
    if _library is None:
        import ctypes

        _library = ctypes.CDLL(None)
    return _library


def adopt_orphans(is_wanted: bool = True) -> None:
    """Become the parent of every descendant whose own parent ends, where the kernel can."""
    try:
        _c_library().prctl(_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return  # without it kill reaches the group and what carries the job's mark


def show_name(name: str) -> None:
    """Let ``top`` and ``ps -o comm`` show what this process is for; the kernel keeps 15 bytes."""
    try:
        _c_library().prctl(_SET_NAME, name.encode(), 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def keep_freed_memory() -> None:
    """Do not give back blocks of a chunk's size, and get them anew page by page, all the time.

    That takes the GNU C library's default settings a second for every GiB of output.
    """
    try:
        for parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            _c_library().mallopt(parameter, KEPT_FREE_BYTES)
    except (ImportError, OSError, AttributeError):
        return  # another C library
