"""options.json, our own record of what a job was asked to be and the wire has no key for.

The peers neither read nor write it. A job that asks for nothing has none; of one that is
damaged, or planted, each value that cannot be is taken as not given. What a run *has* is in
supervision.json, bound to that run.
"""

from __future__ import annotations

from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.job import JobState
    from agent_exec.model.records import Document

VERSION = 1
MAX_RUN = 2**53 - 1  # the largest number that every reader of JSON keeps exact
_MAX_U64 = 2**64 - 1
_MAX_PATH_BYTES = 4095
_MAX_WORD_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedBy:
    """Who asked for the end of a run.

    Attributes:
        run: which run of the job; 0 for one that another program started.
        started_at: that run's start, as in state.json, and
        pid: its process: whatever other run the record meets, it is not about that.
        who: a user's name, or what a door knows its callers by.
        uid: of the process that asked.
        when: RFC 3339.
        door: ``cli``, ``library``, ``dashboard``, ``http`` or ``mcp``.
        signal: the number that was sent, as text, as in state.json.
    """

    run: int
    started_at: str | None
    pid: int | None
    who: str
    uid: int | None
    when: str
    door: str
    signal: str | None

    def describes(self, state: JobState) -> bool:
        """Whether this tells of the run that *state* tells of."""
        return self.started_at == state.started_at and state.pid in (None, self.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What was asked for besides meta.json.

    Attributes:
        run: the number of the last run; 0 where none was counted: the first needs no file.
        log_path: where full.log goes instead of the job's directory; absolute.
        log_max_bytes: how much of each stream is kept; 0 is everything, None was not asked for.
        rerun_of: the job whose definition this one was made from.
        ended_by: who asked for the end of the run it names.
    """

    run: int = 0
    log_path: str | None = None
    log_max_bytes: int | None = None
    rerun_of: str | None = None
    ended_by: EndedBy | None = None


NOTHING_ASKED = JobOptions()


def decode_options(document: Document) -> JobOptions:
    """Read options.json's object; a value that cannot be is none."""
    path = _text(document.get("log_path"), _MAX_PATH_BYTES)
    return JobOptions(
        run=_number(document.get("run"), MAX_RUN - 1) or 0,
        log_path=path if path is not None and path.startswith("/") else None,
        log_max_bytes=_number(document.get("log_max_bytes"), _MAX_U64),
        rerun_of=_text(document.get("rerun_of"), _MAX_WORD_BYTES),
        ended_by=_decode_ended_by(document.get("ended_by")),
    )


def _decode_ended_by(value: object) -> EndedBy | None:
    if not isinstance(value, dict):
        return None
    who, when, door = (_text(value.get(key), _MAX_WORD_BYTES) for key in ("who", "when", "door"))
    if who is None or when is None or door is None:
        return None
    return EndedBy(
        run=_number(value.get("run"), MAX_RUN) or 0,
        started_at=_text(value.get("started_at"), _MAX_WORD_BYTES),
        pid=_number(value.get("pid"), 2**31 - 1),
        who=who,
        uid=_number(value.get("uid"), 2**32 - 1),
        when=when,
        door=door,
        signal=_text(value.get("signal"), _MAX_WORD_BYTES),
    )


def encode_options(options: JobOptions, kept: Document) -> Document:
    """Build options.json's object; what *kept* has besides, of a later version, stays."""
    ended_by = options.ended_by
    version = _number(kept.get("version"), MAX_RUN) or VERSION
    document: Document = {**kept, "version": max(version, VERSION)}
    for key, value in (
        ("run", options.run or None),
        ("log_path", options.log_path),
        ("log_max_bytes", options.log_max_bytes),
        ("rerun_of", options.rerun_of),
        ("ended_by", None if ended_by is None else _encode_ended_by(ended_by)),
    ):
        document.pop(key, None)
        if value is not None:
            document[key] = value
    return document


def _encode_ended_by(ended_by: EndedBy) -> Document:
    values: Document = {
        "run": ended_by.run,
        "who": ended_by.who,
        "when": ended_by.when,
        "door": ended_by.door,
        "uid": ended_by.uid,
        "signal": ended_by.signal,
        "started_at": ended_by.started_at,
        "pid": ended_by.pid,
    }
    return {key: value for key, value in values.items() if value is not None}


def _number(value: object, most: int) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    return None


def _text(value: object, most_bytes: int) -> str | None:
    """A text that a record, a path and a process can carry."""
    if not isinstance(value, str) or not value or "\0" in value:
        return None
    try:
        return value if len(value.encode()) <= most_bytes else None
    except UnicodeEncodeError:
        return None  # half of a character
