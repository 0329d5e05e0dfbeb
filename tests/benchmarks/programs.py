"""The programs under measurement: ours as a user has it installed, and the real agent-exec."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from support.peers import peer_binary
from support.programs import environment

ANSWER_LIMIT_S = 600

# What pip 26 and uv write for a console script; older ones of pip import `re` in it, 7 ms more.
_CONSOLE_SCRIPT = """\
#!{python}
import sys
from agent_exec_tui.__main__ import main
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(main())
"""


@functools.cache
def _script_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bench-bin-")


@functools.cache
def our_command() -> list[str]:
    """The console script, on the checkout that this file is in."""
    script = Path(_script_directory().name, "agent-exec-tui")
    script.write_text(_CONSOLE_SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    return [str(script)]


def peer(version: str) -> list[str] | None:
    """The real program of that version; None where it is not installed."""
    binary = peer_binary(version)
    return [binary] if binary else None


def call(command: list[str], root: Path, *args: str, env: dict[str, str] | None = None) -> bytes:
    """Carry out one command on *root* and return what it wrote to stdout."""
    return subprocess.run(
        [*command, "--root", str(root), *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        env=environment(env),
        timeout=ANSWER_LIMIT_S,
    ).stdout


def answer(command: list[str], root: Path, *args: str) -> dict[str, object]:
    """Carry out one command on *root* and return its JSON."""
    document = json.loads(call(command, root, *args))
    assert isinstance(document, dict)
    assert document["ok"], document
    return document


def create(command: list[str], root: Path, *words: str) -> str:
    """Make a job and return its id."""
    return str(answer(command, root, "create", "--", *words)["job_id"])


def run_unwatched(command: list[str], root: Path, *words: str) -> str:
    """Start a new job, wait for nothing it does, clean up nothing besides; return its id."""
    return str(answer(command, root, "run", "--no-wait", "--no-auto-gc", "--", *words)["job_id"])
