"""The dashboard over made-up but real job directories: fixed ids, a clock that stands still."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from agent_exec_tui.app import DashboardApp
from agent_exec_tui.settings import Settings
from support.many_jobs import write_job

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CWD = "/srv/project"


def frozen_clock() -> float:
    """Noon of a day in March, always."""
    return NOW.timestamp()


def stamp(ago_s: float) -> str:
    """A record's time *ago_s* seconds before ``NOW``."""
    return (NOW - timedelta(seconds=ago_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Root:
    """A jobs root under construction; holds what makes its running jobs look alive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, exist_ok=True)
        self._locks: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._locks:
            os.close(fd)

    def add(
        self,
        job_id: str,
        command: tuple[str, ...] = ("echo", "hello"),
        *,
        status: JobStatus = JobStatus.EXITED,
        exit_code: int | None = 0,
        signal: str | None = None,
        created_ago_s: float = 600,
        ran_s: float = 1.5,
        tags: tuple[str, ...] = (),
        env: tuple[str, ...] = (),
        mask: tuple[str, ...] = (),
        cwd: str = CWD,
        stdout: bytes = b"",
        stderr: bytes = b"",
        pid: int = 41234,
    ) -> str:
        """Write a job; its id is padded to 32 digits."""
        job_id = job_id.ljust(32, "0") if job_id.isalnum() else job_id
        created, ended = stamp(created_ago_s), stamp(created_ago_s - ran_s)
        has_run = status is not JobStatus.CREATED and status is not JobStatus.FAILED
        is_over = status in (JobStatus.EXITED, JobStatus.KILLED)
        write_job(
            str(self.path),
            JobMeta(
                job=JobRef(job_id),
                schema_version="0.1",
                command=command,
                created_at=created,
                root="/srv/jobs",  # as long wherever this runs, for sizes are shown
                env_keys=tuple(entry.partition("=")[0] for entry in env),
                env_vars=env,
                env_vars_runtime=() if mask else env,
                mask=mask,
                cwd=cwd,
                tags=tags,
                shell_wrapper=("sh", "-lc"),
            ),
            JobState(
                job=StateJob(id=job_id, status=status, started_at=created if has_run else None),
                result=JobResult(
                    exit_code=exit_code if status is JobStatus.EXITED else None,
                    signal=signal if status is JobStatus.KILLED else None,
                    duration_ms=int(ran_s * 1000) if is_over else None,
                ),
                pid=pid if has_run else None,
                finished_at=ended if is_over or status is JobStatus.FAILED else None,
                updated_at=ended,
            ),
            stdout=stdout,
        )
        directory = self.path / job_id
        (directory / "stderr.log").write_bytes(stderr)
        # The definition's own time orders jobs within a second; here it must not.
        for name in ("meta.json", "."):
            os.utime(directory / name, (0, 0))
        return job_id

    def running(self, job_id: str, command: tuple[str, ...], **rest: object) -> str:
        """Write a job that runs, as far as anybody can tell: its supervisor's lock is held."""
        job_id = self.add(job_id, command, status=JobStatus.RUNNING, **rest)  # type: ignore[arg-type]
        directory = self.path / job_id
        state = json.loads((directory / "state.json").read_text())
        identity = {"pid": 41233, "start_ticks": 1, "boot_id": ""}
        supervision = {
            "supervisor": identity,
            "child": {**identity, "pid": state["pid"]},
            "started_at": state["job"]["started_at"],
            "started_ns": 0,
        }
        (directory / "supervision.json").write_text(json.dumps(supervision))
        fd = os.open(directory / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self._locks.append(fd)
        return job_id

    def broken(self, job_id: str) -> str:
        """Write a directory whose state.json is no JSON."""
        job_id = self.add(job_id)
        (self.path / job_id / "state.json").write_text('{"job": ')
        return job_id


def one_of_each(root: Root) -> None:
    """Fill a root with a job in every state, as the pictures show them."""
    out = "".join(f"tests/unit/test_{name}.py ....... [ {n}%]\n" for n, name in enumerate(
        ("start", "state", "tail", "gc", "wire"), 3))  # fmt: skip
    root.running("7f3a9c1e", ("pytest", "-q", "--maxfail=1", "tests/unit"), created_ago_s=134,
                 tags=("ci.unit",), stdout=b"collected 812 items\n" + out.encode(),
                 stderr=b"warning: 2 deprecations\n  PytestConfigWarning: unknown option\n")  # fmt: skip
    root.running("b81d0024", ("python", "train.py", "--seed", "1"), created_ago_s=148,
                 tags=("ml",))  # fmt: skip
    root.add("0c44e7aa", ("make", "release"), status=JobStatus.CREATED, created_ago_s=160,
             tags=("release",))  # fmt: skip
    root.add("19aa5f20", ("cargo", "build", "--release"), exit_code=2, ran_s=6.31,
             created_ago_s=900, tags=("ci.build",), stderr=b"error[E0308]: mismatched types\n")  # fmt: skip
    root.add("e02b7719", ("rsync", "-a", "./dist", "host:/srv"), ran_s=723, created_ago_s=5000,
             tags=("deploy",))  # fmt: skip
    root.add("5d9e1c03", ("sleep", "36000"), status=JobStatus.KILLED, signal="15", ran_s=3720,
             created_ago_s=9000)  # fmt: skip
    root.add("aa01bc9d", ("./missing-binary", "--x"), status=JobStatus.FAILED, created_ago_s=9500)
    root.broken("4410aa9e")


@asynccontextmanager
async def dashboard(
    root: Path | str,
    size: tuple[int, int] = (120, 36),
    *,
    settings: Settings | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Pilot[str]]:
    """Run the real application without a terminal, until the first look is over."""
    app = DashboardApp(str(root), settings or Settings(), clock=clock)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.main.reading.is_loaded, "the first look at all jobs")
        yield pilot


async def until(
    pilot: Pilot[str], condition: Callable[[], object], what: str = "", timeout_s: float = 10.0
) -> None:
    """Let the application run until *condition* holds.

    Raises:
        AssertionError: it did not within *timeout_s* seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        await pilot.pause()
        if condition():
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or 'the condition'} did not come true in {timeout_s:g} s")
        await asyncio.sleep(0.01)


async def type_keys(pilot: Pilot[str], *keys: str) -> None:
    """Press keys one right after the other, as fast as they can be typed ahead.

    ``Pilot.press`` waits for an idle moment after each, 0.1 s a key.
    """
    for key in keys:
        name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
        event = Key(name, key if len(key) == 1 else None)
        event.set_sender(pilot.app)
        pilot.app.post_message(event)
    await pilot.pause()


def app_of(pilot: Pilot[str]) -> DashboardApp:
    """The application under test, by its own type."""
    app = pilot.app
    assert isinstance(app, DashboardApp)
    return app
