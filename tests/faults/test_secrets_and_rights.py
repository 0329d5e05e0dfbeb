"""Values nobody else may see, and the modes of everything that is made."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from faults.bench import Bench, Call
from faults.rows import covers
from faults.tools import as_nobody, await_text

# One after the other: each looks for the same value in all processes of the system.
pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("secret")]

SECRET = "s3cret-of-the-test-9f8e7d"


def _command_lines_with_secret(bench: Bench) -> list[str]:
    """Command lines and environments of all processes but the job's own that hold the value."""
    own = bench.mark.encode()  # looked for where the value is: the job makes processes meanwhile
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            for kind in ("cmdline", "environ"):
                try:
                    data = Path("/proc", name, kind).read_bytes()
                except OSError:
                    continue
                if SECRET.encode() in data and (kind == "cmdline" or own not in data):
                    found.append(f"{name} {kind}")
    return found


def _files_with_secret(bench: Bench) -> list[Path]:
    paths = (path for path in bench.root.rglob("*") if path.is_file())
    return [path for path in paths if SECRET.encode() in path.read_bytes()]


def _tells_secret(call: Call) -> bool:
    return SECRET in call.stdout.decode() or SECRET in call.stderr


def _looks(bench: Bench, job_id: str) -> list[Call]:
    return [
        bench.must("status", job_id),
        bench.must("list", "--all"),
        bench.must("tail", job_id),
        bench.must("wait", "--until", "1", job_id),
        bench.must("--json"),
    ]


FLAGS = ("--env", f"SECRET={SECRET}", "--mask", "SECRET")


@covers("run: command lines", "run: files", "run: answers", "run: the child")
def test_a_masked_value_of_run_is_the_childs_alone(bench: Bench) -> None:
    seen, go = bench.scratch / "seen", bench.scratch / "go"
    script = f'echo "$SECRET" > {seen}; echo ready; until [ -e {go} ]; do sleep 0.05; done'
    answer = bench.must("run", "--no-auto-gc", *FLAGS, "--", "sh", "-c", script)
    job_id = str(answer["job_id"])
    await_text(seen, "\n")
    assert _command_lines_with_secret(bench) == []
    assert _files_with_secret(bench) == []
    assert not any(_tells_secret(call) for call in [answer, *_looks(bench, job_id)])
    assert answer["env_vars"] == ["SECRET=***"]
    assert seen.read_text() == f"{SECRET}\n"
    go.touch()
    bench.wait_over(job_id)
    assert _files_with_secret(bench) == []


@covers("create: files", "create: command lines", "create: answers", "create: after the job")
def test_a_masked_value_of_create_lies_in_one_private_file(bench: Bench) -> None:
    seen, go = bench.scratch / "seen", bench.scratch / "go"
    script = f'echo "$SECRET" > {seen}; until [ -e {go} ]; do sleep 0.05; done'
    created = bench.must("create", *FLAGS, "--", "sh", "-c", script)
    job_id = str(created["job_id"])
    started = bench.must("start", "--no-wait", job_id)
    await_text(seen, "\n")
    assert _command_lines_with_secret(bench) == []
    _check_private(bench)
    calls = [created, started, *_looks(bench, job_id)]
    assert not any(_tells_secret(call) for call in calls)
    assert seen.read_text() == f"{SECRET}\n"
    go.touch()
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id)
    _check_private(bench)


def _check_private(bench: Bench) -> None:
    files = _files_with_secret(bench)
    assert len(files) <= 1
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@covers("umask 022", "umask 000", "the child's umask")
@pytest.mark.parametrize("umask", ["022", "000", "027"])
def test_everything_made_is_private_whatever_the_umask(bench: Bench, umask: str) -> None:
    words = ["sh", "-c", f'umask {umask}; exec "$@"', "--"]
    answer = bench.must(
        "run",
        "--stdin",
        "text",
        "--notify-command",
        "true",
        "--",
        "sh",
        "-c",
        "umask; exit 3",
        prefix=words,
    )
    job_id = str(answer["job_id"])
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id)
    bench.must("tag", "set", job_id, "--tag", "one", prefix=words)
    assert bench.file(job_id, "stdout.log").read_text().strip().endswith(umask)
    for path in (bench.root, *bench.root.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} {mode:o}"


@covers("another user")
def test_another_user_may_read_nothing(bench: Bench) -> None:
    words = as_nobody()
    bench.root = Path(f"/tmp/faults-rights-{bench.mark}")  # below tmp_path nobody may look anyway
    try:
        job_id = bench.run("sh", "-c", "echo private")
        bench.wait_over(job_id)
        for path in (bench.root, bench.root / job_id, bench.file(job_id, "stdout.log")):
            reader = ["ls" if path.is_dir() else "cat", str(path)]
            done = subprocess.run([*words, *reader], capture_output=True, check=False)
            assert done.returncode != 0
            assert b"ermission denied" in done.stderr
            assert done.stdout == b""
        bench.wait_supervisor_gone(job_id)
        bench.must("delete", job_id)
    finally:
        subprocess.run(["rm", "-rf", str(bench.root)], check=True)
