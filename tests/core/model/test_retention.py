"""Which jobs a cleaning takes: the contract's nested rules and the independent ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.model.retention import (
    Candidate,
    Choice,
    Rules,
    is_old,
    plan_independent,
    plan_nested,
)

NOBODY: frozenset[str] = frozenset()


def jobs(*sizes: int) -> list[Candidate]:
    """One job a day, job0 the oldest."""
    return [Candidate(f"job{day}", day * 86400.0, size) for day, size in enumerate(sizes)]


def told(choices: tuple[Choice, ...]) -> list[tuple[str, str]]:
    return [
        (choice.candidate.job_id, ("take " if choice.is_taken else "keep ") + choice.reason)
        for choice in choices
    ]


def test_age_alone_takes_all_that_is_old() -> None:
    assert told(plan_nested(jobs(1, 1), Rules(cutoff_s=1e9))) == [
        ("job0", "take older_than"),
        ("job1", "take older_than"),
    ]


def test_nested_max_jobs_keeps_the_newest_of_the_old() -> None:
    assert told(plan_nested(jobs(1, 1, 1, 1), Rules(cutoff_s=1e9, max_jobs=1))) == [
        ("job0", "take older_than+max_jobs"),
        ("job1", "take older_than+max_jobs"),
        ("job2", "take older_than+max_jobs"),
        ("job3", "keep policy_not_matched"),
    ]


def test_nested_max_bytes_marks_the_oldest_until_the_rest_fits() -> None:
    rules = Rules(cutoff_s=1e9, max_jobs=4, max_bytes=3000)
    assert told(plan_nested(jobs(1481, 1481, 1481, 1481), rules)) == [
        ("job0", "take older_than+max_bytes"),
        ("job1", "take older_than+max_bytes"),
        ("job2", "take older_than"),
        ("job3", "take older_than"),
    ]


def test_nested_max_bytes_takes_back_what_max_jobs_kept() -> None:
    rules = Rules(cutoff_s=1e9, max_jobs=2, max_bytes=0)
    assert told(plan_nested(jobs(5, 5, 5), rules))[-1] == ("job2", "take max_bytes")


def test_independent_rules_select_each_by_itself() -> None:
    everything = jobs(10, 10, 10, 10, 10)
    cutoff_s = 86400.0  # job0 alone is old
    assert told(plan_independent(everything, Rules(cutoff_s=cutoff_s))) == [
        ("job0", "take older_than"),
        *((f"job{number}", "keep policy_not_matched") for number in (1, 2, 3, 4)),
    ]
    rules = Rules(cutoff_s=cutoff_s, max_jobs=3, max_bytes=25)
    assert told(plan_independent(everything, rules)) == [
        ("job0", "take older_than+max_jobs+max_bytes"),
        ("job1", "take max_jobs+max_bytes"),
        ("job2", "take max_bytes"),
        ("job3", "keep policy_not_matched"),
        ("job4", "keep policy_not_matched"),
    ]


def test_a_spared_job_is_not_replaced_by_another() -> None:
    choices = plan_independent(jobs(1, 1, 1), Rules(max_jobs=1), frozenset({"job0"}))
    assert told(choices) == [
        ("job0", "keep spared"),
        ("job1", "take max_jobs"),
        ("job2", "keep policy_not_matched"),
    ]


def test_the_budget_goes_to_the_oldest() -> None:
    choices = plan_nested(jobs(1, 1, 1)[::-1], Rules(cutoff_s=1e9, delete_limit=2))
    assert told(choices) == [
        ("job0", "take older_than"),
        ("job1", "take older_than"),
        ("job2", "keep delete_budget_exhausted"),
    ]


@pytest.mark.parametrize(("ended_s", "expected"), [(99.0, True), (100.0, False), (100.9, False)])
def test_old_means_before_the_cutoff_in_whole_seconds(ended_s: float, expected: bool) -> None:
    assert is_old(ended_s, Rules(cutoff_s=100)) is expected
    assert not is_old(ended_s, Rules())


CANDIDATES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100)), max_size=12).map(
    lambda pairs: [Candidate(f"j{n}", age, size) for n, (age, size) in enumerate(pairs)]
)
LIMITS = st.none() | st.integers(0, 15)
RULES = st.builds(
    Rules,
    cutoff_s=st.none() | st.integers(0, 60),
    max_jobs=LIMITS,
    max_bytes=st.none() | st.integers(0, 500),
    delete_limit=LIMITS,
)


@given(candidates=CANDIDATES, rules=RULES, nested=st.booleans())
def test_every_plan_keeps_its_promises(
    candidates: list[Candidate], rules: Rules, nested: bool
) -> None:
    plan = plan_nested if nested else plan_independent
    choices = plan(candidates, rules, NOBODY)
    assert sorted(c.candidate.job_id for c in choices) == sorted(c.job_id for c in candidates)
    ages = [choice.candidate.ended_s for choice in choices]
    assert ages == sorted(ages)
    taken = [choice for choice in choices if choice.is_taken]
    if rules.delete_limit is not None:
        assert len(taken) <= rules.delete_limit
        return
    left = [choice.candidate for choice in choices if not choice.is_taken]
    if rules.max_bytes is not None:
        assert sum(each.size_bytes for each in left) <= rules.max_bytes
    if rules.max_jobs is not None and not nested:
        assert len(left) <= rules.max_jobs
    if not nested:
        for choice in choices:
            assert choice.is_taken or not is_old(choice.candidate.ended_s, rules)


@given(candidates=CANDIDATES, rules=RULES)
def test_sparing_changes_nothing_else(candidates: list[Candidate], rules: Rules) -> None:
    rules = Rules(cutoff_s=rules.cutoff_s, max_jobs=rules.max_jobs, max_bytes=rules.max_bytes)
    spare = frozenset(each.job_id for each in candidates[::2])
    free = plan_independent(candidates, rules)
    spared = plan_independent(candidates, rules, spare)
    for before, after in zip(free, spared, strict=True):
        if before.candidate.job_id in spare:
            assert not after.is_taken
        else:
            assert before == after
