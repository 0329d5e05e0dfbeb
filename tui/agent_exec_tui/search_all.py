"""One pattern looked for in many logs, one after the other, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agent_exec_tui.ansi import plain, sanitize_line
from agent_exec_tui.log_index import BLOCK_BYTES
from agent_exec_tui.log_lines import LineReader, LogFile
from agent_exec_tui.log_pattern import matching_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agent_exec_tui.layout import Part
    from agent_exec_tui.log_pattern import Pattern

HITS_PER_LOG: Final = 100
"""Lines listed of one log; the others are counted, and said to be left out."""
HITS_IN_ALL: Final = 20_000
EXCERPT_BYTES: Final = 1024
HEAD_BYTES: Final = 200
"""Of a line longer than an excerpt, so much before the hit is kept."""


@dataclass(frozen=True, slots=True)
class LogToSearch:
    """One stream of one job."""

    job_id: str
    part: Part
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One matching line, or the word on those of its log that are not listed.

    Attributes:
        start: the byte where the line starts.
        focus: a byte of the match; a little early where colours come before it.
        number: of the line, from 1.
        excerpt: the line without colours, all of it or the part around the match.
        is_inner: the excerpt starts within the line.
        unlisted: how many more lines of this log match, this one included; 0 for a plain hit.
    """

    job_id: str
    part: Part
    start: int
    focus: int
    number: int
    excerpt: bytes
    is_inner: bool = False
    unlisted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a search has come.

    Attributes:
        hits: matching lines found, listed or not.
        unreadable: logs that could not be read.
    """

    logs: int
    done: int = 0
    read_bytes: int = 0
    hits: int = 0
    logs_with_hits: int = 0
    listed: int = 0
    unreadable: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every log was searched."""
        return self.done == self.logs


def search_logs(
    logs: Iterable[LogToSearch],
    count: int,
    pattern: Pattern,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[list[Hit], Progress]]:
    """Search one log after the other; yield what is new, and how far it is, block by block.

    A log is searched up to the size it has when its turn comes; *count* is how many there are.
    """
    progress = Progress(logs=count)
    for log in logs:
        before = progress
        try:
            for hits, progress in _search_one(log, pattern, progress):  # noqa: B020 (it is handed on)
                if should_stop():
                    return
                yield hits, progress
        except FileNotFoundError:
            pass  # not started yet: nothing written
        except OSError:
            progress = replace(progress, unreadable=progress.unreadable + 1)
        if should_stop():
            return
        found = int(progress.hits > before.hits)
        progress = replace(
            progress, done=progress.done + 1, logs_with_hits=progress.logs_with_hits + found
        )
        yield [], progress


def _search_one(
    log: LogToSearch, pattern: Pattern, progress: Progress
) -> Iterator[tuple[list[Hit], Progress]]:
    file = LogFile(log.path)
    reader = LineReader(file, file.status()[0])
    room = min(HITS_PER_LOG, HITS_IN_ALL - progress.listed)
    position = newlines = unlisted = 0
    first_unlisted: Hit | None = None
    while position < reader.size:
        data = reader.read_block(position, BLOCK_BYTES) or reader.read(position, reader.size)
        if not data:
            return  # truncated under us: what is there now is another run's
        hits: list[Hit] = []
        counted = counted_lines = 0
        known_unlisted = unlisted
        for start in matching_lines(pattern, data) if first_unlisted is None else ():
            counted_lines += data.count(b"\n", counted, start)
            counted = start
            hit = _hit(log, pattern, data, position, start, newlines + counted_lines + 1)
            if len(hits) == room:
                first_unlisted = hit
                unlisted += pattern.count_lines(data[start:])
                break
            hits.append(hit)
        else:
            if first_unlisted is not None:
                unlisted += pattern.count_lines(data)
        room -= len(hits)
        position += len(data)
        newlines += data.count(b"\n")
        progress = replace(
            progress,
            read_bytes=progress.read_bytes + len(data),
            hits=progress.hits + len(hits) + unlisted - known_unlisted,
            listed=progress.listed + len(hits),
        )
        yield hits, progress
    if first_unlisted is not None and progress.listed < HITS_IN_ALL:
        yield [replace(first_unlisted, unlisted=unlisted)], progress


def _hit(
    log: LogToSearch, pattern: Pattern, data: bytes, base: int, start: int, number: int
) -> Hit:
    end = data.find(b"\n", start)
    line = pattern.prepare(data[start : len(data) if end < 0 else end])
    match = pattern.first(line, 0)
    at = match[0] if match else 0
    head = 0
    if len(line) > EXCERPT_BYTES and at > HEAD_BYTES:
        head = at - HEAD_BYTES
        while head < at and line[head] & 0xC0 == 0x80:
            head += 1
    return Hit(
        job_id=log.job_id,
        part=log.part,
        start=base + start,
        focus=base + start + at,
        number=number,
        excerpt=line[head : head + EXCERPT_BYTES],
        is_inner=head > 0,
    )


def shown_hit(hit: Hit, pattern: Pattern) -> tuple[str, list[tuple[int, int]]]:
    """Make a hit's line printable, and say which characters of it match.

    Where the match is in what a carriage return overwrote, the line is shown with every control
    as a mark instead: a hit that cannot be seen would be none.
    """
    text = sanitize_line(hit.excerpt).text
    lit = pattern.highlights(text)
    if not lit:
        marked = plain(hit.excerpt.decode("utf-8", "surrogateescape"))
        lit = pattern.highlights(marked)
        text = marked if lit else text
    return text, lit


def fitted(
    text: str, lit: list[tuple[int, int]], width: int, *, is_inner: bool = False, cut: str = "…"
) -> tuple[str, list[tuple[int, int]]]:
    """Drop the head of a long line so that its first match is in sight within *width* characters."""
    skipped = 0
    if lit and lit[0][1] > width:
        skipped = max(lit[0][0] - width // 3, 0)
    if not skipped and not is_inner:
        return text, lit
    shift = len(cut) - skipped
    return cut + text[skipped:], [(a + shift, b + shift) for a, b in lit if a >= skipped]
