"""News as bytes between the process that reads and the one that shows.

Rows travel as plain tuples: left to itself, pickle takes as long for 100,000 of them as reading
them does.
"""

from __future__ import annotations

import pickle
from operator import attrgetter
from typing import TYPE_CHECKING

from agent_exec.model.filter_terms import JobFields
from agent_exec_tui.job_rows import JobRow
from agent_exec_tui.news import RowsNews

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from agent_exec_tui.news import News

    Values = tuple[object, ...]

_ROW_NAMES = tuple(name for name in JobRow.__slots__ if name != "fields")
_row_values: Callable[[JobRow], Values] = attrgetter(*_ROW_NAMES)
_fields_values: Callable[[JobFields], Values] = attrgetter(*JobFields.__slots__)


def write_news(news: News, wire: BinaryIO) -> None:
    """Send one piece of news.

    Raises:
        OSError: nobody listens any more.
    """
    sent: object = news
    if isinstance(news, RowsNews):
        rows = [(_row_values(row), _fields_values(row.fields)) for row in news.rows]
        sent = (rows, news.removed, news.touched, news.grown, news.is_complete)
    pickle.dump(sent, wire, pickle.HIGHEST_PROTOCOL)
    wire.flush()


def read_news(wire: BinaryIO) -> News:
    """Wait for the next piece of news; only from a process of our own.

    Raises:
        EOFError, OSError: there is nobody to send any more.
    """
    sent = pickle.load(wire)
    if isinstance(sent, tuple):
        rows, removed, touched, grown, is_complete = sent
        made = tuple([_row(*values) for values in rows])
        return RowsNews(made, removed, touched, grown, is_complete)
    news: News = sent
    return news


def _row(row_values: Values, fields_values: Values) -> JobRow:
    row = JobRow.__new__(JobRow)
    for name, value in zip(_ROW_NAMES, row_values, strict=True):
        setattr(row, name, value)
    row.fields = fields = JobFields.__new__(JobFields)
    for name, value in zip(JobFields.__slots__, fields_values, strict=True):
        setattr(fields, name, value)
    return row
