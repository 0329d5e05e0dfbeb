"""How long it takes to list many finished jobs, cold and from the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.harness import Run, seconds
from benchmarks.programs import call, our_command, peer
from support.many_jobs import make_finished_jobs
from support.peers import TODAY

COUNTS = (10_000, 100_000)


def listing(run: Run, scratch: Path) -> None:
    """``list --all`` of 10,000 and 100,000 jobs."""
    for count in map(run.scaled, COUNTS):
        root, cache = scratch / f"root{count}", scratch / f"cache{count}"
        make_finished_jobs(str(root), count)
        _measure(run, root, cache, count)
        shutil.rmtree(root)


def _measure(run: Run, root: Path, cache: Path, count: int) -> None:
    today = peer(TODAY)

    def list_all(command: list[str]) -> float:
        return seconds(
            lambda: call(command, root, "list", "--all", env={"XDG_CACHE_HOME": str(cache)})
        )

    def cold() -> float:
        shutil.rmtree(cache, ignore_errors=True)
        return list_all(our_command())

    for how, ours, bound in (
        ("cold", cold, 2.0),
        ("warm", lambda: list_all(our_command()), 0.5),
    ):
        run.compare(
            "list",
            f"`list --all` of {count:,} finished jobs, {how}",
            ours,
            (lambda: list_all(today)) if today else None,
            other_name=f"s {TODAY}",
            bound=bound,
        )


ROWS = {"list": listing}
