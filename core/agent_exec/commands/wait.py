"""wait: until jobs are over and their logs complete, or a deadline."""

from __future__ import annotations

import time

from agent_exec.commands.settling import look_and_settle
from agent_exec.commands.status import LivenessTold, told
from agent_exec.errors import InvalidArgumentError
from agent_exec.model.job import JobStatus
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import STDERR_LOG, STDOUT_LOG
from agent_exec.model.supervision import DroppedBytes, EndCause
from agent_exec.process.exit_watch import ExitWatch, await_exit
from agent_exec.store.logs import ENCODING, tail_excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal, Self

    from agent_exec.commands.settling import Look
    from agent_exec.store.jobs import JobDir, JobStore

DEFAULT_UNTIL_S = 30.0
DEFAULT_POLL_S = 1.0
EXCERPT_LINES = 50
EXCERPT_BYTES = 65536
# Supervisors, the peers' too, give what holds the pipes 2 s; one that takes longer is gone.
_DRAIN_LIMIT_S = 5.0
# Another program's supervisor writes the end a moment after its child is gone.
_FOREIGN_END_S = 1.0
_CREATED_LOOK_S = 0.2  # nothing tells when a job that waits is started
_QUICK_LOOK_S = 0.01
_LOCK_TIMEOUT_S = 1.0
# Well below the 1024 descriptors that most systems give a program; the rest is looked at.
_MOST_WATCHED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitedJob:
    """A job as it was when the wait ended, with the last lines of its output.

    Attributes:
        liveness: while the record says ``running`` or the process does: which is so.
        cause: why the run ended, beyond code and signal.
    """

    wire_type = "wait"

    job_id: str
    state: JobStatus
    exit_code: int | None = None
    stdout: str
    stderr: str
    encoding: str
    stdout_range: tuple[int, int]
    stderr_range: tuple[int, int]
    stdout_total_bytes: int
    stderr_total_bytes: int
    updated_at: str
    signal: str | None = None
    liveness: LivenessTold | None = None
    cause: EndCause | None = None
    reason: str | None = None
    dropped_bytes: DroppedBytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitedJobs:
    """Several jobs, in the order asked for.

    Attributes:
        mode: ``any`` or ``all``.
        satisfied: False when the deadline came first.
    """

    wire_type = "wait_jobs"

    mode: str
    satisfied: bool
    jobs: tuple[WaitedJob, ...]


def wait_job(
    store: JobStore,
    job_id: str,
    *,
    poll_s: float = DEFAULT_POLL_S,
    until_s: float | None = DEFAULT_UNTIL_S,
) -> WaitedJob:
    """Wait until a job is over and its logs are complete; the deadline always wins.

    Args:
        store: the root.
        job_id: or the beginning of one.
        poll_s: how often to look besides what the system tells.
        until_s: None waits for ever, though never for a job that nothing runs any more.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        RecordUnreadableError: its state is missing, foreign or damaged.
    """
    with _Wait(store, [job_id], poll_s) as wait:
        wait.until(1, until_s)
        return wait.answers()[0]


def wait_jobs(
    store: JobStore,
    ids: Iterable[str],
    *,
    mode: Literal["any", "all"] = "all",
    until_s: float | None = DEFAULT_UNTIL_S,
    poll_s: float = DEFAULT_POLL_S,
) -> WaitedJobs:
    """Wait until any or all of several jobs are over.

    Raises:
        InvalidArgumentError: no id, or none that could be one.
        JobNotFoundError, AmbiguousJobIdError: no such job.
        RecordUnreadableError: a state is missing, foreign or damaged.
    """
    with _Wait(store, ids, poll_s) as wait:
        wanted = 1 if mode == "any" else wait.count
        is_met = wait.until(wanted, until_s)
        return WaitedJobs(mode=mode, satisfied=is_met, jobs=wait.answers())


