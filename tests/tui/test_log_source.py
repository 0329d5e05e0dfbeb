"""Lines, numbers and hits of a log are those of the file, whatever its size and growth."""

import itertools
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_exec_tui.log_index import BlockIndex
from agent_exec_tui.log_lines import LineReader, LineSpan, LogFile
from agent_exec_tui.log_pattern import (
    Pattern,
    compile_pattern,
    matching_lines,
)
from agent_exec_tui.log_search import LineFinder
from agent_exec_tui.log_source import LogSource

quick = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
pieces = st.sampled_from(
    [
        b"\n",
        b"\n\n",
        b"ab",
        b"x",
        b"needle",
        b"Needle",
        b"long" * 30,
        b"\x1b[1mnee\x1b[0mdle",
        b"\r",
    ]
)
content = st.lists(pieces, max_size=60).map(b"".join)
BREAK = 64


def lines_of(data: bytes) -> list[bytes]:
    """What str.splitlines would say if newlines were the only line ends."""
    return [part + b"\n" for part in data.split(b"\n")[:-1]] + [
        part for part in data.split(b"\n")[-1:] if part
    ]


def broken(data: bytes) -> list[LineSpan]:
    """The specified lines: broken at each multiple of BREAK with no newline in BREAK before it."""
    edges = {0, len(data)} | {i + 1 for i, byte in enumerate(data) if byte == 10}
    edges |= {b for b in range(BREAK, len(data), BREAK) if b"\n" not in data[b - BREAK : b]}
    ordered = sorted(edges)
    return [LineSpan(a, b) for a, b in itertools.pairwise(ordered)]


def count_all(source: LogSource) -> None:
    while source.advance(3):
        pass


@quick
@given(chunks=st.lists(content, min_size=1, max_size=6))
def test_the_index_has_the_lines_of_the_file_at_every_step_of_its_growth(
    tmp_path: Path, chunks: list[bytes]
) -> None:
    path = tmp_path / "grows.log"
    path.write_bytes(b"")
    source = LogSource(str(path), break_bytes=BREAK)
    data = b""
    for chunk in chunks:
        with path.open("ab") as file:
            file.write(chunk)
        data += chunk
        source.refresh()
        count_all(source)
        lines = lines_of(data)
        assert source.line_count() == (len(lines), True)
        start = 0
        for number, line in enumerate(lines, 1):
            assert source.line_start(number) == start
            assert source.line_number(start) == number
            start += len(line)
        assert source.line_start(len(lines) + 2) is None


