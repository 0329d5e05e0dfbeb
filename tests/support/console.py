"""Call the console script of this checkout as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CALL_LIMIT_S = 30.0
# Where not even root can make one: fish makes its own below XDG_CONFIG_HOME.
NO_DIRECTORY = "/proc/none"

Document = dict[str, object]


@dataclass(frozen=True)
class Said:
    """What one call gave."""

    exit_status: int
    stdout: bytes
    stderr: str

    @property
    def document(self) -> Document:
        """The one JSON document on stdout."""
        assert self.stdout.count(b"\n") == 1, self
        document = json.loads(self.stdout)
        assert isinstance(document, dict)
        return document

    @property
    def error(self) -> Document:
        """The inner object of an error envelope."""
        error = self.document["error"]
        assert isinstance(error, dict)
        return error


def environment(root: Path | None = None, **extra: str) -> dict[str, str]:
    """A plain environment: this checkout, no configuration of the user's."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    paths = f"{CHECKOUT}/core{os.pathsep}{CHECKOUT}/tui"
    base = {**kept, "LANG": "C.UTF-8", "PYTHONPATH": paths, "XDG_CONFIG_HOME": NO_DIRECTORY}
    if root is not None:
        base["AGENT_EXEC_ROOT"] = str(root)
    return {**base, **extra}


def console(
    *words: str | bytes,
    root: Path | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    env: dict[str, str] | None = None,
) -> Said:
    """Call it and wait for its answer."""
    completed = subprocess.run(
        [sys.executable, "-m", "agent_exec_tui", *words],
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        cwd=cwd,
        env=environment(root, **(env or {})),
        timeout=CALL_LIMIT_S,
        check=False,
    )
    return Said(completed.returncode, completed.stdout, completed.stderr.decode())
