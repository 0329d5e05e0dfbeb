"""A program in a terminal of its own: keys in, a screen out, and when each picture was complete."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

COLUMNS, LINES = 120, 36
LIMIT_S = 60.0
QUIET_S = 0.4
_READ_BYTES = 1 << 16
# The reader's thread stamps each read; it must not wait for the one that draws the picture.
_SWITCH_S = 0.0005
# Sequences that pyte takes for text: keyboard protocols, queries, modes it does not know.
_UNKNOWN = re.compile(rb"\x1b\[[<=>?][0-9;]*[$]?[a-zA-Z]")
_UNFINISHED = re.compile(rb"\x1b(?:\[[<=>?]?[0-9;$]*)?$")


class Terminal:
    """A running program and its screen; the moments are those of ``time.perf_counter``.

    Attributes:
        pid: the program's.
        began_s: just before it was started.
    """

    def __init__(self, command: list[str], env: dict[str, str], cwd: Path) -> None:
        sys.setswitchinterval(_SWITCH_S)
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._arrived: deque[tuple[float, bytes]] = deque()
        self._news = threading.Event()
        self._rest = b""
        self._last_s = 0.0
        # One end is opened here, so that the program has its size before it looks.
        self._fd, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **env}
        self.began_s = time.perf_counter()
        self._program = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=settings,
            cwd=cwd,
            start_new_session=True,
        )
        self.pid = self._program.pid
        os.close(inner)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the terminal ends with its program
            while data := os.read(self._fd, _READ_BYTES):
                self._arrived.append((time.perf_counter(), data))
                self._news.set()

    def _draw_next(self) -> float | None:
        """Draw what arrived next; its moment, None when nothing is left."""
        if not self._arrived:
            return None
        moment, data = self._arrived.popleft()
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        cut = unfinished.start() if unfinished else len(data)
        self._rest = data[cut:]
        self._stream.feed(_UNKNOWN.sub(b"", data[:cut]))
        self._last_s = moment
        return moment

    @property
    def lines(self) -> list[str]:
        """What the screen shows."""
        return self._screen.display

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).rstrip()

    def press(self, keys: str) -> float:
        """Send keys; returns the moment before."""
        moment = time.perf_counter()
        os.write(self._fd, keys.encode())
        return moment

    def wait(self, shows: Callable[[list[str]], object], limit_s: float = LIMIT_S) -> float:
        """Wait until the screen shows something; the moment at which its last byte arrived.

        Raises:
            TimeoutError: it does not within *limit_s* seconds; the text is the screen.
        """
        deadline_s = time.perf_counter() + limit_s
        if shows(self.lines):
            return self._last_s
        while time.perf_counter() < deadline_s:
            self._news.clear()
            while (moment := self._draw_next()) is not None:
                if shows(self.lines):
                    return moment
            if not self._reader.is_alive() and not self._arrived:
                raise TimeoutError(f"the program has ended:\n{self.text}")
            self._news.wait(0.05)
        raise TimeoutError(f"not on the screen after {limit_s:g} s:\n{self.text}")

    def wait_for(self, text: str, limit_s: float = LIMIT_S) -> float:
        return self.wait(lambda lines: any(text in line for line in lines), limit_s)

    def settle(self, quiet_s: float = QUIET_S, limit_s: float = LIMIT_S) -> None:
        """Wait until nothing has been drawn for *quiet_s* seconds."""
        deadline_s = time.perf_counter() + limit_s
        quiet_since_s = time.perf_counter()
        while (now_s := time.perf_counter()) < min(deadline_s, quiet_since_s + quiet_s):
            while (moment := self._draw_next()) is not None:
                quiet_since_s = max(quiet_since_s, moment)
            self._news.clear()
            self._news.wait(quiet_since_s + quiet_s - now_s)

    def close(self) -> None:
        """End the program, which is given no time for it."""
        self._program.kill()
        self._program.wait()
        self._reader.join()
        os.close(self._fd)


@contextmanager
def terminal(command: list[str], env: dict[str, str], cwd: Path) -> Iterator[Terminal]:
    """A program in a terminal, ended when the block is left."""
    opened = Terminal(command, env, cwd)
    try:
        yield opened
    finally:
        opened.close()
