"""Marks of what happened while nobody looked, and the way to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from agent_exec.model.filter_terms import JobFields
from agent_exec_tui.job_list import JobList
from agent_exec_tui.job_rows import JobRow, RowKind
from agent_exec_tui.screens import facts
from agent_exec_tui.settings import AttentionSettings, Settings
from agent_exec_tui.unseen import Unseen, next_unseen, unseen_text
from support.dashboard import NOW, Root, app_of, dashboard, frozen_clock, until

IDS = [f"job{number}" for number in range(6)]


def listed(ids: list[str]) -> JobList:
    jobs = JobList()
    jobs.apply([
        JobRow(job_id=name, shown_id=name, kind=RowKind.RUNNING, word="running",
               created_s=-float(name[3:]), fields=JobFields(job_id=name, state="running"))
        for name in ids
    ])  # fmt: skip
    return jobs


@given(
    st.lists(st.sampled_from(IDS), unique=True),
    st.dictionaries(st.sampled_from(IDS), st.sampled_from(Unseen)),
    st.sampled_from(IDS),
)
def test_walking_comes_by_everything_new_that_is_shown_and_by_the_weightiest_first(
    shown: list[str], news: dict[str, Unseen], cursor: str
) -> None:
    jobs, left, walked = listed(shown), dict(news), []
    while (job_id := next_unseen(jobs, left, cursor)) is not None:
        cursor = job_id
        walked.append(left.pop(job_id))
    assert walked == sorted(walked, key=list(Unseen).index)
    assert not left.keys() & set(shown)


def test_among_equals_the_one_after_the_cursor_is_next() -> None:
    jobs = listed(IDS)
    news = dict.fromkeys(("job1", "job4"), Unseen.OUTPUT)
    assert next_unseen(jobs, news, "job2") == "job4"
    assert next_unseen(jobs, news, "job4") == "job1"
    assert next_unseen(jobs, news, None) == "job1"
    assert next_unseen(jobs, {}, "job2") is None


def test_news_are_told_in_words_and_their_signs_differ_in_ascii_too() -> None:
    assert unseen_text({"a": Unseen.OUTPUT, "b": Unseen.ENDED, "c": Unseen.OUTPUT}) == (
        "new: 1 ended, 2 output"
    )
    assert unseen_text({}) == ""
    assert (
        len({news.letter for news in Unseen}) == len({news.sign for news in Unseen}) == len(Unseen)
    )
    assert all(news.letter.isascii() for news in Unseen)


def row_line(pilot: Pilot[str], short_id: str) -> str:
    lines = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
    return next(line for line in lines if f" {short_id} " in line[:40])


@pytest.mark.parametrize("is_ascii", [False, True])
async def test_output_and_silence_are_marked_until_somebody_looks(
    tmp_path: Path, is_ascii: bool
) -> None:
    now_s = [NOW.timestamp()]
    settings = Settings(attention=AttentionSettings(silent_s=300), ascii=is_ascii)
    with Root(tmp_path / "root") as root:
        root.add("00", created_ago_s=1)
        writer = root.running("11", ("make",), created_ago_s=50)
        quiet = root.running("22", ("sleep", "900"), created_ago_s=200)
        for name in (writer, quiet):
            for log in ("stdout.log", "stderr.log"):
                os.utime(root.path / name / log, (0, 0))
        async with dashboard(root.path, clock=lambda: now_s[0], settings=settings) as pilot:
            main = app_of(pilot).main
            table = main.table
            await pilot.pause()
            assert not table.unread
            (root.path / writer / "stdout.log").write_bytes(b"line\n")
            os.utime(root.path / writer / "stdout.log", (now_s[0], now_s[0]))
            await until(pilot, lambda: table.unread == {writer: Unseen.OUTPUT}, "the new output")
            await until(pilot, lambda: table.jobs.rows[writer].written_s == now_s[0])
            assert facts.jobs_title(main) == "Jobs 3/3 · new: 1 output"
            assert row_line(pilot, "11000000")[3:5] == (".R" if is_ascii else "•●")
            now_s[0] += 150
            await until(pilot, lambda: table.silent == {quiet}, "the silence")
            await pilot.pause()
            assert facts.jobs_title(main) == "Jobs 3/3 · new: 1 silent, 1 output · 1 silent"
            assert row_line(pilot, "22000000")[3:].startswith("zR " if is_ascii else "z● ")
            assert " silent " in row_line(pilot, "22000000")
            await pilot.press("!")
            assert table.cursor_id == quiet
            await pilot.press("!")
            assert table.cursor_id == writer
            await until(pilot, lambda: not table.unread)
            assert table.silent == {quiet}  # it still is, seen or not
            (root.path / quiet / "stderr.log").write_bytes(b"done\n")
            await until(pilot, lambda: not table.silent)
            assert table.unread == {quiet: Unseen.OUTPUT}


@pytest.mark.parametrize("is_ascii", [False, True])
async def test_whose_end_is_to_be_told_is_seen_in_the_list_its_title_and_the_detail(
    tmp_path: Path, is_ascii: bool
) -> None:
    with Root(tmp_path / "root") as root:
        job_id = root.running("11", ("make",))
        ended = root.add("22", created_ago_s=9999)
        async with dashboard(root.path, (120, 50), settings=Settings(ascii=is_ascii)) as pilot:
            main = app_of(pilot).main
            await until(pilot, lambda: main.selected.record is not None)
            await pilot.press("i", "A", "N")
            await pilot.pause()
            assert row_line(pilot, "11000000")[3] == "N"
            assert row_line(pilot, "22000000")[3] == " "
            assert "1 watched" in facts.jobs_title(main)
            told = "you are told when it ends"
            await until(pilot, lambda: any(told in line.text for line in main.detail._lines))
            assert "you will be told when 1 job ends" in [
                each.message for each in app_of(pilot)._notifications
            ]
            main.table.unread[job_id] = Unseen.ENDED
            main.table.refresh_jobs({job_id, ended})
            await pilot.pause()
            assert row_line(pilot, "11000000")[3] == "*"
            await pilot.press("N")
            await pilot.pause()
            assert "watched" not in facts.jobs_title(main)
            assert not any(told in line.text for line in main.detail._lines)


async def test_what_nobody_wants_marked_is_not(tmp_path: Path) -> None:
    settings = Settings(attention=AttentionSettings(output=False))
    with Root(tmp_path / "root") as root:
        root.add("00", created_ago_s=1)
        writer = root.running("11", ("make",), created_ago_s=9999)
        async with dashboard(root.path, settings=settings) as pilot:
            main = app_of(pilot).main
            (root.path / writer / "stdout.log").write_bytes(b"line\n")
            await until(pilot, lambda: main.jobs.rows[writer].stdout_bytes == 5)
            assert not main.table.unread
            assert not main.table.silent


async def test_a_job_that_was_over_before_it_was_seen_is_told_as_ended_once(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    with Root(tmp_path / "root") as root, Root(elsewhere) as others:
        root.add("00", created_ago_s=1)
        old = others.add("11", created_ago_s=900)
        async with dashboard(root.path, clock=frozen_clock) as pilot:
            main = app_of(pilot).main
            assert not main.table.unread
            quick = root.add("22", created_ago_s=0, ran_s=0)
            await until(pilot, lambda: main.table.unread == {quick: Unseen.ENDED})
            assert facts.jobs_title(main) == "Jobs 2/2 · new: 1 ended"
            (elsewhere / old).rename(root.path / old)
            await until(pilot, lambda: old in main.jobs.rows, "the job of another root")
            assert main.table.unread.keys() == {quick}
            (root.path / quick).rename(elsewhere / quick)
            await until(pilot, lambda: quick not in main.jobs.rows)
            (elsewhere / quick).rename(root.path / quick)
            await until(pilot, lambda: quick in main.jobs.rows, "the job that was brought back")
            assert not main.table.unread
