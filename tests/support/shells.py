"""The shells people paste command lines into, and our program on their PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.console import environment

SHELLS = ("sh", "bash", "zsh", "fish")
SCRIPT_LIMIT_S = 60.0


def shell_params() -> list[object]:
    """Each shell as a parameter, skipped with its reason where it is missing."""
    return [
        pytest.param(
            shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here")
        )
        for shell in SHELLS
    ]


def run_in_shell(shell: str, script: str, tmp_path: Path, **extra: str) -> bytes:
    """Run a script with ``agent-exec-tui`` on its PATH; gives its output.

    It runs in a home of its own: no profile of the user's may change what a line means.
    """
    programs, home = tmp_path / "programs", tmp_path / "home"
    programs.mkdir(exist_ok=True)
    home.mkdir(exist_ok=True)
    ours = programs / "agent-exec-tui"
    ours.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agent_exec_tui "$@"\n')
    ours.chmod(0o755)
    file = tmp_path / f"script.{shell}"
    file.write_text(script)
    env = {**environment(), "HOME": str(home), **extra}
    env["PATH"] = f"{programs}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        [shell, str(file)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SCRIPT_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, (shell, done.stderr, script[-2000:])
    return done.stdout
