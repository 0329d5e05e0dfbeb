"""JSON records as bytes: the one place that knows key order and what is left out.

Kept lean: the supervisor, one process per running job, loads this and pays for every import
in memory and in time before the job starts. ``json`` alone would cost it 1.2 MB and 8 ms;
writing is a few lines anyway, as the peers' form is fixed.
"""

from __future__ import annotations

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.json_text import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, object]

META_FILE = "meta.json"
STATE_FILE = "state.json"
SUPERVISION_FILE = "supervision.json"
OPTIONS_FILE = "options.json"
COMPLETION_EVENT_FILE = "completion_event.json"
NOTIFICATION_EVENTS_FILE = "notification_events.ndjson"
STDIN_FILE = "stdin.bin"
STDOUT_LOG = "stdout.log"
STDERR_LOG = "stderr.log"
FULL_LOG = "full.log"
LOG_FILES = (STDOUT_LOG, STDERR_LOG, FULL_LOG)
CLAIM_FILE = "supervisor.ack"
JOB_LOCK_FILE = "job.lock"
SUPERVISOR_LOCK_FILE = "supervisor.lock"
LAST_PREFIX = "last-"  # of the logs of the run before, while the next one starts
TEMP_PREFIX = ".tmp-"

MAX_RECORD_BYTES = 16 * 1024 * 1024

# The supervisor of a run that none can be named for: no process is ever taken for it.
NOBODY: Document = {"pid": 0, "start_ticks": 0, "boot_id": ""}


_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\b"): "\\b",
    ord("\f"): "\\f",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}


def dump_record(document: Mapping[str, object]) -> bytes:
    """Write a record as the peers do: two-space indent, non-ASCII kept, no final newline."""
    return _dump(document, "\n").encode("utf-8", "backslashreplace")


def dump_line(document: Mapping[str, object]) -> bytes:
    """Write a record in one line, without the newline, as events and messages are."""
    return dump_text(document).encode("utf-8", "backslashreplace")


def dump_text(document: Mapping[str, object]) -> str:
    """Write a document in one line, as ``json`` would in more time; for few values only."""
    return _dump(document, "")


def _dump(value: object, newline: str) -> str:
    """Write *value*; *newline* is what starts its lines, empty for all in one line."""
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    inner = newline and newline + "  "
    if isinstance(value, dict):
        colon = ": " if newline else ":"
        parts = [f"{_dump(key, inner)}{colon}{_dump(item, inner)}" for key, item in value.items()]
        return "{" + (inner + f",{inner}".join(parts) + newline if parts else "") + "}"
    if isinstance(value, (list, tuple)):
        parts = [_dump(item, inner) for item in value]
        return "[" + (inner + f",{inner}".join(parts) + newline if parts else "") + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    raise TypeError(f"a record cannot hold {type(value).__name__}")


def load_record(data: bytes, name: str) -> Document:
    """Parse the object in *data*.

    Raises:
        RecordUnreadableError: not UTF-8, not JSON, not an object, or built to exhaust us.
    """
    try:
        document = loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RecordUnreadableError(name, f"not UTF-8 (byte {error.start})") from None
    except (RecursionError, ValueError) as error:
        raise RecordUnreadableError(name, f"not JSON: {_flaw(error)}") from None
    if not isinstance(document, dict):
        raise RecordUnreadableError(name, "not a JSON object")
    return document


def _flaw(error: Exception) -> str:
    # By its attributes: a supervisor never loads ``json``, whose JSONDecodeError this is.
    message, position = getattr(error, "msg", None), getattr(error, "pos", None)
    if message is not None:
        return f"{message} (byte {position})"
    # An integer of thousands of digits, which Python refuses to convert, or too many brackets.
    return "nested or long beyond measure"


def state_document(
    job_id: str,
    status: str,
    *,
    updated_at: str,
    started_at: str | None = None,
    exit_code: int | None = None,
    signal: str | None = None,
    duration_ms: int | None = None,
    pid: int | None = None,
    finished_at: str | None = None,
    logs_drained: bool = True,
) -> Document:
    """Build state.json: ``result`` keys are always there, the others only when known."""
    job: Document = {"id": job_id, "status": status}
    if started_at is not None:
        job["started_at"] = started_at
    document: Document = {
        "job": job,
        "result": {"exit_code": exit_code, "signal": signal, "duration_ms": duration_ms},
    }
    if pid is not None:
        document["pid"] = pid
    if finished_at is not None:
        document["finished_at"] = finished_at
    document["updated_at"] = updated_at
    document["logs_drained"] = logs_drained
    return document


def supervision_document(
    *,
    supervisor: Document,
    child: Document | None = None,
    started_at: str | None = None,
    started_ns: int = 0,
    run: int = 0,
    log_max_bytes: int = 0,
    cgroup: str | None = None,
    full_log_path: str | None = None,
    cause: str | None = None,
    reason: str | None = None,
    still_capturing: bool = False,
    dropped_bytes: Document | None = None,
    drop_reason: str | None = None,
    dropped_matches: int = 0,
    unrecorded_matches: int = 0,
    resource_use: Document | None = None,
) -> Document:
    """Build supervision.json; what is not known is left out."""
    document: Document = {"supervisor": supervisor}
    for key, value in (
        ("child", child),
        ("started_at", started_at),
        ("started_ns", started_ns or None),
        ("run", run or None),
        ("log_max_bytes", log_max_bytes or None),
        ("cgroup", cgroup),
        ("full_log_path", full_log_path),
        ("cause", cause),
        ("reason", reason),
        ("still_capturing", still_capturing or None),
        ("dropped_bytes", dropped_bytes),
        ("drop_reason", drop_reason),
        ("dropped_matches", dropped_matches or None),
        ("unrecorded_matches", unrecorded_matches or None),
        ("resource_use", resource_use),
    ):
        if value is not None:
            document[key] = value
    return document
