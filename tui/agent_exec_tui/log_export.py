"""What a log view shows, written to a file: sanitised text, no escapes, no cut lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.ansi import sanitize_line
from agent_exec_tui.log_index import BLOCK_BYTES
from agent_exec_tui.log_pattern import Pattern, matching_lines
from agent_exec_tui.log_window import split_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_exec_tui.log_lines import LineReader
    from agent_exec_tui.log_source import Snapshot


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """Which lines, and whether with their times; as for a window."""

    only: Pattern | None = None
    floor: int = 0
    is_merged: bool = False
    with_times: bool = True


_WRITE_BYTES: Final = 1024 * 1024


def export_log(
    snapshot: Snapshot,
    target: str,
    choice: ExportChoice,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[int, int] | None:
    """Write the lines to the new file *target*; return how many lines and bytes.

    None if it was told to stop; then, and after an error, no file is left.

    Raises:
        FileExistsError: *target* is there already; it is left as it is.
        OSError: it cannot be written.
    """
    # Output may hold secrets that its job directory keeps from others.
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    is_whole = False
    try:
        with os.fdopen(fd, "wb", buffering=_WRITE_BYTES) as file:
            lines = 0
            for text in _texts(snapshot, choice):
                if lines % 1024 == 0 and should_stop():
                    return None
                file.write(text.encode("utf-8", "replace") + b"\n")
                lines += 1
            size_bytes = file.tell()
        is_whole = True
        return lines, size_bytes
    finally:
        if not is_whole:
            os.unlink(target)


def _texts(snapshot: Snapshot, choice: ExportChoice) -> Iterator[str]:
    reader = snapshot.reader()
    if reader is None:
        return
    for data in _blocks(reader, choice.floor):
        for line in _lines(data, choice.only):
            stamp, stream, body = split_prefix(line) if choice.is_merged else ("", "", line)
            text = sanitize_line(body, limit=None).text
            if stream:
                time = f"{stamp} " if choice.with_times else ""
                text = f"{time}[{stream.upper()}] {text}"
            yield text


def _blocks(reader: LineReader, start: int) -> Iterator[bytes]:
    while data := reader.read_block(start, BLOCK_BYTES) or reader.read(start, reader.size):
        yield data
        start += len(data)


def _lines(data: bytes, only: Pattern | None) -> Iterator[bytes]:
    if only is None:
        yield from data.removesuffix(b"\n").split(b"\n")
        return
    for start in matching_lines(only, data):
        stop = data.find(b"\n", start)
        yield data[start : len(data) if stop < 0 else stop]
