"""What is found in the lines on screen: hits, and how bad they look; asked once a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.log_severity import Severity, severity_of, severity_words

if TYPE_CHECKING:
    from agent_exec_tui.log_pattern import Pattern
    from agent_exec_tui.log_window import LogLine


class LineLooks:
    """Remembers by line start; ``forget`` when lines may have changed."""

    def __init__(self) -> None:
        self._hits: dict[int, list[tuple[int, int]]] = {}
        self._severities: dict[int, Severity | None] = {}
        self._words: dict[int, list[tuple[int, int]]] = {}

    def forget(self) -> None:
        """Look anew from now on."""
        self._hits.clear()
        self._severities.clear()
        self._words.clear()

    def hits(self, line: LogLine, pattern: Pattern | None) -> list[tuple[int, int]]:
        """Return the characters of *line* that match."""
        if pattern is None:
            return []
        hits = self._hits.get(line.start)
        if hits is None:
            hits = self._hits[line.start] = pattern.highlights(line.text)
        return hits

    def severity(self, line: LogLine) -> Severity | None:
        """Return how bad *line* looks."""
        if line.start not in self._severities:
            self._severities[line.start] = severity_of(line.text)
        return self._severities[line.start]

    def words(self, line: LogLine) -> list[tuple[int, int]]:
        """Return the characters of *line* that say how bad it is."""
        severity = self.severity(line)
        if severity is None:
            return []
        words = self._words.get(line.start)
        if words is None:
            words = self._words[line.start] = severity_words(line.text, severity)
        return words


def has_own_colours(line: LogLine) -> bool:
    """Whether the job itself has coloured any of the line."""
    return any(
        style.fg is not None or style.bg is not None or style.reverse for _, style in line.spans
    )
