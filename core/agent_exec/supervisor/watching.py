"""What meta.json's notification asks for: lines found, ends told, helpers kept at arm's length.

Nothing here waits for a sink or a pattern. Sinks run below a helper process (``events``),
regular expressions in another one (``matcher``); both are handed work through bounded pipes,
what does not fit is counted. Whatever goes wrong here ends the watching, never the supervising.
"""

from __future__ import annotations

import os
import time

from agent_exec.errors import AgentExecError
from agent_exec.model import records
from agent_exec.store import atomic
from agent_exec.supervisor import events
from agent_exec.supervisor.detach import adopt_orphans
from agent_exec.supervisor.helpers import SYNCED, Helper, spawn_matcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.ending import Ending
    from agent_exec.supervisor.frames import Message
    from agent_exec.supervisor.loop import Loop

_NOTIFIER_BACKLOG_BYTES = 1024 * 1024
_MATCHER_BACKLOG_BYTES = 4 * 1024 * 1024
_SETTLE_LIMIT_S = 5.0  # for the helpers to take what they were given
_HELPERS_MAX = 5  # one that dies is replaced, but not for ever


class OutputWatch:
    """Looks at every line if it has to, and tells the notifier.

    Attributes:
        problem: what went wrong with the helpers, for people; None while nothing has.
        give_up_at: when helpers that do not keep up are waited for no more; None while nothing
            is awaited of them.
    """

    def __init__(self, definition: Definition, dir_fd: int, loop: Loop) -> None:
        self.problem: str | None = None
        self.give_up_at: float | None = None
        self._dropped = 0
        self._unrecorded = 0
        self._definition = definition
        self._dir_fd = dir_fd
        self._loop = loop
        self._notifier: Helper | None = None
        self._notifiers_made = 0
        self._given = 0  # events this notifier was handed, and of them those it is through with
        self._told = (0, 0, 0)
        self._matcher: Helper | None = None
        self._matchers_made = 0
        self._end: Message | None = None  # still to be handed over
        self._end_given: Message | None = None  # handed over, its receipt not confirmed yet
        self._meta_version = definition.meta_version
        self._needle: bytes | None = None
        self._use(definition.notification)

    @property
    def dropped(self) -> int:
        """Lines nobody was told of, though they matched or might have."""
        return self._dropped + self._told[1]

    @property
    def unrecorded(self) -> int:
        """Events that have no record in notification_events.ndjson."""
        return self._unrecorded + self._told[2]

    # -- what is asked for ---------------------------------------------------------------

    def _use(self, notification: object) -> None:
        config = notification if isinstance(notification, dict) else {}
        match = config.get("on_output_match")
        self._config: dict[str, object] = config
        self._match: dict[str, object] = match if isinstance(match, dict) else {}
        pattern = self._match.get("pattern")
        self._pattern = pattern if isinstance(pattern, str) else ""
        self._needle = _needle_of(self._pattern)
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
        except (OSError, AgentExecError):
            return  # what was asked for so far goes on

    def prepare(self) -> None:
        """Have the matcher ready before there is a child.

        Its interpreter and its library may be replaced or removed while the job runs.
        """
        if self._pattern and self._is_regex:
            matcher = self._matcher_helper()
            if matcher is not None:
                matcher.await_first()

    # -- lines ---------------------------------------------------------------------------

    def see(self, stream: str, text: bytes) -> None:
        """Look at whole lines, joined by newlines, of one stream."""
        try:
            self._refresh()
            if self._pattern and self._stream in (stream, "either"):
                self._look_at(stream, text)
        except Exception as error:  # noqa: BLE001  (logs, time limits and records must go on)
            self._dropped += text.count(b"\n") + 1
            self._note(f"watching failed: {type(error).__name__}: {error}")

    def _look_at(self, stream: str, text: bytes) -> None:
        if self._is_regex:
            matcher = self._matcher_helper()
            if matcher is None or not matcher.send(("lines", stream, text)):
                self._dropped += text.count(b"\n") + 1
        elif self._needle is not None:
            for line in lines_with(self._needle, text):
                self._tell_match(stream, line)

    def _tell_match(self, stream: str, line: bytes) -> None:
        match_type = "regex" if self._is_regex else "contains"
        sinks = self._match.get("command"), self._match.get("file")
        message = ("match", self._pattern, match_type, stream, line, *sinks)
        notifier = self._notifier_helper()
        if notifier is not None and notifier.send(message):
            self._given += 1
        else:
            self._dropped += 1

    def _note(self, problem: str) -> None:
        if self.problem is None:
            self.problem = problem

    # -- the end -------------------------------------------------------------------------

    def tell_end(self, ending: Ending, pid: int, started_at: str | None) -> None:
        """Have the completion sinks told, after the lines that were found before."""
        self._refresh()
        command, file = self._config.get("notify_command"), self._config.get("notify_file")
        if command is not None or file is not None:
            event = events.completion_event(self._definition, ending, started_at)
            self._end = ("finished", event, pid, command, file)
        self.settle()

    def settle(self) -> None:
        """Have the helpers finish what they were given; ``is_settled`` tells when."""
        if self._matcher is None or not self._matcher.sync():
            self._end_notifier()
        if self._is_awaited():
            self.give_up_at = time.monotonic() + _SETTLE_LIMIT_S

    def is_settled(self) -> bool:
        """Whether nothing is awaited of the helpers."""
        if self.give_up_at is not None and not self._is_awaited():
            self.give_up_at = None
        return self.give_up_at is None

    def _is_awaited(self) -> bool:
        return any(each is not None and each.is_busy for each in (self._matcher, self._notifier))

    def _send_end(self) -> None:
        if self._end is not None:
            end, self._end = self._end, None
            notifier = self._notifier_helper()
            if notifier is not None and notifier.send(end, is_dispensable=False):
                self._end_given = end
                self._given += 1
            else:
                self._dropped += 1
                self._note("the end of the job could be told to nobody")

    def _end_notifier(self) -> None:
        self._send_end()
        if self._notifier is not None:
            self._notifier.sync()

    # -- helpers -------------------------------------------------------------------------

    def _notifier_helper(self) -> Helper | None:
        """The notifier, which is made when first needed; None if it cannot be."""
        if self._notifier is None and self._notifiers_made < _HELPERS_MAX:
            try:
                process = events.fork_notifier(self._definition, self._dir_fd)
            except OSError as error:
                # No process or no descriptor to be had; perhaps the next time.
                self._note(f"the notifier cannot be started: {error.strerror}")
                return None
            self._notifiers_made += 1
            backlog_bytes = _NOTIFIER_BACKLOG_BYTES
            self._notifier = Helper(
                process, self._loop, backlog_bytes, self._on_told, self._on_notifier_gone
            )
        return self._notifier

    def _on_told(self, message: Message) -> None:
        if message == SYNCED:
            self._end_given = None
            return
        done, dropped, unrecorded, problem = message
        self._told = (int(str(done)), int(str(dropped)), int(str(unrecorded)))
        if problem:
            self._note(str(problem))

    def _on_notifier_gone(self) -> None:
        """Count what it had not done, and have another one told the end."""
        done, dropped, unrecorded = self._told
        self._dropped += dropped + max(0, self._given - done)
        self._unrecorded += unrecorded
        self._given, self._told = 0, (0, 0, 0)
        self._note("the notifier ended before its time")
        self._notifier = None
        if self._end_given is not None:
            self._end, self._end_given = self._end_given, None
            self._end_notifier()

    def _matcher_helper(self) -> Helper | None:
        if self._matcher is None and self._matchers_made < _HELPERS_MAX:
            try:
                process = spawn_matcher()
            except OSError as error:
                self._note(f"the matcher cannot be started: {error.strerror}")
                return None
            self._matchers_made += 1
            self._matcher = Helper(
                process, self._loop, _MATCHER_BACKLOG_BYTES, self._on_found, self._on_matcher_gone
            )
            self._matcher.send(("pattern", self._pattern))
        return self._matcher

    def _on_found(self, message: Message) -> None:
        stream, line = message
        if isinstance(line, bytes):
            self._tell_match(str(stream), line)
        elif message == SYNCED:
            self._end_notifier()

    def _on_matcher_gone(self) -> None:
        self._note("the matcher ended before its time")
        if self._matcher is not None:
            self._matcher.kill()
            self._matcher = None
        if self.give_up_at is not None:
            self._end_notifier()

    def give_up(self) -> None:
        """Wait for the helpers no more; what they have not taken is lost."""
        self.give_up_at = None
        if self._matcher is not None:
            self._matcher.kill()
        self._send_end()
        if self._notifier is not None and self._notifier.is_busy:
            self._notifier.close()

    def on_helper_end(self, pid: int) -> None:
        """Note that a child of the supervisor was collected."""
        for helper in (self._matcher, self._notifier):
            if helper is not None and helper.pid == pid:
                helper.pid = 0

    def close(self) -> None:
        """Let the helpers see the end; they finish by themselves, in bounded time."""
        if self._matcher is not None:
            self._matcher.kill()
        if self._notifier is not None:
            # What sinks leave behind would come to us now, and be taken for the job's.
            adopt_orphans(False)
            self._notifier.close()


def _needle_of(pattern: str) -> bytes | None:
    """The bytes to look for; None where no line can hold them."""
    try:
        needle = pattern.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return None if b"\n" in needle else needle


def lines_with(needle: bytes, text: bytes) -> Iterator[bytes]:
    """The lines of *text* that hold *needle*, each once; a needle must fit into a line."""
    at = text.find(needle)
    while at >= 0:
        end = text.find(b"\n", at + len(needle))
        if end < 0:
            end = len(text)
        yield text[text.rfind(b"\n", 0, at) + 1 : end]
        at = text.find(needle, end + 1)  # behind the line: every step gets on
