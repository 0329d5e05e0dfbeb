"""What kind of file system a path lies on."""

from __future__ import annotations

import os

_MOUNTS_FILE = "/proc/self/mounts"
_MOUNT_INFO_FILE = "/proc/self/mountinfo"
# Their changes, made elsewhere, raise no events here, and their clocks are other machines'.
_NETWORK_TYPES = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.sshfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"smb3", "smbfs", "virtiofs", "vboxsf", "fuse.s3fs", "fuse.rclone", "glusterfs"}
)


def is_network(path: str) -> bool:
    """Whether *path* lies on a file system shared with other machines, as far as one can tell."""
    return type_of(path) in _NETWORK_TYPES


def is_shared(fd: int) -> bool:
    """Whether what *fd* is open on lies where other machines may use it, too.

    Any FUSE counts: what is behind one cannot be told.
    """
    device = os.fstat(fd).st_dev
    number = b"%d:%d" % (os.major(device), os.minor(device))
    try:
        mounts = os.open(_MOUNT_INFO_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        data = b""
        while chunk := os.read(mounts, 65536):
            data += chunk
    finally:
        os.close(mounts)
    for line in data.split(b"\n"):
        fields = line.split(b" ", 3)
        if len(fields) > 3 and fields[2] == number:
            kind = line.rpartition(b" - ")[2].split(b" ", 1)[0].decode("ascii", "replace")
            return kind in _NETWORK_TYPES or kind == "fuse" or kind.startswith("fuse.")
    return False


def type_of(path: str) -> str:
    """The file system's type as the system names it; empty where that cannot be told."""
    try:
        with open(_MOUNTS_FILE, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescape(fields[1])
        holds = real == point or real.startswith(point.rstrip("/") + "/")
        if holds and len(point) >= len(best):  # the later of two on one point hides the earlier
            best, kind = point, fields[2]
    return kind


def _unescape(field: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, char)
    return field
