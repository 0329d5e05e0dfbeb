"""Files written whole or not at all, and claimed by one only."""

from __future__ import annotations

import errno
import os
import stat

from agent_exec.errors import InternalError, RecordMissingError, RecordUnreadableError
from agent_exec.model.records import MAX_RECORD_BYTES, TEMP_PREFIX

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_PARENT_MODE = 0o755
ORIGIN_FILE = "root"  # beside the jobs that can be brought back: which root they were taken from

# Inode and modification time: tells a file that is still the one we wrote from any other.
FileVersion = tuple[int, int]

_CANNOT_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.EROFS)
# Where files lie in memory, on Linux; without it they lie in the job's directory.
_SHARED_MEMORY = "/dev/shm"
_HERE = "."

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a fifo planted as a record must not hang its reader.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make_directories(path: str) -> None:
    """Make a directory only for this user, and what is missing above it, writable by no other.

    Raises:
        OSError: it cannot be made, or something else lies there.
    """
    missing: list[str] = []
    while not os.path.isdir(path):
        missing.append(path)
        parent = os.path.dirname(path)
        if parent == path:
            break
        path = parent
    for each in reversed(missing):
        try:
            os.mkdir(each, DIRECTORY_MODE if each is missing[0] else _PARENT_MODE)
        except FileExistsError:
            if not os.path.isdir(each):
                raise  # else another process was quicker
            continue
        mode = stat.S_IMODE(os.stat(each, follow_symlinks=False).st_mode)
        if mode & DIRECTORY_MODE != DIRECTORY_MODE:  # a umask that shuts out its own user
            os.chmod(each, mode | DIRECTORY_MODE)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte; one ``write`` may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync(fd: int) -> None:
    """Have a file or directory survive a power cut, where its file system can do that at all."""
    try:
        os.fsync(fd)
    except OSError as error:
        # Directories on FUSE and CIFS, and what a sandbox leaves out: nothing is wrong with it.
        if error.errno not in _CANNOT_SYNC:
            raise


def create_file(dir_fd: int, name: str) -> int:
    """Create *name*, which must not exist, with mode 0600; the caller owns the descriptor."""
    fd = os.open(name, _CREATE, FILE_MODE, dir_fd=dir_fd)
    os.fchmod(fd, FILE_MODE)  # the umask may have taken our own rights away
    return fd


def version_of(status: os.stat_result) -> FileVersion:
    """Which writing of a file *status* saw."""
    return status.st_ino, status.st_mtime_ns


def write_new_file(
    dir_fd: int, name: str, data: bytes, *, durable: bool = True, mtime_ns: int | None = None
) -> FileVersion:
    """Create *name* with *data* in it; the directory entry is the caller's to sync."""
    fd = create_file(dir_fd, name)
    try:
        write_all(fd, data)
        if mtime_ns is not None:
            os.utime(fd, ns=(mtime_ns, mtime_ns))
        if durable:
            sync(fd)
        return version_of(os.fstat(fd))
    finally:
        os.close(fd)


