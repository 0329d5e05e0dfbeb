"""What a changed line of tags means for each of several jobs."""

from __future__ import annotations

from agent_exec_tui.tag_change import TagChange, common_tags


def test_common_are_those_that_all_have_and_that_can_be_typed() -> None:
    assert common_tags([("b", "a", "x y"), ("a", "c", "b", "x y")]) == ("b", "a")
    assert common_tags([("a",), ()]) == ()


def test_of_several_only_what_came_and_went_is_done_to_each() -> None:
    change = TagChange(shown=("a", "b"), typed=("b", "new"), is_whole=False)
    assert (change.added, change.removed) == (("new",), ("a",))
    assert change.of(("own", "a", "b")) == ("own", "b", "new")
    assert change.of(("new", "b", "a")) == ("new", "b")


def test_of_one_the_line_is_what_it_has() -> None:
    change = TagChange(shown=("a", "b"), typed=("b", "a"), is_whole=True)
    assert change.of(("a", "b")) == ("b", "a")
