"""What a terminal gets to see of hostile output: bytes on a real pty, and the screen they make."""

from __future__ import annotations

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
import time
from pathlib import Path

import pyte
import pytest

import agent_exec_tui

COLUMNS, ROWS = 80, 24
PAYLOAD = b"UEFZTE9BRA"
HOSTILE_LINES = [
    b"clip\x1b]52;c;" + PAYLOAD + b"\x07board",
    b"link\x1b]8;;http://" + PAYLOAD + b"\x1b\\text\x1b]8;;\x1b\\",
    b"title\x1b]0;" + PAYLOAD + b"\x07end",
    b"home\x1b[2J\x1b[Hmoved",
    b"position\x1b[5;5Hmoved",
    b"alternate\x1b[?1049hscreen",
    b"mouse\x1b[?1003hon",
    b"paste\x1b[201~" + b"paste",
    b"report\x1b[6n\x1b[c\x1b[>0qasked",
    b"dcs\x1bP+q" + PAYLOAD + b"\x1b\\end",
    b"apc\x1b_" + PAYLOAD + b"\x1b\\end",
    b"eight\x9b5bit",
    "utf\x9d52;c;".encode() + PAYLOAD + b"\xc2\x9cend",
    b"bell\x07del\x7fnul\x00",
    "bidi\u202eabc\u2066".encode(),
    "line\u2028sep\u2029".encode(),
    b"shift\x0e\x0fin\x1bc",
    b"\x1b[31mred\x1b[0m kept",
    b"open\x1b]52;c;never ended",
]
SHOWN = [
    "clipboard",
    "linktext",
    "titleend",
    "homemoved",
    "positionmoved",
    "alternatescreen",
    "mouseon",
    "pastepaste",
    "reportasked",
    "dcsend",
    "apcend",
    "eight�5bit",
    "utfend",
    "bell␇del␡nul␀",
    "bidi<U+202E>abc<U+2066>",
    "line<U+2028>sep<U+2029>",
    "shift␎␏in",
    "red kept",
    "open␛]52;c;never ended",
]


class Terminal:
    """A program on a pty, and all it wrote."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)
        self.output = b""

    def read_until(self, wanted: bytes, timeout_s: float = 15) -> None:
        deadline = time.monotonic() + timeout_s
        while wanted not in self.output:
            left = deadline - time.monotonic()
            assert left > 0, self.output[-2000:]
            if select.select([self.master], [], [], left)[0]:
                self.output += os.read(self.master, 65536)

    def close(self) -> None:
        try:
            if self.process.poll() is None:
                os.write(self.master, b"q")
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        finally:
            while select.select([self.master], [], [], 0)[0]:
                try:
                    self.output += os.read(self.master, 65536)
                except OSError:  # Linux says EIO once the other side is closed
                    break
            os.close(self.master)


def shown(path: Path) -> bytes:
    """Return all that a terminal gets when the file at *path* is shown."""
    app = Path(__file__).with_name("log_view_app.py")
    terminal = Terminal(
        [sys.executable, str(app), str(path)],
        {
            **os.environ,
            "PYTHONPATH": str(Path(agent_exec_tui.__file__).parents[1]),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "TEXTUAL_ANIMATIONS": "none",
        },
    )
    try:
        terminal.read_until(b".last line.")
    finally:
        terminal.close()
    assert terminal.process.returncode == 0
    return terminal.output


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("hostile") / "stdout.log"
    path.write_bytes(b"\n".join(HOSTILE_LINES) + b"\n.last line.\n")
    return shown(path)


@pytest.fixture(scope="module")
def harmless_output(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("harmless") / "stdout.log"
    path.write_bytes("\n".join(SHOWN).encode() + b"\n.last line.\n")
    return shown(path)


def kinds(output: bytes) -> set[bytes]:
    """Return the control sequences and characters in *output*, numbers left out."""
    text = output.decode("utf-8", "surrogateescape")
    found = re.findall(
        "\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[ -/]*[0-~]"
        "|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]",
        text,
    )
    return {re.sub(r"[\d;]+", "#", item).encode("utf-8", "surrogateescape") for item in found}


def test_no_payload_of_a_dropped_sequence_reaches_the_terminal(output: bytes) -> None:
    assert PAYLOAD not in output


def test_hostile_output_adds_no_kind_of_control_to_what_a_harmless_one_needs(
    output: bytes, harmless_output: bytes
) -> None:
    assert kinds(output) - kinds(harmless_output) == set()


def test_each_line_stands_in_its_own_row(output: bytes) -> None:
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    stream.feed(output.split(b"\x1b[?1049l")[0])
    rows = [row.strip("│ ").rstrip(" │") for row in screen.display]
    assert rows[1 : 1 + len(SHOWN)] == SHOWN
    assert ".last line." in rows[1 + len(SHOWN)]
