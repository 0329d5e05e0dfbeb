"""What a command loads, it makes every caller wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.console import console, environment

NEVER = {
    "textual",
    "rich",
    "pydantic",
    "asyncio",
    "argparse",
    "watchfiles",
    "yaml",
    "re2",
    "psutil",
}
# These are called many times a minute by scripts and agents.
QUICK_NEVER = NEVER | {
    "pathlib",
    "subprocess",
    "logging",
    "inspect",
    "dataclasses",
    "shutil",
    "tempfile",
}

LOADED = (
    "import atexit, sys\n"
    "from agent_exec.cli.main import main\n"
    "status = main(sys.argv[1:])\n"
    "print(' '.join(sys.modules), file=sys.stderr)\n"
)


def loaded_by(root: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-S", "-c", LOADED, *words],
        capture_output=True,
        env=environment(root),
        check=False,
        timeout=30,
    )
    return set(done.stderr.decode().splitlines()[-1].split())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def job_id(root: Path) -> str:
    return str(console("create", "true", root=root).document["job_id"])


@pytest.mark.parametrize(
    "words", [["create", "true"], ["status", "ID"], ["list", "--all"], ["ps"], ["--version"]]
)
def test_a_quick_verb_loads_next_to_nothing(words: list[str], root: Path, job_id: str) -> None:
    loaded = loaded_by(root, *(job_id if word == "ID" else word for word in words))
    assert loaded & QUICK_NEVER == set()


def test_a_job_that_waits_costs_nothing_that_only_a_launch_needs(root: Path) -> None:
    loaded = loaded_by(root, "create", "true")
    assert {name for name in loaded if name.startswith("agent_exec.process.")} <= {
        "agent_exec.process.bare_signal"
    }
    assert loaded & {"_socket", "agent_exec.model.shell", "agent_exec.model.options"} == set()


@pytest.mark.parametrize(
    "words",
    [
        ["run", "true"],
        ["start", "nope"],
        ["restart", "nope"],
        ["tail", "ID"],
        ["wait", "--until", "0", "ID"],
        ["kill", "nope"],
        ["delete", "--all", "--dry-run"],
        ["gc", "--dry-run"],
        ["repair", "--all", "--dry-run"],
        ["tag", "set", "ID"],
        ["notify", "set", "ID"],
        ["--json"],
        ["--help"],
        ["completions", "bash"],
        ["bogus"],
    ],
)
def test_no_verb_loads_the_dashboards_libraries(words: list[str], root: Path, job_id: str) -> None:
    loaded = loaded_by(root, *(job_id if word == "ID" else word for word in words))
    assert loaded & NEVER == set()


def test_a_star_gives_every_public_name_of_the_library() -> None:
    import agent_exec

    names: dict[str, object] = {}
    exec("from agent_exec import *", names)  # noqa: S102
    assert set(agent_exec.__all__) <= names.keys()
    assert callable(names["run_job"])
