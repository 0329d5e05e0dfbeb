"""A cgroup for each job, where a cgroup v2 directory is delegated to us.

Who is in it belongs to the job, whatever session, parent or environment it has: it finds what
nothing else does once the supervisor is gone. A path that was read from a record is believed
only if it is such a directory of ours (``is_leaf_of``).

Kept free of dataclasses: a supervisor loads this where there is something to do for it.
"""

from __future__ import annotations

import os

from agent_exec.process import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.process.identity import ProcessStat

SETTING = "AGENT_EXEC_CGROUP"
AUTO = "auto"
OFF = "off"

_PREFIX = "agent-exec-"
_PROCESSES = "cgroup.procs"
_KILL = "cgroup.kill"
_EVENTS = "cgroup.events"
_FILE_SYSTEM = "cgroup2"
_ROOT_USER = 0
# How systemd says that a directory is left to whoever runs in it; only root has to ask, as
# nobody else may write to one that is not.
_DELEGATION_MARKS = ("trusted.delegate", "user.delegate")


def setting_of(environ: Mapping[str, str]) -> str:
    """What the user wants: see ``delegated_directory``."""
    return environ.get(SETTING) or AUTO


def delegated_directory(setting: str = AUTO) -> str | None:
    """The directory in which this process may make a cgroup for each job; None without one.

    Args:
        setting: ``auto`` for the process's own cgroup where it is delegated to this user, the
            absolute path of a cgroup to use instead if it may be written to; anything else is
            off.
    """
    if os.path.isabs(setting):
        # As the kernel names it: no other path of a cgroup is believed later on.
        directory = os.path.realpath(setting)
        return directory if _is_mounted(directory) and _is_writable(directory) else None
    own = own_directory() if setting == AUTO else None
    if own is None:
        return None
    # Within a job: its cgroup is for its own processes, not for the jobs that it starts.
    directory = os.path.dirname(own) if _is_leaf(own) else own
    return directory if _is_delegated(directory) else None


def own_directory() -> str | None:
    """The cgroup this process is in; None where cgroup v2 is not to be seen."""
    return _directory_of("self")


def _directory_of(process: int | str) -> str | None:
    if not identity.HAS_PROC:
        return None
    try:
        lines = identity.read_file(f"/proc/{process}/cgroup").split(b"\n")
        path = next((line[3:] for line in lines if line.startswith(b"0::/")), None)
        if path is None or b"/../" in path + b"/":
            return None  # outside of what this namespace shows
        for root, mount_point in _mounts():
            inside = _below(path, root)
            if inside is not None:
                return os.fsdecode(os.path.join(mount_point, inside).rstrip(b"/"))
    except OSError:
        pass
    return None


def _mounts() -> list[tuple[bytes, bytes]]:
    """Each place where cgroup v2 is mounted: what of it, and where."""
    found = []
    for line in identity.read_file("/proc/self/mountinfo").split(b"\n"):
        head, _, tail = line.partition(b" - ")
        fields = head.split(b" ", 5)
        is_plain = len(fields) > 5 and b"\\" not in fields[3] + fields[4]
        if is_plain and tail.split(b" ", 1)[0] == _FILE_SYSTEM.encode():
            found.append((fields[3], fields[4]))
    return found


def _below(path: bytes, directory: bytes) -> bytes | None:
    """*path* relative to *directory*; None if it is elsewhere."""
    directory = directory.rstrip(b"/") + b"/"
    return path[len(directory) :] if (path.rstrip(b"/") + b"/").startswith(directory) else None


def _is_delegated(directory: str) -> bool:
    if os.geteuid() == _ROOT_USER:
        return any(_attribute(directory, name) == b"1" for name in _DELEGATION_MARKS)
    return _is_writable(directory)


def _is_mounted(path: str) -> bool:
    """Whether a path without links lies where cgroup v2 is mounted."""
    try:
        return any(_below(os.fsencode(path), point) is not None for _, point in _mounts())
    except OSError:
        return False


def _is_writable(directory: str) -> bool:
    processes = os.path.join(directory, _PROCESSES)
    return os.access(directory, os.W_OK) and os.access(processes, os.W_OK)


