"""Matching lines found forwards and backwards from any byte of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.log_index import BLOCK_BYTES, BlockIndex
from agent_exec_tui.log_lines import LineReader, LineSpan
from agent_exec_tui.log_pattern import Pattern, matching_lines

if TYPE_CHECKING:
    from collections.abc import Callable

UNINDEXED_BUDGET_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """Matching lines in file order; *is_complete* if there is no nearer one left unseen.

    *reached* is the byte up to which was looked: going on from there finds the rest.
    """

    spans: tuple[LineSpan, ...]
    is_complete: bool
    reached: int


class LineFinder:
    """Finds matching lines in one snapshot of a log; blocks known to hold none are skipped.

    Args:
        index: counts of this pattern's lines, as far as they are known.
        should_stop: asked between blocks.
        budget_bytes: at most so much is searched where the index does not reach; None: no limit.
    """

    def __init__(
        self,
        reader: LineReader,
        pattern: Pattern,
        index: BlockIndex | None = None,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        budget_bytes: int | None = None,
    ) -> None:
        self._reader = reader
        self._pattern = pattern
        self._index = index if index is not None else BlockIndex()
        self._should_stop = should_stop
        self._budget_bytes = budget_bytes

    def forward(self, start: int, count: int = 1, *, stop: int | None = None) -> Found:
        """Return up to *count* matching lines that start at the line start *start* or later."""
        stop = self._reader.size if stop is None else min(stop, self._reader.size)
        spans: list[LineSpan] = []
        position, budget = start, self._budget_bytes
        while position < stop and len(spans) < count:
            if self._should_stop() or (budget is not None and budget <= 0):
                return Found(tuple(spans), False, position)
            if position < self._index.covered_bytes:
                block = self._index.next_filled(position)
                if block is None:
                    position = self._index.covered_bytes
                    continue
                position = max(position, block.start)
            data = self._block_from(position)
            if position >= self._index.covered_bytes and budget is not None:
                budget -= len(data)
            if not data:
                break
            spans += self._matches(data, position)
            position += len(data)
        spans = [span for span in spans if span.start < stop]
        reached = spans[count - 1].stop if len(spans) >= count else stop
        return Found(tuple(spans[:count]), True, reached)

    def backward(self, stop: int, count: int = 1, *, floor: int = 0) -> Found:
        """Return up to *count* matching lines that stop at the line end *stop* or before."""
        spans: list[LineSpan] = []
        position, budget = stop, self._budget_bytes
        while position > floor and len(spans) < count:
            if self._should_stop() or (budget is not None and budget <= 0):
                return Found(tuple(spans), False, position)
            start = max(self._block_start(position), floor)
            if position <= self._index.covered_bytes:
                block = self._index.previous_filled(position)
                if block is None or block.stop <= floor:
                    break
                start, position = max(block.start, floor), min(position, block.stop)
            data = self._reader.read(start, position)
            if position > self._index.covered_bytes and budget is not None:
                budget -= len(data)
            spans = [*self._matches(data, start), *spans]
            position = start
        spans = spans[-count:]
        reached = spans[0].start if len(spans) >= count else floor
        return Found(tuple(spans), True, reached)

    def _block_from(self, position: int) -> bytes:
        data = self._reader.read_block(position, BLOCK_BYTES)
        return data or self._reader.read(position, self._reader.size)

    def _block_start(self, stop: int) -> int:
        """Return a line start about one block before *stop*, with no broken line in between."""
        reader = self._reader
        size = min(BLOCK_BYTES, reader.break_bytes)
        nearest = self._index.covered_bytes if self._index.covered_bytes < stop else 0
        start = reader.start_of(max(stop - size, nearest))
        while (line_stop := reader.stop_of(start)) < stop and reader.is_continued(line_stop):
            start = line_stop
        return start

    def _matches(self, data: bytes, base: int) -> list[LineSpan]:
        spans: list[LineSpan] = []
        for start in matching_lines(self._pattern, data):
            newline = data.find(b"\n", start)
            stop = len(data) if newline < 0 else newline + 1
            spans.append(LineSpan(base + start, base + stop))
        return spans
