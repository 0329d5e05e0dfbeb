"""The notifier: a process of its own that runs a job's sinks and records what became of them.

It is forked from the supervisor when the first event occurs, hands everything on as soon as it
can, and keeps so much and no more: what a slow sink holds up is counted, not kept. Whatever the sinks leave behind
becomes its child, not the supervisor's, and so is never taken for the job's.
"""

from __future__ import annotations

import os
import time

from agent_exec.model import records
from agent_exec.process.bare_signal import signal
from agent_exec.store import atomic
from agent_exec.supervisor.detach import adopt_orphans, close_others, leave_session, open_wakeup
from agent_exec.supervisor.event_log import EventLog
from agent_exec.supervisor.frames import Inlet, Outlet
from agent_exec.supervisor.helpers import SYNCED
from agent_exec.supervisor.journal import names_run
from agent_exec.supervisor.loop import READABLE, Loop
from agent_exec.supervisor.sinks import Delivery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from agent_exec.model.records import Document
    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.ending import Ending
    from agent_exec.supervisor.frames import Message

SINKS_AT_ONCE = 4
WAITING_MAX = 1000
WAITING_BYTES_MAX = 4 * 1024 * 1024
FINAL_LIMIT_S = 30.0  # after the supervisor has nothing more to tell

_ANSWERS_BYTES_MAX = 64 * 1024
_RETRY_S = 5.0


def fork_notifier(definition: Definition, dir_fd: int) -> tuple[int, int, int]:
    """Start the notifier: its pid, where its messages go and its answers come from.

    Messages: ``("match", pattern, match_type, stream, line, command, file)``,
    ``("finished", event, pid, command, file)`` and ``("sync",)``. Answers: how many events it
    is through with, has dropped of these, could not record, and a problem; and ``SYNCED``.
    """
    fds: list[int] = []
    try:
        fds += os.pipe()
        fds += os.pipe()
        pid = os.fork()
    except OSError:
        for fd in fds:
            os.close(fd)
        raise
    messages_read, messages_write, answers_read, answers_write = fds
    if pid == 0:
        _run_notifier(definition, dir_fd, messages_read, answers_write)
    os.close(messages_read)
    os.close(answers_write)
    return pid, messages_write, answers_read


def _run_notifier(
    definition: Definition, dir_fd: int, messages_fd: int, answers_fd: int
) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        leave_session()
        # Not even the supervisor's lock: this process may outlive the supervisor.
        close_others((dir_fd, messages_fd, answers_fd))
        adopt_orphans()
        os.set_blocking(messages_fd, False)
        os.umask(definition.umask)
        Notifier(definition, dir_fd, messages_fd, answers_fd).serve()
        status = 0
    finally:
        os._exit(status)


