"""The program that reads a root for the dashboard: ``feed_program ROOT FD``.

News goes out over the socket FD, names of jobs to read anew come in; its end is this program's.
Nothing of Textual is loaded: that would take longer than most roots take to read.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
import threading
from typing import TYPE_CHECKING

from agent_exec.store.jobs import JobStore
from agent_exec_tui.feed import JobFeed
from agent_exec_tui.news import RowsNews
from agent_exec_tui.news_wire import write_news

if TYPE_CHECKING:
    from typing import BinaryIO

    from agent_exec_tui.news import News


class _Teller:
    """Sends news from several threads, whole messages one after the other."""

    def __init__(self, wire: BinaryIO) -> None:
        self._wire = wire
        self._lock = threading.Lock()

    def tell(self, news: News) -> None:
        try:
            with self._lock:
                write_news(news, self._wire)
        except OSError:
            os._exit(0)  # nobody listens any more
        if isinstance(news, RowsNews) and news.is_complete:
            # What is kept from here on is kept for good; before, nothing was garbage.
            gc.freeze()
            gc.enable()


def main() -> None:
    """Read until nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    root, fd = sys.argv[1], int(sys.argv[2])
    feed = JobFeed(JobStore(root))
    feed.start(_Teller(os.fdopen(os.dup(fd), "wb")).tell)
    with _failures_kept(), os.fdopen(fd, "rb") as wishes, contextlib.suppress(EOFError, OSError):
        while True:
            feed.refresh(pickle.load(wishes))  # from nobody but the dashboard that started us
    os._exit(0)  # its threads hold nothing that anybody waits for


def _failures_kept() -> contextlib.AbstractContextManager[None]:
    # Loaded when the first jobs are being read already.
    from agent_exec.store.places import log_path
    from agent_exec_tui.failure_log import failures_in

    return failures_in(log_path(os.environ))


if __name__ == "__main__":
    main()
