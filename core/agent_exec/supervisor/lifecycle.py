"""One run of one job, from the launcher's request to the last byte: one loop, one thread."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import sys
import time

from agent_exec.model import records
from agent_exec.store.clock import now_timestamp
from agent_exec.supervisor.child import LaunchProblem, open_stdin, start_child
from agent_exec.supervisor.definition import load_definition
from agent_exec.supervisor.detach import adopt_orphans, detach, open_wakeup
from agent_exec.supervisor.journal import Journal
from agent_exec.supervisor.logfile import LogFile, open_log
from agent_exec.supervisor.output import FullLog, Stream
from agent_exec.supervisor.report import Report
from agent_exec.supervisor.stopping import TreeStop, signal_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from resource import struct_rusage

    from agent_exec.supervisor.definition import Definition

DRAIN_LIMIT_S = 2.0
_DRAIN_BYTES_MAX = 2 * 1024 * 1024  # more than any pipe holds: what was there at the child's end
_PLACE_CHECK_S = 20.0


def supervise(dir_fd: int, lock_fd: int, report_fd: int, definition_fd: int) -> int:
    """Run one job to its end; the exit status says whether it was started.

    Args:
        dir_fd: the job's directory.
        lock_fd: supervisor.lock, held; kept open for as long as this process lives.
        report_fd: where the launcher listens.
        definition_fd: the JSON of ``process.launch.LaunchSpec``, read to its end.
    """
    detach((dir_fd, lock_fd, report_fd, definition_fd))
    report = Report(report_fd)
    try:
        definition = load_definition(definition_fd)
    except (OSError, ValueError, KeyError) as error:
        report.send("failed", reason=f"read the definition: {error!r}")
        return 1
    journal = Journal(dir_fd, definition.root, definition.job_id, definition.full_log_path)
    run = Run(definition, dir_fd, journal, report)
    try:
        run.start()
    except (LaunchProblem, OSError) as problem:
        journal.publish_failed(str(problem))
        journal.close()
        report.send("failed", reason=str(problem))
        return 1
    run.supervise()
    return 0


class Run:
    """The child, its streams, its records and its time limits."""

    def __init__(
        self, definition: Definition, dir_fd: int, journal: Journal, report: Report
    ) -> None:
        self._definition = definition
        self._dir_fd = dir_fd
        self._journal = journal
        self._report = report
        self._poll = select.poll()
        self._on_ready: dict[int, Callable[[], None]] = {}
        self._streams: tuple[Stream, ...] = ()
        self._pid = 0
        self._is_child_ours = False  # from the fork until it is reaped
        self._has_output = False
        self._is_drained = False
        self._is_told_to_end = False
        self._cause: str | None = None

    # -- start ---------------------------------------------------------------------------

    def start(self) -> None:
        """Open the logs, start the child, publish ``running`` and report it.

        Raises:
            LaunchProblem, OSError: nothing runs.
        """
        definition = self._definition
        adopt_orphans()
        self._open_logs()
        stdin_fd = open_stdin(definition, self._dir_fd)
        self._journal.reserve()
        # Before the fork: the child may end before we look again.
        self._wakeup_fd = open_wakeup()
        self._watch(self._wakeup_fd, self._on_signal)
        pipes = [os.pipe(), os.pipe()]
        self._started_ns = time.time_ns()
        self._started_s = time.monotonic()
        try:
            self._pid = start_child(definition, stdin_fd, pipes[0][1], pipes[1][1])
        finally:
            for fd in (stdin_fd, pipes[0][1], pipes[1][1]):
                os.close(fd)
        self._is_child_ours = True
        self._journal.publish_running(self._pid, self._started_ns)
        self._report.send("started", pid=self._pid, started_at=self._journal.started_at)
        self._open_streams(pipes[0][0], pipes[1][0])
        self._set_timers()

    def _open_logs(self) -> None:
        definition = self._definition
        full_path = definition.full_log_path
        full_fd = None if full_path is None else _open_full_log(full_path)
        fds = [open_log(name, self._dir_fd) for name in (records.STDOUT_LOG, records.STDERR_LOG)]
        if full_fd is None:
            full_fd = open_log(records.FULL_LOG, self._dir_fd)
        self._logs = [
            LogFile(fd, limit, keeps_free_space=definition.keeps_free_space)
            for fd, limit in (
                (fds[0], definition.log_max_bytes),
                (fds[1], definition.log_max_bytes),
                (full_fd, 0),
            )
        ]

    def _open_streams(self, stdout_fd: int, stderr_fd: int) -> None:
        full = FullLog(self._logs[2])
        limit_bytes = self._definition.log_max_bytes
        self._streams = (
            Stream("stdout", stdout_fd, self._logs[0], full, limit_bytes),
            Stream("stderr", stderr_fd, self._logs[1], full, limit_bytes),
        )
        for stream in self._streams:
            os.set_blocking(stream.fd, False)
            self._watch(stream.fd, functools.partial(self._on_output, stream))

    def _set_timers(self) -> None:
        definition = self._definition
        self._stop = TreeStop(self._pid)
        self._timeout_at = _deadline(self._started_s, definition.timeout_ms)
        self._progress_at = _deadline(self._started_s, definition.progress_every_ms)
        self._drain_by: float | None = None
        self._check_place_at: float | None = None

    # -- the loop ------------------------------------------------------------------------

    def supervise(self) -> None:
        """Serve the child until it is over, recorded, and nobody can write output any more."""
        while not self._is_over():
            for fd, _ in self._poll.poll(self._poll_timeout_ms()):
                handler = self._on_ready.get(fd)
                if handler is not None:
                    handler()
            self._on_time(time.monotonic())
        self._finish()

    def _is_over(self) -> bool:
        if self._is_child_ours or self._journal.retry_at is not None:
            return False
        return self._is_told_to_end or (
            self._is_drained
            and self._stop.next_at is None
            and not any(stream.is_open for stream in self._streams)
        )

    def _watch(self, fd: int, handler: Callable[[], None]) -> None:
        self._on_ready[fd] = handler
        self._poll.register(fd, select.POLLIN)

    def _unwatch(self, fd: int) -> None:
        del self._on_ready[fd]
        self._poll.unregister(fd)

    def _poll_timeout_ms(self) -> float | None:
        due = [moment for moment in self._moments() if moment is not None]
        # Rounded up: a timer looked at a fraction too early would mean one empty turn more.
        return max(0.0, (min(due) - time.monotonic()) * 1000 + 1) if due else None

    def _moments(self) -> tuple[float | None, ...]:
        return (
            self._timeout_at,
            self._progress_at,
            self._drain_by,
            self._check_place_at,
            self._stop.next_at,
            self._journal.retry_at,
        )

    def _on_time(self, now_s: float) -> None:
        if _is_due(self._timeout_at, now_s):
            self._timeout_at = None
            self._cause = "timeout"
            kill_after_s = self._definition.kill_after_ms / 1000
            self._stop.begin(now_s, kill_after_s, is_child_ours=self._is_child_ours)
        if _is_due(self._stop.next_at, now_s):
            self._stop.step(now_s, is_child_ours=self._is_child_ours)
        if _is_due(self._progress_at, now_s):
            self._progress_at = _deadline(now_s, self._definition.progress_every_ms)
            self._journal.refresh_running()
        if _is_due(self._drain_by, now_s):
            self._publish_drained()
        if _is_due(self._check_place_at, now_s):
            self._check_place_at = now_s + _PLACE_CHECK_S
            self._is_told_to_end = not (self._journal.is_in_place() and self._journal.is_ours())
        if _is_due(self._journal.retry_at, now_s):
            self._journal.retry()

    # -- output --------------------------------------------------------------------------

    def _on_output(self, stream: Stream) -> None:
        if self._is_drained and not self._journal.is_ours():
            self._is_told_to_end = True  # another program restarted the job: the logs are its
            return
        with contextlib.suppress(BlockingIOError):
            self._read(stream)

    def _read(self, stream: Stream) -> int:
        fd = stream.fd
        size_bytes = stream.read()
        if size_bytes == 0:
            self._unwatch(fd)
            if not self._is_child_ours and not any(each.is_open for each in self._streams):
                self._publish_drained()
        elif not self._has_output:
            self._has_output = True
            self._report.send("output")
        return size_bytes

    def _drain(self) -> None:
        for stream in self._streams:
            left_bytes = _DRAIN_BYTES_MAX
            with contextlib.suppress(BlockingIOError):
                while stream.is_open and left_bytes > 0:
                    left_bytes -= self._read(stream)

    # -- the end -------------------------------------------------------------------------

    def _on_signal(self) -> None:
        numbers = os.read(self._wakeup_fd, 4096)
        if signal.SIGTERM in numbers:
            self._on_terminate()
        self._reap()

    def _on_terminate(self) -> None:
        if not self._is_child_ours:
            self._is_told_to_end = True
            return
        self._cause = self._cause or "terminated_with_supervisor"
        signal_tree(self._pid, signal.SIGTERM, is_child_ours=True)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid and self._is_child_ours:
                self._is_child_ours = False
                self._on_child_end(status, usage)

    def _on_child_end(self, status: int, usage: struct_rusage) -> None:
        self._duration_ms = int((time.monotonic() - self._started_s) * 1000)
        self._finished_at = now_timestamp()
        self._timeout_at = self._progress_at = None
        is_killed = os.WIFSIGNALED(status)
        self._exit_code = None if is_killed else os.WEXITSTATUS(status)
        self._signal = os.WTERMSIG(status) if is_killed else None
        self._cause = self._cause or ("signal" if is_killed else "exit")
        self._resource_use = _resource_use(usage)
        self._drain()
        if any(stream.is_open for stream in self._streams):
            self._drain_by = time.monotonic() + DRAIN_LIMIT_S
            self._note_end()
            self._publish_end(logs_drained=False)
        elif not self._is_drained:
            self._publish_drained()

    def _note_end(self) -> None:
        if not self._journal.is_ours():
            return
        stdout, stderr, full = (log.dropped for log in self._logs)
        reasons = [log.drop_reason for log in self._logs if log.drop_reason]
        self._journal.note(
            cause=self._cause,
            resource_use=self._resource_use,
            still_capturing=any(stream.is_open for stream in self._streams),
            dropped_bytes={"stdout": stdout, "stderr": stderr, "full": full},
            drop_reason=reasons[0] if reasons else None,
        )

    def _publish_end(self, *, logs_drained: bool) -> None:
        self._journal.publish_end(
            exit_code=self._exit_code,
            signal=self._signal,
            duration_ms=self._duration_ms,
            finished_at=self._finished_at,
            logs_drained=logs_drained,
        )
        self._report.send("ended")

    def _publish_drained(self) -> None:
        if self._is_drained:
            return
        self._is_drained = True
        self._drain_by = None
        self._note_end()
        self._publish_end(logs_drained=True)
        self._report.send("drained")
        self._report.close()
        if any(stream.is_open for stream in self._streams):
            self._check_place_at = time.monotonic() + _PLACE_CHECK_S

    def _finish(self) -> None:
        is_late = self._check_place_at is not None
        for stream in self._streams:
            stream.close()
        if is_late and self._journal.is_in_place():
            self._note_end()
        self._journal.close()


def _deadline(now_s: float, delay_ms: int) -> float | None:
    return now_s + delay_ms / 1000 if delay_ms else None


def _is_due(moment_s: float | None, now_s: float) -> bool:
    return moment_s is not None and moment_s <= now_s


def _open_full_log(path: str) -> int:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise LaunchProblem.from_os_error(error, f"make the directory of log {path}") from None
    return open_log(path, None)


def _resource_use(usage: struct_rusage) -> records.Document:
    unit_bytes = 1024 if sys.platform.startswith("linux") else 1
    return {
        "user_ms": int(usage.ru_utime * 1000),
        "system_ms": int(usage.ru_stime * 1000),
        "max_rss_bytes": usage.ru_maxrss * unit_bytes,
    }
