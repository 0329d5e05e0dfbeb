"""The records of one run: written in time, only while they are this run's, on any disk."""

from __future__ import annotations

import os
import time

from agent_exec.errors import AgentExecError, RecordMissingError, RecordUnreadableError
from agent_exec.model import records
from agent_exec.process.identity import identity_document
from agent_exec.store import atomic
from agent_exec.store.clock import now_timestamp, timestamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document
    from agent_exec.store.atomic import FileVersion
    from agent_exec.supervisor.definition import Definition
    from agent_exec.supervisor.ending import Ending

_TORN_RETRIES = 5
_TORN_PAUSE_S = 0.01
_RESERVED_FILES = 2  # state.json and supervision.json
_BLOCK_BYTES = 4096
_GROWTH_BYTES = 3072  # what supervision.json may still get
_REASON_LENGTH_MAX = 400  # of characters that may become six bytes each
_RETRY_FIRST_S = 0.5
_RETRY_MAX_S = 20.0


class Journal:
    """state.json and supervision.json of one run.

    A record the disk does not take is kept and tried again at ``retry_at`` (monotonic seconds,
    None when nothing waits).
    """

    def __init__(self, dir_fd: int, definition: Definition) -> None:
        self.started_at: str | None = None
        self.started_ns = 0
        self.retry_at: float | None = None
        self._dir_fd = dir_fd
        self._host = definition.host
        self._job_id = definition.job_id
        self._path = os.path.join(definition.root, definition.job_id)
        self._pid: int | None = None
        self._is_published = False  # `running` has reached the disk
        self._has_ended = False  # the end was told, or is waiting for the disk
        self._retry_pause_s = _RETRY_FIRST_S
        self._waiting: dict[str, tuple[Document, bool]] = {}
        self._reserved: list[atomic.ReservedFile] = []
        self._version: FileVersion | None = None  # the state.json known to be ours
        self._supervision: Document = {
            "supervisor": identity_document(os.getpid(), definition.host),
            "run": definition.run,
            "full_log_path": definition.full_log_path,
            "log_max_bytes": definition.log_max_bytes,
        }

    def reserve(self) -> None:
        """Take the space the last records will need; raises OSError if there is none."""
        size_bytes = _BLOCK_BYTES
        needed_bytes = len(records.dump_record(self._supervision)) + _GROWTH_BYTES
        size_bytes *= -(-needed_bytes // _BLOCK_BYTES)
        while len(self._reserved) < _RESERVED_FILES:
            self._reserved.append(atomic.ReservedFile(self._dir_fd, size_bytes))

    def _reserve_again(self) -> None:
        try:
            self.reserve()
        except OSError:
            return  # tried again when the disk has taken a record

    def publish_failed(self, reason: str) -> None:
        """Record that the command never ran."""
        self.note(cause="launch_failed", reason=reason)
        moment = now_timestamp()
        self._put_state(
            records.state_document(self._job_id, "failed", updated_at=moment, finished_at=moment)
        )

    def publish_running(self, pid: int, started_ns: int) -> None:
        """Record that the command runs; the first and only time."""
        self._pid = pid
        self.started_ns = started_ns
        self.started_at = timestamp_of(started_ns // 1_000_000_000)
        child = identity_document(pid, self._host)
        self.note(child=child, started_at=self.started_at, started_ns=started_ns)
        self._put_state(self._running_document())

    def _running_document(self) -> Document:
        return records.state_document(
            self._job_id,
            "running",
            updated_at=now_timestamp(),
            started_at=self.started_at,
            pid=self._pid,
        )

    def refresh_running(self) -> None:
        """Show that the job is still looked after: a fresh ``updated_at``."""
        if not self.is_ours():
            return
        data = records.dump_record(self._running_document())
        try:
            # Not from the reserve: the next one may get through, and the end needs it more.
            self._version = atomic.replace_file(
                self._dir_fd, records.STATE_FILE, data, durable=False
            )
        except OSError:
            return

    def publish_end(self, ending: Ending, *, logs_drained: bool) -> None:
        """Record how the command ended, unless state.json has become another run's."""
        if not self.is_ours():
            return
        self._has_ended = True
        self._put_state(
            records.state_document(
                self._job_id,
                ending.status,
                updated_at=now_timestamp(),
                started_at=self.started_at,
                exit_code=ending.exit_code,
                signal=ending.signal_text,
                duration_ms=ending.duration_ms,
                pid=self._pid,
                finished_at=ending.finished_at,
                logs_drained=logs_drained,
            )
        )

    def note(self, **facts: object) -> None:
        """Add facts to supervision.json; None and False take one out."""
        if isinstance(reason := facts.get("reason"), str):
            facts["reason"] = reason[:_REASON_LENGTH_MAX]
        self._supervision.update(facts)
        document = records.supervision_document(**self._supervision)  # type: ignore[arg-type]
        # A power cut may cost this one; that an answer promised is in state.json.
        self._put(records.SUPERVISION_FILE, document, durable=False)

    def _put_state(self, document: Document) -> None:
        self._put(records.STATE_FILE, document, durable=True)

    def _put(self, name: str, document: Document, *, durable: bool) -> None:
        self._waiting.pop(name, None)
        try:
            self._replace(name, document, durable=durable)
        except OSError as error:
            self._supervision["reason"] = f"{name} could not be written at once: {error.strerror}"
            self._waiting[name] = (document, durable)
            self.retry_at = self.retry_at or time.monotonic() + self._retry_pause_s

    def _replace(self, name: str, document: Document, *, durable: bool) -> None:
        data = records.dump_record(document)
        try:
            version = atomic.replace_file(self._dir_fd, name, data, durable=durable)
        except OSError:
            if not self._reserved:
                raise
            reserved = self._reserved.pop()
            try:
                version = reserved.commit(name, data, durable=durable)
            finally:
                reserved.close()
                self._reserve_again()  # what was replaced has just given its blocks back
        if name == records.STATE_FILE:
            self._version = version
            self._is_published = True

    def retry(self) -> None:
        """Try once more what the disk has not taken yet."""
        self.retry_at = None
        self._retry_pause_s = min(self._retry_pause_s * 2, _RETRY_MAX_S)
        waiting, self._waiting = self._waiting, {}
        is_ours = self.is_ours()
        for name, (document, durable) in waiting.items():
            if is_ours:
                self._put(name, document, durable=durable)
        if is_ours and not self._waiting:
            self.note()  # with what kept it
            self._reserve_again()

    def is_ours(self) -> bool:
        """Whether state.json still tells of this run.

        Another program may have restarted the job, or be about to remove it.
        """
        try:
            status = os.stat(records.STATE_FILE, dir_fd=self._dir_fd, follow_symlinks=False)
        except OSError:
            return self._is_only_lost()
        version = atomic.version_of(status)
        if version == self._version:
            return True
        # A peer's `kill` rewrites the state of this very run; that is no reason to leave it.
        if not self._is_published or names_run(self._dir_fd, self._pid, self.started_at):
            self._version = version
            return True
        return False

    def _is_only_lost(self) -> bool:
        """Whether state.json, which is not there, was taken from a job that nobody removes.

        Once the end has been told others may be about to remove the job, and find it gone.
        """
        if self._has_ended or not self.is_in_place():
            return False
        try:
            os.stat(records.META_FILE, dir_fd=self._dir_fd, follow_symlinks=False)
        except OSError:
            return False
        return True

    def is_in_place(self) -> bool:
        """Whether the job's directory is one still, neither removed nor put aside to be.

        Its root may have been moved meanwhile.
        """
        try:
            own = os.fstat(self._dir_fd)
            if os.path.samestat(os.stat(self._path, follow_symlinks=False), own):
                return True
        except OSError:
            pass
        try:
            path = os.readlink(f"/proc/self/fd/{self._dir_fd}")
            found = os.stat(path, follow_symlinks=False)
        except OSError:
            return False
        # A name of its own is what a job gets that is about to be removed; where it can be
        # brought back from, a place with a note of where it came from.
        return (
            os.path.basename(path) == self._job_id
            and os.path.samestat(found, own)
            and not os.path.isfile(os.path.join(os.path.dirname(path), atomic.ORIGIN_FILE))
        )

    def close(self) -> None:
        """Give the reserved space back."""
        while self._reserved:
            self._reserved.pop().close()


def names_run(dir_fd: int, pid: object, started_at: object) -> bool:
    """Whether the state.json in a directory tells of that run."""
    for _ in range(_TORN_RETRIES):
        try:
            data = atomic.read_record(records.STATE_FILE, records.STATE_FILE, dir_fd=dir_fd)
            state = records.load_record(data, records.STATE_FILE)
        except RecordMissingError:
            return False
        except RecordUnreadableError:
            time.sleep(_TORN_PAUSE_S)  # the oldest peers rewrite it in place
            continue
        except AgentExecError:
            return True
        job = state.get("job")
        recorded_start = job.get("started_at") if isinstance(job, dict) else None
        return state.get("pid") == pid and recorded_start == started_at
    return True
