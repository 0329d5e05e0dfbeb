"""The console script in a terminal of its own: what it shows, and how it leaves the terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

from support.console import environment
from support.waiting import wait_until

COLUMNS, ROWS = 100, 30
LIMIT_S = 20.0
# Sequences that pyte takes for text: keyboard protocols, queries, modes it does not know.
_UNKNOWN = re.compile(rb"\x1b\[[<=>?][0-9;]*[$]?[a-zA-Z]")
_UNFINISHED = re.compile(rb"(?:\x1b(?:\[[<=>?]?[0-9;]*[$]?)?)?\Z")
_MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_ALTERNATE = re.compile(rb"\x1b\[\?1049[hl]")

ALTERNATE_SCREEN, CURSOR, LINE_WRAP, BRACKETED_PASTE, FOCUS = 1049, 25, 7, 2004, 1004
MOUSE = (1000, 1003, 1006, 1015)


class Terminal:
    """A program that has a terminal, and all that it wrote there."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._master, self._slave = pty.openpty()
        self._size = (COLUMNS, ROWS)
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
        self._before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        self._output = bytearray()
        self._drawn_bytes = 0
        self._clear()
        self._woken, self._wake = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # Not in read() itself: that would hold the terminal open past its closing.
        with contextlib.suppress(OSError):  # the program has closed its side
            while self._master in select.select([self._master, self._woken], [], [])[0]:
                if not (data := os.read(self._master, 65536)):
                    break
                self._output += data

    @property
    def output(self) -> bytes:
        return bytes(self._output)

    @property
    def screen(self) -> str:
        """What is on the screen; the alternate one is not mixed with the other."""
        data = bytes(self._output[self._drawn_bytes :])
        data = data[: _UNFINISHED.search(data).start()]  # type: ignore[union-attr]
        self._drawn_bytes += len(data)
        first, *others = _ALTERNATE.split(data)
        self._stream.feed(_UNKNOWN.sub(b"", first))
        for each in others:
            self._clear()
            self._stream.feed(_UNKNOWN.sub(b"", each))
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def _clear(self) -> None:
        self._screen = pyte.Screen(*self._size)
        self._stream = pyte.ByteStream(self._screen)

    def wait_for(self, text: str, limit_s: float = LIMIT_S) -> None:
        try:
            wait_until(lambda: text in self.screen, limit_s, f"{text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is\n{self.screen}") from None

    def press(self, keys: str) -> None:
        self.put(keys.encode())

    def put(self, data: bytes) -> None:
        """Have the terminal say anything at all."""
        os.write(self._master, data)

    def resize(self, columns: int, rows: int, room: tuple[int, int] | None = None) -> None:
        """Have another size, and draw from there on; *room* is what is there in truth."""
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._size = room or (columns, rows)
        self._drawn_bytes = len(self._output)
        self._clear()
        self.process.send_signal(signal.SIGWINCH)

    def stop(self, number: int = signal.SIGSTOP) -> None:
        """Send it a signal that stops it, and wait until it has stopped."""
        self.process.send_signal(number)
        self.wait_stopped()

    def wait_stopped(self) -> None:
        path = f"/proc/{self.process.pid}/stat"

        def is_stopped() -> bool:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"

        wait_until(is_stopped, LIMIT_S, "a stopped process")

    def is_as_before(self) -> bool:
        """Whether the line discipline is what it was before the program."""
        return bool(termios.tcgetattr(self._slave) == self._before)

    def send(self, number: int) -> int:
        """Send a signal; the exit status that followed."""
        self.process.send_signal(number)
        return self.status()

    def status(self) -> int:
        """The exit status, once the program has ended and its last words are read."""
        status = self.process.wait(timeout=LIMIT_S)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not _is_readable(self._master), 2)
        return status

    def hang_up(self) -> None:
        """Close the terminal as its window is closed."""
        self._stop_reading()
        os.close(self._slave)
        os.close(self._master)
        self._slave = self._master = -1

    def flaws(self) -> list[str]:
        """What is not as it was before the program."""
        modes: dict[int, bool] = {}
        for numbers, letter in _MODES.findall(self.output):
            modes |= {int(number): letter == b"h" for number in numbers.split(b";") if number}
        found = [f"mode {number} is on" for number, is_on in modes.items()
                 if is_on and number not in (CURSOR, LINE_WRAP)]  # fmt: skip
        found += [f"mode {number} is off" for number in (CURSOR, LINE_WRAP) if not modes[number]]
        if self.output.count(b"\x1b[>") - self.output.count(b"\x1b[<u") > 0:
            found.append("the keyboard protocol is on")
        if termios.tcgetattr(self._slave) != self._before:
            found.append("the line discipline is not what it was")
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._stop_reading()
        for fd in (self._slave, self._master, self._wake, self._woken):
            if fd >= 0:
                os.close(fd)

    def _stop_reading(self) -> None:
        os.write(self._wake, b"\0")
        self._reader.join(LIMIT_S)


def _is_readable(fd: int) -> bool:
    waiting = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
    return bool(waiting)


@contextmanager
def terminal(
    *words: str, root: Path | None, env: dict[str, str], before: str = ""
) -> Iterator[Terminal]:
    """Run the console script in a terminal; *before* is Python that is run first."""
    command = [sys.executable, "-m", "agent_exec_tui", *words]
    if before:
        start = "import sys; from agent_exec_tui.__main__ import main; sys.exit(main())"
        command = [sys.executable, "-c", f"{before}\n{start}", *words]
    settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}
    opened = Terminal(command, environment(root, **settings, **env))
    try:
        yield opened
    finally:
        opened.close()
