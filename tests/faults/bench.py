"""Where a fault is provoked: a root, the program called from outside, its records and processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from faults.processes import MARK_VARIABLE, Seen, carrying, end_all, see, using
from support.programs import environment
from support.waiting import wait_until

OURS: Final = (sys.executable, "-m", "agent_exec_tui")
CALL_LIMIT_S: Final = 60.0
STALE_AFTER_S: Final = 10  # after 6 s nobody can be behind a claim any more
TERMINAL: Final = ("exited", "killed", "failed")

Document = dict[str, object]


@dataclass(frozen=True)
class Call:
    """What one call came to."""

    arguments: tuple[str, ...]
    exit_status: int
    stdout: bytes
    stderr: str
    took_s: float

    @property
    def document(self) -> Document:
        document = json.loads(self.stdout)
        assert isinstance(document, dict)
        return document

    def __getitem__(self, name: str) -> object:
        return self.document[name]

    @property
    def ok(self) -> bool:
        return self.exit_status == 0 and self.document["ok"] is True

    @property
    def error_code(self) -> str | None:
        error = self.document.get("error") if self.stdout else None
        return str(error["code"]) if isinstance(error, dict) else None

    @property
    def message(self) -> str:
        error = self.document.get("error") if self.stdout else None
        return str(error["message"]) if isinstance(error, dict) else self.stderr

    @property
    def is_orderly(self) -> bool:
        """Whether it is one of the answers the program means to give."""
        if "Traceback" in self.stderr or self.exit_status not in (0, 1, 2):
            return False
        if self.exit_status == 2:
            return bool(self.stderr)
        return (self.exit_status == 0) is (self.document["ok"] is True) and (
            self.error_code is None or "a bug of" not in self.message
        )


class Bench:
    """One test's root and all that runs on it.

    Attributes:
        scratch: a directory for the test's own files.
        root: the jobs root; not made yet.
        mark: is in the environment of everything the test's calls and jobs run.
    """

    def __init__(self, scratch: Path, *, command: Sequence[str] = OURS) -> None:
        self.scratch = scratch
        self.root = scratch / "root"
        self.mark = uuid.uuid4().hex
        self.command = tuple(command)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end_all(lambda: [*carrying(self.mark), *using(str(self.scratch))])

    # -- calls ---------------------------------------------------------------------------

    def begin(
        self,
        *arguments: str,
        root: Path | None = None,
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        stdin: int = subprocess.DEVNULL,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a call; ``finish`` or the end of the bench ends it."""
        return subprocess.Popen(
            [*prefix, *self.words(*arguments, root=root)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(env),
            cwd=cwd or self.scratch,
        )

    def words(self, *arguments: str, root: Path | None = None) -> list[str]:
        """The command line of a call."""
        return [*self.command, "--root", str(root or self.root), *arguments]

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """What a call inherits."""
        return environment({MARK_VARIABLE: self.mark, **(extra or {})})

    def call(
        self,
        *arguments: str,
        root: Path | None = None,
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        stdin: int = subprocess.DEVNULL,
        cwd: Path | None = None,
    ) -> Call:
        process = self.begin(*arguments, root=root, env=env, prefix=prefix, stdin=stdin, cwd=cwd)
        return finish(process)

    def must(self, *arguments: str, prefix: Sequence[str] = ()) -> Call:
        """Call and insist on success."""
        done = self.call(*arguments, prefix=prefix)
        assert done.ok, done
        return done

    def create(self, *command: str, flags: Sequence[str] = ()) -> str:
        return str(self.must("create", *flags, "--", *command)["job_id"])

    def run(self, *command: str, flags: Sequence[str] = ()) -> str:
        """Start a job and do not wait for it; nothing else is done to the root."""
        words = ("--no-wait", "--no-auto-gc", *flags, "--", *command)
        return str(self.must("run", *words)["job_id"])

    def listed(self, *flags: str) -> dict[str, Document]:
        """The jobs ``list`` tells of, by id."""
        jobs = self.must("list", "--all", "--limit", "0", *flags)["jobs"]
        assert isinstance(jobs, list)
        return {job["job_id"]: job for job in jobs}

    # -- records -------------------------------------------------------------------------

    def file(self, job_id: str, name: str) -> Path:
        return self.root / job_id / name

    def record(self, job_id: str, name: str = "state.json") -> Document:
        document = json.loads(self.file(job_id, name).read_bytes())
        assert isinstance(document, dict)
        return document

    def status(self, job_id: str) -> str:
        """What state.json says, without asking the program."""
        job = self.record(job_id)["job"]
        assert isinstance(job, dict)
        return str(job["status"])

    def ending(self, job_id: str) -> tuple[str, object]:
        """The recorded state and what ended it: exit code or signal."""
        result = self.record(job_id)["result"]
        assert isinstance(result, dict)
        cause = result.get("signal")
        return self.status(job_id), result.get("exit_code") if cause is None else cause

    def wait_status(self, job_id: str, *wanted: str, timeout_s: float = 10.0) -> str:
        wait_until(lambda: self.status(job_id) in wanted, timeout_s, f"{job_id} {wanted}")
        return self.status(job_id)

    def wait_over(self, job_id: str, timeout_s: float = 10.0) -> tuple[str, object]:
        """Wait until the record is terminal and all output is in the logs."""
        self.wait_status(job_id, *TERMINAL, timeout_s=timeout_s)
        # Oldest programs do not say: theirs are as complete as they will ever be.
        wait_until(lambda: self.record(job_id).get("logs_drained", True), timeout_s)
        return self.ending(job_id)

    def change_state(self, job_id: str, **changes: object) -> None:
        """Rewrite fields of state.json as a crash or another program might have left them.

        ``status`` and ``started_at`` go into its ``job`` object.
        """
        state = self.record(job_id)
        job = state["job"]
        assert isinstance(job, dict)
        for name in ("status", "started_at"):
            if name in changes:
                job[name] = changes.pop(name)
        self.file(job_id, "state.json").write_text(json.dumps({**state, **changes}))

    def make_old(self, job_id: str) -> None:
        """Have a job that is over say that it ended long ago; gc counts in whole seconds."""
        self.wait_supervisor_gone(job_id)
        self.change_state(job_id, finished_at="2026-01-01T00:00:00Z")

    def start_later(self, job_id: str) -> None:
        """Start a job whose launcher died, when that one's claim has become stale."""
        claim = self.file(job_id, "supervisor.ack")
        if claim.exists():
            long_ago_s = time.time() - STALE_AFTER_S
            os.utime(claim, (long_ago_s, long_ago_s))
        self.must("start", "--no-wait", "--no-auto-gc", job_id)

    # -- processes -----------------------------------------------------------------------

    def child(self, job_id: str) -> Seen:
        pid = self.record(job_id)["pid"]
        assert isinstance(pid, int)
        return see(pid)

    def supervisor(self, job_id: str) -> Seen:
        """The process that holds the job's supervisor.lock."""
        recorded = self.record(job_id, "supervision.json")["supervisor"]
        assert isinstance(recorded, dict)
        seen = see(recorded["pid"])
        assert seen.start_ticks == recorded["start_ticks"]
        return seen

    def supervisors(self) -> list[Seen]:
        """Every process that has something of the root open."""
        return using(str(self.root))

    def wait_supervisor_gone(self, job_id: str, timeout_s: float = 5.0) -> None:
        path = str(self.root / job_id)
        wait_until(lambda: not using(path), timeout_s, f"the end of {job_id}'s supervisor")

    def marked(self) -> list[Seen]:
        """Every process of this bench's jobs and calls."""
        return carrying(self.mark)

    def make_litter_old(self) -> None:
        """Have hidden files seem long forgotten: young ones might be somebody's at work."""
        long_ago_s = time.time() - 7200
        for name in self.litter():
            path = self.root / name
            for each in (*path.rglob("*"), path):
                os.utime(each, (long_ago_s, long_ago_s), follow_symlinks=False)

    def litter(self) -> list[str]:
        """Hidden names in the root and temporary ones in its jobs."""
        if not self.root.is_dir():
            return []
        found = [name for name in os.listdir(self.root) if name.startswith(".")]
        for job in self.root.iterdir():
            with contextlib.suppress(NotADirectoryError, FileNotFoundError):
                found += [f"{job.name}/{name}" for name in os.listdir(job) if name[0] == "."]
        return found


def finish(process: subprocess.Popen[bytes], limit_s: float = CALL_LIMIT_S) -> Call:
    """Wait for a call; its arguments are those behind ``--root ROOT``."""
    began_s = time.monotonic()
    try:
        stdout, stderr = process.communicate(timeout=limit_s)
    finally:
        process.kill()
    words = [str(word) for word in process.args] if isinstance(process.args, list) else []
    arguments = tuple(words[words.index("--root") + 2 :]) if "--root" in words else ()
    took_s = time.monotonic() - began_s
    text = stderr.decode(errors="replace")
    return Call(arguments, process.returncode, stdout, text, took_s)


def crowd(bench: Bench, count: int, at_once: int, *arguments: str) -> list[Call]:
    """Make *count* equal calls, *at_once* at a time."""
    done: list[Call] = []
    going: list[subprocess.Popen[bytes]] = []
    for _ in range(count):
        if len(going) == at_once:
            done.append(finish(going.pop(0)))
        going.append(bench.begin(*arguments))
    return done + [finish(process) for process in going]
