"""A growing log of any size: what it holds now, its line numbers, its matching lines.

Nothing is read that is not asked for. The end of a file of 10 GiB is at hand at once; line
numbers and hit counts become known as ``advance`` (called in the background, resumable) goes
through the file.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec_tui.log_index import BLOCK_BYTES, BlockIndex
from agent_exec_tui.log_lines import BREAK_BYTES, LineReader, LogFile
from agent_exec_tui.log_look import look_before
from agent_exec_tui.sgr import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_exec_tui.log_pattern import Pattern
    from agent_exec_tui.sgr import Sgr

_SAMPLE_BYTES: Final = 256


class _Lines:
    """Counts line ends, so that numbers are those of other tools, broken lines or not."""

    def count_lines(self, data: bytes) -> int:
        return data.count(b"\n")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A log at one moment.

    ``file`` is None where there is nothing to read: no file yet, or ``problem`` says why.
    ``generation`` changes when the log was emptied or replaced, which ends every byte offset.
    """

    file: LogFile | None
    size: int
    generation: int
    modified_ns: int = 0
    problem: str | None = None
    break_bytes: int = BREAK_BYTES

    @property
    def version(self) -> tuple[int, int, int]:
        """What differs when there may be something new to see."""
        return self.generation, self.size, self.modified_ns

    def reader(self) -> LineReader | None:
        """Return a reader of exactly this moment's bytes."""
        if self.file is None:
            return None
        return LineReader(self.file, self.size, break_bytes=self.break_bytes)


class LogSource:
    """One log, by path. Snapshots and lookups from any thread; ``advance`` from one at a time."""

    def __init__(self, path: str, *, break_bytes: int = BREAK_BYTES) -> None:
        self.path = path
        self._break_bytes = break_bytes
        self._lock = threading.Lock()
        self._identity: tuple[int, int] | None = None
        self._samples: tuple[bytes, bytes] = (b"", b"")
        self._snapshot = Snapshot(None, 0, 0, break_bytes=break_bytes)
        self._lines = BlockIndex()
        self._pattern: Pattern | None = None
        self._hits = BlockIndex()
        self._tail_hit: tuple[int, int, bool] = (-1, -1, False)

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot taken."""
        return self._snapshot

    @property
    def pattern(self) -> Pattern | None:
        """The pattern whose lines are counted."""
        return self._pattern

    @property
    def hit_index(self) -> BlockIndex:
        """Counts of matching lines, as far as ``advance`` has come."""
        return self._hits

    def release(self) -> None:
        """Let go of the open file, keeping what was counted for when the log is shown again."""
        with self._lock:
            self._snapshot = replace(self._snapshot, file=None)

    def refresh(self) -> Snapshot:
        """Look at the file and return what it holds now."""
        with self._lock:
            self._snapshot = self._look()
            return self._snapshot

    def set_pattern(self, pattern: Pattern | None) -> None:
        """Count the lines of *pattern* from now on."""
        with self._lock:
            self._pattern = pattern
            self._hits = BlockIndex()
            self._tail_hit = (-1, -1, False)

    def _look(self) -> Snapshot:
        old = self._snapshot
        try:
            file = self._current_file(old.file)
        except FileNotFoundError:
            # Deleted under us: what we hold open stays readable to the end.
            return old if old.file is not None else replace(old, size=0, problem=None)
        except OSError as error:
            reason = error.strerror or str(error)
            return replace(old, file=None, size=0, problem=reason)
        size, modified_ns = file.status()
        generation = old.generation
        if self._identity is not None and not self._continues(file, size, modified_ns, old):
            generation += 1
            self._lines, self._hits = BlockIndex(), BlockIndex()
            self._tail_hit = (-1, -1, False)
        self._identity = file.identity
        snapshot = Snapshot(file, size, generation, modified_ns, None, self._break_bytes)
        if snapshot.version != old.version:
            self._samples = _sample(file, size)
        return snapshot

    def _current_file(self, held: LogFile | None) -> LogFile:
        status = os.stat(self.path)
        if held is not None and held.identity == (status.st_dev, status.st_ino):
            return held
        return LogFile(self.path)

    def _continues(self, file: LogFile, size: int, modified_ns: int, old: Snapshot) -> bool:
        """Whether *file* still starts with the bytes seen before.

        A restart that has already written as much as the old run is told by two samples.
        """
        if file.identity != self._identity or size < old.size:
            return False
        if (size, modified_ns) == (old.size, old.modified_ns):
            return True
        return self._samples == _sample(file, old.size)

    def advance(self, blocks: int, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Count the next *blocks* blocks; return whether there is more to count.

        Hits first: somebody waits for them.
        """
        with self._lock:
            snapshot, pattern, hits, lines = (
                self._snapshot,
                self._pattern,
                self._hits,
                self._lines,
            )
        reader = snapshot.reader()
        if reader is None:
            return False
        if pattern is not None and _count_on(hits, reader, pattern, blocks, should_stop):
            return True
        if pattern is not None:
            self._count_tail(reader, pattern, hits)
        return _count_on(lines, reader, _Lines(), blocks, should_stop)

    def _count_tail(self, reader: LineReader, pattern: Pattern, hits: BlockIndex) -> None:
        """Look at the unfinished last line, which is in no block yet."""
        start = hits.covered_bytes
        if self._tail_hit[:2] != (start, reader.size):
            matches = start < reader.size and pattern.count_lines(reader.read(start, reader.size))
            self._tail_hit = (start, reader.size, bool(matches))

    def line_count(self) -> tuple[int, bool]:
        """Return how many lines are known, and whether those are all of the snapshot."""
        lines, snapshot = self._lines, self._snapshot
        covered = lines.covered_bytes
        reader = snapshot.reader()
        if reader is None:
            return lines.total, True
        if covered < snapshot.size and reader.read_block(covered, BLOCK_BYTES):
            return lines.total, False
        return lines.total + reader.is_continued(snapshot.size), True

    def hit_count(self) -> tuple[int, bool]:
        """Return how many matching lines are known, and whether those are all."""
        hits = self._hits
        covered, (start, size, matches) = hits.covered_bytes, self._tail_hit
        total, at_size = hits.total, self._snapshot.size
        if covered >= at_size:
            return total, True
        is_all = (start, size) == (covered, at_size)
        return total + (matches and start == covered), is_all

    def line_number(self, start: int) -> int | None:
        """Return the number, from 1, of the line that starts at *start*; None if not known yet."""
        before = _count_before(self._lines, self._snapshot, _Lines(), start)
        return None if before is None else before + 1

    def hit_number(self, start: int) -> int | None:
        """Return which matching line, from 1, starts at *start*; None if none does, or not yet known."""
        reader, pattern = self._snapshot.reader(), self._pattern
        if pattern is None or reader is None:
            return None
        if not pattern.count_lines(reader.read(start, reader.stop_of(start))):
            return None  # gone to for another reason: an error, a line number
        before = _count_before(self._hits, self._snapshot, pattern, start)
        return None if before is None else before + 1

    def look_at(self, offset: int) -> Sgr:
        """Return what the lines before *offset* have set, as far as can be told by looking back."""
        reader = self._snapshot.reader()
        return PLAIN if reader is None else look_before(reader, self._lines, offset)

    def line_start(self, number: int) -> int | None:
        """Return where line *number*, from 1, starts; None if it is not known (yet)."""
        reader = self._snapshot.reader()
        if number <= 1 or reader is None:
            return 0 if number == 1 else None
        block = self._lines.holding(number - 2)
        if block is None:
            return None
        data = reader.read(block.start, block.stop)
        position = -1
        for _ in range(number - 1 - block.before):
            position = data.find(b"\n", position + 1)
        return block.start + position + 1


