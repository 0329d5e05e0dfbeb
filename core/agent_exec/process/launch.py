"""Start a job: claim it, hand its definition to a supervisor, wait for the supervisor's word."""

from __future__ import annotations

import contextlib
import os
import time

from agent_exec.errors import (
    AgentExecError,
    InternalError,
    InvalidStateError,
    LaunchFailedError,
)
from agent_exec.model import records
from agent_exec.model.job import JobStatus
from agent_exec.process.handover import Handover
from agent_exec.store import atomic, locks
from agent_exec.store.clock import now_timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from agent_exec.process.handover import Launcher, LaunchSpec
    from agent_exec.process.report import ReportReader
    from agent_exec.store.jobs import JobDir


STARTED_TIMEOUT_S = 6.0  # the peers give theirs 5
LAUNCHER_PATIENCE_S = 2.0  # until one that does not begin is gone round
STALE_CLAIM_S = 6.0
_LOCK_TIMEOUT_S = 1.0  # readers that probe the lock hold it for a moment
_ANSWERS = frozenset({"started", "failed"})


class RunningLaunch:
    """A job that was just started, and the word of its supervisor; close it when done."""

    def __init__(self, pid: int, report: ReportReader) -> None:
        self.pid = pid
        self._report = report

    def wait(self, events: frozenset[str], deadline_monotonic_s: float | None) -> str | None:
        """Wait for the supervisor to tell one of *events*.

        Args:
            events: of ``output`` (bytes are in a log), ``ended`` (the terminal state is on
                disk) and ``drained`` (the logs are complete).
            deadline_monotonic_s: None waits as long as it takes.

        Returns:
            The event that came first, None at the deadline, ``"closed"`` when the supervisor
            is gone without having told any of them.
        """
        return self._report.wait(events, deadline_monotonic_s)

    def close(self) -> None:
        """Listen no more; the job goes on."""
        self._report.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def launch(job: JobDir, spec: LaunchSpec, *, launcher: Launcher | None = None) -> RunningLaunch:
    """Start a created job and wait until its command runs.

    The caller holds the job's lock and has seen it ``created``.

    Args:
        job: stays the caller's.
        spec: what to run.
        launcher: makes the supervisor; without one, or when it is broken, a new process.

    Raises:
        InvalidStateError: somebody else is starting or supervising the job.
        LaunchFailedError: the command cannot be started; the job is ``failed``.
        InternalError: the directory does not take the claim.
    """
    with contextlib.ExitStack() as stack:
        lock_fd = _take_supervisor_lock(job)
        stack.callback(os.close, lock_fd)
        _claim(job, lock_fd)
        try:
            handover = stack.enter_context(contextlib.closing(Handover(job, spec, lock_fd)))
        except OSError as error:
            raise InternalError.from_os_error(error, f"start job {job.job_id}") from None
        try:
            _hand_over(handover, launcher)
        except OSError as error:
            failure = InternalError.from_os_error(error, "start the supervisor")
            raise _failed(job, str(failure), spec.run) from None
        pid = _await_started(job, handover, spec.run)
        return RunningLaunch(pid, handover.give_report())


def _hand_over(handover: Handover, launcher: Launcher | None) -> None:
    """Have a supervisor started by the launcher, or past it if it is gone or does not answer."""
    if not handover.start(launcher) or launcher is None:
        return
    event = handover.report.wait(_ANSWERS, time.monotonic() + LAUNCHER_PATIENCE_S)
    if event not in _ANSWERS and handover.take_back():
        if event is None:
            launcher.give_up(LAUNCHER_PATIENCE_S)
        handover.start()


def _take_supervisor_lock(job: JobDir) -> int:
    try:
        lock_fd = locks.open_lock_file(job.fd, records.SUPERVISOR_LOCK_FILE)
    except OSError as error:
        raise InternalError.from_os_error(error, f"lock job {job.job_id}") from None
    if not locks.lock_within(lock_fd, _LOCK_TIMEOUT_S):
        os.close(lock_fd)
        raise _being_started(job)
    return lock_fd


def _being_started(job: JobDir, left_s: float = 0.0) -> InvalidStateError:
    until = f"; if nobody is, try again in {left_s:.0f} s" if left_s > 0.5 else ""
    return InvalidStateError(
        f"job {job.job_id} is being started by another process; "
        f"only 'created' jobs can be started{until}"
    )


