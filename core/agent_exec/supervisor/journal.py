"""The records of one run: written in time, only while they are this run's, on any disk."""

from __future__ import annotations

import contextlib
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

_TORN_RETRIES = 5
_TORN_PAUSE_S = 0.01
_RESERVED_FILES = 2  # state.json and supervision.json
_RETRY_FIRST_S = 0.5
_RETRY_MAX_S = 20.0


class Journal:
    """state.json and supervision.json of one run.

    A record the disk does not take is kept and tried again at ``retry_at`` (monotonic seconds,
    None when nothing waits).
    """

    def __init__(self, dir_fd: int, root: str, job_id: str, full_log_path: str | None) -> None:
        self.started_at: str | None = None
        self.retry_at: float | None = None
        self._dir_fd = dir_fd
        self._job_id = job_id
        self._path = os.path.join(root, job_id)
        self._pid: int | None = None
        self._retry_pause_s = _RETRY_FIRST_S
        self._waiting: dict[str, tuple[Document, bool]] = {}
        self._reserved: list[atomic.ReservedFile] = []
        self._seen: tuple[int, int] | None = None  # the state.json known to be ours
        self._supervision: Document = {
            "supervisor": identity_document(os.getpid()),
            "full_log_path": full_log_path,
        }

    def reserve(self) -> None:
        """Take the space the last records will need; raises OSError if there is none."""
        while len(self._reserved) < _RESERVED_FILES:
            self._reserved.append(atomic.ReservedFile(self._dir_fd))

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
        self.started_at = timestamp_of(started_ns // 1_000_000_000)
        self.note(child=identity_document(pid), started_at=self.started_at, started_ns=started_ns)
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
        if self.is_ours():
            with contextlib.suppress(OSError):  # the next one may get through
                self._replace(records.STATE_FILE, self._running_document(), durable=False)

    def publish_end(
        self,
        *,
        exit_code: int | None,
        signal: int | None,
        duration_ms: int,
        finished_at: str,
        logs_drained: bool,
    ) -> None:
        """Record how the command ended, unless state.json has become another run's."""
        if not self.is_ours():
            return
        self._put_state(
            records.state_document(
                self._job_id,
                "exited" if signal is None else "killed",
                updated_at=now_timestamp(),
                started_at=self.started_at,
                exit_code=exit_code,
                signal=None if signal is None else str(signal),
                duration_ms=duration_ms,
                pid=self._pid,
                finished_at=finished_at,
                logs_drained=logs_drained,
            )
        )

    def note(self, **facts: object) -> None:
        """Add facts to supervision.json; None and False take one out."""
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
        except OSError:
            self._waiting[name] = (document, durable)
            self.retry_at = self.retry_at or time.monotonic() + self._retry_pause_s

    def _replace(self, name: str, document: Document, *, durable: bool) -> None:
        data = records.dump_record(document)
        try:
            atomic.replace_file(self._dir_fd, name, data, durable=durable)
        except OSError:
            if not self._reserved:
                raise
            reserved = self._reserved.pop()
            try:
                reserved.commit(name, data, durable=durable)
            finally:
                reserved.close()

    def retry(self) -> None:
        """Try once more what the disk has not taken yet."""
        self.retry_at = None
        self._retry_pause_s = min(self._retry_pause_s * 2, _RETRY_MAX_S)
        waiting, self._waiting = self._waiting, {}
        for name, (document, durable) in waiting.items():
            if self.is_ours():
                self._put(name, document, durable=durable)
        with contextlib.suppress(OSError):
            self.reserve()

    def is_ours(self) -> bool:
        """Whether state.json still tells of this run.

        Another program may have restarted the job, or be about to remove it.
        """
        try:
            status = os.stat(records.STATE_FILE, dir_fd=self._dir_fd, follow_symlinks=False)
        except OSError:
            return False
        if (status.st_ino, status.st_mtime_ns) == self._seen:
            return True
        is_ours = self._names_this_run()
        if is_ours:
            self._seen = (status.st_ino, status.st_mtime_ns)
        return is_ours

    def _names_this_run(self) -> bool:
        for _ in range(_TORN_RETRIES):
            try:
                data = atomic.read_record(
                    records.STATE_FILE, records.STATE_FILE, dir_fd=self._dir_fd
                )
                state = records.load_record(data, records.STATE_FILE)
            except RecordMissingError:
                return False
            except RecordUnreadableError:
                time.sleep(_TORN_PAUSE_S)  # an old peer rewrites it in place
                continue
            except AgentExecError:
                return True
            if self._pid is None:
                return True
            if state.get("pid") is None and self._waiting:
                return True  # our own `running` is what the disk did not take
            job = state.get("job")
            started_at = job.get("started_at") if isinstance(job, dict) else None
            return state.get("pid") == self._pid and started_at == self.started_at
        return True

    def is_in_place(self) -> bool:
        """Whether the job's directory still lies where it was, neither removed nor put aside."""
        try:
            found = os.stat(self._path, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(self._dir_fd))

    def close(self) -> None:
        """Give the reserved space back."""
        while self._reserved:
            self._reserved.pop().close()
