"""How long it takes to remove many finished jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.harness import Run, seconds
from benchmarks.programs import call, our_command
from support.many_jobs import make_finished_jobs

JOBS = 10_000


def cleaning(run: Run, scratch: Path) -> None:
    """``gc`` of 10,000 jobs against ``rm -rf`` of the same tree."""
    count, root = run.scaled(JOBS), scratch / "root"

    def ours() -> float:
        make_finished_jobs(str(root), count)
        elapsed = seconds(lambda: call(our_command(), root, "gc", "--older-than", "0s"))
        left = [path.name for path in root.iterdir() if not path.name.startswith(".")]
        assert not left, f"{len(left)} jobs are left"
        return elapsed

    def removal() -> float:
        make_finished_jobs(str(root), count)
        return seconds(lambda: subprocess.run(["rm", "-rf", str(root)], check=True))

    run.compare(
        "gc", f"cleaning up {count:,} finished jobs", ours, removal, other_name="s rm -rf", bound=2
    )


ROWS = {"gc": cleaning}
