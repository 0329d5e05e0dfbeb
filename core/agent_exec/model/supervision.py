"""supervision.json, our own record of one run: who ran it, how it ended, what was lost.

The peers neither read nor write it. It is bound to one run by the child's pid and
``started_at``; where state.json names others, another program restarted the job and this
record is stale.
"""

from __future__ import annotations

from enum import StrEnum

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import SUPERVISION_FILE, Document
from agent_exec.model.wire import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.job import JobState


class EndCause(StrEnum):
    """Why a run ended, beyond what exit code and signal tell."""

    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    LAUNCH_FAILED = "launch_failed"
    TERMINATED_WITH_SUPERVISOR = "terminated_with_supervisor"
    LOST = "lost"


_CAUSES = frozenset(EndCause)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process, told from every other that had or will have its pid.

    Attributes:
        start_ticks: start time since boot in clock ticks (``/proc/PID/stat`` field 22), or
            microseconds since 1970 where there is no /proc.
        boot_id: which boot the ticks count from; empty where the system has none.
        pid_namespace: in which the pid counts; 0 where the system has none, None if not recorded.
        host: the machine's name, where the record lies on a file system shared with others.
    """

    pid: int
    start_ticks: int
    boot_id: str
    pid_namespace: int | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedBytes:
    """Output that was read from the job but not stored, by log."""

    stdout: int = 0
    stderr: int = 0
    full: int = 0

    @property
    def total(self) -> int:
        """Bytes of the job's own output that are lost."""
        return self.stdout + self.stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """What the child and its waited-for descendants used up."""

    user_s: float
    system_s: float
    max_rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """What our supervisor knows beyond state.json.

    Attributes:
        started_at: equals state.json's, and so binds this record to the run.
        started_ns: wall clock at the start, for order within one second.
        run: which run of the job this is; 0 where it was not counted.
        log_max_bytes: how much of each stream is kept; 0 is everything.
        cgroup: the path of the run's own cgroup, where one is delegated to us.
        full_log_path: where full.log really lies, when ``--log`` put it elsewhere.
        reason: what went wrong, for people; None when nothing did.
        still_capturing: whether output is still taken from what outlived the child.
        drop_reason: why bytes were dropped ("log limit", "disk nearly full" …).
        dropped_matches: lines that matched the output pattern and were told to nobody.
        unrecorded_matches: events that have no record in notification_events.ndjson.
    """

    supervisor: ProcessIdentity
    child: ProcessIdentity | None = None
    started_at: str | None = None
    started_ns: int = 0
    run: int = 0
    log_max_bytes: int = 0
    cgroup: str | None = None
    full_log_path: str | None = None
    cause: EndCause | None = None
    reason: str | None = None
    still_capturing: bool = False
    dropped: DroppedBytes = DroppedBytes()
    drop_reason: str | None = None
    dropped_matches: int = 0
    unrecorded_matches: int = 0
    resource_use: ResourceUse | None = None

    def describes(self, state: JobState) -> bool:
        """Whether this record belongs to the run that *state* tells of."""
        if state.pid is None or self.child is None:
            return state.started_at == self.started_at
        return self.child.pid == state.pid and self.started_at == state.started_at


def decode_supervision(document: Document) -> Supervision:
    """Read supervision.json's object.

    Raises:
        RecordUnreadableError: a required key is missing or a value has the wrong type.
    """
    reader = Reader(document, SUPERVISION_FILE)
    child = reader.optional_object("child")
    dropped = reader.optional_object("dropped_bytes")
    cause = reader.optional_text("cause")
    return Supervision(
        supervisor=_decode_identity(reader.object("supervisor")),
        child=None if child is None else _decode_identity(child),
        started_at=reader.optional_text("started_at"),
        started_ns=reader.number("started_ns"),
        run=reader.number("run"),
        log_max_bytes=reader.number("log_max_bytes"),
        cgroup=reader.optional_text("cgroup"),
        full_log_path=reader.optional_text("full_log_path"),
        cause=EndCause(cause) if cause and cause in _CAUSES else None,
        reason=reader.optional_text("reason"),
        still_capturing=reader.flag("still_capturing", False),
        dropped=DroppedBytes(
            stdout=dropped.number("stdout"),
            stderr=dropped.number("stderr"),
            full=dropped.number("full"),
        )
        if dropped
        else DroppedBytes(),
        drop_reason=reader.optional_text("drop_reason"),
        dropped_matches=reader.number("dropped_matches"),
        unrecorded_matches=reader.number("unrecorded_matches"),
        resource_use=_decode_resource_use(reader.optional_object("resource_use")),
    )


def _decode_identity(reader: Reader) -> ProcessIdentity:
    return ProcessIdentity(
        pid=reader.number("pid"),
        start_ticks=reader.number("start_ticks"),
        boot_id=reader.optional_text("boot_id") or "",
        pid_namespace=reader.optional_integer("pid_namespace"),
        host=reader.optional_text("host"),
    )


def _decode_resource_use(reader: Reader | None) -> ResourceUse | None:
    if reader is None:
        return None
    return ResourceUse(
        user_s=reader.number("user_ms") / 1000,
        system_s=reader.number("system_ms") / 1000,
        max_rss_bytes=reader.number("max_rss_bytes"),
    )
