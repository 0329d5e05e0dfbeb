"""meta.json, state.json and supervision.json to our classes and back.

Reading is tolerant of what may differ between generations (unknown keys, missing optional
ones) and strict about types: what a peer could not read, we call unreadable too.
"""

from __future__ import annotations

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.job import (
    JobMeta,
    JobRef,
    JobResult,
    JobState,
    JobStatus,
    MatchStream,
    MatchType,
    Notification,
    OutputMatch,
    StateJob,
)
from agent_exec.model.records import META_FILE, STATE_FILE, Document, state_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _E = TypeVar("_E", JobStatus, MatchType, MatchStream)


# What the peers' own types hold; the rest of the code may count on it.
_LEAST, _MOST = -(2**31), 2**64 - 1


class Reader:
    """Typed access to one JSON object of a record; every miss names the file and the key."""

    def __init__(self, document: Document, name: str, path: str = "") -> None:
        self._document = document
        self._name = name
        self._path = path

    def fail(self, key: str, problem: str) -> RecordUnreadableError:
        """Make the error that says what is wrong with *key*."""
        return RecordUnreadableError(self._name, f"`{self._path}{key}` {problem}")

    def optional(self, key: str) -> object:
        """The raw value, None when absent or null."""
        return self._document.get(key)

    def object(self, key: str) -> Reader:
        """A required object."""
        value = self.optional_object(key)
        if value is None:
            raise self.fail(key, "is missing")
        return value

    def optional_object(self, key: str) -> Reader | None:
        """An object, None when absent or null."""
        value = self.optional(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fail(key, "is not an object")
        return Reader(value, self._name, f"{self._path}{key}.")

    def text(self, key: str) -> str:
        """A required string."""
        value = self.optional_text(key)
        if value is None:
            raise self.fail(key, "is missing")
        return value

    def optional_text(self, key: str) -> str | None:
        """A string, None when absent or null."""
        value = self.optional(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(key, "is not a string")
        return value

    def optional_integer(self, key: str) -> int | None:
        """A whole number, None when absent or null."""
        value = self.optional(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.fail(key, "is not a whole number")
        if value is not None and not _LEAST <= value <= _MOST:
            raise self.fail(key, "is beyond what any such number can be")
        return value

    def number(self, key: str) -> int:
        """A whole number, 0 when absent."""
        return self.optional_integer(key) or 0

    def flag(self, key: str, default: bool) -> bool:
        """A boolean, *default* when absent."""
        value = self._document.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "is not true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty when absent."""
        return self.optional_texts(key) or ()

    def optional_texts(self, key: str) -> tuple[str, ...] | None:
        """A list of strings, None when absent or null."""
        value = self.optional(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(key, "is not a list of strings")
        return tuple(value)

    def required_texts(self, key: str) -> tuple[str, ...]:
        """A required list of strings."""
        value = self.optional_texts(key)
        if value is None:
            raise self.fail(key, "is missing")
        return value

    def word(self, key: str, words: type[_E], default: _E | None = None) -> _E:
        """One of the words of an enumeration; required without a *default*."""
        value = self.optional_text(key)
        if value is None and default is not None:
            return default
        try:
            return words(self.text(key))
        except ValueError:
            raise self.fail(key, f"is not one of {', '.join(words)}: {value!r}") from None


def decode_meta(document: Document) -> JobMeta:
    """Read meta.json's object.

    Raises:
        RecordUnreadableError: a required key is missing or a value has the wrong type.
    """
    reader = Reader(document, META_FILE)
    return JobMeta(
        job=JobRef(reader.object("job").text("id")),
        schema_version=reader.text("schema_version"),
        command=reader.required_texts("command"),
        created_at=reader.text("created_at"),
        root=reader.text("root"),
        env_keys=reader.required_texts("env_keys"),
        env_vars=reader.texts("env_vars"),
        env_vars_runtime=reader.texts("env_vars_runtime"),
        mask=reader.texts("mask"),
        cwd=reader.optional_text("cwd"),
        notification=_decode_notification(reader.optional_object("notification")),
        tags=reader.texts("tags"),
        inherit_env=reader.flag("inherit_env", True),
        env_files=reader.texts("env_files"),
        abandon_job_after_ms=reader.optional_integer("abandon_job_after_ms"),
        timeout_ms=reader.number("timeout_ms"),
        kill_after_ms=reader.number("kill_after_ms"),
        progress_every_ms=reader.number("progress_every_ms"),
        shell_wrapper=reader.optional_texts("shell_wrapper"),
        stdin_file=reader.optional_text("stdin_file"),
    )


def _decode_notification(reader: Reader | None) -> Notification | None:
    if reader is None:
        return None
    match = reader.optional_object("on_output_match")
    return Notification(
        notify_command=reader.optional_text("notify_command"),
        notify_file=reader.optional_text("notify_file"),
        on_output_match=None
        if match is None
        else OutputMatch(
            pattern=match.text("pattern"),
            match_type=match.word("match_type", MatchType, MatchType.CONTAINS),
            stream=match.word("stream", MatchStream, MatchStream.EITHER),
            command=match.optional_text("command"),
            file=match.optional_text("file"),
        ),
    )


def encode_meta(meta: JobMeta) -> Document:
    """Build meta.json's object, keys in the contract's order."""
    document: Document = {
        "job": {"id": meta.job.id},
        "schema_version": meta.schema_version,
        "command": list(meta.command),
        "created_at": meta.created_at,
        "root": meta.root,
        "env_keys": list(meta.env_keys),
    }
    for key, values in (
        ("env_vars", meta.env_vars),
        ("env_vars_runtime", meta.env_vars_runtime),
        ("mask", meta.mask),
    ):
        if values:
            document[key] = list(values)
    if meta.cwd is not None:
        document["cwd"] = meta.cwd
    if meta.notification is not None:
        document["notification"] = encode_notification(meta.notification)
    document["tags"] = list(meta.tags)
    document["inherit_env"] = meta.inherit_env
    if meta.env_files:
        document["env_files"] = list(meta.env_files)
    # The newest peers want both limits and want them equal; older ones ignore the first.
    document["abandon_job_after_ms"] = meta.timeout_ms
    document["timeout_ms"] = meta.timeout_ms
    document["kill_after_ms"] = meta.kill_after_ms
    document["progress_every_ms"] = meta.progress_every_ms
    if meta.shell_wrapper is not None:
        document["shell_wrapper"] = list(meta.shell_wrapper)
    if meta.stdin_file is not None:
        document["stdin_file"] = meta.stdin_file
    return document


def encode_notification(notification: Notification) -> Document:
    """Build the ``notification`` object; what is not set is left out."""
    document: Document = {}
    if notification.notify_command is not None:
        document["notify_command"] = notification.notify_command
    if notification.notify_file is not None:
        document["notify_file"] = notification.notify_file
    match = notification.on_output_match
    if match is not None:
        matcher: Document = {
            "pattern": match.pattern,
            "match_type": match.match_type.value,
            "stream": match.stream.value,
        }
        if match.command is not None:
            matcher["command"] = match.command
        if match.file is not None:
            matcher["file"] = match.file
        document["on_output_match"] = matcher
    return document


def decode_state(document: Document) -> JobState:
    """Read state.json's object.

    Raises:
        RecordUnreadableError: a required key is missing or a value has the wrong type.
    """
    reader = Reader(document, STATE_FILE)
    job, result = reader.object("job"), reader.object("result")
    return JobState(
        job=StateJob(
            id=job.text("id"),
            status=job.word("status", JobStatus),
            started_at=job.optional_text("started_at"),
        ),
        result=JobResult(
            exit_code=result.optional_integer("exit_code"),
            signal=result.optional_text("signal"),
            duration_ms=result.optional_integer("duration_ms"),
        ),
        pid=reader.optional_integer("pid"),
        finished_at=reader.optional_text("finished_at"),
        updated_at=reader.text("updated_at"),
        logs_drained=reader.flag("logs_drained", True),
    )


def encode_state(state: JobState) -> Document:
    """Build state.json's object, keys in the contract's order."""
    return state_document(
        state.job.id,
        state.status.value,
        updated_at=state.updated_at,
        started_at=state.started_at,
        exit_code=state.result.exit_code,
        signal=state.result.signal,
        duration_ms=state.result.duration_ms,
        pid=state.pid,
        finished_at=state.finished_at,
        logs_drained=state.logs_drained,
    )