@quick
@given(data=content)
def test_lines_are_the_same_forwards_backwards_and_from_any_byte(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "lines.log"
    path.write_bytes(data)
    reader = LineReader(LogFile(str(path)), len(data), break_bytes=BREAK)
    spans = broken(data)
    assert reader.forward(0, 10**6) == spans
    assert reader.backward(len(data), 10**6) == spans
    for span in spans:
        assert {reader.start_of(offset) for offset in range(span.start, span.stop)} == {span.start}
        assert reader.stop_of(span.start) == span.stop
    assert b"".join(reader.read(span.start, span.stop) for span in spans) == data


@quick
@given(data=content, wanted=st.sampled_from(["needle", "Needle", "ab", "zzz", "e"]))
def test_matching_lines_are_found_both_ways_with_any_part_of_the_index(
    tmp_path: Path, data: bytes, wanted: str
) -> None:
    path = tmp_path / "find.log"
    path.write_bytes(data)
    source = LogSource(str(path), break_bytes=BREAK)
    pattern = compile_pattern(wanted)
    source.set_pattern(pattern)
    source.refresh()
    reader = source.snapshot.reader()
    assert reader is not None
    expected = [
        span for span in broken(data) if pattern.count_lines(reader.read(span.start, span.stop))
    ]
    for _ in range(3):
        finder = LineFinder(reader, pattern, source.hit_index)
        assert list(finder.forward(0, 10**6).spans) == expected
        assert list(finder.backward(len(data), 10**6).spans) == expected
        for span in broken(data):
            later = [other for other in expected if other.start >= span.start]
            assert list(finder.forward(span.start, 2).spans) == later[:2]
            before = [other for other in expected if other.stop <= span.start]
            assert list(finder.backward(span.start, 2).spans) == before[-2:]
        source.advance(1)
    count_all(source)
    assert source.hit_count() == (len(expected), True)
    for number, span in enumerate(expected, 1):
        assert source.hit_number(span.start) == number


def test_a_search_stops_at_its_budget_and_when_told_to(tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    path.write_bytes(b"nothing here\n" * 100_000 + b"needle\n")
    source = LogSource(str(path))
    reader = source.refresh().reader()
    assert reader is not None
    pattern = compile_pattern("needle")
    found = LineFinder(reader, pattern, budget_bytes=300_000).forward(0)
    assert (found.spans, found.is_complete) == ((), False)
    rest = LineFinder(reader, pattern).forward(found.reached)
    assert rest.spans == (LineSpan(1_300_000, 1_300_007),)
    stopped = LineFinder(reader, pattern, should_stop=lambda: True).backward(reader.size)
    assert not stopped.is_complete


@pytest.mark.parametrize(
    ("text", "regex", "data", "lines"),
    [
        ("needle", False, b"Needle\nneedle needle\nno\n", 2),
        ("Needle", False, b"Needle\nneedle\n", 1),
        ("a.c", False, b"abc\na.c\n", 1),
        ("a.c", True, b"abc\na.c\na\nc\n", 2),
        (r"\Sx", True, b"AX\n x\n", 1),
        (r"^b", True, b"ab\nba\nBB", 2),
        (r"a$", True, b"a\nba\nab\n", 2),
        (r"x*", True, b"a\n\nb\n", 3),
        (r"[^a]$", True, b"a\nb\na\n", 1),
        ("żó", False, "ŻÓŁW\nżółw\nzolw\n".encode(), 2),
        ("plain text", False, b"\x1b[1mplain\x1b[0m text\nplain\n", 1),
        (r"(a+)+b", True, b"a" * 50_000 + b"\n", 0),
    ],
)
def test_patterns_match_lines_with_smart_case(
    text: str, regex: bool, data: bytes, lines: int
) -> None:
    pattern = compile_pattern(text, regex=regex)
    assert pattern.count_lines(data) == lines
    starts = list(matching_lines(pattern, data))
    assert len(starts) == lines
    assert all(start == 0 or data[start - 1] == 10 for start in starts)


@pytest.mark.parametrize("text", ["[a", "(", "*", r"(a)\1", "", "a\nb"])
def test_a_bad_pattern_is_an_error_of_its_own_kind(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_pattern(text, regex=True)


def test_highlights_are_ranges_of_the_shown_characters() -> None:
    assert compile_pattern("w").highlights("żółW w") == [(3, 4), (5, 6)]
    assert compile_pattern("ó.", regex=True).highlights("żółw") == [(1, 3)]
    assert compile_pattern("x*", regex=True).highlights("axxa") == [(1, 3)]


def counted(source: LogSource) -> tuple[int, bool]:
    count_all(source)
    return source.line_count()


def test_a_truncated_log_starts_a_new_generation(tmp_path: Path) -> None:
    path = tmp_path / "restart.log"
    path.write_bytes(b"one\ntwo\n")
    source = LogSource(str(path))
    first = source.refresh().generation
    assert counted(source) == (2, True)
    path.write_bytes(b"new\n")
    assert source.refresh().generation == first + 1
    assert counted(source) == (1, True)


def test_a_log_rewritten_longer_than_before_is_a_restart_too(tmp_path: Path) -> None:
    path = tmp_path / "restart.log"
    path.write_bytes(b"run 1\n" * 100)
    source = LogSource(str(path))
    first = source.refresh().generation
    path.write_bytes(b"run 2\n" * 500)
    assert source.refresh().generation == first + 1
    assert counted(source) == (500, True)


def test_growth_and_a_touch_are_no_restart(tmp_path: Path) -> None:
    path = tmp_path / "grow.log"
    path.write_bytes(b"one\n")
    source = LogSource(str(path))
    first = source.refresh()
    with path.open("ab") as file:
        file.write(b"two\n")
    os.utime(path, ns=(1, 1))
    assert source.refresh().generation == first.generation
    assert source.refresh().version != first.version


def test_a_replaced_file_is_a_restart_and_a_deleted_one_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "replaced.log"
    path.write_bytes(b"same bytes\n")
    source = LogSource(str(path))
    first = source.refresh().generation
    path.unlink()
    reader = source.refresh().reader()
    assert reader is not None
    assert reader.read(0, 100) == b"same bytes\n"
    (tmp_path / "other").write_bytes(b"other\n")
    (tmp_path / "other").rename(path)
    assert source.refresh().generation == first + 1


def test_a_released_log_keeps_its_counts(tmp_path: Path) -> None:
    path = tmp_path / "kept.log"
    path.write_bytes(b"line\n" * 1000)
    source = LogSource(str(path))
    source.refresh()
    count_all(source)
    source.release()
    assert source.snapshot.file is None
    source.refresh()
    assert source.line_number(5 * 999) == 1000


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_what_is_no_log_is_told_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    snapshot = LogSource(str(path)).refresh()
    assert snapshot.file is None
    assert snapshot.size == 0
    assert bool(snapshot.problem) is (kind != "missing")


def test_the_file_is_closed_with_its_last_user(tmp_path: Path) -> None:
    path = tmp_path / "closed.log"
    path.write_bytes(b"x\n")
    before = len(os.listdir("/dev/fd"))
    source = LogSource(str(path))
    snapshot = source.refresh()
    source.release()
    assert snapshot.file is not None
    assert snapshot.file.read(0, 1) == b"x"
    del snapshot
    assert len(os.listdir("/dev/fd")) == before


def test_lookups_hold_while_another_thread_counts(tmp_path: Path) -> None:
    path = tmp_path / "threads.log"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(1, 300_001)))
    source = LogSource(str(path))
    source.refresh()
    counter = threading.Thread(target=count_all, args=(source,))
    counter.start()
    while counter.is_alive():
        known, _ = source.line_count()
        start = source.line_start(max(known - 1, 1))
        assert start is not None
        assert source.line_number(start) == max(known - 1, 1)
    counter.join()
    assert source.line_count() == (300_000, True)


def test_the_index_of_a_huge_file_stays_small() -> None:
    index = BlockIndex()
    for _ in range(40_960):  # 10 GiB in blocks of 256 KiB
        index.append(262_144, 2500)
    assert index.covered_bytes == 10 * 2**30
    block = index.holding(2500 * 777 + 3)
    assert block is not None
    assert block.start == 777 * 262_144
    assert 16 * len(index) < 1_000_000


def test_pattern_is_a_protocol_of_the_three_kinds() -> None:
    kinds: list[Pattern] = [compile_pattern("a"), compile_pattern("a", regex=True)]
    assert all(kind.highlights("bab") == [(1, 2)] for kind in kinds)
