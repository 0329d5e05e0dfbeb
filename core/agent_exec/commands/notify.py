"""``notify set``: change whom a job tells about its end and its output."""

from __future__ import annotations

import os

from agent_exec.commands.arguments import require_text
from agent_exec.commands.definition import require_pattern
from agent_exec.commands.tag import changed_meta
from agent_exec.model.job import MatchStream, MatchType, Notification
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.wire import decode_meta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document
    from agent_exec.store.jobs import JobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationChange:
    """What to replace; None keeps what is there.

    Attributes:
        command: run at the job's end.
        output_pattern: an empty one removes all that concerns output.
        output_command: run when a line matches.
        output_file: gets a line when one matches.
    """

    command: str | None = None
    output_pattern: str | None = None
    output_match_type: MatchType | None = None
    output_stream: MatchStream | None = None
    output_command: str | None = None
    output_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSet:
    """Whom a job tells now."""

    wire_type = "notify.set"

    job_id: str
    notification: Notification


def set_notification(store: JobStore, job_id: str, change: NotificationChange) -> NotificationSet:
    """Change a job's notification; a running job heeds it at its next line. Runs nothing.

    Raises:
        InvalidArgumentError: a NUL, a pattern that no line can fit; or a malformed id.
        JobNotFoundError, AmbiguousJobIdError: no such job.
        RecordUnreadableError: its meta.json is missing, foreign or damaged.
        InvalidStateError: somebody else is changing it.
        UnsafeRootError: the root is somebody else's.
    """
    for what, text in (
        ("--command", change.command),
        ("--output-pattern", change.output_pattern),
        ("--output-command", change.output_command),
        ("--output-file", change.output_file),
    ):
        if text is not None:
            require_text(what, text)
    with changed_meta(store, job_id) as (found_id, document):
        _apply(document, change)
        notification = decode_meta(document).notification
        match = notification.on_output_match if notification else None
        if match is not None:
            require_pattern(match.pattern, match.match_type)
    return NotificationSet(job_id=found_id, notification=notification or Notification())


def _apply(document: Document, change: NotificationChange) -> None:
    notification = _object(document, "notification")
    if change.command is not None:
        notification["notify_command"] = change.command
    match = _object(notification, "on_output_match")
    for key, value in (
        ("pattern", change.output_pattern),
        ("match_type", change.output_match_type),
        ("stream", change.output_stream),
        ("command", change.output_command),
        ("file", change.output_file and os.path.abspath(change.output_file)),
    ):
        if value is not None:
            match[key] = str(value)
    if match.get("pattern"):
        match.setdefault("match_type", MatchType.CONTAINS.value)
        match.setdefault("stream", MatchStream.EITHER.value)
        notification["on_output_match"] = match
    else:
        notification.pop("on_output_match", None)
    for key in ("notify_file", "on_output_match"):  # the contract's order, after notify_command
        if key in notification:
            notification[key] = notification.pop(key)
    if notification:
        _put_before(document, "tags", "notification", notification)
    else:
        document.pop("notification", None)


def _object(document: Document, key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _put_before(document: Document, before: str, key: str, value: object) -> None:
    """Set a key; a new one where the contract has it."""
    if key in document or before not in document:
        document[key] = value
        return
    items = list(document.items())
    document.clear()
    for name, item in items:
        if name == before:
            document[key] = value
        document[name] = item
