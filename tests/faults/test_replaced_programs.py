"""The package and its interpreter are removed or replaced while jobs run: nothing changes for them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.rows import covers
from faults.tools import await_text, need_strace
from support.programs import CHECKOUT

pytestmark = pytest.mark.faults

# Every kind of job at once: it waits to be told to go on, and then needs all a supervisor has.
SCRIPT = "echo up; until [ -e {go} ]; do sleep 0.05; done; echo needle; {last}"
KINDS: dict[str, tuple[list[str], str, tuple[str, object]]] = {
    "plain": ([], "exit 3", ("exited", 3)),
    "contains": (
        ["--output-pattern", "needle", "--output-file", "{sink}"],
        "exit 3",
        ("exited", 3),
    ),
    "regex": (
        ["--output-match-type", "regex", "--output-pattern", "nee+dle", "--output-file", "{sink}"],
        "exit 3",
        ("exited", 3),
    ),
    "sinks": (["--notify-command", "cat > {sink}"], "exit 3", ("exited", 3)),
    "limit": (
        ["--timeout", "6", "--kill-after", "1", "--progress-every", "1"],
        "trap '' TERM; while :; do sleep 0.1; done",
        ("killed", "9"),
    ),
    "late": ([], "(sleep 3; echo late) & exit 3", ("exited", 3)),
    "log-max": (["--log-max", "20"], "seq 1 1000; exit 3", ("exited", 3)),
}


class Installed:
    """A copy of interpreter and packages that may be taken away."""

    def __init__(self, place: Path) -> None:
        self.place = place
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        base = place / "base"
        (base / "bin").mkdir(parents=True)
        shutil.copy2(os.path.realpath(sys.executable), base / "bin" / version)
        for each in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
            shutil.copy2(each, base / "bin" / each.name, follow_symlinks=True)
        (base / "lib").mkdir()
        (base / "lib" / version).symlink_to(sysconfig.get_path("stdlib"))
        venv = place / "venv"
        packages = venv / "lib" / version / "site-packages"
        (venv / "bin").mkdir(parents=True)
        packages.mkdir(parents=True)
        (venv / "bin" / "python").symlink_to(base / "bin" / version)
        (venv / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\n")
        for package in ("core/agent_exec", "tui/agent_exec_tui"):
            shutil.copytree(Path(CHECKOUT, package), packages / Path(package).name)
        import re2

        own = Path(str(re2.__file__)).parent
        for path in own.iterdir() if own.name == "site-packages" else [own]:
            if "re2" in path.name:
                (packages / path.name).symlink_to(path)
        self.python = str(venv / "bin" / "python")
        self.packages = packages

    def take_away(self) -> None:
        self.place.rename(self.place.with_name("gone"))

    def replace(self) -> None:
        """Put others in their place, of which no line may be run."""
        for path in [*self.packages.rglob("*.py"), *self.packages.rglob("*.pyc")]:
            if not path.is_symlink() and "re2" not in path.name:
                fresh = path.with_name("fresh")
                fresh.write_text("raise SystemExit('another version')\n")
                fresh.rename(path)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    found = Installed(tmp_path / "installed")
    done = subprocess.run([found.python, "-m", "agent_exec_tui", "--version"], check=False)
    if done.returncode:
        pytest.skip("this interpreter does not run from another place")
    yield found
    shutil.rmtree(tmp_path / "gone", ignore_errors=True)


LAUNCHING = """
import sys
from agent_exec import NO_WAIT, JobDefinition, JobStore, PrewarmedLauncher, run_job
with PrewarmedLauncher() as launcher:
    run_job(JobStore(sys.argv[1]), JobDefinition(command=("true",)), launcher=launcher)
    definition = JobDefinition(command=("sh", "-c", sys.argv[2]))
    print(run_job(JobStore(sys.argv[1]), definition, observation=NO_WAIT, launcher=launcher).job_id)
"""


@pytest.mark.timeout(60)
@covers("interpreter and package gone", "package replaced")
@pytest.mark.parametrize("change", ["take_away", "replace"])
def test_jobs_do_not_notice_that_their_program_is_exchanged(
    installed: Installed, tmp_path: Path, change: str
) -> None:
    go = tmp_path / "go"
    with Bench(tmp_path, command=(installed.python, "-m", "agent_exec_tui")) as bench:
        jobs: dict[str, str] = {}
        for kind, (flags, last, _) in KINDS.items():
            words = [each.format(sink=tmp_path / f"{kind}.sink") for each in flags]
            jobs[kind] = bench.run("sh", "-c", SCRIPT.format(go=go, last=last), flags=words)
        script = SCRIPT.format(go=go, last="exit 3")
        launched = subprocess.run(
            [installed.python, "-c", LAUNCHING, str(bench.root), script],
            capture_output=True,
            text=True,
            check=True,
            env=bench.environment(),
        )
        jobs["launcher"] = launched.stdout.strip()
        for job_id in jobs.values():
            await_text(bench.file(job_id, "stdout.log"), "up")
        getattr(installed, change)()
        go.touch()
        for kind, job_id in jobs.items():
            expected = KINDS[kind][2] if kind in KINDS else ("exited", 3)
            assert bench.wait_over(job_id, timeout_s=15) == expected, kind
        for kind, job_id in jobs.items():
            bench.wait_supervisor_gone(job_id, timeout_s=10)
            supervision = bench.record(job_id, "supervision.json")
            assert "reason" not in supervision, (kind, supervision)
            assert "dropped_matches" not in supervision, kind
        for kind in ("contains", "regex", "sinks"):
            assert json.loads((tmp_path / f"{kind}.sink").read_text())["job_id"] == jobs[kind]
        assert bench.file(jobs["late"], "stdout.log").read_bytes().endswith(b"late\n")
        assert bench.record(jobs["log-max"], "supervision.json")["drop_reason"] == "log limit"


@pytest.mark.timeout(60)
@covers("nothing loaded late")
def test_a_supervisor_opens_no_program_file_once_its_child_runs(bench: Bench) -> None:
    need_strace()
    log = bench.scratch / "trace"
    calls = "openat,execve,vfork,clone,clone3"
    flags = ["--output-pattern", "needle", "--output-command", "true", "--progress-every", "1"]
    flags += ["--notify-file", str(bench.scratch / "sink"), "--timeout", "5", "--kill-after", "1"]
    script = "echo needle; (sleep 0.5; echo late) & exit 3"
    words = ("run", "--no-auto-gc", *flags, "--", "sh", "-c", script)
    prefix = ["strace", "-f", "-qq", "-ttt", "-o", str(log), "-e", f"trace={calls}"]
    answer = bench.call(*words, prefix=prefix)
    assert answer.ok, answer
    job_id = str(answer["job_id"])
    bench.wait_supervisor_gone(job_id)
    lines = log.read_text(errors="replace").splitlines()
    recorded = bench.record(job_id, "supervision.json")["supervisor"]
    assert isinstance(recorded, dict)
    ours = {str(recorded["pid"])}
    others = {line.split()[0] for line in lines if " execve(" in line}
    started = False
    late: list[str] = []
    for line in lines:
        pid = line.split()[0]
        made = re.search(r"\b(?:clone3?|vfork|fork)\b.* = (\d+)$", line)
        if pid in ours and made:
            started = True
            if made[1] not in others:
                ours.add(made[1])  # the notifier, a copy of the supervisor
        elif started and pid in ours and re.search(r'\.(py|pyc|so)[".]', line):
            late.append(line)
    assert started
    assert late == []
