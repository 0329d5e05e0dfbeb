"""Whether a process that a record names is there: the one answer for all who judge or signal.

A pid alone names nobody. Together with start time, boot and PID namespace, and the machine where
others share the file system, it is one process; where one of these is another's, or is not
known, nothing is said of it at all.
"""

from __future__ import annotations

import os

from agent_exec.model.records import SUPERVISOR_LOCK_FILE
from agent_exec.process import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.supervision import ProcessIdentity
    from agent_exec.process.identity import ProcessStat
    from agent_exec.store.jobs import JobDir


class Sight:
    """What can be seen of a recorded process; exactly one of the first three is given.

    Attributes:
        stat: itself, alive or not collected yet.
        gone: in what way it certainly is no more.
        doubt: why nothing is certain.
        elsewhere: where it runs instead, if that is the doubt.
        is_reboot: gone with all others of an earlier boot.
        is_reused: gone, and its pid is another's.
        is_same_machine: elsewhere, yet beneath the same kernel, which shares the locks.
    """

    __slots__ = (
        "doubt", "elsewhere", "gone", "is_reboot", "is_reused", "is_same_machine", "stat",
    )  # fmt: skip

    def __init__(
        self,
        stat: ProcessStat | None = None,
        *,
        gone: str = "",
        doubt: str = "",
        elsewhere: str = "",
        is_reboot: bool = False,
        is_reused: bool = False,
        is_same_machine: bool = False,
    ) -> None:
        self.stat = stat
        self.gone = gone
        self.doubt = f"it runs {elsewhere}" if elsewhere else doubt
        self.elsewhere = elsewhere
        self.is_reboot = is_reboot
        self.is_reused = is_reused
        self.is_same_machine = is_same_machine


def recognise(recorded: ProcessIdentity, job: JobDir) -> Sight:
    """Look for a process that a job's record names."""
    if identity.BLINDNESS:
        return Sight(doubt=identity.BLINDNESS)
    if recorded.boot_id != identity.boot_id():
        return _of_another_boot(recorded, job)
    ours, theirs = identity.pid_namespace(), recorded.pid_namespace
    if theirs is not None and theirs != ours:
        where = f"in another PID namespace ({theirs}, this one is {ours})"
        return Sight(elsewhere=where, is_same_machine=True)
    if recorded.pid <= 0:
        return Sight(doubt="the record names no process")
    if theirs is None:
        return _of_an_old_record(recorded, job)
    return _here(recorded)


def _of_another_boot(recorded: ProcessIdentity, job: JobDir) -> Sight:
    if not recorded.boot_id or not identity.boot_id():
        return Sight(doubt="it cannot be told which start of the system it belongs to")
    if recorded.host is None and _is_shared(job):
        return Sight(
            elsewhere="on another machine, or ran before this one was started anew "
            "(the file system is shared, and the record names no host)"
        )
    if recorded.host is not None and recorded.host != identity.host_name():
        return Sight(elsewhere=f"on host {recorded.host}")
    return Sight(gone="the system was started anew since the job was", is_reboot=True)


def _is_shared(job: JobDir) -> bool:
    from agent_exec.store.filesystem import is_shared  # only after the system was started anew

    return is_shared(job.fd)


def _here(recorded: ProcessIdentity) -> Sight:
    pid = recorded.pid
    stat = identity.read_stat(pid)
    if stat is None:
        if identity.exists(pid) and identity.read_stat(pid) is None:
            return Sight(doubt=f"process {pid} is there, but may not be looked at")
        return Sight(gone=f"process {pid} is gone")
    if not recorded.start_ticks:
        return Sight(doubt=f"the record does not say when process {pid} was started")
    if stat.start_ticks != recorded.start_ticks:
        return Sight(gone=f"pid {pid} is another process now", is_reused=True)
    return Sight(stat)


def _of_an_old_record(recorded: ProcessIdentity, job: JobDir) -> Sight:
    """Recognise a process whose record does not name its PID namespace by what it has of the job.

    Version 0.1.0 wrote such records, and its jobs may well outlive an upgrade.
    """
    seen = _here(recorded)
    if seen.stat is not None and _has_to_do_with(seen.stat, job):
        return seen
    return Sight(
        doubt=f"the record does not say in which PID namespace process {recorded.pid} runs"
    )


def _has_to_do_with(stat: ProcessStat, job: JobDir) -> bool:
    from agent_exec.process.mark import job_named_by

    return (
        holds_lock(stat.pid, job)
        or holds_lock(stat.parent_pid, job)
        or job_named_by(stat.pid) == os.fsencode(job.job_id)
    )


def holds_lock(pid: int, job: JobDir) -> bool:
    """Whether a process has the job's supervisor.lock open, as nobody but its supervisor has."""
    try:
        wanted = os.stat(SUPERVISOR_LOCK_FILE, dir_fd=job.fd, follow_symlinks=False)
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for name in names:
        try:
            if os.path.samestat(os.stat(f"/proc/{pid}/fd/{name}"), wanted):
                return True
        except OSError:
            continue
    return False
