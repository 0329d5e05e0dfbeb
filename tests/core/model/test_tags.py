"""Tags are dot-separated words; patterns select a tag or all below a namespace."""

from __future__ import annotations

import pytest

from agent_exec.errors import InvalidTagError
from agent_exec.model.tags import matches, require_tag, require_tag_pattern, unique


@pytest.mark.parametrize("tag", ["a", "a.b", "A-1.x"])
def test_words_joined_by_dots_are_tags(tag: str) -> None:
    assert require_tag(tag) == tag


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("", "must not be empty"),
        ("a.*", "may not end with"),
        (".a", "no leading, trailing, or consecutive dots"),
        ("a..b", "no leading, trailing, or consecutive dots"),
        ("a b", "alphanumeric"),
        ("é", "alphanumeric"),
        ("a\x1b", "alphanumeric"),
    ],
)
def test_other_tags_are_refused_with_the_reason(tag: str, reason: str) -> None:
    with pytest.raises(InvalidTagError, match=reason) as caught:
        require_tag(tag)
    assert str(caught.value).isprintable()


def test_a_namespace_pattern_selects_the_tag_and_all_below_it() -> None:
    pattern = require_tag_pattern("ci.*")
    assert matches(pattern, ["ci"])
    assert matches(pattern, ["x", "ci.unit"])
    assert not matches(pattern, ["cia", "x.ci"])


def test_another_pattern_is_exact() -> None:
    assert matches("ci", ["ci"])
    assert not matches("ci", ["ci.unit"])


def test_repeated_tags_are_kept_once_in_order() -> None:
    assert unique(["b", "a", "b"]) == ("b", "a")