def _claim(job: JobDir, lock_fd: int) -> None:
    """Make the mark that the newer peers honour, too; *lock_fd* is supervisor.lock, held.

    Ours is another name of supervisor.lock, from its first moment on. While that lock is ours,
    such a claim is provably nobody's; only a peer can be behind another, and that one answers
    within 5 s.
    """
    left_s = 0.0
    try:
        if _link_claim(job, lock_fd):
            return
        status = os.stat(records.CLAIM_FILE, dir_fd=job.fd, follow_symlinks=False)
        if not os.path.samestat(status, os.fstat(lock_fd)):
            left_s = STALE_CLAIM_S - abs(time.time() - status.st_mtime)
        if left_s <= 0 and job.read_state().status is JobStatus.CREATED:
            _end_unrecorded(job)
            atomic.remove_if_there(job.fd, records.CLAIM_FILE)
            if _link_claim(job, lock_fd):
                return
    except OSError as error:
        raise InternalError.from_os_error(error, f"claim job {job.job_id}") from None
    raise _being_started(job, left_s)


def _link_claim(job: JobDir, lock_fd: int) -> bool:
    os.utime(lock_fd)  # the moment of the claim orders the runs of one second
    try:
        os.link(
            records.SUPERVISOR_LOCK_FILE,
            records.CLAIM_FILE,
            src_dir_fd=job.fd,
            dst_dir_fd=job.fd,
            follow_symlinks=False,
        )
    except FileExistsError:
        return False
    except OSError:
        return atomic.claim(job.fd, records.CLAIM_FILE)  # a file system without second names
    return True


def _await_started(job: JobDir, handover: Handover, run: int) -> int:
    report, supervisor = handover.report, handover.supervisor
    event = report.wait(_ANSWERS, time.monotonic() + STARTED_TIMEOUT_S)
    if supervisor is not None:
        supervisor.settle()
    if event == "started":
        return int(str(report.fact("pid")))
    if event == "failed":
        raise _failed(job, str(report.fact("reason")), run)
    if event is None:
        if handover.take_back():
            reason = f"supervisor did not begin within {STARTED_TIMEOUT_S:g} s"
            failure = _failed(job, reason, run)
            locks.let_go(handover.lock_fd)  # of which what hangs has a copy
            raise failure
        raise LaunchFailedError(
            f"supervisor did not answer within {STARTED_TIMEOUT_S:g} s; "
            f"it may still start job {job.job_id}, see its status"
        )
    if job.read_state().status is JobStatus.CREATED:
        _end_unrecorded(job)
    why = report.fact("fault") or (supervisor.last_words() if supervisor is not None else "")
    reason = "supervisor ended before it could say anything"
    raise _failed(job, f"{reason}: {why}" if why else reason, run)


def _end_unrecorded(job: JobDir) -> None:
    from agent_exec.process.tree import end_unrecorded  # only after a supervisor's sudden end

    end_unrecorded(job)


def refuse(job: JobDir, reason: str, run: int = 0) -> LaunchFailedError:
    """Record that a created job cannot be launched at all, and make the error that says so.

    The caller holds the job's lock and has seen it ``created``.

    Raises:
        InvalidStateError: somebody else is starting or supervising the job.
        InternalError: the directory does not take the claim.
    """
    lock_fd = _take_supervisor_lock(job)
    try:
        _claim(job, lock_fd)
        return _failed(job, reason, run)
    finally:
        locks.unlock(lock_fd)


def _failed(job: JobDir, reason: str, run: int) -> LaunchFailedError:
    """Record the failure if nobody has; the caller still holds the supervisor's lock."""
    moment = now_timestamp()
    with contextlib.suppress(AgentExecError):
        if job.read_state().status is JobStatus.CREATED:
            job.write_record(
                records.SUPERVISION_FILE,
                records.supervision_document(
                    supervisor=records.NOBODY, run=run, cause="launch_failed", reason=reason
                ),
            )
            job.write_record(
                records.STATE_FILE,
                records.state_document(job.job_id, "failed", updated_at=moment, finished_at=moment),
            )
    return LaunchFailedError(reason)
