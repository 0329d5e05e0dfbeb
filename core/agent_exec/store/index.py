"""The entries of all jobs of a root, those of quiet jobs out of a cache.

The cache is never trusted over the files: each job costs one stat, and only a directory that is
the very one and has not changed since its entry was read is taken from there. Safe to delete.
"""

from __future__ import annotations

import gc
import os
import time

from agent_exec.store import cache
from agent_exec.store.directories import look_at, open_root
from agent_exec.store.entries import (
    INODE,
    MTIME_NS,
    NAME,
    PROBLEM,
    REST,
    STATUS,
    bulk_parser,
    read_entry,
    rest_of,
)
from agent_exec.store.halves import OtherHalf, can_split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec.store.directories import FoundDirectory
    from agent_exec.store.entries import Entry
    from agent_exec.store.jobs import JobStore

# Below this, reading everything anew is as quick, and sees even what was edited in place.
INDEXED_JOBS = 1000
# So many to be read take longer than a child process.
SPLIT_JOBS = 3000
# From here on a quicker parser earns back the time it takes to load.
BULK_JOBS = 8000
# Time stamps tick coarsely and clocks differ: what was read this soon after a change may be
# the state before it.
_SETTLED_NS = 2_000_000_000
# So many entries read anew each time are cheaper than writing the whole cache once more.
_REWRITE_MIN = 200
_REWRITE_SHARE = 0.005
_KIND = "index"


def read_entries(store: JobStore, names: list[str] | None = None) -> list[Entry]:
    """Read the entry of every job, in the directory's order, or of those in *names*.

    Jobs removed meanwhile are left out, links and hidden directories are none.

    Raises:
        InternalError: the root is there and cannot be read.
    """
    return _with_root(store, lambda root_fd: _read_named(store, root_fd, names))


def read_found(store: JobStore, found: list[FoundDirectory], began_ns: int) -> list[Entry]:
    """Read the entries of directories that were looked at since *began_ns*, in their order."""
    return _with_root(store, lambda root_fd: _read_all(store, root_fd, found, began_ns))


def _with_root(store: JobStore, read: Callable[[int], list[Entry]]) -> list[Entry]:
    root_fd = open_root(store)
    if root_fd is None:
        return []
    had_gc = gc.isenabled()
    gc.disable()  # nothing here makes cycles; collecting over 100,000 new tuples takes longer
    try:
        return read(root_fd)
    finally:
        os.close(root_fd)
        if had_gc:
            gc.enable()


def _read_named(store: JobStore, root_fd: int, names: list[str] | None) -> list[Entry]:
    began_ns = time.time_ns()
    if names is not None:
        return _gather(store, root_fd, look_at(root_fd, names), {})[0]
    return _read_all(store, root_fd, look_at(root_fd, os.listdir(root_fd)), began_ns)


def _read_all(
    store: JobStore, root_fd: int, found: list[FoundDirectory], began_ns: int
) -> list[Entry]:
    """Read what was found, by way of the cache; *began_ns* is before the first of it was seen."""
    if len(found) <= INDEXED_JOBS:
        return _gather(store, root_fd, found, {})[0]
    cached = _recall(store.root)
    entries, unread = _gather_quickly(store, root_fd, found, cached)
    news = max(unread, len(cached) - (len(entries) - unread))
    if news > max(_REWRITE_MIN, int(len(entries) * _REWRITE_SHARE)):
        _remember_if_it_helps(store.root, entries, cached, began_ns)
    return entries


def _gather_quickly(
    store: JobStore, root_fd: int, found: list[FoundDirectory], cached: dict[str, Entry]
) -> tuple[list[Entry], int]:
    """Gather on two cores where it takes long: every other core would wait for this one."""
    if len(found) - len(cached) < SPLIT_JOBS or not can_split():
        return _gather(store, root_fd, found, cached)
    import marshal

    middle = len(found) // 2
    first, second = found[:middle], found[middle:]
    try:
        other = OtherHalf(lambda: marshal.dumps(_gather(store, root_fd, second, cached)))
    except OSError:
        return _gather(store, root_fd, found, cached)
    entries, unread = _gather(store, root_fd, first, cached)
    made = other.result()
    if made is None:
        more, more_unread = _gather(store, root_fd, second, cached)
    else:
        more, more_unread = marshal.loads(made)  # from our own child
    return entries + more, unread + more_unread


def _gather(
    store: JobStore, root_fd: int, found: list[FoundDirectory], cached: dict[str, Entry]
) -> tuple[list[Entry], int]:
    """Give every entry, and how many had to be read from the files."""
    entries: list[Entry] = []
    unread = 0
    find = cached.get
    parse = bulk_parser() if len(found) - len(cached) >= BULK_JOBS else None
    for name, mtime_ns, inode in found:
        entry = find(name)
        if not entry or entry[MTIME_NS] != mtime_ns or entry[INODE] != inode:
            entry = read_entry(store, name, root_fd, mtime_ns, inode, parse)
            if not entry:
                continue
            unread += 1
        entries.append(entry)
    return entries, unread


def _recall(root: str) -> dict[str, Entry]:
    import marshal

    packed = cache.recall(root, _KIND)
    # Damage, which marshal does not bear, was found by then.
    entries: dict[str, Entry] = marshal.loads(packed) if packed else {}
    return entries


def _remember_if_it_helps(
    root: str, entries: list[Entry], cached: dict[str, Entry], began_ns: int
) -> None:
    import marshal

    settled = {
        entry[NAME]: (*entry[:REST], marshal.dumps(rest_of(entry)))
        for entry in entries
        if _is_settled(entry, began_ns)
    }
    if settled != cached:  # or the next listing would find the same again
        cache.remember(root, _KIND, marshal.dumps(settled))


def _is_settled(entry: Entry, began_ns: int) -> bool:
    # A running job's record may be rewritten in place by the oldest peers.
    return (
        entry[PROBLEM] is None
        and entry[STATUS] != "running"
        and entry[MTIME_NS] + _SETTLED_NS < began_ns
    )
