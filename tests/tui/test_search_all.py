"""A search across logs finds what a search in each finds, and says what it leaves out."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_exec_tui import search_all
from agent_exec_tui.ansi import plain
from agent_exec_tui.layout import Part
from agent_exec_tui.log_pattern import compile_pattern
from agent_exec_tui.search_all import Hit, LogToSearch, Progress, fitted, search_logs, shown_hit
from agent_exec_tui.search_results import SearchResults

quick = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
pieces = st.sampled_from([b"\n", b"needle", b"Needle\n", b"x", b"\x1b[1mnee\x1b[0mdle", b"\r"])
logs = st.lists(st.lists(pieces, max_size=30).map(b"".join), max_size=4)


def search(
    tmp_path: Path, contents: list[bytes], text: str, *, regex: bool = False
) -> tuple[list[Hit], Progress]:
    targets = []
    for number, data in enumerate(contents):
        path = tmp_path / f"{number}.log"
        path.write_bytes(data)
        targets.append(LogToSearch(f"job{number}", Part.STDOUT, str(path)))
    hits: list[Hit] = []
    progress = Progress(logs=len(targets))
    pattern = compile_pattern(text, regex=regex)
    for new, latest in search_logs(targets, len(targets), pattern):
        hits += new
        progress = latest
    return hits, progress


@quick
@given(logs)
def test_every_matching_line_is_found_once_with_its_number_and_place(
    tmp_path: Path, contents: list[bytes]
) -> None:
    hits, progress = search(tmp_path, contents, "needle")
    expected = [
        (f"job{number}", line_number, data.split(b"\n")[line_number - 1])
        for number, data in enumerate(contents)
        for line_number, line in enumerate(data.split(b"\n"), 1)
        if b"needle" in line.replace(b"\x1b[1m", b"").replace(b"\x1b[0m", b"").lower()
    ]
    found = []
    for hit in hits:
        data = contents[int(hit.job_id[3:])]
        found.append((hit.job_id, hit.number, data[hit.start :].split(b"\n")[0]))
        assert hit.start == 0 or data[hit.start - 1 : hit.start] == b"\n"
        assert hit.start <= hit.focus < hit.start + max(len(found[-1][2]), 1)
    assert found == expected
    assert progress.is_complete
    assert progress.hits == progress.listed == len(expected)
    assert progress.logs_with_hits == len({name for name, _, _ in expected})
    assert progress.read_bytes == sum(map(len, contents))


def test_lines_beyond_the_cap_are_counted_and_their_first_place_is_told(tmp_path: Path) -> None:
    line = b"padding %060d needle\n"
    data = b"".join(line % number for number in range(20_000))
    hits, progress = search(tmp_path, [data, b"needle\n"], "needle")
    *listed, more, other = hits
    assert len(listed) == search_all.HITS_PER_LOG
    assert more.unlisted == 20_000 - search_all.HITS_PER_LOG
    assert data[more.start :].startswith(line % search_all.HITS_PER_LOG)
    assert (other.job_id, other.unlisted) == ("job1", 0)
    assert (progress.hits, progress.listed) == (20_001, search_all.HITS_PER_LOG + 1)
    told = SearchResults(
        text="needle", is_regex=False, pattern=compile_pattern("needle"), scope="2 jobs",
        progress=progress, hits=hits, took_s=0.2,
    ).told()  # fmt: skip
    assert "20,001 lines in 2 logs, 101 listed (at most 100 a log)" in told


def test_the_whole_list_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_all, "HITS_IN_ALL", 5)
    hits, progress = search(tmp_path, [b"needle\n" * 3] * 4, "needle")
    assert (len([hit for hit in hits if not hit.unlisted]), progress.hits) == (5, 12)


def test_a_stopped_search_ends_between_blocks(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 500_000)
    targets = [LogToSearch("job", Part.STDOUT, str(path))] * 3
    steps = search_logs(
        targets, 3, compile_pattern("line"), itertools.chain([False] * 2, [True]).__next__
    )
    progress = [progress for _, progress in steps][-1]
    assert (progress.done, progress.is_complete) == (0, False)
    assert 0 < progress.read_bytes < path.stat().st_size


def test_logs_that_are_not_there_or_cannot_be_read_do_not_end_the_search(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "log").write_bytes(b"needle")
    targets = [
        LogToSearch("job", Part.STDOUT, str(tmp_path / name))
        for name in ("nothing", "directory", "log")
    ]
    steps = list(search_logs(targets, 3, compile_pattern("needle")))
    progress = steps[-1][1]
    assert (progress.done, progress.unreadable, progress.hits) == (3, 1, 1)


def test_a_hit_far_into_a_long_line_is_in_its_excerpt_and_in_sight(tmp_path: Path) -> None:
    data = "é".encode() * 100_000 + b"needle" + b"x" * 100_000
    hits, _ = search(tmp_path, [data], "needle")
    assert hits[0].focus == 200_000
    pattern = compile_pattern("needle")
    text, lit = fitted(*shown_hit(hits[0], pattern), 40, is_inner=hits[0].is_inner)
    assert [text[a:b] for a, b in lit] == ["needle"]
    assert lit[0][1] <= 40
    assert text.startswith("…")
    assert "\ufffd" not in text


def test_a_hit_in_what_was_overwritten_is_shown_all_the_same(tmp_path: Path) -> None:
    hits, _ = search(tmp_path, [b"50% needle\rdone\n"], "needle")
    text, lit = shown_hit(hits[0], compile_pattern("needle"))
    assert [text[a:b] for a, b in lit] == ["needle"]
    assert text.isprintable()


@quick
@given(st.binary(max_size=200))
def test_whatever_a_line_holds_it_is_printable_when_shown(data: bytes) -> None:
    hit = Hit(job_id="x", part=Part.STDOUT, start=0, focus=0, number=1, excerpt=data)
    for pattern in (compile_pattern("a"), compile_pattern(".", regex=True)):
        text, lit = shown_hit(hit, pattern)
        assert plain(text) == text
        assert all(0 <= a <= b <= len(text) for a, b in lit)
