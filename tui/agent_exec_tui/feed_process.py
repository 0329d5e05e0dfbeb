"""A feed in a process of its own: reading many jobs never makes a key wait.

Threads would: they hold the interpreter's lock while they read, and setting file watches holds it
for half a second at 10,000 jobs. The process ends when this side of its socket is closed, however
that comes about.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import threading
from typing import TYPE_CHECKING

from agent_exec.errors import reason_of
from agent_exec_tui.child_program import end_child, start_child
from agent_exec_tui.news import StateNews

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from agent_exec.store.jobs import JobStore
    from agent_exec_tui.feed import JobFeed
    from agent_exec_tui.news import Feed, Post

logger = logging.getLogger(__name__)

_MODULE = "agent_exec_tui.feed_program"
_END_LIMIT_S = 1.0


class FeedProcess:
    """Owns a process that reads one root, and the thread that listens to it.

    It reads from its construction on, before anybody listens. Should the process come to an
    end by itself, its work is done here from then on.
    """

    def __init__(self, store: JobStore) -> None:
        """Start to read.

        Raises:
            OSError: no process can be made.
        """
        self.store = store
        self._process, self._socket = start_child(_MODULE, store.root)
        self._wishes = self._socket.makefile("wb")
        self._is_stopped = False
        self._thread: threading.Thread | None = None
        self._substitute: JobFeed | None = None

    @property
    def pid(self) -> int:
        """The process that reads."""
        return self._process.pid

    def start(self, post: Post) -> None:
        """Begin to listen; *post* is called in another thread."""
        wire = self._socket.makefile("rb")
        self._thread = threading.Thread(
            target=self._listen, args=(wire, post), name="feed-listen", daemon=True
        )
        self._thread.start()

    def _listen(self, wire: BinaryIO, post: Post) -> None:
        from agent_exec_tui.news_wire import read_news  # there is time for it here

        try:
            with wire:
                while True:
                    news = read_news(wire)
                    if self._is_stopped:
                        return
                    post(news)
        except (EOFError, OSError) as error:
            reason = reason_of(error)
        except Exception as error:  # a program of another version may send anything
            logger.exception("what the reading process says makes no sense")
            reason = str(error)
        if not self._is_stopped:
            self._read_here(post, reason)

    def _read_here(self, post: Post, reason: str) -> None:
        from agent_exec_tui.feed import JobFeed

        end_child(self._process, _END_LIMIT_S)
        status = self._process.returncode
        logger.warning(
            "the process that reads %s ended: status %s %s", self.store.root, status, reason
        )
        post(StateNews(progress="reading anew"))
        self._substitute = JobFeed(self.store)
        self._substitute.start(post)

    def refresh(self, names: Iterable[str]) -> None:
        """Have these jobs read now."""
        if self._substitute is not None:
            self._substitute.refresh(names)
        else:
            with contextlib.suppress(OSError):  # it has ended; everything is read anew
                pickle.dump(tuple(names), self._wishes)
                self._wishes.flush()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the process and the thread; nothing is posted afterwards."""
        self._is_stopped = True
        end_child(self._process, min(timeout_s, _END_LIMIT_S))
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._substitute is not None:
            self._substitute.stop(timeout_s=timeout_s)
        with contextlib.suppress(OSError):  # of a wish that nobody is there to take any more
            self._wishes.close()
        self._socket.close()


class FeedProcesses:
    """Makes feeds in processes; that of the first root reads before its listener is even loaded."""

    def __init__(self, store: JobStore) -> None:
        self._first: FeedProcess | None = None
        with contextlib.suppress(OSError):
            self._first = FeedProcess(store)

    def __call__(self, store: JobStore) -> Feed:
        """Give the feed of a root, which belongs to the caller; here where there is no process."""
        first, self._first = self._first, None
        if first is not None:
            if first.store.root == store.root:
                return first
            first.stop()
        try:
            return FeedProcess(store)
        except OSError as error:
            from agent_exec_tui.feed import JobFeed

            logger.warning("no process to read %s in: %s", store.root, error)
            return JobFeed(store)

    def close(self) -> None:
        """End the first one if nobody ever asked for it."""
        if self._first is not None:
            self._first.stop()
