"""Ends the demonstration's jobs though the dashboard itself was killed.

``python -m agent_exec_tui.demo_guard HOME`` waits for the end of its standard input, which is the
end of the program that made the demonstration, and then ends and removes what is left of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from agent_exec.commands.kill import kill_job
from agent_exec.commands.repair import repair_jobs
from agent_exec.errors import AgentExecError
from agent_exec.store.jobs import JobStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_exec_tui.ending import Ending


@contextlib.contextmanager
def guarded_demo(ending: Ending) -> Iterator[str]:
    """Make the demonstration and give its root; all of it ends with the block, or the program."""
    from agent_exec_tui.demo import Demo

    if sys.stderr.isatty():
        sys.stderr.write("making a few jobs to look at…\n")
    demo = Demo()
    with _guard(os.path.dirname(demo.root)), demo:
        try:
            yield demo.root
        finally:
            ending.no_more()


@contextlib.contextmanager
def _guard(home: str) -> Iterator[None]:
    guard = subprocess.Popen(
        [sys.executable, "-m", "agent_exec_tui.demo_guard", home],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    )
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


def clean_up(home: str) -> None:
    """End what still runs below *home* and remove it."""
    store = JobStore(os.path.join(home, "jobs"))
    with contextlib.suppress(AgentExecError):
        for job_id in store.names():
            with contextlib.suppress(AgentExecError):
                kill_job(store, job_id, signal="KILL")
        repair_jobs(store, None, kill=True)
    shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    """Wait and clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    if os.path.isdir(sys.argv[1]):
        clean_up(sys.argv[1])


if __name__ == "__main__":
    main()
