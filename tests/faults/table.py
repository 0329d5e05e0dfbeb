"""The table at the end of a run: each fault, what was done, whether the promise was met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from faults.rows import CHAPTERS, NOT_PROVOKED

ROW: Final = "fault_row"
FIGURE: Final = "fault_figure"
_WORST_FIRST = ("NOT MET", "skipped", "met")
_OUTCOMES = {"passed": "met", "failed": "NOT MET", "error": "NOT MET", "skipped": "skipped"}


@dataclass
class Verdict:
    """What the tests of one row came to."""

    outcomes: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        return next(word for word in _WORST_FIRST if word in self.outcomes)


def verdicts_of(stats: dict[str, list[object]]) -> dict[str, Verdict]:
    """Gather the verdict of each row that was tried."""
    found: dict[str, Verdict] = defaultdict(Verdict)
    for outcome, word in _OUTCOMES.items():
        for report in stats.get(outcome, []):
            if isinstance(report, pytest.TestReport):
                _add(found, report, word)
    return dict(found)


def _add(found: dict[str, Verdict], report: pytest.TestReport, word: str) -> None:
    notes = [str(value) for key, value in report.user_properties if key == FIGURE]
    if word == "skipped" and isinstance(report.longrepr, tuple):
        notes = [str(report.longrepr[2]).removeprefix("Skipped: ")]
    for key, value in report.user_properties:
        if key == ROW:
            verdict = found[str(value)]
            verdict.outcomes.add(word)
            verdict.notes += [note for note in notes if note not in verdict.notes]


def table_lines(found: dict[str, Verdict]) -> Iterator[str]:
    """One line a row, chapter by chapter; chapters nobody tried are left out."""
    for chapter, rows in CHAPTERS.items():
        tried = [name for name in rows if name in found or name in NOT_PROVOKED]
        if not any(name in found for name in rows):
            continue
        yield f"-- {chapter}"
        told: list[str] = []
        for name in tried:
            word, notes = "not provoked", [NOT_PROVOKED.get(name, "")]
            if name in found:
                word, notes = found[name].word, found[name].notes
            yield _line(name, word, rows[name], notes if notes != told else ())
            told = notes


def _line(name: str, word: str, promise: str, notes: Iterable[str]) -> str:
    done = "; ".join(notes)
    return f"{name:<36} {word:<12} {promise}{f' [{done}]' if done else ''}"
