"""A supervisor loads next to nothing: every running job pays for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent_exec.supervisor import definition

CORE = str(Path(definition.__file__).parents[2])
HEAVY = {
    "argparse",
    "asyncio",
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "json",
    "logging",
    "pathlib",
    "re",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "typing",
    "pydantic",
    "textual",
}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; sys.path.append({CORE!r}); {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["lifecycle", "run", "events", "frames", "sinks", "watching"])
def test_the_supervisors_modules_load_nothing_heavy(module: str) -> None:
    loaded = modules_after(f"import agent_exec.supervisor.{module}")
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("agent_exec.store.")} <= {
        "agent_exec.store.atomic",
        "agent_exec.store.clock",
    }


def test_starting_a_job_loads_no_subprocess_and_no_threads() -> None:
    loaded = modules_after("import agent_exec.process.launch")
    assert loaded & {"subprocess", "threading", "socket", "asyncio", "pydantic"} == set()