class Notifier:
    """Runs a few sinks at a time and records every event, in the order they occurred."""

    def __init__(
        self, definition: Definition, dir_fd: int, messages_fd: int, answers_fd: int
    ) -> None:
        self._definition = definition
        self._dir_fd = dir_fd
        self._loop = Loop()
        self._inlet = Inlet(messages_fd)
        self._outlet = Outlet(answers_fd, self._loop, _ANSWERS_BYTES_MAX)
        self._log = EventLog(
            dir_fd, definition.log_max_bytes, keeps_free_space=definition.keeps_free_space
        )
        self._waiting: list[Delivery] = []
        self._active: list[Delivery] = []
        self._unrecorded: list[Delivery] = []
        self._waiting_bytes = 0
        self._done = 0
        self._dropped = 0
        self._problem: str | None = None
        self._told: object = None
        self._pid: object = None
        self._completion: Delivery | None = None  # to be written again
        self._retry_at: float | None = None
        self._is_over = False  # nothing is tried again
        self._give_up_at: float | None = None
        self._wakeup_fd = open_wakeup((signal.SIGCHLD,))
        self._loop.watch(self._wakeup_fd, READABLE, self._on_signal)
        self._loop.watch(messages_fd, READABLE, self._on_messages)

    def serve(self) -> None:
        """Work until there is nothing more to come and everything is recorded."""
        while not self._inlet.has_ended or self._active or self._waiting or self._retry_at:
            limits = [delivery.limit_at for delivery in self._active]
            self._loop.turn((self._give_up_at, self._retry_at, *limits))
            self._on_time(time.monotonic())
            self._start_waiting()
            self._record()
            self._tell()

    def _on_messages(self) -> None:
        for message in self._inlet.receive():
            self._accept(message)
        if self._inlet.has_ended:
            self._loop.unwatch(self._inlet.fd)
            self._inlet.close()
            self._give_up_at = time.monotonic() + FINAL_LIMIT_S

    def _accept(self, message: Message) -> None:
        if message == ("sync",):
            self._tell()
            self._outlet.send(SYNCED, is_dispensable=False)
            return
        *head, command, file = message
        command = command if isinstance(command, str) else None
        file = file if isinstance(file, str) else None
        if head[0] == "finished" and isinstance(head[1], dict):
            self._pid = head[2]
            delivery = Delivery(head[1], records.COMPLETION_EVENT_FILE, command, file)
            self._write_completion(delivery)
            # The end does not queue up behind lines: it may be all that is waited for.
            self._waiting.insert(0, delivery)
            return
        _, pattern, match_type, stream, line = head
        if not isinstance(line, bytes):
            return
        if len(self._waiting) >= WAITING_MAX or self._waiting_bytes >= WAITING_BYTES_MAX:
            self._done += 1
            self._dropped += 1
            return
        event = self._match_event(pattern, match_type, stream, line)
        delivery = Delivery(event, records.NOTIFICATION_EVENTS_FILE, command, file, len(line))
        self._waiting_bytes += len(line)
        self._unrecorded.append(delivery)
        self._waiting.append(delivery)

    def _tell(self) -> None:
        """Let the supervisor have the figures, if they are others than before."""
        figures = (self._done, self._dropped, self._log.unrecorded)
        told = (*figures, self._problem or self._log.problem)
        if told != self._told and self._outlet.send(told):
            self._told = told

    def _match_event(
        self, pattern: object, match_type: object, stream: object, line: bytes
    ) -> Document:
        return {
            "schema_version": "0.1",
            "event_type": "job.output.matched",
            "job_id": self._definition.job_id,
            "pattern": pattern,
            "match_type": match_type,
            "stream": stream,
            "line": line.decode("utf-8", "replace"),
            "stdout_log_path": self._definition.file_path(records.STDOUT_LOG),
            "stderr_log_path": self._definition.file_path(records.STDERR_LOG),
        }

    def _start_waiting(self) -> None:
        while self._waiting and len(self._active) < SINKS_AT_ONCE:
            delivery = self._waiting.pop(0)
            self._waiting_bytes -= delivery.size_bytes
            delivery.start(self._definition, self._dir_fd, time.monotonic())
            if delivery.pid:
                self._active.append(delivery)
            else:
                self._on_delivered(delivery)

    def _on_signal(self) -> None:
        os.read(self._wakeup_fd, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for delivery in self._active:
                if delivery.pid == pid:
                    self._active.remove(delivery)
                    delivery.on_end(status)
                    self._on_delivered(delivery)
                    break

    def _on_time(self, now_s: float) -> None:
        is_over = self._give_up_at is not None and self._give_up_at <= now_s
        self._is_over = self._is_over or is_over
        for delivery in self._active:
            if is_over or delivery.limit_at <= now_s:
                delivery.limit_at = now_s + FINAL_LIMIT_S  # until the kernel has ended it
                delivery.end_command()
        if is_over:
            self._give_up_at = None
            for delivery in self._waiting:
                delivery.drop("the job is over and its sinks are too slow")
                self._on_delivered(delivery)
            self._waiting.clear()
        if self._retry_at is not None and self._retry_at <= now_s:
            self._retry_at = None
            if self._completion is not None:
                self._write_completion(self._completion)

    def _on_delivered(self, delivery: Delivery) -> None:
        self._done += 1
        if delivery.event_name == records.COMPLETION_EVENT_FILE:
            self._write_completion(delivery)

    def _record(self) -> None:
        """Append the events that are through, up to the first that is not.

        One that takes long does not make the others pile up behind it for ever.
        """
        count = len(self._unrecorded)
        if count < WAITING_MAX:
            count = next((n for n, each in enumerate(self._unrecorded) if not each.is_done), count)
        done = [delivery for delivery in self._unrecorded[:count] if delivery.is_done]
        if done:
            self._unrecorded = [
                *(delivery for delivery in self._unrecorded[:count] if not delivery.is_done),
                *self._unrecorded[count:],
            ]
            self._log.append([delivery.record() for delivery in done])

    def _write_completion(self, delivery: Delivery) -> None:
        """Put completion_event.json in place, unless the job is another run's by now."""
        data = records.dump_record(delivery.record())
        self._completion = None
        if names_run(self._dir_fd, self._pid, delivery.event["started_at"]):
            name = records.COMPLETION_EVENT_FILE
            try:
                atomic.replace_file(self._dir_fd, name, data, durable=False)
            except OSError as error:
                self._problem = f"{name} cannot be written: {error.strerror}"
                if not self._is_over:
                    self._completion = delivery
                    self._retry_at = time.monotonic() + _RETRY_S


def completion_event(definition: Definition, ending: Ending, started_at: str | None) -> Document:
    """What the completion sinks are told."""
    event: Document = {
        "schema_version": "0.1",
        "event_type": "job.finished",
        "job_id": definition.job_id,
        "state": ending.status,
        "command": list(definition.command),
    }
    if definition.cwd is not None:
        event["cwd"] = definition.cwd
    event["started_at"] = started_at
    event["finished_at"] = ending.finished_at
    event["duration_ms"] = ending.duration_ms
    if ending.exit_code is not None:
        event["exit_code"] = ending.exit_code
    if ending.signal_text is not None:
        event["signal"] = ending.signal_text
    event["stdout_log_path"] = definition.file_path(records.STDOUT_LOG)
    event["stderr_log_path"] = definition.file_path(records.STDERR_LOG)
    return event
