"""What colours a place in a log begins with, found by looking back from it.

Only where lines are shown: counting the lines of a log keeps no colours, just which blocks have
an escape in them, so that those without one are passed over however many they are.
"""

from __future__ import annotations

from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Final

from agent_exec_tui.log_index import BLOCK_BYTES
from agent_exec_tui.sgr import PLAIN, Sgr, apply_sgr, last_sets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_exec_tui.log_index import BlockIndex
    from agent_exec_tui.log_lines import LineReader

LOOK_BACK_BYTES: Final = 4 * BLOCK_BYTES
"""So much is searched for a reset; logs with colours and no reset for as long are rare."""

_SETS_LIMIT: Final = 4096


def look_before(reader: LineReader, lines: BlockIndex, offset: int) -> Sgr:
    """Return what the lines before *offset* have set, as a terminal would carry it on.

    What was set before ``LOOK_BACK_BYTES`` of blocks with escapes, and never reset since, is not
    known; nor is it where the lines are not counted yet.
    """
    wanted: dict[str, None] = {}
    for data in _backward(reader, lines, offset):
        sets, is_reset = last_sets(data)
        wanted.update(dict.fromkeys(sets))
        if is_reset or len(wanted) >= _SETS_LIMIT:
            break
    return reduce(apply_sgr, reversed(list(islice(wanted, _SETS_LIMIT))), PLAIN)


def _backward(reader: LineReader, lines: BlockIndex, stop: int) -> Iterator[bytes]:
    """Yield whole lines before *stop*, the last first: a block with escapes at a time."""
    covered = min(lines.covered_bytes, stop)  # it grows while we look
    floor = stop - LOOK_BACK_BYTES
    while stop > max(covered, floor):
        start = max(reader.start_of(max(stop - BLOCK_BYTES, 0)), covered)
        yield reader.read(start, stop)
        stop = start
    left = LOOK_BACK_BYTES if stop == covered else 0
    while left > 0 and (block := lines.previous_escaped(stop)):
        start, stop = block.start, min(block.stop, stop)
        yield reader.read(start, stop)
        left, stop = left - (stop - start), start
