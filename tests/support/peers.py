"""Where the real agent-exec lies, if somebody ran tests/interop/install_peers.sh."""

from __future__ import annotations

import os
from pathlib import Path

SEED = "0.2.3"
TODAY = "0.2.40"
VERSIONS = (SEED, TODAY)


def peer_binary(version: str) -> str | None:
    """The path of that version's program, or None where it is not installed."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    home = os.environ.get("AGENT_EXEC_PEERS") or f"{cache}/agent-exec-tui/peers"
    path = Path(home, version, "bin", "agent-exec")
    return str(path) if os.access(path, os.X_OK) else None
