"""The completion scripts in the real shells, typed at a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.console import CHECKOUT, console

TYPING_LIMIT_S = 20.0
TAB = "\t"
TO_LINE_START = "\x01"

SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        'eval "$(agent-exec-tui completions bash)"',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u -D; eval "$(agent-exec-tui completions zsh)"',
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "agent-exec-tui completions fish | source",
    ),
}


class Typist:
    """A shell at a terminal of its own."""

    def __init__(self, argv: list[str], cwd: Path, env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509
        )
        os.close(slave)
        self._shown = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read on until the text fits; what was shown before is forgotten."""
        deadline = time.monotonic() + TYPING_LIMIT_S
        while (found := re.search(pattern, self._shown)) is None:
            left_s = deadline - time.monotonic()
            ready, _, _ = select.select([self._master], (), (), max(0.0, left_s))
            assert ready, f"{pattern!r} did not come:\n{self._shown}"
            self._shown += os.read(self._master, 65536).decode(errors="replace")
        self._shown = self._shown[found.end() :]
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@contextlib.contextmanager
def shell_with_completion(name: str, home: Path, root: Path) -> Iterator[Typist]:
    argv, setup = SHELLS[name]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{name} is not installed")
    tools = home / "bin"
    tools.mkdir()
    script = tools / "agent-exec-tui"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m agent_exec_tui "$@"\n')
    script.chmod(0o755)
    env = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "INPUTRC": "/dev/null",
        "PYTHONPATH": f"{CHECKOUT}/core{os.pathsep}{CHECKOUT}/tui",
        "AGENT_EXEC_ROOT": str(root),
    }
    typist = Typist(argv, home, env)
    try:
        typist.type(f"{setup}; echo RE''ADY\n")
        typist.read_until("READY")
        yield typist
    finally:
        typist.close()


def line_after(typist: Typist, typed: str) -> str:
    """What stands on the command line after typing, had it been entered."""
    typist.type(f"{typed}{TO_LINE_START}echo GO''T: \n")
    return typist.read_until(r"GOT: (.*?)\s*[\r\n]").group(1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "notes.env").touch()
    return home


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_verbs_options_ids_and_files(name: str, home: Path) -> None:
    root = home / "jobs"
    created = console("create", "true", root=root, cwd=home).document["job_id"]
    elsewhere = console("create", "true", root=root, cwd=Path("/")).document["job_id"]
    assert created != elsewhere
    with shell_with_completion(name, home, root) as typist:
        assert line_after(typist, f"agent-exec-tui compl{TAB}") == "agent-exec-tui completions"
        assert line_after(typist, f"agent-exec-tui run --auto-gc-o{TAB}") == (
            "agent-exec-tui run --auto-gc-older-than"
        )
        assert line_after(typist, f"agent-exec-tui list --state k{TAB}") == (
            "agent-exec-tui list --state killed"
        )
        # The only created job of this directory; that of the other one is not offered.
        first = str(created)[0]
        assert line_after(typist, f"agent-exec-tui start {first}{TAB}") == (
            f"agent-exec-tui start {created}"
        )
        assert line_after(typist, f"agent-exec-tui create --env-file not{TAB}") == (
            "agent-exec-tui create --env-file notes.env"
        )
        assert line_after(typist, f"agent-exec-tui run -- cat not{TAB}") == (
            "agent-exec-tui run -- cat notes.env"
        )