class _Awaited:
    """One job that is waited for; owns a descriptor of its process."""

    def __init__(self, store: JobStore, job_id: str) -> None:
        self._store = store
        self.job_id = job_id
        self.is_over = False
        self.watch: ExitWatch | None = None
        self._unclear_since_s: float | None = None
        self._look_at_s = 0.0

    def is_due(self, now_s: float) -> bool:
        if now_s >= self._look_at_s:
            return True
        # Its end was seen by the last look already where that has said when to look again.
        return self._unclear_since_s is None and self.watch is not None and self.watch.has_ended

    def left_s(self, now_s: float) -> float:
        return max(0.0, self._look_at_s - now_s)

    def look(self, poll_s: float, *, may_watch: bool = True) -> None:
        """See whether it is over, and when to look again if not.

        Without *may_watch* nothing tells of its end before that.
        """
        with self._store.open(self.job_id) as job:
            found = look_and_settle(job, lock_timeout_s=_LOCK_TIMEOUT_S)
        now_s = time.monotonic()
        pause_s = self._judge(found, now_s, poll_s, may_watch)
        self.is_over = pause_s is None
        self._look_at_s = now_s + (pause_s or 0.0)

    def _judge(self, found: Look, now_s: float, poll_s: float, may_watch: bool) -> float | None:
        """Seconds until the next look; None when the job is over."""
        state = found.state
        if state.is_terminal and not found.runs:
            return None if state.logs_drained else self._unclear(now_s, _DRAIN_LIMIT_S)
        if state.status is JobStatus.CREATED:
            return min(poll_s, _CREATED_LOOK_S)
        if not found.liveness.is_alive and not found.liveness.is_supervised:
            return self._unclear(now_s, _FOREIGN_END_S)
        if found.liveness.is_here and (may_watch or self.watch is not None):
            self._watch(found)
        if self.watch is not None and self.watch.has_ended:
            return self._being_recorded(now_s, poll_s)
        self._unclear_since_s = None
        return poll_s

    def _being_recorded(self, now_s: float, poll_s: float) -> float:
        """Look again at once, as its supervisor writes the end just now; soon it may be held up."""
        if self._unclear_since_s is None:
            self._unclear_since_s = now_s
        return _QUICK_LOOK_S if now_s - self._unclear_since_s < _FOREIGN_END_S else poll_s

    def _unclear(self, now_s: float, limit_s: float) -> float | None:
        """Look again soon, for *limit_s* at most: then nobody will say more."""
        self.close()
        if self._unclear_since_s is None:
            self._unclear_since_s = now_s
        return _QUICK_LOOK_S if now_s - self._unclear_since_s < limit_s else None

    def _watch(self, found: Look) -> None:
        pid = found.state.pid
        if pid is None or (self.watch is not None and self.watch.pid == pid):
            return
        self.close()
        child = found.supervision.child if found.supervision is not None else None
        self.watch = ExitWatch(pid, child.start_ticks if child is not None else None)

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()
            self.watch = None


class _Wait:
    """Several jobs that are waited for at once."""

    def __init__(self, store: JobStore, ids: Iterable[str], poll_s: float) -> None:
        names = dict.fromkeys(store.resolve(each) for each in ids)
        if not names:
            raise InvalidArgumentError("give at least one job ID to wait for")
        self._store = store
        self._poll_s = poll_s
        self._jobs = [_Awaited(store, name) for name in names]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._jobs:
            each.close()

    @property
    def count(self) -> int:
        """How many different jobs there are."""
        return len(self._jobs)

    def until(self, wanted: int, until_s: float | None) -> bool:
        """Return True once *wanted* jobs are over, False at the deadline."""
        deadline_s = None if until_s is None else time.monotonic() + until_s
        pending = self._jobs
        while True:
            now_s = time.monotonic()
            for each in pending:
                if each.is_due(now_s):
                    watched = sum(other.watch is not None for other in pending)
                    each.look(self._poll_s, may_watch=watched < _MOST_WATCHED)
            pending = [each for each in pending if not each.is_over]
            if self.count - len(pending) >= wanted:
                return True
            now_s = time.monotonic()
            if deadline_s is not None and now_s >= deadline_s:
                return False
            pause_s = min(each.left_s(now_s) for each in pending)
            if deadline_s is not None:
                pause_s = min(pause_s, deadline_s - now_s)
            watches = [each.watch for each in pending if each.watch is not None]
            await_exit([watch for watch in watches if not watch.has_ended], pause_s)

    def answers(self) -> tuple[WaitedJob, ...]:
        """All jobs as they are now, in the order asked for."""
        answers = []
        for each in self._jobs:
            with self._store.open(each.job_id) as job:
                answers.append(_answer(job))
        return tuple(answers)


def _answer(job: JobDir) -> WaitedJob:
    found = look_and_settle(job, lock_timeout_s=_LOCK_TIMEOUT_S)
    state, ours = found.state, found.supervision
    stdout, stderr = (
        tail_excerpt(name, EXCERPT_BYTES, EXCERPT_LINES, dir_fd=job.fd)
        for name in (STDOUT_LOG, STDERR_LOG)
    )
    dropped = ours.dropped if ours is not None else DroppedBytes()
    is_running = state.status is JobStatus.RUNNING or found.runs
    return WaitedJob(
        job_id=job.job_id,
        state=state.status,
        exit_code=state.result.exit_code if state.is_terminal else None,
        stdout=stdout.text,
        stderr=stderr.text,
        encoding=ENCODING,
        stdout_range=stdout.range,
        stderr_range=stderr.range,
        stdout_total_bytes=stdout.total_bytes,
        stderr_total_bytes=stderr.total_bytes,
        updated_at=state.updated_at,
        signal=state.result.signal if state.is_terminal else None,
        liveness=told(found.liveness) if is_running else None,
        cause=ours.cause if ours is not None else None,
        reason=ours.reason if ours is not None else None,
        dropped_bytes=dropped if dropped.total or dropped.full else None,
    )
