"""The terminal as Textual's Linux driver has it, with input that is taken for what it is."""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from collections import deque
from typing import Any, Final

from textual.drivers.linux_driver import LinuxDriver

from agent_exec_tui.input_keys import InputParser

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.1
_READ_BYTES: Final = 4096
_AT_ONCE_BYTES: Final = 65536
_AT_ONCE_S: Final = 0.004
"""What a paste has left comes sooner than that."""
_ESC: Final = 0x1B
_MOMENTS: Final = 32
_MOST_COLUMNS, _MOST_ROWS = 2000, 1000
_USUAL_SIZE: Final = (80, 24)


class _Output:
    """The terminal's file, and how much of what was written has left for it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._written = 0
        self._moments: deque[tuple[int, float]] = deque(maxlen=_MOMENTS)

    def write(self, text: str) -> None:
        self._file.write(text)
        self._written += len(text)

    def flush(self) -> None:
        self._file.flush()
        self._moments.append((self._written, time.monotonic()))

    def since(self, given: int) -> float | None:
        """When so much had left; None before."""
        return next((moment_s for out, moment_s in tuple(self._moments) if out >= given), None)

    def fileno(self) -> int:
        return int(self._file.fileno())


class TerminalDriver(LinuxDriver):
    """Reads keys by ``InputParser``; knows the terminal's true size, and comes back from a stop."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._output = _Output(self._file)
        self._file = self._output  # type: ignore[assignment]
        self._given = 0
        self._has_terminal = False

    # Size

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own size; the environment's where it knows none, as in some containers."""
        columns, rows = _own_size()
        columns = columns or _number_in("COLUMNS") or _USUAL_SIZE[0]
        rows = rows or _number_in("LINES") or _USUAL_SIZE[1]
        return min(columns, _MOST_COLUMNS), min(rows, _MOST_ROWS)

    # Output

    def write(self, data: str) -> None:
        """Write, some time soon."""
        self._given += len(data)
        super().write(data)

    @property
    def given(self) -> int:
        """How much was given to be written until now."""
        return self._given

    def out_since(self, given: int) -> float | None:
        """When, at the latest, the terminal had taken so much of it; None before."""
        return self._output.since(given)

    def _disable_mouse_support(self) -> None:
        super()._disable_mouse_support()
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
            self.flush()

    # Stop and go on

    def start_application_mode(self) -> None:
        """Take the terminal over, unless it is another's now."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._has_terminal = self._key_thread is not None and self._key_thread.is_alive()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._has_terminal = False
        super().stop_application_mode()

    def _sigcont_application(self, *_: object) -> None:
        if not self._auto_restart:
            return
        if self._has_terminal:
            # Stopped from outside, without a word: the shell has changed the terminal meanwhile.
            self.suspend_application_mode()
            self._must_signal_resume = True
        self.resume_application_mode()

    # Input

    def run_input_thread(self) -> None:
        """Read until the terminal is given back."""
        parser = InputParser()
        while not self.exit_event.is_set():
            now_s = time.monotonic()
            wait_s = _LOOK_S
            if parser.deadline_s is not None:
                wait_s = min(max(parser.deadline_s - now_s, 0.0), _LOOK_S)
            data = self._read(wait_s)
            try:
                found = parser.read(data, time.monotonic()) if data else []
                found += parser.tick_at(time.monotonic())
            except Exception:  # no input may end the dashboard; what was typed is told nowhere
                logger.exception("input was not understood")
                parser, found = InputParser(), []
            for message in found:
                self.process_message(message)

    def _read(self, wait_s: float) -> bytes:
        """Read what is there within *wait_s*; with letters, all that comes at once."""
        if not _has_input(self.fileno, wait_s):
            return b""
        data = os.read(self.fileno, _READ_BYTES)
        if not data:
            self.exit_event.wait(_LOOK_S)  # the terminal is gone; who watches it ends us
        while (
            _has_letter(data)
            and len(data) < _AT_ONCE_BYTES
            and _has_input(self.fileno, _AT_ONCE_S)
            and (more := os.read(self.fileno, _READ_BYTES))
        ):
            data += more
        return data


def _has_input(fd: int, wait_s: float) -> bool:
    return bool(select.select([fd], [], [], wait_s)[0])


def _has_letter(data: bytes) -> bool:
    return bool(data) and data[0] != _ESC


def _own_size() -> tuple[int, int]:
    for file in (sys.__stderr__, sys.__stdin__, sys.__stdout__):
        try:
            size = os.get_terminal_size(file.fileno()) if file else None
        except (OSError, ValueError):
            continue
        if size and (size.columns or size.lines):
            return size.columns, size.lines
    return 0, 0


def _number_in(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