def _sample(file: LogFile, size: int) -> tuple[bytes, bytes]:
    length = min(size, _SAMPLE_BYTES)
    return file.read(0, length), file.read(size - length, length)


def _count_on(
    index: BlockIndex,
    reader: LineReader,
    counter: Pattern | _Lines,
    blocks: int,
    should_stop: Callable[[], bool],
) -> bool:
    """Count the next blocks; many are read at once.

    After each read the interpreter is fought for, and on a busy machine a key waits for that.
    """
    block_bytes = min(BLOCK_BYTES, reader.break_bytes)
    left = ahead = blocks
    while left > 0:
        if should_stop():
            return True
        start = index.covered_bytes
        data = reader.read(start, start + min(ahead, left) * block_bytes)
        found = list(_blocks_of(data, block_bytes, is_last=start + len(data) >= reader.size))
        if not found:  # a line longer than a block, or one that is not finished
            found, ahead = [reader.read_block(start, BLOCK_BYTES)], 1
            if not found[0]:
                return False
        for block in found:
            index.append(len(block), counter.count_lines(block), has_escapes=b"\x1b" in block)
        left -= len(found)
    return True


def _blocks_of(data: bytes, block_bytes: int, *, is_last: bool) -> Iterator[bytes]:
    """Cut what starts with a line into whole lines, a block at a time, up to a longer line."""
    at = 0
    while len(data) - at >= block_bytes or (is_last and at < len(data)):
        cut = data.rfind(b"\n", at, at + block_bytes) + 1
        if not cut:
            return
        yield data[at:cut]
        at = cut


def _count_before(
    index: BlockIndex, snapshot: Snapshot, counter: Pattern | _Lines, offset: int
) -> int | None:
    reader = snapshot.reader()
    if reader is None:
        return None
    if offset == index.covered_bytes:
        return index.total
    block = index.at(offset)
    if block is None:
        return None
    return block.before + counter.count_lines(reader.read(block.start, offset))
