from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.many_jobs import make_finished_jobs
from support.programs import environment


def tell(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_exec_tui", "--root", str(root), *words],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )


def test_what_a_launch_tells_besides_is_shown_in_safe_lines(tmp_path: Path) -> None:
    root = tmp_path / "jobs\x1b]0;title\x07"
    make_finished_jobs(str(root), 1)
    told = tell(root, "-v", "run", "--", "true").stderr.splitlines()
    assert told[0].startswith("info: jobs root: ")
    assert told[1].startswith("info: auto-gc removed 1 jobs, ")
    assert "\x1b" not in told[0]
    assert tell(root, "run", "--", "true").stderr == ""


def test_the_story_is_told_as_soon_as_it_is_asked_for(tmp_path: Path) -> None:
    told = tell(tmp_path / "jobs", "-v", "create", "true").stderr
    assert told == f"info: jobs root: {tmp_path / 'jobs'}\n"


def test_logging_is_loaded_by_the_first_story_and_prepared_once() -> None:
    script = (
        "import sys\n"
        "from agent_exec.store import story\n"
        "calls = []\n"
        "story.before_telling(lambda: calls.append(1))\n"
        "assert 'logging' not in sys.modules and not calls\n"
        "story.logger('a').warning\n"
        "story.logger('b').warning\n"
        "assert 'logging' in sys.modules and calls == [1]\n"
    )
    subprocess.run([sys.executable, "-S", "-c", script], check=True, env=environment())
