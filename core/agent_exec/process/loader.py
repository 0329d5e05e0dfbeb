"""What an interpreter of ours may need of the environment to start at all."""

from __future__ import annotations

import os

_VARIABLES = (b"LD_LIBRARY_PATH", b"DYLD_LIBRARY_PATH", b"DYLD_FALLBACK_LIBRARY_PATH")


def loader_variables() -> dict[bytes, bytes]:
    """Where the dynamic loader shall look for libraries; nothing else of ours is passed on."""
    return {name: os.environb[name] for name in _VARIABLES if name in os.environb}
