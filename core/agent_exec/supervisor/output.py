"""The child's two streams into its three logs, by the chunk and never by the line."""

from __future__ import annotations

import fcntl
import os
import time

from agent_exec.store.clock import timestamp_of
from agent_exec.supervisor.logfile import LOG_LIMIT, LogFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # Gets a stream's name and whole lines, joined by newlines, without the last one.
    LineSink = Callable[[str, bytes], None]

READ_BYTES = 64 * 1024  # what a pipe holds; more only once a stream has filled it
_LARGE_PIPE_BYTES = 256 * 1024
_FULL_READS_BEFORE_GROWING = 16
PIECE_BYTES = 64 * 1024
_LONGEST_CHARACTER = 4
_MARK_LABEL = b"AGENT-EXEC"
_GAP_MARK = b"[AGENT-EXEC] %d bytes are missing here: %b"


def lossy(data: bytes) -> bytes:
    """Replace what is not UTF-8 by U+FFFD; the common case costs one look at the bytes."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def split_incomplete(data: bytes) -> tuple[bytes, bytes]:
    """Cut a character off the end that has not arrived whole yet."""
    for back in range(1, min(_LONGEST_CHARACTER, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return (data[:-back], data[-back:]) if needed > back else (data, b"")
        if byte < 0x80:
            break
    return data, b""


class FullLog:
    """Both streams in one file, each line with its time and label."""

    def __init__(self, log: LogFile) -> None:
        self.log = log
        self._second = -1
        self._stamp = b""
        self._open_label = b""  # whose line has been begun and not ended yet
        self._is_loss_marked = False

    def _prefix(self, label: bytes) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._stamp = timestamp_of(second).encode()
        return b"%b [%b] " % (self._stamp, label)

    def write(self, label: bytes, text: bytes, *, ends_line: bool) -> None:
        """Write lines, or with *ends_line* false the next piece of a very long one.

        A long line stays one line unless the other stream comes between its pieces; then the
        rest gets a stamp of its own.
        """
        prefix = self._prefix(label)
        if self.log.may_resume():
            self._resume()
        if not self._open_label:
            head = prefix
        elif self._open_label == label:
            head = b""
        else:
            head = b"\n" + prefix
        self._open_label = b"" if ends_line else label
        stamped = text.replace(b"\n", b"\n" + prefix)
        is_stored = self.log.write(b"".join((head, stamped, b"\n" if ends_line else b"")))
        if not is_stored and not self._is_loss_marked:
            self._is_loss_marked = True
            self.mark(f"nothing is stored here any more: {self.log.drop_reason}")

    def mark(self, text: str) -> None:
        """Write a line of our own."""
        self._open_label = b""
        self.log.write_mark(b"%b%b\n" % (self._prefix(_MARK_LABEL), text.encode()))

    def _resume(self) -> None:
        if self.log.resume(self._prefix(_MARK_LABEL) + b"stored here again, %d bytes are missing"):
            self._open_label = b""
            self._is_loss_marked = False


class Stream:
    """One of the child's outputs: its pipe, its log, and the line that is not complete yet."""

    def __init__(
        self,
        name: str,
        fd: int,
        log: LogFile,
        full: FullLog,
        limit_bytes: int,
        lines: LineSink,
    ) -> None:
        self.name = name
        self.fd = fd
        self.log = log
        self._lines = lines
        self._full = full
        self._label = name.upper().encode()
        self._partial = b""
        self._is_in_line = False  # full.log has the first pieces of the partial line
        self._is_loss_marked = False
        self._room = limit_bytes or None  # bytes full.log still takes of this stream
        self._read_bytes = READ_BYTES
        self._full_reads = 0

    @property
    def is_open(self) -> bool:
        """Whether somebody may still write to it."""
        return self.fd >= 0

    def read(self) -> int:
        """Take one chunk and store it; returns its size, 0 when there will be no more.

        Raises:
            BlockingIOError: there is nothing to take at present.
        """
        chunk = os.read(self.fd, self._read_bytes)
        if not chunk:
            return 0
        if len(chunk) == READ_BYTES:
            self._full_reads += 1
            if self._full_reads == _FULL_READS_BEFORE_GROWING:
                self._grow_pipe()
        is_stored = self.log.write(self._resumed(chunk) if self.log.may_resume() else chunk)
        self._take_lines(chunk)
        if not is_stored and self.log.drop_reason != LOG_LIMIT:
            self._mark_loss(str(self.log.drop_reason))
        return len(chunk)

    def _resumed(self, chunk: bytes) -> bytes:
        """Go on storing, from the beginning of a line if there is one; what is to be stored."""
        skipped = chunk.find(b"\n") + 1
        self.log.skip(skipped)
        reason = str(self.log.drop_reason).encode()
        missing_bytes = self.log.resume(_GAP_MARK.replace(b"%b", reason))
        if not missing_bytes:
            return chunk[skipped:]
        self._is_loss_marked = False
        self._full.mark(f"{self.name} is stored again, {missing_bytes} bytes are missing")
        return chunk[skipped:]

    def _grow_pipe(self) -> None:
        # Only for streams that fill theirs: the memory of pipes is limited per user.
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, _LARGE_PIPE_BYTES)
        except (AttributeError, OSError):
            return
        self._read_bytes = _LARGE_PIPE_BYTES

    def _take_lines(self, chunk: bytes) -> None:
        cut = chunk.rfind(b"\n")
        if cut >= 0:
            self._emit(lossy(self._partial + chunk[:cut]), ends_line=True)
            self._partial = chunk[cut + 1 :]
        else:
            self._partial += chunk
        if len(self._partial) > PIECE_BYTES:
            piece, self._partial = split_incomplete(self._partial)
            self._emit(lossy(piece), ends_line=False)

    def _emit(self, text: bytes, *, ends_line: bool) -> None:
        self._is_in_line = not ends_line
        self._lines(self.name, text)
        if self._room is None:
            self._full.write(self._label, text, ends_line=ends_line)
            return
        kept = text[: self._room]
        if kept or self._room:
            self._room -= min(self._room, len(text) + 1)
            self._full.write(self._label, kept, ends_line=ends_line or not self._room)
        if len(kept) < len(text):
            self._full.log.dropped += len(text) - len(kept)
            self._mark_loss(LOG_LIMIT)

    def _mark_loss(self, reason: str) -> None:
        if not self._is_loss_marked:
            self._is_loss_marked = True
            self._full.mark(f"{self.name} is no longer stored: {reason}")

    def close(self) -> None:
        """Take nothing more, and end the line that has no end."""
        if not self.is_open:
            return
        os.close(self.fd)
        self.fd = -1
        if self._partial or self._is_in_line:
            self._emit(lossy(self._partial), ends_line=True)
            self._partial = b""
