"""Three programs that share job directories: ours and the real agent-exec of two generations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.console import NO_DIRECTORY
from support.peers import SEED, TODAY, peer_binary

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = "ours"
NAMES = (OURS, SEED, TODAY)
CALL_LIMIT_S = 40.0


@dataclass(frozen=True)
class Answer:
    """What one call gave: exit status, the JSON on stdout (empty if none), stderr."""

    exit_status: int
    document: dict[str, object]
    stderr: str

    def __getitem__(self, key: str) -> object:
        return self.document[key]

    @property
    def ok(self) -> bool:
        return self.exit_status == 0 and self.document.get("ok") is True

    @property
    def error_code(self) -> str | None:
        error = self.document.get("error")
        return str(error["code"]) if isinstance(error, dict) else None


@dataclass(frozen=True)
class Program:
    """One of the three, called on a root."""

    name: str
    command: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        return self.name == OURS

    def start_call(
        self, root: Path, *args: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, "--root", str(root), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
        )

    def call(self, root: Path, *args: str, env: dict[str, str] | None = None) -> Answer:
        return finish(self.start_call(root, *args, env=env))

    def must(self, root: Path, *args: str, env: dict[str, str] | None = None) -> Answer:
        """Call and insist on success."""
        answer = self.call(root, *args, env=env)
        assert answer.ok, (self.name, args, answer)
        return answer

    def limit_flags(self, seconds: int) -> list[str]:
        """How this generation spells a time limit."""
        if self.name == TODAY:
            return ["--abandon-job-after", str(seconds), "--acknowledge-result-loss"]
        return ["--timeout", str(seconds)]


def finish(process: subprocess.Popen[bytes]) -> Answer:
    """Wait for a call and read what it said."""
    try:
        stdout, stderr = process.communicate(timeout=CALL_LIMIT_S)
    finally:
        process.kill()
    document = json.loads(stdout) if stdout else {}
    assert isinstance(document, dict)
    return Answer(process.returncode, document, stderr.decode(errors="replace"))


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """What the programs inherit: no configuration of the user's."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    paths = f"{CHECKOUT}/core{os.pathsep}{CHECKOUT}/tui"
    return {**kept, "PYTHONPATH": paths, "XDG_CONFIG_HOME": NO_DIRECTORY, **(extra or {})}


def program(name: str) -> Program | None:
    """One of the three by name; None where it is not installed."""
    if name == OURS:
        return Program(OURS, (sys.executable, "-m", "agent_exec_tui"))
    binary = peer_binary(name)
    return Program(name, (binary,)) if binary else None
