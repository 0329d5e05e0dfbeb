"""The sources compiled, as an installation leaves them.

Where PYTHONDONTWRITEBYTECODE is set, every process that is started compiles them anew otherwise.
"""

from __future__ import annotations

import compileall
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]


def compile_sources() -> None:
    for folder in ("core", "tui"):
        compileall.compile_dir(_PROJECT / folder, quiet=2)
