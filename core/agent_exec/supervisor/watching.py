"""What meta.json's notification asks for: lines found, ends told, helpers kept at arm's length.

Nothing here waits for a sink or a pattern. Sinks run below a helper process (``events``),
regular expressions in another one (``matcher``); both are started when first needed and are
handed work through bounded pipes, what does not fit is counted.
"""

from __future__ import annotations

import os
import sys
import time

from agent_exec.errors import RecordUnreadableError
from agent_exec.model import records
from agent_exec.process.bare_signal import signal
from agent_exec.store import atomic
from agent_exec.supervisor.detach import adopt_orphans
from agent_exec.supervisor.loop import READABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.ending import Ending
    from agent_exec.supervisor.frames import Inlet, Message, Outlet
    from agent_exec.supervisor.loop import Loop

_NOTIFIER_BACKLOG_BYTES = 1024 * 1024
_MATCHER_BACKLOG_BYTES = 4 * 1024 * 1024
_SETTLE_LIMIT_S = 5.0  # for the helpers to take what they were given
_MATCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matcher.py")


class OutputWatch:
    """Looks at every line if it has to, and tells the notifier.

    Attributes:
        dropped: lines nobody was told of, though they matched or might have.
        give_up_at: when helpers that do not keep up are waited for no more; None while nothing
            is awaited of them.
    """

    def __init__(self, definition: Definition, dir_fd: int, loop: Loop) -> None:
        self.dropped = 0
        self.give_up_at: float | None = None
        self._definition = definition
        self._dir_fd = dir_fd
        self._loop = loop
        self._notifier: Outlet | None = None
        self._matcher: Outlet | None = None
        self._found: Inlet | None = None
        self._matcher_pid = 0
        self._unanswered = 0  # times the matcher was asked whether it is through
        self._end: Message | None = None
        self._meta_version = definition.meta_version
        self._use(definition.notification)

    # -- what is asked for ---------------------------------------------------------------

    def _use(self, notification: object) -> None:
        config = notification if isinstance(notification, dict) else {}
        match = config.get("on_output_match")
        self._config: dict[str, object] = config
        self._match: dict[str, object] = match if isinstance(match, dict) else {}
        pattern = self._match.get("pattern")
        self._pattern = pattern if isinstance(pattern, str) else ""
        self._needle = self._pattern.encode("utf-8", "surrogateescape")
        self._is_regex = self._match.get("match_type") == "regex"
        self._stream = self._match.get("stream", "either")
        if self._matcher is not None:
            self._matcher.send(("pattern", self._pattern if self._is_regex else ""))

    def _refresh(self) -> None:
        """Take over what ``notify set`` has changed since."""
        try:
            status = os.stat(records.META_FILE, dir_fd=self._dir_fd, follow_symlinks=False)
            version = atomic.version_of(status)
            if version == self._meta_version:
                return
            self._meta_version = version
            data = atomic.read_record(records.META_FILE, records.META_FILE, dir_fd=self._dir_fd)
            self._use(records.load_record(data, records.META_FILE).get("notification"))
        except (OSError, RecordUnreadableError):
            return  # what was asked for so far goes on

    # -- lines ---------------------------------------------------------------------------

    def see(self, stream: str, text: bytes) -> None:
        """Look at whole lines, joined by newlines, of one stream."""
        self._refresh()
        if not self._pattern or self._stream not in (stream, "either"):
            return
        if self._is_regex:
            outlet = self._matcher_outlet()
            if outlet is None or not outlet.send(("lines", stream, text)):
                self.dropped += text.count(b"\n") + 1
        elif self._needle in text:
            self._find_needle(stream, text)

    def _find_needle(self, stream: str, text: bytes) -> None:
        at = text.find(self._needle)
        while at >= 0:
            end = text.find(b"\n", at)
            if end < 0:
                end = len(text)
            self._tell_match(stream, text[text.rfind(b"\n", 0, at) + 1 : end])
            at = text.find(self._needle, end)

    def _tell_match(self, stream: str, line: bytes) -> None:
        match_type = "regex" if self._is_regex else "contains"
        sinks = self._match.get("command"), self._match.get("file")
        message = ("match", self._pattern, match_type, stream, line, *sinks)
        outlet = self._notifier_outlet()
        if outlet is None or not outlet.send(message):
            self.dropped += 1

    # -- the end -------------------------------------------------------------------------

    def tell_end(self, ending: Ending, pid: int, started_at: str | None) -> None:
        """Have the completion sinks told, after the lines that were found before."""
        self._refresh()
        command, file = self._config.get("notify_command"), self._config.get("notify_file")
        if command is not None or file is not None:
            event = self._completion_event(ending, started_at)
            self._end = ("finished", event, pid, command, file)
        self.settle()

    def settle(self) -> None:
        """Have the helpers finish what they were given; ``is_settled`` tells when."""
        if self._matcher is not None and self._matcher.send(("sync",)):
            self._unanswered += 1
        else:
            self._send_end()
        if not self._has_settled():
            self.give_up_at = time.monotonic() + _SETTLE_LIMIT_S

    def is_settled(self) -> bool:
        """Whether nothing is awaited of the helpers."""
        if self.give_up_at is not None and self._has_settled():
            self.give_up_at = None
        return self.give_up_at is None

    def _has_settled(self) -> bool:
        is_notifier_idle = self._notifier is None or not self._notifier.has_backlog
        return self._unanswered == 0 and is_notifier_idle

    def _send_end(self) -> None:
        if self._end is not None:
            outlet = self._notifier_outlet()
            if outlet is None or not outlet.send(self._end, is_dispensable=False):
                self.dropped += 1
            self._end = None

    def _completion_event(self, ending: Ending, started_at: str | None) -> records.Document:
        definition = self._definition
        event: records.Document = {
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

    # -- helpers -------------------------------------------------------------------------

    def _notifier_outlet(self) -> Outlet | None:
        """The way to the notifier, which is made when first needed; None if it cannot be."""
        if self._notifier is None:
            from agent_exec.supervisor import events
            from agent_exec.supervisor.frames import Outlet

            try:
                fd = events.fork_notifier(self._definition, self._dir_fd)
            except OSError:
                return None  # no process or no descriptor to be had; perhaps the next time
            self._notifier = Outlet(fd, self._loop, _NOTIFIER_BACKLOG_BYTES)
        return self._notifier

    def _matcher_outlet(self) -> Outlet | None:
        if self._matcher is None:
            from agent_exec.supervisor.frames import Inlet, Outlet

            try:
                self._matcher_pid, lines_fd, found_fd = _spawn_matcher()
            except OSError:
                return None
            self._matcher = Outlet(lines_fd, self._loop, _MATCHER_BACKLOG_BYTES)
            self._found = Inlet(found_fd)
            self._loop.watch(found_fd, READABLE, self._on_found)
            self._matcher.send(("pattern", self._pattern))
        return self._matcher

    def _on_found(self) -> None:
        if self._found is None:
            return
        for stream, line in self._found.receive():
            if isinstance(line, bytes):
                self._tell_match(str(stream), line)
            else:
                self._unanswered -= 1
                self._send_end()
        if self._found.has_ended:
            self.give_up()

    def give_up(self) -> None:
        """Wait for the helpers no more; what they have not taken is lost."""
        self.give_up_at = None
        self._unanswered = 0
        self._send_end()
        self._end_matcher()
        if self._notifier is not None and self._notifier.has_backlog:
            self._notifier.close()

    def _end_matcher(self) -> None:
        if self._matcher is not None:
            self._matcher.close()
        if self._found is not None:
            self._loop.unwatch(self._found.fd)
            self._found.close()
            self._found = None
        if self._matcher_pid:
            os.kill(self._matcher_pid, signal.SIGKILL)  # our own child, not collected yet

    def on_helper_end(self, pid: int) -> None:
        """Note that a child of the supervisor was collected."""
        if pid == self._matcher_pid:
            self._matcher_pid = 0

    def close(self) -> None:
        """Let the helpers see the end; they finish by themselves, in bounded time."""
        self._end_matcher()
        if self._notifier is not None:
            # What sinks leave behind would come to us now, and be taken for the job's.
            adopt_orphans(False)
            self._notifier.close()


def _spawn_matcher() -> tuple[int, int, int]:
    """Start a matcher; its pid, and where its lines go and its findings come from."""
    fds: list[int] = []
    try:
        fds += os.pipe()
        fds += os.pipe()
        lines_read, lines_write, found_read, found_write = fds
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", _MATCHER],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, lines_read, 0),
                (os.POSIX_SPAWN_DUP2, found_write, 1),
            ],
            setpgroup=0,
        )
    except OSError:
        for fd in fds:
            os.close(fd)
        raise
    os.close(lines_read)
    os.close(found_write)
    os.set_blocking(found_read, False)
    return pid, lines_write, found_read
