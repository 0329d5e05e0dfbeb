"""The first differing line is the one diff would name, whatever the bytes and their number."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from agent_exec_tui import first_difference as module
from agent_exec_tui.ansi import plain
from agent_exec_tui.compared_streams import StreamPair, compare_files, stream_rows
from agent_exec_tui.comparison import Verdict
from agent_exec_tui.first_difference import Compared, Difference, first_difference, shown_pair
from agent_exec_tui.side_by_side import MAX_LINES, Pair, column_cells, lay_out

quick = settings(deadline=None, max_examples=150)
pieces = st.sampled_from([b"\n", b"a", b"b", b"ab\n", b"\r", "é".encode(), b"\x1b[1m", b"x" * 30])
content = st.lists(pieces, max_size=40).map(b"".join)


class Memory:
    """Bytes that count how much of them is read at once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.largest = 0

    def read(self, offset: int, length: int) -> bytes:
        self.largest = max(self.largest, length)
        return self.data[offset : offset + length]


def compared(left: bytes, right: bytes) -> Compared:
    return first_difference(Memory(left), Memory(right), left_size=len(left), right_size=len(right))


def difference(left: bytes, right: bytes) -> Difference:
    found = compared(left, right).difference
    assert found is not None
    return found


@quick
@given(content, content, content)
def test_it_is_the_first_line_that_is_not_the_same(head: bytes, ours: bytes, theirs: bytes) -> None:
    left, right = head + ours, head + theirs
    found = compared(left, right).difference
    if left == right:
        assert found is None
        return
    assert found is not None
    lines = list(zip(left.split(b"\n"), right.split(b"\n"), strict=False))
    number = next((n for n, (a, b) in enumerate(lines, 1) if a != b), len(lines))
    if left.startswith(right) or right.startswith(left):
        number = min(left, right, key=len).count(b"\n") + 1
    assert found.line_number == number
    assert left[: found.offset] == right[: found.offset]
    assert left[found.offset : found.offset + 1] != right[found.offset : found.offset + 1]
    assert found.line_start == left.rfind(b"\n", 0, found.offset) + 1


@quick
@given(content, content)
def test_both_lines_are_shown_as_printable_text_and_told_apart(ours: bytes, theirs: bytes) -> None:
    found = compared(ours, theirs).difference
    if found is not None:
        shown = shown_pair(found)
        for text in (shown.left, shown.right):
            assert text is None or plain(text) == text
        assert shown.left != shown.right or shown.note


@pytest.mark.parametrize("size", [module.BLOCK_BYTES - 1, module.BLOCK_BYTES, 3 * 1024 * 1024 + 5])
def test_blocks_leave_no_trace_in_the_answer(size: int) -> None:
    head = (b"x" * 99 + b"\n") * (size // 100) + b"y" * (size % 100)
    found = difference(head + b"left\n", head + b"right\n")
    assert (found.offset, found.line_number) == (size, size // 100 + 1)
    assert found.left.data is not None
    assert found.left.data.endswith(b"left")


def test_a_difference_deep_in_a_line_of_megabytes_is_in_its_excerpt() -> None:
    head = "é".encode() * (2 * 1024 * 1024)
    left, right = Memory(head + b"one" + head), Memory(head + b"two")
    found = first_difference(
        left, right, left_size=len(left.data), right_size=len(right.data)
    ).difference
    assert found is not None
    assert (found.line_number, found.line_start, found.offset) == (1, 0, len(head))
    shown = shown_pair(found)
    assert shown.left is not None
    assert shown.left[: shown.alike].strip("é") == ""
    assert shown.left[shown.alike :].startswith("one")
    assert max(left.largest, right.largest) <= module.BLOCK_BYTES


@pytest.mark.parametrize(
    ("left", "right", "note"),
    [
        (b"same\n", b"same", "no newline at the end of the right one"),
        (b"\x1b[31mred\x1b[0m\n", b"red\n", "control characters differ"),
        (b"10%\rdone\n", b"20%\rdone\n", "control characters differ"),
        (b"\xff\n", b"\xfe\n", "byte ff / fe"),
    ],
)
def test_lines_that_look_alike_say_how_they_differ(left: bytes, right: bytes, note: str) -> None:
    assert note in shown_pair(difference(left, right)).note


def test_a_stopped_comparison_says_so() -> None:
    data = b"line\n" * 500_000
    result = first_difference(
        Memory(data), Memory(data), left_size=len(data), right_size=len(data),
        should_stop=iter([False, True]).__next__,
    )  # fmt: skip
    assert (result.difference, result.is_complete) == (None, False)
    assert result.alike_bytes == module.BLOCK_BYTES


def test_large_files_are_compared_in_little_memory(tmp_path: Path) -> None:
    paths = (str(tmp_path / "a"), str(tmp_path / "b"))
    for path, end in zip(paths, (b"x\n", b"y\n"), strict=True):
        with open(path, "wb") as file:
            file.truncate(96 * 1024 * 1024)  # a hole reads as NULs: one line of 96 MiB
            file.seek(0, os.SEEK_END)
            file.write(end)
    told: list[StreamPair] = []
    tracemalloc.start()
    try:
        stream = compare_files("stdout", paths, lambda: False, told.append)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert stream.difference is not None
    assert stream.difference.offset == 96 * 1024 * 1024
    assert told[0].alike_bytes == module.BLOCK_BYTES
    assert peak < 24 * 1024 * 1024


def test_missing_files_are_empty_and_unreadable_ones_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\n")
    (tmp_path / "pipe").mkdir()
    told = stream_rows(
        compare_files("stdout", (str(tmp_path / "a"), str(tmp_path / "b")), lambda: False, print)
    )
    assert told[0].verdict is Verdict.DIFFERENT
    assert told[1].right == "(ends before this line)"
    problem = compare_files(
        "stdout", (str(tmp_path / "a"), str(tmp_path / "pipe")), lambda: False, print
    )
    assert "cannot be read" in stream_rows(problem)[0].left


texts = st.text(st.sampled_from("ab日é ."), max_size=400)


@quick
@given(texts, texts, texts, st.integers(20, 200))
def test_every_cell_fits_its_column_and_what_differs_is_in_sight(
    head: str, left: str, right: str, width: int
) -> None:
    left, right = head + left, head + right
    pair = Pair(key="x", label="x", verdict=Verdict.DIFFERENT, left=left, right=right, is_lit=True)
    laid = lay_out([pair], width)
    cells = column_cells(width)
    assert 1 <= len(laid) <= MAX_LINES
    for line in laid:
        assert line.right is not None
        for cell in (line.left, line.right):
            assert cell_len(cell.text) <= max(cells, 1)
            assert 0 <= cell.lit_start <= cell.lit_stop <= len(cell.text)
    if left != right and cells >= 8:
        lit = [
            cell.text[cell.lit_start : cell.lit_stop]
            for line in laid
            for cell in (line.left, line.right)
            if cell is not None
        ]
        assert any(lit)


def test_words_are_kept_whole_where_there_is_room() -> None:
    pair = Pair(key="x", label="x", verdict=Verdict.SAME, left="exited · exit 0", right="a" * 15)
    laid = lay_out([pair], 38)
    assert [line.left.text for line in laid] == ["exited · ", "exit 0"]
    assert [line.right and line.right.text for line in laid] == ["a" * 12, "a" * 3]
