"""The matrix's counts: for each pair of programs, how many tests held and how many deviated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_PROGRAM = re.compile(r"ours|0\.2\.3|0\.2\.40")


def pair_lines(outcomes: Mapping[str, Sequence[str]]) -> list[str]:
    """Count by pair, a line each.

    Args:
        outcomes: ids of tests by their outcome, ``passed`` and ``failed``.
    """
    counts = {word: Counter(_pairs(ids)) for word, ids in outcomes.items()}
    pairs = sorted({pair for counter in counts.values() for pair in counter})
    return [
        f"{pair:<18} {counts['passed'][pair]:>4} held {counts['failed'][pair]:>3} deviations"
        for pair in pairs
    ]


def _pairs(ids: Sequence[str]) -> list[str]:
    found = []
    for test_id in ids:
        path, _, parameters = test_id.partition("[")
        programs = _PROGRAM.findall(parameters)
        if "interop/" in path and programs:
            # One program named: the test pits it against ours.
            found.append(
                " with ".join(sorted(programs if len(programs) > 1 else [*programs, "ours"]))
            )
    return found
