"""Start jobs through a process that is already warm.

It takes a tenth of the time and a quarter of the memory of a new interpreter for each.
"""

from __future__ import annotations

import contextlib
import threading
import time

from agent_exec.process.fd_passing import hand_over
from agent_exec.process.spawn import collect, start_program
from agent_exec.process.standing import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from types import TracebackType
    from typing import Self

    from agent_exec.process.fd_passing import Descriptors


_END_PATIENCE_S = 1.0


class PrewarmedLauncher:
    """Owns a launcher process; safe to use from many threads at once.

    Supervisors it made outlive it and this object. A launcher that is gone, does not answer, or
    has other rights and limits than its owner by now, is replaced at the next start, and that one
    start made in the slower way.
    """

    def __init__(self) -> None:
        """Start warming up; nothing waits for it."""
        self._lock = threading.Lock()
        self._is_closed = False
        self._socket: socket.socket | None = None
        self._pid = 0
        with contextlib.suppress(OSError):
            self._spawn()

    def _spawn(self) -> None:
        self._since_s = time.monotonic()
        self._standing = standing()
        self._pid, self._socket = start_program("launcher.py")

    @property
    def pid(self) -> int:
        """The launcher process; 0 while there is none."""
        return self._pid

    def start(self, descriptors: Descriptors) -> bool:
        """Hand the four descriptors to a new supervisor; False when that is impossible."""
        with self._lock:
            if self._is_closed:
                return False
            if self._socket is not None:
                try:
                    if self._standing == standing():
                        return hand_over(self._socket, descriptors)
                except OSError:
                    pass  # it is gone, or takes nothing any more
                self._end()
            with contextlib.suppress(OSError):
                self._spawn()
            return False

    def give_up(self, waited_s: float) -> None:
        """End a launcher that has not begun a job in that time, and have another one."""
        with self._lock:
            # One younger than that is another already.
            if not self._is_closed and time.monotonic() - self._since_s >= waited_s:
                self._end(patience_s=0)
                with contextlib.suppress(OSError):
                    self._spawn()

    def close(self) -> None:
        """End the launcher; what it started goes on."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _end(self, patience_s: float = _END_PATIENCE_S) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if not self._pid:
            return
        pid, self._pid = self._pid, 0
        collect(pid, patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
