"""Whether jobs can be made, kept, watched and brought back where they are to live."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat

from agent_exec.commands.check import Findings
from agent_exec.errors import InternalError, reason_of
from agent_exec.process import identity
from agent_exec.store.directories import find_directories
from agent_exec.store.filesystem import is_network, type_of
from agent_exec.store.places import trash_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.check import Check
    from agent_exec.store.jobs import JobStore

# As the supervisors have it: below the smaller of these two they store no more output.
_GUARD_BYTES = 256 * 1024 * 1024
_GUARD_SHARE = 0.01
_SCARCE = 4  # times that is still worth a word
_SCARCE_FILES = 1000
_IN_MEMORY = ("tmpfs", "ramfs")
_INOTIFY = "/proc/sys/fs/inotify/"
_USED_SHARE = 0.5  # of the watches: other programs watch too


def check_root(store: JobStore, environ: Mapping[str, str]) -> list[Check]:
    """Look at the root's directory and try in it what jobs need."""
    found = Findings("root")
    root = store.root
    try:
        status = os.stat(root)
    except FileNotFoundError:
        _check_missing(found, root)
        return found.checks
    except OSError as error:
        found.fail("directory", f"{root}: {error.strerror}",
                   "choose another one with --root or AGENT_EXEC_ROOT")  # fmt: skip
        return found.checks
    if not stat.S_ISDIR(status.st_mode):
        found.fail("directory", f"{root} is no directory", "choose another one with --root")
        return found.checks
    found.ok("directory", root)
    _check_rights(found, root, status)
    _check_volume(found, root)
    _check_trying(found, root, environ)
    return found.checks


def _check_missing(found: Findings, root: str) -> None:
    parent = root
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK):
        found.ok("directory", f"{root} is not there yet; the first job makes it")
    else:
        found.fail("directory", f"{root} is not there, and nothing can be made in {parent}",
                   "choose another one with --root or AGENT_EXEC_ROOT")  # fmt: skip


def _check_rights(found: Findings, root: str, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == os.geteuid():
        found.ok("owner", "you")
    else:
        found.fail("owner", f"user {status.st_uid}, not you (user {os.geteuid()}): jobs are read "
                   "and never written", "choose another one with --root")  # fmt: skip
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
        found.warn("mode", f"{mode:o}: others can replace your jobs", f"chmod 700 {root}")
    else:
        found.ok("mode", f"{mode:o}")


def _check_volume(found: Findings, root: str) -> None:
    kind = type_of(root)
    if is_network(root):
        found.warn("file system", f"{kind}, shared with other machines: changes raise no events, "
                   "and locks of other machines may not be seen",
                   "keep jobs on a local disk: --root or AGENT_EXEC_ROOT")  # fmt: skip
    elif kind in _IN_MEMORY:
        found.warn("file system", f"{kind}: in memory, gone with the next start of the system",
                   "keep jobs on a disk if they are to last")  # fmt: skip
    else:
        found.ok("file system", kind or "not told by the system")
    try:
        volume = os.statvfs(root)
    except OSError as error:
        found.warn("free space", f"cannot be told: {error.strerror}")
        return
    free, total = volume.f_bavail * volume.f_frsize, volume.f_blocks * volume.f_frsize
    guard = min(_GUARD_BYTES, int(total * _GUARD_SHARE))
    text = f"{free / 2**20:,.0f} MiB of {total / 2**20:,.0f} MiB"
    way_out = "make room: agent-exec-tui gc --dry-run shows what old jobs hold"
    if free < guard:
        found.fail("free space", f"{text}: output is no longer stored", way_out)
    elif free < guard * _SCARCE:
        found.warn("free space", text, way_out)
    else:
        found.ok("free space", text)
    if volume.f_files and volume.f_favail < _SCARCE_FILES:
        found.warn("free files", f"room for {volume.f_favail:,} more", way_out)


def _check_trying(found: Findings, root: str, environ: Mapping[str, str]) -> None:
    """Make a directory as jobs are made, lock in it, move it to the trash, remove it."""
    trial = os.path.join(root, f".new-doctor-{os.getpid()}")
    try:
        os.mkdir(trial, 0o700)
    except OSError as error:
        found.fail("writing", f"no job can be made: {error.strerror}",
                   "see owner, mode and free space, or choose another root")  # fmt: skip
        return
    try:
        found.ok("writing", "jobs can be made")
        _check_lock(found, trial)
        _check_trash(found, trial, environ)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _check_lock(found: Findings, trial: str) -> None:
    fd = other = -1
    path = os.path.join(trial, "lock")
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        other = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.fail("locks", "two can hold one lock", "keep jobs on a local disk")
            return
        found.ok("locks", "work")
    except OSError as error:
        found.fail("locks", f"cannot be had: {error.strerror}", "keep jobs on a local disk")
    finally:
        for each in (fd, other):
            if each >= 0:
                os.close(each)


def _check_trash(found: Findings, trial: str, environ: Mapping[str, str]) -> None:
    trash = trash_directory(environ)
    target = os.path.join(trash, os.path.basename(trial))
    was_there = os.path.isdir(trash)
    try:
        os.makedirs(trash, mode=0o700, exist_ok=True)
        os.rename(trial, target)
        os.rename(target, trial)
    except OSError as error:
        found.warn("undo", f"what is deleted cannot be brought back: {trash}: {error.strerror}",
                   "set XDG_STATE_HOME to a directory on the root's file system")  # fmt: skip
        shutil.rmtree(target, ignore_errors=True)
    else:
        found.ok("undo", f"deleted jobs can be brought back from {trash}")
    if not was_there:
        with contextlib.suppress(OSError):
            os.rmdir(trash)
            os.rmdir(os.path.dirname(trash))  # unless something else is kept there


def check_watching(store: JobStore) -> list[Check]:
    """See whether changes are told by events, and for how many jobs."""
    found = Findings("watching")
    try:
        jobs = len(find_directories(store))
    except InternalError as error:
        found.fail("jobs", str(error), "see root")
        return found.checks
    if os.path.isdir(_INOTIFY):
        watches = _number(f"{_INOTIFY}max_user_watches")
        finding = f"{jobs:,} jobs; {watches:,} watches per user"
        if jobs >= watches * _USED_SHARE:
            found.warn("inotify watches", f"{finding}: only the newest jobs are watched by events",
                       "sysctl fs.inotify.max_user_watches=524288, or clean up old jobs")  # fmt: skip
        else:
            found.ok("inotify watches", finding)
    if os.path.isdir(store.root):
        _check_events(found, store.root)
    if identity.BLINDNESS:
        found.warn("processes", f"{identity.BLINDNESS}: no job can be signalled",
                   "mount -t proc proc /proc")  # fmt: skip
    if _has_process_descriptors():
        found.ok("ends of processes", "told by the kernel")
    else:
        found.ok("ends of processes", "looked for; the kernel has no descriptors of processes")
    return found.checks


def _number(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _check_events(found: Findings, root: str) -> None:
    try:
        import watchfiles

        events = watchfiles.watch(root, rust_timeout=1, yield_on_timeout=True, step=1, debounce=1,
                                  recursive=False)  # fmt: skip
        with contextlib.closing(events):
            next(events)
    except (ImportError, OSError, RuntimeError) as error:
        found.warn("events", f"cannot be had, the jobs are looked at once a second: "
                   f"{reason_of(error)}",
                   "sysctl fs.inotify.max_user_instances=512; see also the file system above")  # fmt: skip
    else:
        found.ok("events", "changes are told as they happen")


def _has_process_descriptors() -> bool:
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True
