"""The lines of all jobs of a root, those of quiet jobs out of a cache.

The cache is never trusted over the files: each job costs one stat, and only a directory that is
the very one and has not changed since its line was read is taken from there. Safe to delete.
"""

from __future__ import annotations

import gc
import os
import sys
import time

from agent_exec.store import atomic
from agent_exec.store.rows import JobRow, read_row_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.store.jobs import JobStore

    Entry = tuple[object, ...]


# Below this, reading everything anew is as quick, and sees even what was edited in place.
INDEXED_JOBS = 1000
# Time stamps tick coarsely and clocks differ: what was read this soon after a change may be
# the state before it.
_SETTLED_NS = 2_000_000_000
# So many lines read anew each time are cheaper than writing the whole cache once more.
_REWRITE_MIN = 200
_REWRITE_SHARE = 0.005
_FORGET_AFTER_S = 90 * 86400

_MAGIC = b"agent-exec-tui index 1 " + sys.version.split()[0].encode() + b"\n"
_SUFFIX = ".index"


def read_rows(store: JobStore, names: list[str] | None = None) -> list[JobRow]:
    """Read the line of every job, in the directory's order, or of those in *names*.

    Jobs removed meanwhile are left out.

    Raises:
        InternalError: the root is there and cannot be read.
    """
    is_whole = names is None
    names = store.names() if names is None else names
    if not names:
        return []
    began_ns = time.time_ns()
    path = cache_path(store.root) if is_whole and len(names) > INDEXED_JOBS else ""
    had_gc = gc.isenabled()
    gc.disable()  # nothing here makes cycles; collecting over 100,000 new tuples takes longer
    try:
        cached = _load(path, store.root) if path else {}
        rows, unread = _gather(store, names, cached)
        if path:
            _save_if_worth_it(path, store.root, rows, cached, unread, began_ns)
        return rows
    finally:
        if had_gc:
            gc.enable()


def _gather(
    store: JobStore, names: list[str], cached: dict[str, Entry]
) -> tuple[list[JobRow], int]:
    """Give every line, and how many had to be read from the files."""
    rows: list[JobRow] = []
    unread = 0
    stat, make, find = os.stat, tuple.__new__, cached.get
    try:
        root_fd = os.open(store.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return [], 0  # removed since its names were read
    try:
        for name in names:
            try:
                status = stat(name, dir_fd=root_fd, follow_symlinks=False)
            except OSError:
                continue
            entry = find(name)
            if entry and entry[1] == status.st_mtime_ns and entry[2] == status.st_ino:
                rows.append(make(JobRow, entry))
                continue
            row = read_row_at(store, name, root_fd, status)
            if row is not None:
                unread += 1
                rows.append(row)
    finally:
        os.close(root_fd)
    return rows, unread


def cache_path(root: str) -> str:
    """Where the lines of *root* are kept."""
    import hashlib

    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    key = hashlib.blake2b(os.fsencode(root), digest_size=16).hexdigest()
    return os.path.join(base, "agent-exec-tui", key + _SUFFIX)


def _load(path: str, root: str) -> dict[str, Entry]:
    import marshal
    import zlib

    try:
        fd = atomic.open_regular(path)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                return {}
            if file.readline() != _MAGIC:
                return {}
            checksum, payload = file.readline(), file.read()
    except OSError:
        return {}
    # The checksum keeps damage away from marshal, which does not bear it.
    if checksum != b"%08x\n" % zlib.crc32(payload):
        return {}
    saved_root, entries = marshal.loads(payload)
    return {entry[0]: entry for entry in entries} if saved_root == root else {}


def _save_if_worth_it(
    path: str,
    root: str,
    rows: list[JobRow],
    cached: dict[str, Entry],
    unread: int,
    began_ns: int,
) -> None:
    news = max(unread, len(cached) - (len(rows) - unread))
    if news <= max(_REWRITE_MIN, int(len(rows) * _REWRITE_SHARE)):
        return
    settled = [tuple(row) for row in rows if _is_settled(row, began_ns)]
    # Without new entries the next listing would find the same and write the same again.
    known = sum(1 for entry in settled if cached.get(str(entry[0])) == entry)
    if known == len(settled) == len(cached):
        return
    try:
        _save(path, root, settled)
    except OSError as error:
        import logging  # 10 ms that only a disk in trouble pays

        logging.getLogger(__name__).info("the listing cache %s cannot be written: %s", path, error)


def _is_settled(row: JobRow, began_ns: int) -> bool:
    # A running job's record may be rewritten in place by the oldest peers.
    return row.problem is None and row.status != "running" and row.mtime_ns + _SETTLED_NS < began_ns


def _save(path: str, root: str, entries: Iterable[Entry]) -> None:
    import marshal
    import zlib

    payload = marshal.dumps((root, list(entries)))
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=atomic.DIRECTORY_MODE, exist_ok=True)
    dir_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        data = b"".join((_MAGIC, b"%08x\n" % zlib.crc32(payload), payload))
        atomic.replace_file(dir_fd, os.path.basename(path), data, durable=False)
        _forget_old(dir_fd)
    finally:
        os.close(dir_fd)


def _forget_old(dir_fd: int) -> None:
    """Remove caches of roots that nobody has listed for long."""
    for name in os.listdir(dir_fd):
        if not name.endswith(_SUFFIX) and not name.startswith(".tmp-"):
            continue
        try:
            status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        except OSError:
            continue
        if time.time() - status.st_mtime > _FORGET_AFTER_S:
            atomic.remove_if_there(dir_fd, name)
