"""What one process writes of jobs the other reads, whole."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from agent_exec.model.filter import compile_filter
from agent_exec.store.jobs import JobStore
from agent_exec_tui.feed import JobFeed
from agent_exec_tui.news import RowsNews, SizesNews, StateNews
from agent_exec_tui.news_wire import read_news, write_news
from support.many_jobs import make_finished_jobs
from support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from agent_exec_tui.news import News


def sent(*pieces: News) -> list[News]:
    wire = io.BytesIO()
    for news in pieces:
        write_news(news, wire)
    wire.seek(0)
    return [read_news(wire) for _ in pieces]


def test_rows_arrive_as_they_were_read(tmp_path: Path) -> None:
    make_finished_jobs(str(tmp_path), 150)
    told: list[News] = []
    feed = JobFeed(JobStore(tmp_path))
    feed.start(told.append)
    try:
        wait_until(lambda: any(isinstance(n, RowsNews) and n.is_complete for n in told))
    finally:
        feed.stop()
    arrived = sent(*told)
    assert arrived == told
    rows = [row for news in arrived if isinstance(news, RowsNews) for row in news.rows]
    assert len(rows) >= 150
    assert [row.place for row in rows] == [(-row.created_s, row.job_id) for row in rows]
    first = rows[0]
    assert compile_filter(f"id:{first.job_id} cwd:{first.raw_cwd}", 0).matches(first.fields)
    assert not compile_filter("state:running", 0).matches(first.fields)


@pytest.mark.parametrize(
    "news",
    [
        RowsNews((), ("a",), frozenset({"b"}), frozenset({"c"}), is_complete=True),
        SizesNews({"a": (1, 2, 3)}),
        StateNews(warning="w", progress="p", tells_growth=True),
    ],
    ids=lambda news: type(news).__name__,
)
def test_all_other_news_arrives_as_it_was(news: News) -> None:
    assert sent(news) == [news]


def test_the_end_of_the_other_side_is_an_end() -> None:
    with pytest.raises(EOFError):
        read_news(io.BytesIO())
