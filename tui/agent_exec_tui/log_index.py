"""A sparse index: how many lines of some kind lie before each block of a file.

Blocks start at line starts, so the count of a block never depends on its neighbours. 16 bytes a
block of 256 KiB are 640 KiB of index for a file of 10 GiB, however many lines it has. One byte more
says whether there is an escape in the block: without one it changes no colours.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Final

from agent_exec.model.lazy_dataclass import dataclass

BLOCK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes ``[start, stop)``, whole lines; *before* of those counted lie before *start*."""

    start: int
    stop: int
    before: int
    count: int


class BlockIndex:
    """Counts per block, grown at the end by one thread while others look things up."""

    def __init__(self) -> None:
        self._starts = array("Q")
        self._before = array("Q")
        self._escaped = bytearray()
        # One tuple, replaced last: readers in other threads see both figures of one moment.
        self._covered = (0, 0)

    @property
    def covered_bytes(self) -> int:
        """How far the index reaches; always a line start."""
        return self._covered[0]

    @property
    def total(self) -> int:
        """How many were counted so far."""
        return self._covered[1]

    def __len__(self) -> int:
        return len(self._starts)

    def append(self, size_bytes: int, count: int, *, has_escapes: bool = False) -> None:
        """Add the next block."""
        end, total = self._covered
        self._escaped.append(has_escapes)
        self._before.append(total)
        self._starts.append(end)
        self._covered = (end + size_bytes, total + count)

    def at(self, offset: int) -> Block | None:
        """Return the block that holds *offset*, or None beyond what is covered."""
        if offset >= self._covered[0]:
            return None
        return self._block(bisect_right(self._starts, offset) - 1)

    def holding(self, ordinal: int) -> Block | None:
        """Return the block that holds the counted one number *ordinal*, from 0."""
        if not 0 <= ordinal < self._covered[1]:
            return None
        return self._block(bisect_right(self._before, ordinal) - 1)

    def next_filled(self, offset: int) -> Block | None:
        """Return the first block with anything in it that ends after *offset*."""
        block = self.at(offset)
        if block is None or block.count:
            return block
        return self.holding(block.before)

    def previous_filled(self, offset: int) -> Block | None:
        """Return the last block with anything in it that starts before *offset*."""
        if not len(self) or offset <= 0:
            return None
        position = bisect_left(self._starts, min(offset, self._covered[0])) - 1
        block = self._block(position)
        return block if block.count else self.holding(block.before - 1)

    def previous_escaped(self, offset: int) -> Block | None:
        """Return the last block with escapes in it that starts before *offset*."""
        position = self._escaped.rfind(1, 0, bisect_left(self._starts, offset))
        return self._block(position) if position >= 0 else None

    def _block(self, position: int) -> Block:
        end, total = self._covered
        start, before = self._starts[position], self._before[position]
        if position + 1 < len(self._starts):
            return Block(
                start,
                self._starts[position + 1],
                before,
                self._before[position + 1] - before,
            )
        return Block(start, end, before, total - before)
