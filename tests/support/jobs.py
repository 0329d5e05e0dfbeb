"""Real jobs for tests: made in a root, started by real supervisors, ended whatever happens."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_exec.model.job import JobMeta, JobRef, JobState, JobStatus, Notification, StateJob
from agent_exec.model.supervision import Supervision
from agent_exec.process import identity, tree
from agent_exec.process.handover import LaunchSpec
from agent_exec.process.launch import RunningLaunch, launch
from agent_exec.store.clock import now_timestamp
from agent_exec.store.jobs import JobDir, JobStore
from support.waiting import wait_until

if TYPE_CHECKING:
    from agent_exec.process.handover import Launcher

CORE = str(Path(identity.__file__).parents[2])
DRAINED = frozenset({"drained"})
ENDED = frozenset({"ended"})
LIMIT_S = 20.0


def python(code: str) -> tuple[str, ...]:
    """A command that runs *code* in a new interpreter, quick to start."""
    return (sys.executable, "-I", "-S", "-c", code)


class Job:
    """One job under test; a string as command is a script for the shell."""

    def __init__(self, store: JobStore, directory: JobDir, command: tuple[str, ...]) -> None:
        self.store = store
        self.directory = directory
        self.command = command
        self.running: RunningLaunch | None = None

    @property
    def id(self) -> str:
        return self.directory.job_id

    @property
    def path(self) -> Path:
        return Path(self.directory.path)

    @property
    def state(self) -> JobState:
        return self.directory.read_state()

    @property
    def supervision(self) -> Supervision:
        supervision = self.directory.read_supervision()
        assert supervision is not None
        return supervision

    @property
    def supervisor_pid(self) -> int:
        return self.supervision.supervisor.pid

    @property
    def pid(self) -> int:
        pid = self.state.pid
        assert pid is not None
        return pid

    def spec(
        self,
        *,
        cwd: str | None = "/",
        environment: dict[str, str] | None = None,
        shell_wrapper: tuple[str, ...] = ("sh", "-c"),
        umask: int = 0o022,
        stdin_file: str | None = None,
        timeout_ms: int = 0,
        kill_after_ms: int = 0,
        progress_every_ms: int = 0,
        full_log_path: str | None = None,
        log_max_bytes: int = 0,
        keeps_free_space: bool = True,
        marks_environment: bool = True,
        cgroup: str = "auto",
    ) -> LaunchSpec:
        """What to run; the defaults are those of a plain job."""
        return LaunchSpec(
            job_id=self.id,
            command=self.command,
            shell_wrapper=shell_wrapper,
            cwd=cwd,
            environment=dict(os.environ) if environment is None else environment,
            marks_environment=marks_environment,
            cgroup=cgroup,
            sink_environment=dict(os.environ),
            umask=umask,
            stdin_file=stdin_file,
            timeout_ms=timeout_ms,
            kill_after_ms=kill_after_ms,
            progress_every_ms=progress_every_ms,
            full_log_path=full_log_path,
            log_max_bytes=log_max_bytes,
            keeps_free_space=keeps_free_space,
        )

    def start(self, spec: LaunchSpec | None = None, *, launcher: Launcher | None = None) -> Self:
        """Start it and wait until its command runs."""
        with self.directory.locked():
            self.running = launch(self.directory, spec or self.spec(), launcher=launcher)
        return self

    def wait(self, events: frozenset[str] = DRAINED, timeout_s: float = LIMIT_S) -> Self:
        """Wait for the supervisor's word; by default that state and logs are complete."""
        assert self.running is not None
        event = self.running.wait(events, time.monotonic() + timeout_s)
        assert event in events, f"{event} instead of {set(events)} within {timeout_s:g} s"
        return self

    def wait_released(self, timeout_s: float = LIMIT_S) -> Self:
        """Wait until the supervisor has let go of the job."""
        wait_until(
            lambda: not self.directory.has_supervisor(), timeout_s, "the end of the supervisor"
        )
        return self

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def wait_for_text(self, text: str, name: str = "stdout.log", timeout_s: float = 10.0) -> Self:
        wait_until(lambda: text.encode() in self.read(name), timeout_s, f"{text!r} in {name}")
        return self

    def end(self) -> None:
        """Leave nothing of it behind: neither processes nor descriptors."""
        supervision = self.directory.read_supervision()
        if supervision is not None and supervision.child is not None:
            for survivor in tree.survivors(self.directory, self.state, supervision):
                _kill(survivor.pid)
            recorded = supervision.supervisor
            stat = identity.read_stat(recorded.pid)
            if stat is not None and stat.start_ticks == recorded.start_ticks:
                _kill(recorded.pid)
        if self.running is not None:
            self.running.close()
        self.directory.close()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class Workshop:
    """Makes jobs in one root and ends what is left of them."""

    def __init__(self, root: Path) -> None:
        self.store = JobStore(root)
        self._jobs: list[Job] = []

    def create(self, *command: str, notification: Notification | None = None) -> Job:
        """Make a job in state ``created``."""

        def build(directory: JobDir) -> tuple[JobMeta, JobState]:
            moment = now_timestamp()
            meta = JobMeta(
                job=JobRef(directory.job_id),
                schema_version="0.1",
                command=command,
                created_at=moment,
                root=self.store.root,
                env_keys=(),
                notification=notification,
            )
            job = StateJob(id=directory.job_id, status=JobStatus.CREATED)
            return meta, JobState(job=job, updated_at=moment)

        job = Job(self.store, self.store.open(self.store.create(build)), command)
        self._jobs.append(job)
        return job

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for job in self._jobs:
            job.end()


def is_alive(pid: int) -> bool:
    """Whether a process of that pid runs code; zombies do not."""
    stat = identity.read_stat(pid)
    return stat is not None and stat.is_alive
