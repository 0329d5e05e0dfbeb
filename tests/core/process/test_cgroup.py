"""Only what is delegated is used, and only what is a run's own is believed to be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_exec.process import cgroup, identity
from support.cgroups import cgroups_in, delegate, inside, new_cgroup, pids_in
from support.jobs import CORE, Job, Workshop, is_alive
from support.waiting import wait_until

NOBODY = 65534


@pytest.fixture
def directory() -> Iterator[Path]:
    with new_cgroup() as made:
        yield made


def enclosed(workshop: Workshop, directory: Path, script: str, timeout_ms: int = 0) -> Job:
    """A job that runs in a cgroup of its own below *directory*."""
    job = workshop.create(script)
    job.start(job.spec(cgroup=str(directory), timeout_ms=timeout_ms))
    wait_until(lambda: pids_in(directory), what="a cgroup with the job in it")
    return job


def found_by_a_program_in(directory: Path, *prefix: str) -> str:
    code = (
        f"import sys; sys.path.append({CORE!r}); from agent_exec.process import cgroup;"
        "print(cgroup.delegated_directory())"
    )
    words = inside(directory, *prefix, sys.executable, "-I", "-S", "-c", code)
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write to what is not delegated")
def test_root_uses_only_what_is_marked_as_delegated(directory: Path) -> None:
    assert found_by_a_program_in(directory) == "None"
    delegate(directory)
    assert found_by_a_program_in(directory) == str(directory)


def test_a_job_that_starts_jobs_has_theirs_beside_its_own(directory: Path) -> None:
    leaf = Path(cgroup.leaf_path(str(directory), "outer", 1))
    leaf.mkdir()
    if os.geteuid() == 0:
        delegate(directory)
    assert found_by_a_program_in(leaf) == str(directory)


@pytest.mark.parametrize("setting", ["off", "", "relative/path", "on"])
def test_any_other_setting_is_off(setting: str) -> None:
    assert cgroup.delegated_directory(setting) is None


def test_a_path_counts_only_where_it_names_a_cgroup(directory: Path, tmp_path: Path) -> None:
    assert cgroup.delegated_directory(str(directory)) == str(directory)
    link = tmp_path / "link"
    link.symlink_to(directory)
    assert cgroup.delegated_directory(f"{link}/") == str(directory)
    assert cgroup.delegated_directory(str(directory / "missing")) is None
    forged = tmp_path / "forged"
    forged.mkdir()
    (forged / "cgroup.procs").touch()
    assert cgroup.delegated_directory(str(forged)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_cgroup_that_may_not_be_written_to_does_not_count(directory: Path) -> None:
    code = (
        f"import os, sys; sys.path.append({CORE!r});"
        "from agent_exec.process import cgroup;"
        f"os.setuid({NOBODY}); print(cgroup.delegated_directory({str(directory)!r}))"
    )
    words = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_directories_that_are_no_cgroups_are_neither_made_nor_swept(
    workshop: Workshop, tmp_path: Path
) -> None:
    foreign = tmp_path / "plain" / "agent-exec-of-somebody-else"
    foreign.mkdir(parents=True)
    job = workshop.create("sleep 0.3; echo done")
    job.start(job.spec(cgroup=str(foreign.parent))).wait().wait_released()
    assert job.read("stdout.log") == b"done\n"
    assert job.supervision.cgroup is None
    cgroup.sweep({cgroup.SETTING: str(foreign.parent)})
    assert list(foreign.parent.iterdir()) == [foreign]


def test_a_run_is_in_a_cgroup_of_its_own_until_its_end(workshop: Workshop, directory: Path) -> None:
    job = enclosed(workshop, directory, "sleep 60 & sleep 60")
    recorded = job.supervision.cgroup
    assert [str(each) for each in cgroups_in(directory)] == [recorded]
    wait_until(lambda: len(pids_in(directory)) == 3, what="the whole tree in it")
    assert job.supervisor_pid not in pids_in(directory)
    os.killpg(job.pid, 15)
    job.wait().wait_released()
    assert cgroups_in(directory) == []


def test_a_command_that_is_soon_over_gets_no_cgroup(workshop: Workshop, directory: Path) -> None:
    job = workshop.create("true")
    job.start(job.spec(cgroup=str(directory))).wait().wait_released()
    assert job.supervision.cgroup is None
    assert cgroups_in(directory) == []


def test_a_time_limit_ends_all_in_it(workshop: Workshop, directory: Path) -> None:
    script = "(setsid env -i sh -c 'trap \"\" TERM; sleep 60' > /dev/null 2>&1 &); sleep 60"
    job = enclosed(workshop, directory, script, timeout_ms=500)
    job.wait().wait_released()
    assert cgroups_in(directory) == []


def test_a_cgroup_stays_while_something_lives_there_and_is_swept_then(
    workshop: Workshop, directory: Path
) -> None:
    script = "(setsid sleep 60 > /dev/null 2>&1 &); sleep 0.4"
    job = enclosed(workshop, directory, script)
    job.wait().wait_released()
    left = pids_in(directory)
    assert left
    cgroup.sweep({cgroup.SETTING: str(directory)})
    assert pids_in(directory) == left
    assert all(map(is_alive, left))
    for pid in left:
        os.kill(pid, 9)
    wait_until(lambda: not pids_in(directory))
    cgroup.sweep({cgroup.SETTING: str(directory)})
    assert cgroups_in(directory) == []


def test_what_a_running_job_makes_below_its_cgroup_is_never_swept(
    workshop: Workshop, directory: Path
) -> None:
    job = enclosed(workshop, directory, "sleep 60")
    leaf = Path(job.supervision.cgroup or "")
    (leaf / "payload" / "inner").mkdir(parents=True)
    cgroup.sweep({cgroup.SETTING: str(directory)})
    cgroup.remove(str(leaf))
    assert (leaf / "payload" / "inner").is_dir()
    os.killpg(job.pid, 9)
    job.wait().wait_released()
    assert cgroups_in(directory) == []


def test_who_got_the_pid_of_a_process_that_was_seen_stays_where_it_is(directory: Path) -> None:
    home, leaf = directory / "home", directory / "leaf"
    home.mkdir()
    leaf.mkdir()
    with subprocess.Popen(inside(home, "sleep", "60")) as process:
        wait_until(lambda: pids_in(home) == {process.pid})
        seen = identity.read_stat(process.pid)
        assert seen is not None
        before = identity.ProcessStat(
            seen.pid, seen.state, seen.parent_pid, seen.group, seen.session, seen.start_ticks - 1
        )
        with pytest.raises(ProcessLookupError):
            cgroup.add(str(leaf), before)
        assert (pids_in(home), pids_in(leaf)) == ({process.pid}, set())
        cgroup.add(str(leaf), seen)
        assert (pids_in(home), pids_in(leaf)) == (set(), {process.pid})
        process.kill()


def test_who_was_moved_for_another_goes_back_to_where_its_parent_is(directory: Path) -> None:
    home, leaf = directory / "home", directory / "leaf"
    home.mkdir()
    leaf.mkdir()
    with subprocess.Popen(inside(home, "sh", "-c", "sleep 60; true")) as parent:
        wait_until(lambda: len(pids_in(home)) == 2, what="the parent and its child")
        (child,) = pids_in(home) - {parent.pid}
        (leaf / "cgroup.procs").write_text(str(child))
        cgroup.put_back(str(leaf), parent.pid)
        assert (pids_in(home), pids_in(leaf)) == ({parent.pid}, {child})
        cgroup.put_back(str(leaf), child)
        assert (pids_in(home), pids_in(leaf)) == ({parent.pid, child}, set())
        for pid in (parent.pid, child):
            (leaf / "cgroup.procs").write_text(str(pid))
        cgroup.put_back(str(leaf), child)
        assert pids_in(leaf) == {parent.pid, child}
        os.kill(child, 9)


def test_only_a_cgroup_named_after_the_run_is_believed(directory: Path, tmp_path: Path) -> None:
    own = directory / "agent-exec-mine-7"
    own.mkdir()
    assert cgroup.is_leaf_of(str(own), "mine", 7)
    assert not cgroup.is_leaf_of(str(own), "mine", 8)
    assert not cgroup.is_leaf_of(str(own), "other", 7)
    assert not cgroup.is_leaf_of(str(directory), "mine", 7)
    assert not cgroup.is_leaf_of(f"{directory}/../{directory.name}/{own.name}", "mine", 7)
    forged = tmp_path / own.name
    forged.mkdir()
    (forged / "cgroup.procs").write_text("1\n")
    assert not cgroup.is_leaf_of(str(forged), "mine", 7)
    link = tmp_path / "agent-exec-mine-9"
    link.symlink_to(own)
    assert not cgroup.is_leaf_of(str(link), "mine", 9)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_cgroup_is_not_believed(directory: Path) -> None:
    own = directory / "agent-exec-mine-7"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    assert not cgroup.is_leaf_of(str(own), "mine", 7)
