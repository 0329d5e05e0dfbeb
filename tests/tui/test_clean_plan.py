from __future__ import annotations

import pytest

from agent_exec.commands.gc import GcJob, GcPolicy
from agent_exec.model.retention import Candidate
from agent_exec_tui.clean_plan import Policy, Stock, Typed, understand

NOW_S = 1_000_000.0
STOCK = Stock(
    tuple(Candidate(f"job{days}", NOW_S - days * 86400, 100) for days in (1, 5, 8, 40)),
    (
        GcJob(job_id="r", state="running", action="skipped", reason="active_job", bytes=0),
        GcJob(job_id="u", state="unknown", action="skipped", reason="state_unreadable", bytes=0),
    ),
)


def chosen(policy: Policy, *spare: str) -> list[str]:
    selection = STOCK.choose(policy, frozenset(spare), NOW_S)
    return [choice.candidate.job_id for choice in selection.taken]


@pytest.mark.parametrize(
    ("typed", "gone"),
    [
        (Typed(), []),
        (Typed(older_than="7d"), ["job40", "job8"]),
        (Typed(keep_newest="3"), ["job40"]),
        (Typed(keep_under="250"), ["job40", "job8"]),
        (Typed(older_than="30d", keep_newest="2"), ["job40", "job8"]),
        (Typed(keep_newest="0"), ["job40", "job8", "job5", "job1"]),
    ],
)
def test_each_rule_selects_by_itself(typed: Typed, gone: list[str]) -> None:
    assert chosen(understand(typed)) == gone


def test_a_spared_job_stays_and_no_other_goes_for_it() -> None:
    assert chosen(understand(Typed(keep_newest="2")), "job40") == ["job8"]


def test_nothing_is_selected_while_anything_is_malformed() -> None:
    policy = understand(Typed(older_than="soon", keep_newest="1"))
    assert set(policy.flaws) == {"older_than"}
    assert chosen(policy) == []


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("2G", 2 * 2**30), ("500 MiB", 500 * 2**20), ("1.5k", 1536)]
)
def test_sizes_take_units(text: str, count: int) -> None:
    assert understand(Typed(keep_under=text)).gc == GcPolicy(max_bytes=count)


def test_the_command_line_is_the_headless_twin() -> None:
    policy = understand(Typed(older_than="7d", keep_newest="50"))
    line = policy.command_line("--root", "/r r")
    assert line == "agent-exec-tui gc --independent --older-than 7d --max-jobs 50 --root '/r r'"


def test_what_is_never_touched_is_counted_by_its_reason() -> None:
    assert STOCK.left_text() == "1 not finished, 1 unreadable"
