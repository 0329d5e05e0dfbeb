"""Lines counted many at a time are the lines counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_exec_tui.log_batch import within_lines
from agent_exec_tui.log_pattern import PatternError, Regex, compile_pattern, matching_lines

PIECES = (
    "a", "b", "E4", ".", r"\d", r"\w", r"\s", r"\S", r"\W", r"\D", r"\b", "^", "$", "[ab]", "[^a]",
    r"[\s\d]", r"[^\d]", "a*", "b+", ".*", "(a|b)", "(?:ab)?", "(?i)x", "|", r"\.", "[a-z]", "a{2}",
)  # fmt: skip
LINES = st.sampled_from(
    [b"a", b"", b"b 4", b"E42", b"aab", b"xX", b"  ", b".", b"a\rb", b"\xff a", b"\xc3\xa9 a1"]
)


def one_by_one(pattern: Regex, data: bytes) -> int:
    return sum(pattern.first(line, 0) is not None for line in data.split(b"\n")[:-1])


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
    st.lists(LINES, min_size=20, max_size=120),
    st.booleans(),
)
def test_what_is_counted_is_what_matches(text: str, lines: list[bytes], fold: bool) -> None:
    try:
        pattern = Regex(text, fold=fold)
    except PatternError:
        return
    data = b"".join(line + b"\n" for line in lines)
    assert pattern.count_lines(data) == one_by_one(pattern, data)


def test_behind_the_last_line_there_is_no_empty_one() -> None:
    pattern = compile_pattern("^$", regex=True)
    assert pattern.count_lines(b"a\nb\n") == 0
    assert pattern.count_lines(b"a\n\nb\n") == 1
    assert list(matching_lines(pattern, b"a\n\nb\n")) == [2]


@pytest.mark.parametrize(
    "text", [r"E[0-9]+$", r"took\s+\d+ ms", "worker-.*E42", "^", "[^x]$", "ok|no"]
)
def test_usual_expressions_are_counted_many_at_a_time(text: str) -> None:
    pattern = compile_pattern(text, regex=True)
    assert isinstance(pattern, Regex)
    calls = 0
    search = pattern._search

    def counting(data: bytes, position: int) -> tuple[int, int] | None:
        nonlocal calls
        calls += 1
        return search(data, position)

    pattern._search = counting
    line = b"worker-1 took 12 ms E42\n" if text != "ok|no" else b"ok\n"
    assert pattern.count_lines(line * 5000) == 5000
    assert calls < 100


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        (r"a\s+b", r"a[\t\f\r ]+b"),
        (r"[^x]\D", r"[^\nx][^0-9\n]"),
        (r"[\s,]", r"[\t\f\r ,]"),
        (r"(?i:ab)(c|d)\.", r"(?i:ab)(c|d)\."),
        ("(?s)a.b", None),
        (r"\Aa", None),
        (r"\x0a", None),
        (r"a\nb", None),
        (r"\C", None),
        (r"[\W]", None),
        (r"[\s-z]", None),
        ("[^-a]", None),
        ("[[:space:]]", None),
        ("(?-m:^a)", None),
        ("(?P<x>a)", None),
        ("a\tb", None),
    ],
)
def test_only_what_surely_stays_within_a_line_is_taken(text: str, rewritten: str | None) -> None:
    assert within_lines(text) == rewritten
