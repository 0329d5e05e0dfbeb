"""The notifier: a process of its own that runs a job's sinks and records what became of them.

It is forked from the supervisor when the first event occurs. Whatever the sinks leave behind
becomes its child, not the supervisor's, and so is never taken for the job's.
"""

from __future__ import annotations

import os
import time

from agent_exec.model import records
from agent_exec.process.bare_signal import signal
from agent_exec.store import atomic
from agent_exec.supervisor.detach import adopt_orphans, close_others, open_wakeup
from agent_exec.supervisor.frames import Inlet
from agent_exec.supervisor.journal import names_run
from agent_exec.supervisor.loop import READABLE, Loop
from agent_exec.supervisor.sinks import Delivery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from agent_exec.model.records import Document
    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.frames import Message

SINKS_AT_ONCE = 4
WAITING_MAX = 1000
FINAL_LIMIT_S = 30.0  # after the supervisor has nothing more to tell

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def fork_notifier(definition: Definition, dir_fd: int) -> int:
    """Start the notifier; returns the descriptor its messages go to.

    Messages: ``("match", pattern, match_type, stream, line, command, file)`` and
    ``("finished", event, pid, command, file)``.
    """
    read_end, write_end = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid:
        os.close(read_end)
        return write_end
    _run_notifier(definition, dir_fd, read_end)


def _run_notifier(definition: Definition, dir_fd: int, messages_fd: int) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        # Not even the supervisor's lock: this process may outlive the supervisor.
        close_others((dir_fd, messages_fd))
        adopt_orphans()
        os.set_blocking(messages_fd, False)
        os.umask(definition.umask)
        Notifier(definition, dir_fd, messages_fd).serve()
        status = 0
    finally:
        os._exit(status)


class Notifier:
    """Runs a few sinks at a time and records every event, in the order they occurred."""

    def __init__(self, definition: Definition, dir_fd: int, messages_fd: int) -> None:
        self._definition = definition
        self._dir_fd = dir_fd
        self._loop = Loop()
        self._inlet = Inlet(messages_fd)
        self._waiting: list[Delivery] = []
        self._active: list[Delivery] = []
        self._unrecorded: list[Delivery] = []
        self._pid: object = None
        self._give_up_at: float | None = None
        self._wakeup_fd = open_wakeup((signal.SIGCHLD,))
        self._loop.watch(self._wakeup_fd, READABLE, self._on_signal)
        self._loop.watch(messages_fd, READABLE, self._on_messages)

    def serve(self) -> None:
        """Work until there is nothing more to come and everything is recorded."""
        while not self._inlet.has_ended or self._active or self._waiting:
            limits = [delivery.limit_at for delivery in self._active]
            self._loop.turn((self._give_up_at, *limits))
            self._on_time(time.monotonic())
            self._start_waiting()
            self._record()

    def _on_messages(self) -> None:
        for message in self._inlet.receive():
            self._accept(message)
        if self._inlet.has_ended:
            self._loop.unwatch(self._inlet.fd)
            self._inlet.close()
            self._give_up_at = time.monotonic() + FINAL_LIMIT_S

    def _accept(self, message: Message) -> None:
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
        event = self._match_event(*head[1:])
        delivery = Delivery(event, records.NOTIFICATION_EVENTS_FILE, command, file)
        self._unrecorded.append(delivery)
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(delivery)
        else:
            delivery.drop(f"more than {WAITING_MAX} events are waiting")

    def _match_event(
        self, pattern: object, match_type: object, stream: object, line: object
    ) -> Document:
        text = line.decode("utf-8", "replace") if isinstance(line, bytes) else ""
        return {
            "schema_version": "0.1",
            "event_type": "job.output.matched",
            "job_id": self._definition.job_id,
            "pattern": pattern,
            "match_type": match_type,
            "stream": stream,
            "line": text,
            "stdout_log_path": self._definition.file_path(records.STDOUT_LOG),
            "stderr_log_path": self._definition.file_path(records.STDERR_LOG),
        }

    def _start_waiting(self) -> None:
        while self._waiting and len(self._active) < SINKS_AT_ONCE:
            delivery = self._waiting.pop(0)
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

    def _on_delivered(self, delivery: Delivery) -> None:
        if delivery.event_name == records.COMPLETION_EVENT_FILE:
            self._write_completion(delivery)

    def _record(self) -> None:
        """Append the events that are through, up to the first that is not."""
        done: list[Delivery] = []
        for delivery in self._unrecorded:
            if not delivery.is_done:
                break
            done.append(delivery)
        if not done:
            return
        del self._unrecorded[: len(done)]
        lines = b"".join(records.dump_line(delivery.record()) + b"\n" for delivery in done)
        try:
            fd = os.open(
                records.NOTIFICATION_EVENTS_FILE, _APPEND, atomic.FILE_MODE, dir_fd=self._dir_fd
            )
        except OSError:
            return  # the job's directory is gone or full: nobody will look for it
        try:
            atomic.write_all(fd, lines)
        except OSError:
            return
        finally:
            os.close(fd)

    def _write_completion(self, delivery: Delivery) -> None:
        """Put completion_event.json in place, unless the job is another run's by now."""
        data = records.dump_record(delivery.record())
        if names_run(self._dir_fd, self._pid, delivery.event["started_at"]):
            try:
                atomic.replace_file(
                    self._dir_fd, records.COMPLETION_EVENT_FILE, data, durable=False
                )
            except OSError:
                return
