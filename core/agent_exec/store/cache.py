"""What is remembered of a root to be quicker the next time; safe to delete, never trusted."""

from __future__ import annotations

import os
import sys
import time

from agent_exec.errors import reason_of
from agent_exec.store import atomic, story
from agent_exec.store.places import home_directory

# Another Python may pack otherwise.
_MAGIC = b"agent-exec-tui cache 4 " + sys.version.split()[0].encode() + b"\n"
_FORGET_AFTER_S = 90 * 86400
_KINDS = ("index", "newest")


def cache_path(root: str, kind: str = "index") -> str:
    """Where that *kind* of thing is kept about *root*."""
    import zlib

    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(home_directory(os.environ), ".cache")
    # Two roots of one name would take turns in one file: it says whose it is.
    name = os.fsencode(root)
    key = f"{zlib.crc32(name):08x}{zlib.adler32(name):08x}"
    return os.path.join(base, "agent-exec-tui", f"{key}.{kind}")


def recall(root: str, kind: str) -> bytes | None:
    """Give what was remembered; None for nothing, or nothing that can be believed."""
    import zlib

    try:
        fd = atomic.open_regular(cache_path(root, kind))
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                return None
            if file.readline() != _MAGIC:
                return None
            checksum, payload = file.readline(), file.read()
    except OSError:
        return None
    if checksum != b"%08x\n" % zlib.crc32(payload):
        return None
    saved_root, _, value = payload.partition(b"\0")
    return value if saved_root == os.fsencode(root) else None


def remember(root: str, kind: str, value: bytes) -> None:
    """Keep *value*; a disk that does not take it is done without."""
    import zlib

    path = cache_path(root, kind)
    directory = os.path.dirname(path)
    payload = os.fsencode(root) + b"\0" + value
    data = b"".join((_MAGIC, b"%08x\n" % zlib.crc32(payload), payload))
    try:
        atomic.make_directories(directory)
        dir_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            atomic.replace_file(dir_fd, os.path.basename(path), data, durable=False)
            _forget_old(dir_fd)
        finally:
            os.close(dir_fd)
    except OSError as error:
        story.logger(__name__).info("the cache %s cannot be written: %s", path, reason_of(error))


def _forget_old(dir_fd: int) -> None:
    """Remove what is kept of roots that nobody has listed for long."""
    for name in os.listdir(dir_fd):
        if name.rpartition(".")[2] not in _KINDS and not name.startswith(".tmp-"):
            continue
        try:
            status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        except OSError:
            continue
        if time.time() - status.st_mtime > _FORGET_AFTER_S:
            atomic.remove_if_there(dir_fd, name)
