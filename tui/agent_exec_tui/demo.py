"""A throw-away jobs root with a dozen jobs of every state, for a first look and for pictures."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.commands.wait import wait_job
from agent_exec.errors import AgentExecError
from agent_exec.store.jobs import JobStore
from agent_exec_tui.demo_guard import clean_up

if TYPE_CHECKING:
    from types import TracebackType

_START_LIMIT_S = 10.0

# Small programs that behave like the ones people run: the jobs are real, only the work is not.
_PROGRAMS = {
    "run-tests": r"""
suite=$1
printf 'collected 812 items\n\n'
i=0
while [ $i -lt ${2:-24} ]; do
    i=$((i + 1))
    printf 'tests/%s/test_%02d.py \033[32m...........................\033[0m [%3d%%]\n' \
        "$suite" $i $((i * 100 / 40))
    [ $((i % 6)) = 0 ] && echo "warning: test_$i is slow (2.$i s)" >&2
    sleep ${3:-0.8}
done
[ -z "${4:-}" ] || { printf '\033[31mFAILED\033[0m tests/%s/test_07.py::test_totals\n' "$suite"; exit "$4"; }
printf '\033[32m812 passed\033[0m\n'
""",
    "train": r"""
epoch=0
while :; do
    epoch=$((epoch % 40 + 1))
    loss=$((39000 - epoch * 853))
    printf '[%2d/40] epoch %d  loss %d.%04d  accuracy 0.%d\n' $epoch $epoch \
        $((loss / 10000)) $((loss % 10000)) $((6000 + epoch * 87))
    [ $((epoch % 5)) = 0 ] && echo "checkpoint written: runs/seed1/epoch-$epoch" >&2
    sleep 1
done
""",
    "serve": r"""
echo "listening on 127.0.0.1:${1##*=}" >&2
n=0
while :; do
    n=$((n + 1))
    printf 'GET /jobs/%d 200 %dms\n' $n $((n * 7 % 40 + 3))
    sleep 2
done
""",
    "build": r"""
for crate in core store supervisor tui; do
    printf '\033[1;32m   Compiling\033[0m %s v0.4.0\n' $crate
done
[ "$1" = --release ] && { printf '\033[1;32m    Finished\033[0m release in 12.04s\n'; exit 0; }
printf '\033[1;31merror\033[0m: cannot find value `retention` in this scope\n' >&2
printf '  --> store/gc.rs:118:21\n\033[1;31merror\033[0m: could not compile `store`\n' >&2
exit 101
""",
    "download": r"""
for percent in 5 20 45 70 90 100; do printf '\rfetching model.bin %3d%%' $percent; done
printf '\n'
""",
}


@dataclass(frozen=True, slots=True)
class _Example:
    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    ending: str = "end"  # end, run, create, kill, abandon
    timeout_ms: int = 0
    cwd: str | None = None


_EXAMPLES = (
    _Example(("./build", "--release"), ("ci.build",)),
    _Example(("./download", "model.bin"), ("ml",)),
    _Example(("./missing-directory",), ("ci",), cwd="gone"),
    _Example(("./run-tests", "integration", "4", "0", "1"), ("ci.integration",)),
    _Example(("sleep", "36000"), ending="kill"),
    _Example(("./build", "--debug"), ("ci.build",)),
    _Example(("./run-tests", "slow", "99", "1"), ("ci.slow",), timeout_ms=300),
    _Example(("sleep", "7200"), ("web.old",), ending="abandon"),  # silent: no SIGPIPE ends it
    _Example(("./serve", "--port=8080"), ("web",), ending="run"),
    _Example(("./train", "--seed", "1", "--epochs", "40"), ("ml", "seed.1"), ending="run"),
    _Example(("./run-tests", "unit", "40"), ("ci.unit",), ending="run"),
    _Example(("./deploy", "staging"), ("release",), ending="create"),
    _Example(("./run-tests", "nightly"), ("ci.nightly",), ending="create"),
)


class Demo:
    """The root, its jobs and what they run; a context that ends and removes all of it.

    Attributes:
        root: the jobs root to look at.
        project: the directory the jobs run in.
    """

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="agent-exec-demo-")
        self.root = os.path.join(self._home.name, "jobs")
        self.project = os.path.join(self._home.name, "project")
        self._store = JobStore(self.root)

    def __enter__(self) -> Self:
        try:
            self._fill()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fill(self) -> None:
        project = Path(self.project)
        project.mkdir()
        for name, text in _PROGRAMS.items():
            program = project / name
            program.write_text(f"#!/bin/sh\n{text}")
            program.chmod(0o700)
        for example in _EXAMPLES:
            self._make(example)
        self._damage_one()

    def _make(self, example: _Example) -> None:
        cwd = os.path.join(self.project, example.cwd) if example.cwd else self.project
        definition = JobDefinition(
            command=example.words,
            cwd=cwd,
            tags=example.tags,
            timeout_ms=example.timeout_ms,
            env=("CI=1", "API_TOKEN=not-a-real-one"),
            mask=("API_TOKEN",),
            shell_wrapper=("sh", "-c"),
        )
        if example.ending == "create":
            create_job(self._store, definition)
            return
        try:
            job_id = run_job(self._store, definition, observation=NO_WAIT).job_id
        except AgentExecError:
            return  # the one whose directory is gone: a failed start is one of the states shown
        if example.ending == "kill":
            kill_job(self._store, job_id)
        elif example.ending == "abandon":
            self._kill_supervisor(job_id)
        elif example.ending == "end":
            wait_job(self._store, job_id, poll_s=0.02, until_s=_START_LIMIT_S)

    def _kill_supervisor(self, job_id: str) -> None:
        with self._store.open(job_id) as job:
            supervision = job.read_supervision()
            # Started a moment ago by ourselves and holding its lock: this pid is its own.
            if supervision is None or not job.has_supervisor():
                return
            os.kill(supervision.supervisor.pid, signal.SIGKILL)
            deadline = time.monotonic() + _START_LIMIT_S
            while job.has_supervisor() and time.monotonic() < deadline:
                time.sleep(0.005)

    def _damage_one(self) -> None:
        job_id = create_job(self._store, JobDefinition(command=("./build", "--lost"))).job_id
        state = Path(self.root, job_id, "state.json")
        state.write_bytes(state.read_bytes()[:112])

    def close(self) -> None:
        """End what still runs and remove everything."""
        clean_up(self._home.name)
        self._home.cleanup()