def replace_file(
    dir_fd: int, name: str, data: bytes, *, durable: bool = True, mtime_ns: int | None = None
) -> FileVersion:
    """Put *data* in the place of *name* so that a reader sees the old or the new, never a mix.

    Args:
        dir_fd: the directory, which stays the right one even if it is renamed meanwhile.
        name: a single component.
        data: the whole new content.
        durable: whether the new content must survive a power cut once this returns.
        mtime_ns: how old it shall look; None: as new as it is.
    """
    temp = f"{TEMP_PREFIX}{os.urandom(6).hex()}"
    try:
        version = write_new_file(dir_fd, temp, data, durable=durable, mtime_ns=mtime_ns)
        os.rename(temp, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except BaseException:
        remove_if_there(dir_fd, temp)
        raise
    if durable:
        sync(dir_fd)
    return version


class ReservedFile:
    """Space kept in hand for one record, so that a full disk cannot keep the end of a job back.

    Owns a hidden file of *size_bytes* until ``commit`` or ``close``.
    """

    def __init__(self, dir_fd: int, size_bytes: int = 4096) -> None:
        self._dir_fd = dir_fd
        self._name = f"{TEMP_PREFIX}{os.urandom(6).hex()}"
        self._fd = create_file(dir_fd, self._name)
        try:
            write_all(self._fd, b"\0" * size_bytes)
        except OSError:
            self.close()
            raise

    def commit(self, name: str, data: bytes, *, durable: bool = True) -> FileVersion:
        """Write *data* into the reserved blocks and put them in the place of *name*.

        Raises:
            OSError: it did not fit, and there is no room for the rest; nothing was replaced.
        """
        written = 0
        while written < len(data):
            written += os.pwrite(self._fd, memoryview(data)[written:], written)
        os.ftruncate(self._fd, len(data))
        if durable:
            sync(self._fd)
        version = version_of(os.fstat(self._fd))
        os.rename(self._name, name, src_dir_fd=self._dir_fd, dst_dir_fd=self._dir_fd)
        os.close(self._fd)
        self._fd = -1
        if durable:
            sync(self._dir_fd)
        return version

    def close(self) -> None:
        """Give the space back if it was not used."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            remove_if_there(self._dir_fd, self._name)


def claim(dir_fd: int, name: str) -> bool:
    """Create *name* if nobody has; True for exactly one of any number of callers."""
    try:
        os.close(create_file(dir_fd, name))
    except FileExistsError:
        return False
    return True


def remove_if_there(dir_fd: int, name: str) -> bool:
    """Unlink *name*; False when there was nothing to unlink."""
    try:
        os.unlink(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return False
    return True


def open_anonymous(dir_fd: int, data: bytes) -> int:
    """Open *data* for reading, in memory where the system can; nobody else can open it.

    Sandboxes refuse calls, and not every system has each: whatever fails, the next way is tried.

    Args:
        dir_fd: where it lies, without a name, on systems that have no files in memory.
        data: the whole content; the descriptor stands at its beginning.
    """
    for make in (_in_memory, _in_shared_memory):
        fd = -1
        try:
            fd = make()
            return _filled(fd, data)
        except (OSError, AttributeError):
            if fd >= 0:
                os.close(fd)
    fd = _without_name(_HERE, dir_fd)
    try:
        return _filled(fd, data)
    except OSError:
        os.close(fd)
        raise


def _in_memory() -> int:
    return os.memfd_create("agent-exec", os.MFD_CLOEXEC)


def _in_shared_memory() -> int:
    return _without_name(_SHARED_MEMORY, None)


def _without_name(directory: str, dir_fd: int | None) -> int:
    name = os.path.join(directory, f"{TEMP_PREFIX}{os.urandom(6).hex()}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, FILE_MODE, dir_fd=dir_fd)
    try:
        os.unlink(name, dir_fd=dir_fd)
    except OSError:
        os.close(fd)
        raise
    return fd


def _filled(fd: int, data: bytes) -> int:
    write_all(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def open_regular(path: str, *, dir_fd: int | None = None) -> int:
    """Open an ordinary file for reading, never through a link and never blocking.

    Raises:
        OSError: ELOOP for a symbolic link, EINVAL for anything but a regular file.
    """
    fd = os.open(path, _READ, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return fd


def read_record(path: str, name: str, *, dir_fd: int | None = None) -> bytes:
    """Read a whole record.

    Args:
        path: relative to *dir_fd* if that is given.
        name: the record's name in errors.
        dir_fd: the job's directory.

    Raises:
        RecordMissingError: it is not there.
        RecordUnreadableError: no rights, not a regular file, a link, or too large.
    """
    try:
        fd = open_regular(path, dir_fd=dir_fd)
    except FileNotFoundError:
        raise RecordMissingError(name) from None
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else str(error.strerror)
        raise RecordUnreadableError(name, reason[:1].lower() + reason[1:]) from None
    try:
        size_bytes = os.fstat(fd).st_size
        if size_bytes > MAX_RECORD_BYTES:
            raise RecordUnreadableError(name, f"too large ({size_bytes} bytes)")
        # To the end of the file, not to its size: an old peer may be rewriting it in place.
        data = b""
        while len(data) <= MAX_RECORD_BYTES and (chunk := os.read(fd, size_bytes + 4096)):
            data += chunk
        return data
    except OSError as error:
        raise InternalError.from_os_error(error, f"read {name}") from None
    finally:
        os.close(fd)
