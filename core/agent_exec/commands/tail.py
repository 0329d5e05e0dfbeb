"""``tail``: the end of a job's output, once or as it grows."""

from __future__ import annotations

import codecs
import time

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import STDERR_LOG, STDOUT_LOG
from agent_exec.store.logs import ENCODING, LogFollower, tail_excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from agent_exec.commands.tail_end import TailEnd
    from agent_exec.store.jobs import JobDir, JobStore
    from agent_exec.store.logs import Excerpt, LogChunk

DEFAULT_LINES = 50
DEFAULT_MAX_BYTES = 65536
_CHUNK_BYTES = 64 * 1024
# What is asked at each look costs 20 us; half a tenth of a second is not noticed by people.
_LOOK_S = 0.05
_END_LOOK_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTail:
    """The last lines of both streams."""

    wire_type = "tail"

    job_id: str
    stdout: str
    stderr: str
    encoding: str
    stdout_log_path: str
    stderr_log_path: str
    stdout_range: tuple[int, int]
    stderr_range: tuple[int, int]
    stdout_total_bytes: int
    stderr_total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChunkOnTheWire:
    """The fields of a chunk that are told.

    Attributes:
        stream: ``stdout`` or ``stderr``.
        range: the chunk's first byte in the log and the one after its last.
        restarted: the job was restarted: the log begins anew here.
    """

    wire_type = "tail_chunk"

    job_id: str
    stream: str
    text: str
    encoding: str
    range: tuple[int, int]
    restarted: bool | None = None


class TailChunk(_ChunkOnTheWire):
    """A piece of output.

    Attributes:
        data: its very bytes; not told, for JSON cannot carry them.
    """

    data: bytes

    @classmethod
    def of(cls, job_id: str, stream: str, chunk: LogChunk, text: str) -> TailChunk:
        """Make one from what a follower read and a decoder made of it."""
        made = cls(
            job_id=job_id,
            stream=stream,
            text=text,
            encoding=ENCODING,
            range=(chunk.offset, chunk.offset + len(chunk.data)),
            restarted=True if chunk.restarted else None,
        )
        object.__setattr__(made, "data", chunk.data)
        return made


def tail_job(
    store: JobStore,
    job_id: str,
    *,
    lines: int = DEFAULT_LINES,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> JobTail:
    """Read the last *lines* lines (0: no limit) within the last *max_bytes* of each stream.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        RecordUnreadableError: a log is no ordinary file or not ours to read.
    """
    with store.open(job_id) as job:
        stdout = _tail_of(job, STDOUT_LOG, max_bytes, lines)
        stderr = _tail_of(job, STDERR_LOG, max_bytes, lines)
        return JobTail(
            job_id=job.job_id,
            stdout=stdout.text,
            stderr=stderr.text,
            encoding=ENCODING,
            stdout_log_path=job.file_path(STDOUT_LOG),
            stderr_log_path=job.file_path(STDERR_LOG),
            stdout_range=stdout.range,
            stderr_range=stderr.range,
            stdout_total_bytes=stdout.total_bytes,
            stderr_total_bytes=stderr.total_bytes,
        )


def _tail_of(job: JobDir, name: str, max_bytes: int, lines: int) -> Excerpt:
    excerpt = tail_excerpt(name, max_bytes, lines, dir_fd=job.fd)
    if excerpt.problem:
        log, _, reason = excerpt.problem.partition(": ")
        raise RecordUnreadableError(log, reason)
    return excerpt


def follow_job(
    store: JobStore,
    job_id: str,
    *,
    lines: int = DEFAULT_LINES,
    max_bytes: int = DEFAULT_MAX_BYTES,
    until_s: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[TailChunk, None, TailEnd]:
    """Give the end of both streams and then what is added, until the job is over and read out.

    A created job is waited for. A restart begins the streams anew. What the generator returns
    says why it ended.

    Args:
        store: the root.
        job_id: or the beginning of one.
        lines: how many there are at first; 0 is no limit.
        max_bytes: within which these lie.
        until_s: seconds after which it ends in any case; None is never.
        should_stop: asked twenty times a second; it ends then, too.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        RecordUnreadableError: a log is no ordinary file or not ours to read.
    """
    with store.open(job_id) as job:
        deadline_s = None if until_s is None else time.monotonic() + until_s
        streams = [
            _Stream(job, "stdout", STDOUT_LOG, max_bytes, lines),
            _Stream(job, "stderr", STDERR_LOG, max_bytes, lines),
        ]
        try:
            return (yield from _follow(job, streams, deadline_s, should_stop))
        finally:
            for stream in streams:
                stream.close()


def _follow(
    job: JobDir,
    streams: list[_Stream],
    deadline_s: float | None,
    should_stop: Callable[[], bool],
) -> Generator[TailChunk, None, TailEnd]:
    from agent_exec.commands.tail_end import EndWatch, TailEndReason, given_up

    ends = EndWatch(job)
    next_end_look_s = 0.0
    while True:
        end = None
        if time.monotonic() >= next_end_look_s:
            # Asked before the logs are read: what came before the end is then read for sure.
            end = ends.look()
            next_end_look_s = time.monotonic() + _END_LOOK_S
        had_news = False
        for stream in streams:
            for chunk in stream.news():
                had_news = True
                yield chunk
        if end is None and should_stop():
            end = given_up(job, TailEndReason.INTERRUPTED)
        elif end is None and deadline_s is not None and time.monotonic() >= deadline_s:
            end = given_up(job, TailEndReason.TIMEOUT)
        if end is not None:
            for stream in streams:
                yield from stream.rest()
            return end
        if not had_news:
            time.sleep(_LOOK_S)  # appending to a log raises no event a lean process could await


class _Stream:
    """One of a job's streams, from its tail on."""

    def __init__(self, job: JobDir, name: str, log: str, max_bytes: int, lines: int) -> None:
        self._job_id = job.job_id
        self._name = name
        start = _tail_of(job, log, max_bytes, lines).start
        self._follower = LogFollower(job.file_path(log), start)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def close(self) -> None:
        self._follower.close()

    def news(self) -> Iterator[TailChunk]:
        """What is there now; what is added while it is read waits for the next call."""
        chunk = self._follower.read(_CHUNK_BYTES)
        while chunk is not None:
            if chunk.restarted:
                self._decoder.reset()
            text = self._decoder.decode(chunk.data)
            yield TailChunk.of(self._job_id, self._name, chunk, text)
            if len(chunk.data) < _CHUNK_BYTES:
                return
            chunk = self._follower.read(_CHUNK_BYTES)

    def rest(self) -> Iterator[TailChunk]:
        """What the last character lacked, if it was cut."""
        from agent_exec.store.logs import LogChunk

        text = self._decoder.decode(b"", final=True)
        if text:
            nothing = LogChunk(b"", self._follower.offset)
            yield TailChunk.of(self._job_id, self._name, nothing, text)
