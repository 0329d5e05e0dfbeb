"""One run of one job, from its start to the last byte: one loop, one thread."""

from __future__ import annotations

import os
import time

from agent_exec.process.bare_signal import signal
from agent_exec.supervisor.capture import Capture
from agent_exec.supervisor.child import Command, open_stdin, start_process
from agent_exec.supervisor.detach import adopt_orphans, open_wakeup, show_name
from agent_exec.supervisor.enclosure import Enclosure
from agent_exec.supervisor.ending import Ending
from agent_exec.supervisor.loop import READABLE, Loop
from agent_exec.supervisor.losses import Losses
from agent_exec.supervisor.stopping import TreeStop, signal_tree
from agent_exec.supervisor.watching import OutputWatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage

    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.journal import Journal
    from agent_exec.supervisor.output import Stream
    from agent_exec.supervisor.report import Report

DRAIN_LIMIT_S = 2.0
_DRAIN_BYTES_MAX = 2 * 1024 * 1024  # more than any pipe holds: what was there at the child's end
_PLACE_CHECK_S = 20.0


class Run:
    """The child, its streams, its records and its time limits."""

    def __init__(
        self, definition: Definition, dir_fd: int, journal: Journal, report: Report
    ) -> None:
        self._definition = definition
        self._dir_fd = dir_fd
        self._journal = journal
        self._report = report
        self._loop = Loop()
        self._marks = definition.marks()
        self._enclosure = Enclosure(definition.cgroup, definition.job_id, self._marks)
        self._pid = 0
        self._is_child_ours = False  # from the fork until it is collected
        self._has_output = False
        self._is_drained = False
        self._is_told_to_end = False
        self._is_end_told = False
        self._cause: str | None = None
        self._ending: Ending | None = None
        self._drain_by: float | None = None
        self._check_place_at: float | None = None

    def start(self) -> None:
        """Open the logs, start the child, publish ``running`` and report it.

        Raises:
            LaunchProblem, OSError: nothing runs.
        """
        definition = self._definition
        adopt_orphans()
        show_name(f"job-{definition.job_id}")
        self._watch = OutputWatch(definition, self._dir_fd, self._loop)
        self._capture = Capture(definition, self._dir_fd, self._watch.see)
        self._losses = Losses(self._capture, self._watch, self._journal)
        stdin_fd = open_stdin(definition.stdin_file, self._dir_fd)
        self._journal.reserve()
        self._watch.prepare()
        # Before the fork: the child may end before we look again.
        self._wakeup_fd = open_wakeup()
        self._loop.watch(self._wakeup_fd, READABLE, self._on_signal)
        started_ns = time.time_ns()
        self._started_s = time.monotonic()
        self._pid = start_process(
            Command(
                list(definition.arguments),
                definition.environment,
                definition.child_variables(),
                definition.cwd,
                definition.umask,
                (stdin_fd, self._capture.child_ends[0], self._capture.child_ends[1]),
            )
        )
        self._is_child_ours = True
        os.close(stdin_fd)
        self._capture.close_child_ends()
        self._journal.publish_running(self._pid, started_ns)
        self._report.send("started", pid=self._pid)
        for stream in self._capture.streams:
            self._loop.watch(stream.fd, READABLE, self._on_output, stream)
        self._stop = TreeStop(self._pid, self._marks, self._enclosure.kill)
        self._enclosure.begin(self._started_s)
        self._timeout_at = _deadline(self._started_s, definition.timeout_ms)
        self._progress_at = _deadline(self._started_s, definition.progress_every_ms)

    def supervise(self) -> None:
        """Serve the child until it is over, recorded, and nobody can write output any more."""
        while not self._is_over():
            self._loop.turn(
                (
                    self._timeout_at,
                    self._progress_at,
                    self._drain_by,
                    self._check_place_at,
                    self._enclosure.due_at,
                    self._stop.next_at,
                    self._journal.retry_at,
                    self._watch.give_up_at,
                    self._losses.due_at,
                )
            )
            self._losses.look()
            self._on_time(time.monotonic())
        self._finish()

    def _is_over(self) -> bool:
        if self._is_child_ours:
            return False
        if self._is_told_to_end:
            return True
        return (
            self._is_drained
            and not self._capture.is_open
            and self._stop.next_at is None
            and self._journal.retry_at is None
            and self._watch.is_settled()
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
        if _is_due(self._enclosure.due_at, now_s):
            self._enclosure.fill(self._journal)
        if _is_due(self._drain_by, now_s):
            self._publish_drained()
        if _is_due(self._check_place_at, now_s):
            self._check_place_at = now_s + _PLACE_CHECK_S
            if not (self._journal.is_in_place() and self._journal.is_ours()):
                self._is_told_to_end = True
        if _is_due(self._journal.retry_at, now_s):
            self._journal.retry()
            self._tell_end()
            if not self._journal.is_in_place():
                self._is_told_to_end = True
        if _is_due(self._watch.give_up_at, now_s):
            self._watch.give_up()
        if _is_due(self._losses.due_at, now_s):
            self._losses.tell()

    def _on_output(self, stream: Stream) -> None:
        if self._is_drained and not self._journal.is_ours():
            self._is_told_to_end = True  # another program restarted the job: the logs are its
            return
        try:
            self._read(stream)
        except BlockingIOError:
            return

    def _read(self, stream: Stream) -> int:
        fd = stream.fd
        size_bytes = stream.read()
        if size_bytes == 0:
            self._loop.unwatch(fd)
            stream.close()
            if not self._is_child_ours and not self._capture.is_open:
                self._on_all_read()
        elif not self._has_output:
            self._has_output = True
            self._report.send("output")
        return size_bytes

    def _on_all_read(self) -> None:
        if self._is_drained:
            self._watch.settle()
        else:
            self._publish_drained()

    def _drain(self) -> None:
        for stream in self._capture.streams:
            left_bytes = _DRAIN_BYTES_MAX
            try:
                while stream.is_open and left_bytes > 0:
                    left_bytes -= self._read(stream)
            except BlockingIOError:
                continue

    def _on_signal(self) -> None:
        numbers = os.read(self._wakeup_fd, 4096)
        if signal.SIGTERM in numbers:
            self._on_terminate()
        self._reap()

    def _on_terminate(self) -> None:
        """Pass it on; the end is recorded as that of any job. Afterwards: just leave."""
        if not self._is_child_ours:
            self._is_told_to_end = True
            return
        self._cause = self._cause or "terminated_with_supervisor"
        signal_tree(self._pid, self._marks, signal.SIGTERM, is_child_ours=True)

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
            self._watch.on_helper_end(pid)

    def _on_child_end(self, status: int, usage: struct_rusage) -> None:
        self._ending = Ending(status, usage, self._started_s)
        self._timeout_at = self._progress_at = self._enclosure.due_at = None
        if self._cause == "terminated_with_supervisor" and self._ending.exit_code == 0:
            self._cause = None  # asked to end with its supervisor, it went on and did well
        self._cause = self._cause or ("exit" if self._ending.signal_text is None else "signal")
        self._drain()
        if self._capture.is_open:
            self._drain_by = time.monotonic() + DRAIN_LIMIT_S
            self._publish_end(logs_drained=False)
        else:
            self._publish_drained()

    def _publish_end(self, *, logs_drained: bool) -> None:
        if self._ending is None:
            return
        self._note_end(self._ending)
        self._journal.publish_end(self._ending, logs_drained=logs_drained)
        self._tell_end()

    def _tell_end(self) -> None:
        """Report what is on disk; a full one may keep us waiting for it."""
        if self._ending is None or self._journal.retry_at is not None:
            return
        if not self._is_end_told:
            self._is_end_told = True
            self._report.send("ended")
        if self._is_drained:
            self._report.send("drained")
            self._report.close()

    def _note_end(self, ending: Ending) -> None:
        if self._journal.is_ours():
            self._journal.note(
                cause=self._cause,
                resource_use=ending.resource_use,
                still_capturing=self._capture.is_open,
                **self._losses.facts(),
            )

    def _publish_drained(self) -> None:
        if self._is_drained or self._ending is None:
            return
        self._is_drained = True
        self._drain_by = None
        self._publish_end(logs_drained=True)
        self._watch.tell_end(self._ending, self._pid, self._journal.started_at)
        if self._capture.is_open:
            self._check_place_at = time.monotonic() + _PLACE_CHECK_S

    def _finish(self) -> None:
        is_late = self._check_place_at is not None
        for stream in self._capture.streams:
            stream.close()
        self._publish_drained()
        self._watch.close()
        self._enclosure.remove()
        self._losses.look()
        if self._ending is not None and (is_late or self._losses.due_at is not None):
            self._note_end(self._ending)
        self._journal.close()


def _deadline(now_s: float, delay_ms: int) -> float | None:
    return now_s + delay_ms / 1000 if delay_ms else None


def _is_due(moment_s: float | None, now_s: float) -> bool:
    return moment_s is not None and moment_s <= now_s