def _attribute(path: str, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name)
    except OSError:
        return None


def leaf_path(directory: str, job_id: str, started_ns: int) -> str:
    """Name the cgroup of one run of one job."""
    return os.path.join(directory, f"{_PREFIX}{job_id}-{started_ns}")


def _is_leaf(path: str) -> bool:
    return os.path.basename(path).startswith(_PREFIX)


def is_leaf_of(path: str, job_id: str, started_ns: int) -> bool:
    """Whether *path* is a cgroup that we made for that very run."""
    directory = os.path.dirname(path)
    if not started_ns or path != leaf_path(directory, job_id, started_ns):
        return False
    try:
        if os.path.realpath(path) != path or os.lstat(path).st_uid != os.geteuid():
            return False
    except OSError:
        return False
    return _is_mounted(path)


def add(path: str, seen: ProcessStat) -> None:
    """Move exactly that process into a cgroup; its children will be born there.

    The first move for a while takes the kernel some 10 ms, those that follow 0.05 ms.

    Raises:
        ProcessLookupError: it is gone; who got its pid since it was seen is not in there.
        OSError: it may not be moved there.
    """
    if not _is_still(seen):
        raise ProcessLookupError
    _move(path, seen.pid)
    # The kernel takes a bare pid: only now is it sure whose that was.
    if not _is_still(seen):
        put_back(path, seen.pid)
        raise ProcessLookupError


def put_back(path: str, pid: int) -> None:
    """Move who was taken for another out of a cgroup, if it is there, to where its parent is.

    It got the other's pid a moment ago, so that is where it comes from. A child of somebody in
    there comes from there, and stays.
    """
    stat = identity.read_stat(pid)
    if stat is None or pid not in pids_in(path):
        return
    origin = _directory_of(stat.parent_pid)
    if origin is not None and origin != path:
        _move(origin, pid)


def _is_still(seen: ProcessStat) -> bool:
    stat = identity.read_stat(seen.pid)
    return stat is not None and stat.start_ticks == seen.start_ticks


def _move(path: str, pid: int) -> None:
    _write(os.path.join(path, _PROCESSES), b"%d" % pid)


def leave_leaf(directory: str) -> None:
    """Move this process out of another job's cgroup, if it is in one, into *directory*."""
    own = own_directory()
    if own is not None and _is_leaf(own):
        _move(directory, os.getpid())


def pids_in(path: str) -> list[int]:
    """Every process in a cgroup or below it; empty when it is gone."""
    pids: list[int] = []
    try:
        # 0 is a process that this PID namespace does not show.
        words = identity.read_file(os.path.join(path, _PROCESSES)).split()
        pids += [int(word) for word in words if int(word) > 0]
    except OSError:
        pass  # gone, or one for threads, whose processes are listed above
    for below in _below_directories(path):
        pids += pids_in(below)
    return pids


def _below_directories(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [each.path for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def kill(path: str) -> bool:
    """Have the kernel kill all in a cgroup, faster than they can fork; False if it cannot."""
    try:
        _write(os.path.join(path, _KILL), b"1")
    except OSError:
        return False  # before Linux 5.14
    return True


def remove(path: str) -> None:
    """Remove a cgroup and those below it, or none of them while anything lives in one."""
    # Looked at from the top: what a running job keeps empty below its own is no litter.
    if not _is_empty(path):
        return
    for below in _below_directories(path):
        remove(below)
    try:
        os.rmdir(path)
    except OSError:
        return  # gone, or somebody is in there after all


def _is_empty(path: str) -> bool:
    """Whether nothing lives in a cgroup nor below it."""
    try:
        return b"populated 0" in identity.read_file(os.path.join(path, _EVENTS)).split(b"\n")
    except OSError:
        return False


def sweep(environ: Mapping[str, str]) -> None:
    """Remove what lies empty in our delegated directory: its last process outlived the job."""
    directory = delegated_directory(setting_of(environ))
    if directory is not None:
        for path in filter(_is_leaf, _below_directories(directory)):
            remove(path)


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
