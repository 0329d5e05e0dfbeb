"""doctor tells what is so, by trying it, and the way out of what is not as it should be."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent_exec.commands.check import Check, Verdict
from agent_exec.commands.doctor import DoctorReport, diagnose
from agent_exec.commands.doctor_root import check_root, check_watching
from agent_exec.store.filesystem import type_of
from agent_exec.store.jobs import JobStore
from support.built_jobs import put_job
from support.cgroups import new_cgroup
from support.console import Said, console, environment

UTF8 = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jobs"
    root.mkdir(mode=0o700)
    return root


def environ(tmp_path: Path, **extra: str) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), **UTF8, **extra}


def named(checks: list[Check] | tuple[Check, ...], name: str) -> Check:
    (found,) = [check for check in checks if check.name == name]
    return found


def looked(root: Path, tmp_path: Path, **extra: str) -> list[Check]:
    return check_root(JobStore(root), environ(tmp_path, **extra))


def test_where_all_is_well_nothing_fails_and_nothing_is_left(root: Path, tmp_path: Path) -> None:
    report = diagnose(JobStore(root), environ=environ(tmp_path))
    assert report.verdict is not Verdict.FAIL
    assert {check.area for check in report.checks} == {
        "terminal", "root", "watching", "supervisor", "settings",
    }  # fmt: skip
    job = named(report.checks, "job")
    assert job.verdict is not Verdict.FAIL, job
    assert "from start to end" in job.finding or "in" in job.finding
    assert list(root.iterdir()) == []
    assert not (tmp_path / "home" / ".local" / "state" / "agent-exec-tui").exists()


def test_every_finding_that_is_not_ok_knows_a_way_out(root: Path, tmp_path: Path) -> None:
    root.chmod(0o777)
    store = JobStore(root)
    report = diagnose(store, environ={"TERM": "dumb", "LANG": "C"}, has_terminal=True)
    bad = [check for check in report.checks if check.verdict is not Verdict.OK]
    assert len(bad) >= 4
    assert [check for check in bad if not check.advice] == []


def test_a_missing_root_is_made_by_the_first_job(tmp_path: Path) -> None:
    (only,) = looked(tmp_path / "later", tmp_path)
    assert (only.verdict, "the first job makes it" in only.finding) == (Verdict.OK, True)


def test_a_root_that_cannot_be_made_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (only,) = looked(tmp_path / "file" / "jobs", tmp_path)
    assert only.verdict is Verdict.FAIL
    assert only.advice is not None
    assert "--root" in only.advice


def test_a_root_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert named(looked(tmp_path / "file", tmp_path), "directory").verdict is Verdict.FAIL


def test_a_root_that_others_can_write_is_warned_of(root: Path, tmp_path: Path) -> None:
    root.chmod(0o777)
    mode = named(looked(root, tmp_path), "mode")
    assert (mode.verdict, mode.advice) == (Verdict.WARN, f"chmod 700 {root}")
    root.chmod(0o1777)
    assert named(looked(root, tmp_path), "mode").verdict is Verdict.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_root_fails(root: Path, tmp_path: Path) -> None:
    os.chown(root, 65534, -1)
    owner = named(looked(root, tmp_path), "owner")
    assert (owner.verdict, "65534" in owner.finding) == (Verdict.FAIL, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_that_cannot_be_written_fails(root: Path, tmp_path: Path) -> None:
    root.chmod(0o500)
    assert named(looked(root, tmp_path), "writing").verdict is Verdict.FAIL
    root.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_root_that_cannot_be_written_fails_for_others_too(tmp_path: Path) -> None:
    place = Path("/tmp") / f"doctor-{os.getpid()}"
    place.mkdir(mode=0o755)
    try:
        checks = as_nobody(place)
    finally:
        shutil.rmtree(place)
    assert checks["writing"] == "fail"
    assert checks["owner"] == "fail"


def as_nobody(root: Path) -> dict[str, str]:
    code = (
        "import json, os, sys\n"
        "from agent_exec.commands.doctor_root import check_root\n"
        "from agent_exec.store.jobs import JobStore\n"
        "import agent_exec.model.filter, agent_exec.commands.doctor, shutil, contextlib\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "checks = check_root(JobStore(sys.argv[1]), {'HOME': '/nonexistent'})\n"
        "print(json.dumps({check.name: check.verdict.value for check in checks}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)], env=environment(), capture_output=True, check=True
    )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_what_a_job_needs_is_really_tried(root: Path, tmp_path: Path) -> None:
    checks = looked(root, tmp_path)
    for name in ("writing", "locks", "undo"):
        assert named(checks, name).verdict is Verdict.OK
    assert named(checks, "undo").finding.endswith("/.local/state/agent-exec-tui/trash")


def test_a_trash_on_another_file_system_cannot_bring_back(root: Path, tmp_path: Path) -> None:
    elsewhere = next(
        (place for place in ("/dev/shm", "/run", "/tmp")
         if os.access(place, os.W_OK) and os.stat(place).st_dev != os.stat(root).st_dev), None
    )  # fmt: skip
    if elsewhere is None:
        pytest.skip("there is one file system only")
    state = Path(elsewhere) / f"doctor-{os.getpid()}"
    try:
        undo = named(looked(root, tmp_path, XDG_STATE_HOME=str(state)), "undo")
    finally:
        shutil.rmtree(state, ignore_errors=True)
    assert undo.verdict is Verdict.WARN
    assert undo.advice is not None
    assert "XDG_STATE_HOME" in undo.advice
    assert list(root.iterdir()) == []


@pytest.mark.skipif(type_of("/dev/shm") != "tmpfs", reason="needs a tmpfs")
def test_a_root_in_memory_is_warned_of(tmp_path: Path) -> None:
    place = Path("/dev/shm") / f"doctor-{os.getpid()}"
    place.mkdir(mode=0o700)
    try:
        kind = named(looked(place, tmp_path), "file system")
    finally:
        shutil.rmtree(place)
    assert (kind.verdict, kind.finding.startswith("tmpfs")) == (Verdict.WARN, True)


@pytest.mark.skipif(not os.path.isdir("/proc/sys/fs/inotify"), reason="needs inotify")
def test_watches_are_compared_with_the_jobs(root: Path) -> None:
    store = JobStore(root)
    put_job(store, "a")
    watches = named(check_watching(store), "inotify watches")
    assert watches.finding.startswith("1 jobs; ")
    assert named(check_watching(store), "events").verdict in (Verdict.OK, Verdict.WARN)


def told(tmp_path: Path, *words: str, **extra: str) -> Said:
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), **UTF8, **extra}
    return console("doctor", *words, root=tmp_path / "jobs", env=env)


def test_the_answer_is_one_document_and_the_exit_status_tells(tmp_path: Path) -> None:
    said = told(tmp_path)
    assert (said.exit_status, said.stderr) == (0, "")
    assert said.document["type"] == "doctor"
    assert said.document["verdict"] == "warn"  # there is no terminal here
    (tmp_path / "jobs").touch()
    said = told(tmp_path)
    assert (said.exit_status, said.document["ok"], said.document["verdict"]) == (1, True, "fail")


def test_the_table_is_for_people_and_cannot_steer_the_terminal(tmp_path: Path) -> None:
    said = told(tmp_path, "--text", LC_ALL="\x1b[2Jx\u202e.latin1")
    text = said.stdout.decode()
    assert said.exit_status == 0
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2Jx" in text
    lines = text.splitlines()
    assert lines[0] == "terminal"
    assert any(line.startswith("  WARN  characters") for line in lines)
    assert any(line.strip().startswith("> export LC_CTYPE") for line in lines)
    assert lines[-1].endswith("0 failing")


def test_broken_settings_are_told_with_their_place(tmp_path: Path) -> None:
    config = tmp_path / "config" / "agent-exec"
    config.mkdir(parents=True)
    (config / "config.toml").write_text("[gc\n")
    (config / "tui.toml").write_text("theme = \n")
    report = diagnose(
        JobStore(tmp_path / "jobs"), environ={**UTF8, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    )
    assert isinstance(report, DoctorReport)
    assert named(report.checks, "config.toml").verdict is Verdict.FAIL
    assert named(report.checks, "tui.toml").verdict is Verdict.WARN
    assert "line 1" in named(report.checks, "tui.toml").finding


def test_a_trial_job_leaves_no_directory(tmp_path: Path) -> None:
    temp = tmp_path / "tmp"
    temp.mkdir()
    said = told(tmp_path, TMPDIR=str(temp))
    assert said.exit_status == 0
    assert list(temp.iterdir()) == []
    assert stat.S_ISDIR(temp.stat().st_mode)


@pytest.mark.parametrize("setting", ["on", "/nonexistent", "/tmp"])
def test_a_cgroup_setting_that_cannot_be_used_is_told(
    root: Path, tmp_path: Path, setting: str
) -> None:
    report = diagnose(JobStore(root), environ=environ(tmp_path, AGENT_EXEC_CGROUP=setting))
    told = named(report.checks, "cgroup")
    assert told.verdict is Verdict.WARN
    assert f"AGENT_EXEC_CGROUP={setting!r}" in told.finding
    assert "jobs get none" in told.finding


def test_where_jobs_get_a_cgroup_is_told(root: Path, tmp_path: Path) -> None:
    with new_cgroup() as made:
        set_to = environ(tmp_path, AGENT_EXEC_CGROUP=str(made))
        told = named(diagnose(JobStore(root), environ=set_to).checks, "cgroup")
    assert (told.verdict, str(made) in told.finding) == (Verdict.OK, True)
