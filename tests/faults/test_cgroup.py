"""A job's own cgroup reaches what hid from everything else, and nobody beyond."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.processes import Seen, see
from faults.rows import covers
from faults.tools import NOBODY
from support.cgroups import cgroups_in, inside, new_cgroup, pids_in
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

# In a session of its own, its parent gone, nothing left in its environment.
_HIDE = "(env -i setsid sh -c 'echo $$ > {told}.new; mv {told}.new {told}; exec sleep 600' &)"


@pytest.fixture
def directory() -> Iterator[Path]:
    with new_cgroup() as made:
        yield made


def _run_hiding(bench: Bench, env: dict[str, str]) -> tuple[str, Seen]:
    """A job with a daemon that hides, both in a cgroup; the daemon."""
    told = bench.scratch / "hidden"
    script = f"{_HIDE.format(told=told)} > /dev/null 2>&1; exec sleep 600"
    words = ("run", "--no-wait", "--no-auto-gc", "--", "sh", "-c", script)
    job_id = str(bench.call(*words, env=env)["job_id"])
    wait_until(told.exists, what="the daemon")
    hidden = see(int(told.read_text()))
    wait_until(lambda: "cgroup" in bench.record(job_id, "supervision.json"), what="its cgroup")
    leaf = Path(str(bench.record(job_id, "supervision.json")["cgroup"]))
    wait_until(lambda: pids_in(leaf) == {bench.child(job_id).pid, hidden.pid}, what="both in it")
    return job_id, hidden


@covers("cgroup")
@pytest.mark.parametrize("name", ["TERM", "KILL"])
def test_kill_ends_a_hidden_daemon_whose_supervisor_is_dead(
    bench: Bench, directory: Path, name: str
) -> None:
    job_id, hidden = _run_hiding(bench, {"AGENT_EXEC_CGROUP": str(directory)})
    bench.supervisor(job_id).end()
    assert hidden not in bench.marked()
    assert hidden.parent_pid != bench.child(job_id).pid
    answer = bench.must("kill", "--signal", name, job_id)
    assert answer["state"] == "killed"
    assert "survivors" not in answer.document
    wait_until(lambda: not hidden.is_alive, what="the daemon's end")
    assert cgroups_in(directory) == []


@covers("cgroup: survivors")
def test_a_hidden_daemon_that_outlives_its_job_is_named(bench: Bench, directory: Path) -> None:
    env = {"AGENT_EXEC_CGROUP": str(directory)}
    job_id, hidden = _run_hiding(bench, env)
    child = bench.child(job_id)
    bench.supervisor(job_id).end()
    child.end()
    for name, reached in (("CONT", [hidden.pid]), ("WINCH", [])):
        answer = bench.must("kill", "--signal", name, job_id)
        assert answer["signalled"] == reached
        assert answer["state"] == "failed"
        named = answer["survivors"]
        assert isinstance(named, list)
        assert [each["pid"] for each in named] == [hidden.pid]
    assert hidden.is_alive
    assert bench.must("repair", "--all").document["failed"] == 0
    assert len(cgroups_in(directory)) == 1
    hidden.end()
    assert bench.call("repair", "--all", env=env).ok
    assert cgroups_in(directory) == []


@covers("cgroup: the killer's own")
@pytest.mark.parametrize("is_supervised", [True, False])
def test_who_kills_the_job_it_runs_in_lives_to_tell(
    bench: Bench, directory: Path, is_supervised: bool
) -> None:
    trigger, told = bench.scratch / "go", bench.scratch / "told"
    kill = subprocess.list2cmdline(bench.words("kill", "--signal", "KILL"))
    script = (
        f"until [ -e {trigger} ]; do sleep 0.05; done;"
        f'setsid {kill} "$AGENT_EXEC_JOB_ID" > {told} & exec sleep 600'
    )
    words = ("run", "--no-wait", "--no-auto-gc", "--", "sh", "-c", script)
    job_id = str(bench.call(*words, env={"AGENT_EXEC_CGROUP": str(directory)})["job_id"])
    child = bench.child(job_id)
    wait_until(lambda: child.pid in pids_in(directory), what="the job in its cgroup")
    if not is_supervised:
        bench.supervisor(job_id).end()
    trigger.touch()
    wait_until(lambda: not child.is_alive, what="the job's end")
    wait_until(lambda: not pids_in(directory), what="the end of the kill")
    answer = json.loads(told.read_text() or "null")
    assert answer is not None, "the kill ended itself"
    assert (answer["state"], "survivors" in answer) == ("killed", False)


@covers("cgroup: a job's job")
def test_the_jobs_of_a_killed_job_run_on(bench: Bench, directory: Path) -> None:
    env = {"AGENT_EXEC_CGROUP": str(directory)}
    inner_words = bench.words("run", "--no-wait", "--no-auto-gc", "--", "sleep", "601")
    script = f"{subprocess.list2cmdline(inner_words)}; sleep 600"
    outer = str(bench.call("run", "--no-wait", "--", "sh", "-c", script, env=env)["job_id"])
    wait_until(lambda: len(bench.listed()) == 2, 10, "the inner job")
    (inner,) = set(bench.listed()) - {outer}
    bench.wait_status(inner, "running")
    wait_until(lambda: len(cgroups_in(directory)) == 2, what="a cgroup for each")
    supervisor, child = bench.supervisor(inner), bench.child(inner)
    bench.supervisor(outer).end()
    bench.must("kill", "--signal", "KILL", outer)
    assert bench.wait_over(outer) == ("killed", "9")
    assert (supervisor.is_alive, child.is_alive) == (True, True)
    (left,) = cgroups_in(directory)
    assert pids_in(left) == {child.pid}
    bench.must("kill", inner)
    wait_until(lambda: cgroups_in(directory) == [], what="no cgroup left")


@covers("cgroup: delegated or not")
def test_a_cgroup_is_made_only_where_one_is_delegated(
    nobodys_bench: Bench, directory: Path, figure: Figure
) -> None:
    bench = nobodys_bench
    words = ("run", "--until", "0.5", "--no-auto-gc", "--", "sh", "-c", "sleep 0.3; exec sleep 600")
    inside_it = inside(directory)
    if os.geteuid() == 0:
        plain = bench.call(*words, prefix=inside_it)
        job_id = str(plain["job_id"])
        assert "cgroup" not in bench.record(job_id, "supervision.json")
        assert cgroups_in(directory) == []
        for name in ("", "cgroup.procs"):
            os.chown(directory / name, NOBODY, NOBODY)
        bench.must("kill", job_id)
    answer = bench.call(*words, prefix=inside_it)
    job_id = str(answer["job_id"])
    (leaf,) = cgroups_in(directory)
    assert pids_in(leaf) == {bench.child(job_id).pid}
    bench.must("kill", job_id)
    bench.wait_supervisor_gone(job_id)
    assert cgroups_in(directory) == []
    figure("as another user, in a directory of root's and in one of its own")


@covers("cgroup: a stranger's")
@pytest.mark.parametrize("is_linked", [False, True])
def test_no_record_makes_a_stranger_a_member(
    bench: Bench, directory: Path, is_linked: bool
) -> None:
    stranger = subprocess.Popen(inside(directory, "sleep", "600"))
    try:
        wait_until(lambda: pids_in(directory) == {stranger.pid}, what="a stranger in a cgroup")
        job_id = bench.run("sleep", "600")
        bench.supervisor(job_id).end()
        document = bench.record(job_id, "supervision.json")
        named = directory
        if is_linked:
            named = bench.scratch / f"agent-exec-{job_id}-{document['started_ns']}"
            named.symlink_to(directory)
        record = bench.file(job_id, "supervision.json")
        record.write_text(json.dumps({**document, "cgroup": str(named)}))
        answer = bench.must("kill", "--signal", "KILL", job_id)
        assert answer["state"] == "killed"
        assert stranger.poll() is None
        bench.must("delete", job_id)
        assert directory.is_dir()
    finally:
        stranger.kill()
        stranger.wait()
