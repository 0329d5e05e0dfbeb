"""A search through a log in slices, from a place to the end and once around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec_tui.log_search import LineFinder

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_exec_tui.log_lines import LineSpan
    from agent_exec_tui.log_pattern import Pattern
    from agent_exec_tui.log_source import LogSource

_SLICE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Search:
    """A search for the next matching line from *start* on (or before it), then once around.

    Nothing before the byte *floor* is looked at. *what* is for whoever asked; *stop* is where
    the second half of the round ends.
    """

    pattern: Pattern
    start: int
    forward: bool
    what: str
    floor: int = 0
    has_wrapped: bool = False
    stop: int | None = None


def find_step(
    source: LogSource, search: Search, should_stop: Callable[[], bool]
) -> tuple[LineSpan | None, int | None, Search | None]:
    """Look through the next slice; return the line, its hit's byte, or the search to go on with."""
    reader = source.snapshot.reader()
    if reader is None:
        return None, None, None
    finder = LineFinder(
        reader,
        search.pattern,
        source.hit_index if source.pattern is search.pattern else None,
        should_stop=should_stop,
        budget_bytes=_SLICE_BYTES,
    )
    if search.forward:
        found = finder.forward(max(search.start, search.floor), stop=search.stop)
    else:
        found = finder.backward(search.start, floor=max(search.floor, search.stop or 0))
    if found.spans:
        span = found.spans[0]
        return span, _focus(reader.read(span.start, span.stop), span, search.pattern), None
    if not found.is_complete:
        return None, None, replace(search, start=found.reached)
    if search.has_wrapped:
        return None, None, None
    start = search.floor if search.forward else reader.size
    return None, None, replace(search, start=start, has_wrapped=True, stop=search.start)


def _focus(data: bytes, span: LineSpan, pattern: Pattern) -> int:
    prepared = pattern.prepare(data)
    match = pattern.first(prepared, 0)
    # Where colour sequences were taken out this is a little early, which a long line forgives.
    return span.start + (match[0] if match else 0)
