"""The standard input a job is given later: copied into its directory when it is made."""

from __future__ import annotations

import os
import select
import stat

from agent_exec.commands.arguments import require_text
from agent_exec.commands.source_file import open_source, read_source
from agent_exec.errors import InternalError, StdinRequiredError, StdinTooLargeError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import STDIN_FILE
from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
_QUIET_S = 10.0  # of a fifo; --stdin - waits for as long as it takes
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StdinText:
    """Exactly this text, or these bytes."""

    text: str | bytes


@dataclass(frozen=True, slots=True)
class StdinFile:
    """What a file holds now."""

    path: str


@dataclass(frozen=True, slots=True)
class StdinStream:
    """What an open descriptor gives until its end; the descriptor stays the caller's."""

    fd: int


StdinSource = StdinText | StdinFile | StdinStream


def keep_stdin(dir_fd: int, source: StdinSource, max_bytes: int) -> str:
    """Copy *source* into the job's directory, mode 0600, and return the file's name.

    Raises:
        StdinRequiredError: the stream is a terminal.
        StdinTooLargeError: there is more than *max_bytes*; read no further than that.
        InternalError: the source cannot be read.
    """
    target = atomic.create_file(dir_fd, STDIN_FILE)
    try:
        kept_bytes = 0
        for chunk in _chunks(source, max_bytes):
            kept_bytes += len(chunk)
            if kept_bytes > max_bytes:
                raise StdinTooLargeError(max_bytes)
            atomic.write_all(target, chunk)
        atomic.sync(target)
    finally:
        os.close(target)
    return STDIN_FILE


def _chunks(source: StdinSource, max_bytes: int) -> Iterator[bytes]:
    if isinstance(source, StdinText):
        text = source.text
        yield text if isinstance(text, bytes) else require_text("--stdin", text).encode()
    elif isinstance(source, StdinFile):
        yield from _file_chunks(source.path, max_bytes)
    else:
        if os.isatty(source.fd):
            raise StdinRequiredError
        yield from _read_to_end(source.fd, "read stdin")


def _file_chunks(path: str, max_bytes: int) -> Iterator[bytes]:
    doing = f"open --stdin-file source {require_text('--stdin-file', path)}"
    fd = open_source(path, doing)
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_size > max_bytes:
            raise StdinTooLargeError(max_bytes)  # known without copying a byte
        yield from read_source(fd, f"read --stdin-file source {path}", _QUIET_S)
    finally:
        os.close(fd)


def _read_to_end(fd: int, doing: str) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            _await_readable(fd)  # the caller's descriptor may be in non-blocking mode
            continue
        except OSError as error:
            raise InternalError.from_os_error(error, doing) from None
        if not chunk:
            return
        yield chunk


def _await_readable(fd: int) -> None:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    poller.poll()
