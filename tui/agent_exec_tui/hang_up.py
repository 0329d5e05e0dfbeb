"""Notices that the terminal is gone where no SIGHUP tells, as under nohup."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_FAILED: Final = 1
GRACE_S: Final = 1.0
"""Where SIGHUP does come, it is what ends the dashboard."""
LIMIT_S: Final = 3.0
"""A dashboard that has not ended by then is ended: it may wait to write to what is gone."""
_TERMINAL_FD: Final = 0


class HangUpWatch:
    """Owns a thread that waits for the end of the terminal.

    The one that reads the keys does not notice: it would read nothing, without a pause.
    """

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake, self._woken = -1, -1

    def start(self, leave: Callable[[], object]) -> None:
        """Have *leave* called, in another thread, once the terminal is gone."""
        if sys.platform != "linux" or self._thread is not None:
            return  # poll(2) knows no terminals on macOS
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(
            target=self._watch, args=(leave,), name="hang-up", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Wait no more."""
        self._is_over.set()
        if self._thread is not None:
            with contextlib.suppress(OSError):
                os.write(self._wake, b"\0")
            self._thread.join(LIMIT_S)
            os.close(self._wake)
            os.close(self._woken)

    def _watch(self, leave: Callable[[], object]) -> None:
        poll = select.poll()
        poll.register(_TERMINAL_FD, 0)
        poll.register(self._woken, select.POLLIN)
        while not self._is_over.is_set():
            if not any(fd == _TERMINAL_FD for fd, _ in poll.poll()):
                continue
            if self._is_over.wait(GRACE_S):
                return
            with contextlib.suppress(RuntimeError):  # its event loop has just ended
                leave()
            if not self._is_over.wait(LIMIT_S):
                logger.error("the terminal is gone, and the dashboard could not end by itself")
                os._exit(EXIT_FAILED)
