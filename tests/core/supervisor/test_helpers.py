"""Lines reach the matcher, findings come back, and nothing piles up without a limit."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.supervisor.frames import Inlet, Message, Outlet, encode
from agent_exec.supervisor.loop import Loop
from agent_exec.supervisor.matcher import LineMatcher, answers
from agent_exec.supervisor.watching import lines_with

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    os.set_blocking(ends[0], False)
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            continue


def receive_all(inlet: Inlet, loop: Loop) -> list[Message]:
    found: list[Message] = []
    while True:
        loop.turn((0.0,))
        messages = inlet.receive()
        if not messages and inlet.receive() == []:
            return found
        found += messages


def test_messages_arrive_whole_and_in_order(pipe: Pipe) -> None:
    loop = Loop()
    outlet, inlet = Outlet(pipe[1], loop, 10_000_000), Inlet(pipe[0])
    sent: list[Message] = [("line", number, b"x" * number * 100) for number in range(200)]
    assert all(outlet.send(message) for message in sent)
    assert outlet.has_backlog
    found: list[Message] = []
    while len(found) < len(sent):
        found += inlet.receive()
        loop.turn((0.0,))
    assert found == sent
    assert not outlet.has_backlog
    outlet.close()
    assert inlet.receive() == []
    assert inlet.has_ended


def test_what_a_slow_reader_does_not_take_is_dropped_and_told(pipe: Pipe) -> None:
    outlet = Outlet(pipe[1], Loop(), 100_000)
    results = [outlet.send(("line", b"x" * 10_000)) for _ in range(100)]
    assert results[0]
    assert not results[-1]
    assert outlet.send(("end",), is_dispensable=False)


def test_without_a_reader_nothing_is_kept(pipe: Pipe) -> None:
    outlet = Outlet(pipe[1], Loop(), 100_000)
    os.close(pipe[0])
    assert not outlet.send(("line", b"x"))
    assert not outlet.has_backlog


@pytest.mark.parametrize(
    ("pattern", "block", "expected"),
    [
        ("b", b"abc\nxyz\nb", [b"abc", b"b"]),
        ("^b", b"ab\nba", [b"ba"]),
        (r"\Ab", b"ab\nba", [b"ba"]),
        (r"a\z", b"ab\nba\nx", [b"ba"]),
        ("a$", b"ab\nba", [b"ba"]),
        ("^.$", "é\nab".encode(), ["é".encode()]),
        ("a.b", b"a\nb\naxb", [b"axb"]),
        (r"a\sb", b"a\nb", []),
        ("(?i)ERR", b"error\nfine", [b"error"]),
        ("(", b"(", []),
        (r"(a)\1", b"aa", []),
        ("", b"x", []),
        ("x*", b"", [b""]),
    ],
)
def test_lines_are_matched_each_on_its_own(
    pattern: str, block: bytes, expected: list[bytes]
) -> None:
    matcher = LineMatcher()
    matcher.use(pattern)
    assert list(matcher.matches(block)) == expected


def test_another_pattern_replaces_the_first() -> None:
    matcher = LineMatcher()
    messages: list[Message] = [
        ("pattern", "a"),
        ("lines", "stdout", b"a\nb"),
        ("pattern", "("),
        ("lines", "stdout", b"a\nb"),
        ("pattern", "b"),
        ("lines", "stderr", b"a\nb"),
        ("sync",),
    ]
    found = [answer for message in messages for answer in answers(matcher, message)]
    assert found == [("stdout", b"a"), ("stderr", b"b"), ("", None)]


@given(st.binary(min_size=1, max_size=4), st.lists(st.binary(max_size=12)))
def test_any_needle_finds_each_of_its_lines_once(needle: bytes, lines: list[bytes]) -> None:
    needle = needle.replace(b"\n", b"") or b"x"
    block = b"\n".join(lines)
    expected = [line for line in block.split(b"\n") if needle in line]
    assert list(lines_with(needle, block)) == expected


@given(st.binary(max_size=4), st.text(alphabet="\n\rab\0", max_size=40))
def test_no_needle_is_looked_for_without_end(needle: bytes, text: str) -> None:
    assert len(list(lines_with(needle, text.encode()))) <= len(text) + 1


@given(st.lists(st.tuples(st.text(), st.binary(), st.none() | st.integers())))
def test_any_message_survives_any_cut(messages: list[Message]) -> None:
    data = b"".join(map(encode, messages))
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    inlet = Inlet(read_end)
    found: list[Message] = []
    try:
        for at in range(0, len(data), 7):
            os.write(write_end, data[at : at + 7])
            found += inlet.receive()
    finally:
        os.close(write_end)
        inlet.close()
    assert found == messages
