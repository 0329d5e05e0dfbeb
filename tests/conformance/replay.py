"""Replay a recorded case with a program: the same steps, the same call, what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.recording import RECORDED_NOW, Json, Names, now, parsed, to_bytes
from support.waiting import wait_until

CALL_LIMIT_S = 30.0
SETTLING_LIMIT_S = 10.0
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What one call gave."""

    exit_status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Found:
    """What lies in the scratch directory: contents and permissions by relative path."""

    files: dict[str, bytes]
    modes: dict[str, str]


def our_program(directory: Path) -> list[str]:
    """Write a console script for this checkout; the environment stays the recording's."""
    script = directory / "agent-exec-tui"
    paths = [str(CHECKOUT / "core"), str(CHECKOUT / "tui")]
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths!r}\n"
        "from agent_exec_tui.__main__ import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    return [str(script)]


class Replay:
    """One case in one scratch directory."""

    def __init__(
        self,
        recording: dict[str, Json],
        program: list[str],
        scratch: Path,
        *,
        missing_directory: str | None = None,
        may_fail: bool = False,
    ) -> None:
        self.recording = recording
        self.program = program
        self.scratch = scratch
        self.names = Names(str(recording["case"]), scratch)
        self.written: set[str] = set()
        self._may_fail = may_fail
        for name in ("cwd", "home"):
            (scratch / name).mkdir(parents=True)
        if missing_directory is not None:
            self._mkdir(scratch / missing_directory)

    def set_up(self) -> None:
        """Perform the recorded steps."""
        steps = self.recording["setup"]
        assert isinstance(steps, list)
        for step in steps:
            assert isinstance(step, dict)
            self._step(step)

    def _step(self, step: dict[str, Json]) -> None:
        if "run" in step:
            outcome = self._call(step["run"], step.get("stdin"))
            assert self._may_fail or outcome.exit_status == step["exit_code"], (step, outcome)
            self.names.learn(parsed(to_bytes(step["stdout"])), parsed(outcome.stdout))
        elif "write" in step:
            self._write(self._path(step["write"]), to_bytes(step["content"]))
        elif "mkdir" in step:
            self._mkdir(self._path(step["mkdir"]))
        elif "rename" in step:
            pair = step["rename"]
            assert isinstance(pair, list)
            self._path(pair[0]).rename(self._path(pair[1]))
        elif "sleep" in step:
            self._settle()
        else:
            raise AssertionError(f"unknown step: {step}")

    def _path(self, recorded: Json) -> Path:
        assert isinstance(recorded, str)
        return Path(self.names.translated(recorded))

    def _mkdir(self, path: Path) -> None:
        missing = [parent for parent in (path, *path.parents) if not parent.exists()]
        path.mkdir(parents=True, exist_ok=True)
        self.written.update(self._relative(made) + "/" for made in missing)

    def _write(self, path: Path, content: bytes) -> None:
        self._mkdir(path.parent)
        with contextlib.suppress(UnicodeDecodeError):
            text = self.names.translated(content.decode())
            content = RECORDED_NOW.sub(now(), text).encode()
        if not path.exists():
            self.written.add(self._relative(path))
        path.write_bytes(content)

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.scratch))

    def perform(self) -> Outcome:
        """Make the recorded call."""
        argv = self.recording["argv"]
        assert isinstance(argv, list)
        outcome = self._call(argv[1:], self.recording.get("stdin"))
        self.names.learn(parsed(to_bytes(self.recording["stdout"])), parsed(outcome.stdout))
        return outcome

    def _call(self, recorded_words: Json, stdin: Json) -> Outcome:
        assert isinstance(recorded_words, list)
        words: list[bytes] = []
        for word in recorded_words:
            if isinstance(word, str):
                self.names.learn_prefix(word)
                words.append(self.names.translated(word).encode())
            else:
                words.append(to_bytes(word))
        environ = self.names.translated_json(self.recording["env"])
        assert isinstance(environ, dict)
        data = None
        with contextlib.ExitStack() as stack:
            if stdin == "<tty>":
                source = stack.enter_context(_terminal())
            elif stdin in (None, "</dev/null>"):
                source = subprocess.DEVNULL
            else:
                source = subprocess.PIPE
                data = to_bytes(stdin)
            process = subprocess.Popen(
                [*(word.encode() for word in self.program), *words],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={key: str(value) for key, value in environ.items()},
                cwd=self.names.translated(str(self.recording["cwd"])),
                umask=0o022,
            )
            try:
                stdout, stderr = process.communicate(data, timeout=CALL_LIMIT_S)
            finally:
                process.kill()
        return Outcome(process.returncode, stdout, stderr)

    def _settle(self) -> None:
        """Instead of the recorded sleep: until every job has ended or sleeps in its command."""
        wait_until(
            lambda: all(_is_settled(path) for path in self._states()),
            SETTLING_LIMIT_S,
            "the jobs' settling",
        )

    def _states(self) -> list[Path]:
        return sorted(self.scratch.glob("*/*/state.json"))

    def collect(self) -> Found:
        """Read what lies below the root and the working directory."""
        files, modes = {}, {}
        for top in (self.scratch / "root", self.scratch / "cwd"):
            for path in (top, *sorted(top.rglob("*"))) if top.exists() else ():
                is_directory = path.is_dir()
                name = self._relative(path) + ("/" if is_directory else "")
                with contextlib.suppress(FileNotFoundError):
                    modes[name] = oct(stat.S_IMODE(path.lstat().st_mode))
                    if path.is_file():
                        files[name] = path.read_bytes()
        return Found(files, modes)

    def clean_up(self) -> None:
        """End every process the case's jobs may have left, their supervisors last."""
        records = [
            json.loads(path.read_bytes())
            for path in sorted(self.scratch.glob("*/**/supervision.json"))
        ]
        for supervision in records:
            child = supervision.get("child")
            # A supervisor that outlives its child reads on for what is left of the group.
            if child and (_is_alive(child) or _is_alive(supervision["supervisor"])):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child["pid"], signal.SIGKILL)
        self._end_foreign_jobs()
        wait_until(
            lambda: not any(_is_alive(record["supervisor"]) for record in records),
            SETTLING_LIMIT_S,
            "the supervisors' end",
        )

    def _end_foreign_jobs(self) -> None:
        """The same for another program's jobs: what its supervisors of this directory run."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = path.read_bytes()
                if b"\0_supervise\0" in command and str(self.scratch).encode() in command:
                    supervisor = int(path.parent.name)
                    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
                    for child in children.split():
                        os.killpg(int(child), signal.SIGKILL)
                    os.kill(supervisor, signal.SIGKILL)


@contextlib.contextmanager
def _terminal() -> Iterator[int]:
    master, slave = pty.openpty()
    try:
        yield slave
    finally:
        os.close(master)
        os.close(slave)


def _is_settled(state_path: Path) -> bool:
    try:
        state = json.loads(state_path.read_bytes())
    except (FileNotFoundError, ValueError):
        return True
    if state["job"]["status"] == "running":
        return not (state_path.parent / "full.log").exists() or _sleeps(state.get("pid"))
    return state.get("logs_drained", True) is True


def _sleeps(session: object) -> bool:
    """Whether a process of that session is the ``sleep`` all recorded long jobs come down to."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            before, _, after = path.read_text().rpartition(")")
            if before.endswith("(sleep") and after.split()[3] == str(session):
                return True
    return False


def _is_alive(process: dict[str, int]) -> bool:
    """Whether that very process is still there, whatever has its pid."""
    try:
        fields = Path(f"/proc/{process['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[19]) == process["start_ticks"] and fields[0] != "Z"
