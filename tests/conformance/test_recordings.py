"""Ours against what the real agent-exec 0.2.6 answered and left behind, call by call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import differences, recording
from conformance.judge import Judgement, final_judgement
from conformance.replay import Replay, our_program

LISTED = differences.load()
FILES_LIMIT_S = 10.0
ATTEMPTS = 4


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory with a short name, as the recordings had: sizes of records depend on it."""
    with tempfile.TemporaryDirectory(prefix="ae") as directory:
        yield Path(directory)


@pytest.mark.parametrize(
    "name", [name for name in recording.names() if name not in LISTED.left_out]
)
def test_a_recorded_call_gives_what_was_recorded(name: str, scratch: Path) -> None:
    program = our_program(scratch)
    for attempt in range(ATTEMPTS):
        judgement = replayed(name, program, scratch / str(attempt))
        if not judgement.came_early or name in LISTED.races:
            break
    problems = judgement.problems + _stale(judgement, name)
    assert not problems, "\n" + "\n".join(problems)


def replayed(name: str, program: list[str], scratch: Path) -> Judgement:
    """Replay once, and wait until what is left behind is as it should be."""
    replay = Replay(
        recording.load(name),
        program,
        scratch / name,
        missing_directory=LISTED.missing_steps.get(name),
        may_fail=name in LISTED.failing_steps,
    )
    try:
        replay.set_up()
        outcome = replay.perform()
        return final_judgement(replay, outcome, LISTED, limit_s=FILES_LIMIT_S)
    finally:
        replay.clean_up()


def _stale(judgement: Judgement, name: str) -> list[str]:
    """Entries of the list that name this very case, and did not occur."""
    return [
        f"{' > '.join(entry.where)} is listed as different and is not: {entry.reason}"
        for entry in LISTED.amendments
        if name in entry.cases and not entry.sometimes and entry not in judgement.used
    ]


def test_every_listed_case_is_recorded() -> None:
    listed = {*LISTED.left_out, *LISTED.races}
    listed.update(case for entry in LISTED.amendments for case in entry.cases if "*" not in case)
    assert listed - set(recording.names()) == set()
