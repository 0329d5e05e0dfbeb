"""Ids are single path components, found whole or by an unambiguous prefix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.errors import AmbiguousJobIdError, InvalidArgumentError, JobNotFoundError
from agent_exec.model.job_id import new_job_id, require_id, resolve_prefix, short_id


def test_a_new_id_is_32_hex_digits_of_the_given_randomness() -> None:
    assert new_job_id(bytes(range(16))) == "000102030405060708090a0b0c0d0e0f"


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        new_job_id(b"abc")


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "../x", "/etc", "a/b", ".hidden", "a\0b", "x" * 256, "é" * 128]
)
def test_what_could_leave_the_root_is_not_an_id(bad: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not a job ID"):
        require_id(bad)


@pytest.mark.parametrize("good", ["0c44e7aa", "01HZZZ", "j-created", "x" * 255, "-rf", "a b"])
def test_any_visible_directory_name_is_an_id(good: str) -> None:
    require_id(good)


@given(st.text(max_size=300))
def test_an_accepted_id_never_contains_a_separator(candidate: str) -> None:
    try:
        require_id(candidate)
    except InvalidArgumentError:
        return
    assert "/" not in candidate
    assert candidate not in {"", ".", ".."}


def test_a_prefix_finds_its_one_job() -> None:
    assert resolve_prefix("ab", ["abc", "xyz"]) == "abc"


def test_an_unknown_prefix_is_told_as_typed() -> None:
    with pytest.raises(JobNotFoundError, match="job not found: q"):
        resolve_prefix("q", ["abc"])


def test_an_ambiguous_prefix_lists_the_candidates_in_order_and_stops_at_twenty() -> None:
    names = [f"a{i:02}" for i in range(25)]
    with pytest.raises(AmbiguousJobIdError, match="a00, a01") as caught:
        resolve_prefix("a", reversed(names))
    assert str(caught.value).endswith("a19, ... and 5 more")
    assert caught.value.details == {"candidates": names[:20], "truncated": True}


def test_people_read_seven_characters() -> None:
    assert short_id("0123456789") == "0123456"
