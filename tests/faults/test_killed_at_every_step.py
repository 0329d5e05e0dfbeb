"""SIGKILL before each system call that others can see, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.bench import TERMINAL, Bench, Call
from faults.processes import Seen
from faults.rows import covers
from faults.tools import MUTATING, kill_rules, need_strace, strace
from faults.wrapped import start_wrapped
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

JOB = ("sh", "-c", "exit 3")
SLOW_JOB = ("sh", "-c", "sleep 0.4; exit 3")


def _steps(bench: Bench, *arguments: str) -> list[str]:
    """A rule for each mutating system call of a call that goes through."""
    log = bench.scratch / "steps"
    bench.must(*arguments, prefix=strace(log))
    rules = kill_rules(log)
    assert len(rules) > 2
    return rules


def _killed(bench: Bench, rule: str, *arguments: str) -> Call:
    done = bench.call(*arguments, prefix=strace(bench.scratch / "killed", rule))
    # strace ends as what it traces did. Some calls are made at times only, such as those for a
    # cache: then the turn of this one did not come.
    assert done.exit_status in (-9, 137) or done.ok, (rule, done)
    return done


def _check_whole(bench: Bench, job_id: str) -> None:
    """Both records are there and the job ends, if need be after a start or a repair."""
    bench.record(job_id, "meta.json")
    if bench.status(job_id) == "created":
        bench.start_later(job_id)
    wait_until(lambda: _state_told(bench, job_id) in TERMINAL, timeout_s=8, what="the job's end")


def _state_told(bench: Bench, job_id: str) -> object:
    return bench.must("status", job_id)["state"]


def _jobs(bench: Bench) -> set[str]:
    return {path.name for path in bench.root.iterdir() if not path.name.startswith(".")}


@covers("run killed at every step")
def test_run_killed_at_any_step_leaves_a_whole_job_or_none(bench: Bench, figure: Figure) -> None:
    words = ("run", "--no-wait", "--", *JOB)
    rules = _steps(bench, *words)
    bench.must("gc", "--older-than", "0s")
    whole = 0
    for rule in rules:
        known = _jobs(bench)
        _killed(bench, rule, *words)
        new = _jobs(bench) - known
        assert len(new) <= 1
        whole += len(new)
        for job_id in new:
            _check_whole(bench, job_id)
    assert bench.must("list", "--all")["jobs"] is not None
    figure(f"killed before each of {len(rules)} system calls: {whole} whole jobs, the rest none")


@covers("create killed at every step")
def test_create_killed_at_any_step_leaves_a_whole_job_or_none(bench: Bench, figure: Figure) -> None:
    words = ("create", "--stdin", "text", "--", *JOB)
    rules = _steps(bench, *words)
    whole = 0
    for rule in rules:
        known = _jobs(bench)
        _killed(bench, rule, *words)
        new = _jobs(bench) - known
        whole += len(new)
        for job_id in new:
            assert bench.status(job_id) == "created"
            bench.must("start", "--no-wait", job_id)
            assert bench.wait_over(job_id) == ("exited", 3)
    figure(f"killed before each of {len(rules)} system calls: {whole} whole jobs, the rest none")


@covers("start killed at every step")
def test_start_killed_at_any_step_leaves_a_job_that_runs_or_can(
    bench: Bench, figure: Figure
) -> None:
    rules = _steps(bench, "start", "--no-wait", bench.create(*JOB))
    ran = 0
    for rule in rules:
        job_id = bench.create(*JOB)
        _killed(bench, rule, "start", "--no-wait", job_id)
        _await_supervisors_word(bench, job_id)
        if bench.status(job_id) == "created":
            bench.start_later(job_id)
        else:
            ran += 1
        assert bench.wait_over(job_id) == ("exited", 3)
    figure(f"killed before each of {len(rules)} system calls: {ran} ran, the rest still could")


def _await_supervisors_word(bench: Bench, job_id: str) -> None:
    """Wait until no supervisor is at work that has not said anything yet."""
    wait_until(
        lambda: bench.status(job_id) != "created" or not bench.supervisors(),
        timeout_s=8,
        what="the supervisor's word",
    )


@covers("tag set killed at every step")
def test_tag_set_killed_at_any_step_leaves_the_old_or_the_new_record(
    bench: Bench, figure: Figure
) -> None:
    job_id = bench.create(*JOB)
    rules = _steps(bench, "tag", "set", job_id, "--tag", "old")
    new = 0
    for rule in rules:
        bench.must("tag", "set", job_id, "--tag", "old")
        before = bench.record(job_id, "meta.json")
        _killed(bench, rule, "tag", "set", job_id, "--tag", "new")
        after = bench.record(job_id, "meta.json")
        assert after["tags"] in (["old"], ["new"])
        assert {**after, "tags": ["old"]} == before
        new += after["tags"] == ["new"]
    bench.make_litter_old()
    bench.must("tag", "set", job_id, "--tag", "last")
    assert bench.litter() == []
    figure(f"killed before each of {len(rules)} system calls: {new} new, the rest old")


@covers("restart killed, then failing")
def test_a_restart_killed_before_one_that_fails_loses_no_output(
    bench: Bench, figure: Figure
) -> None:
    """What the last run wrote is there to read until another run is there to read."""
    shell = bench.scratch / "shell"
    shell.symlink_to("/bin/sh")
    words = ("create", "--shell-wrapper", f"{shell} -c", "--", "echo said")
    job_id = str(bench.must(*words)["job_id"])
    bench.must("start", job_id, "--wait")
    rules = _steps(bench, "restart", job_id, "--wait")
    rules = [rule for rule in rules if rule.startswith(("rename", "unlink"))]
    assert len(rules) > 4
    back = 0
    for rule in rules:
        bench.must("restart", job_id, "--wait")
        _killed(bench, rule, "restart", job_id, "--wait")
        _await_supervisors_word(bench, job_id)
        state = _state_told(bench, job_id)
        if state != "created":
            assert bench.wait_over(job_id) == ("exited", 0)
            bench.wait_supervisor_gone(job_id)
            assert bench.file(job_id, "stdout.log").read_bytes() == b"said\n", rule
        shell.unlink()  # only the launch itself can tell that this is no shell
        shell.write_bytes(b"\x7fELF of no machine")
        shell.chmod(0o755)
        done = bench.call("start" if state == "created" else "restart", job_id)
        assert done.error_code == "launch_failed", (rule, done)
        assert bench.file(job_id, "stdout.log").read_bytes() == b"said\n", rule
        assert not list(bench.file(job_id, "").glob("last-*")), rule
        back += state == "created"
        shell.unlink()
        shell.symlink_to("/bin/sh")
    figure(f"killed before each of {len(rules)} system calls: {back} times in between")


@covers("delete killed at every step")
def test_delete_killed_at_any_step_can_be_finished(bench: Bench, figure: Figure) -> None:
    rules = _steps(bench, "delete", _ended(bench))
    whole = 0
    for rule in rules:
        job_id = _ended(bench)
        _killed(bench, rule, "delete", job_id)
        if bench.file(job_id, "").exists():
            whole += bench.file(job_id, "meta.json").exists()
            second = bench.call("delete", job_id)
            assert second.ok or second.error_code == "job_not_found"
        assert not bench.file(job_id, "").exists()
        assert job_id not in bench.listed()
    bench.must("gc", "--older-than", "0s")
    assert bench.litter() == []
    figure(f"killed before each of {len(rules)} system calls: {whole} whole, the rest finished")


@covers("restart killed at every step")
def test_a_restart_killed_at_any_step_leaves_the_last_output_or_runs(
    bench: Bench, figure: Figure
) -> None:
    said = ("sh", "-c", "echo said; exit 3")
    words = ("restart", "--no-wait", "--no-auto-gc")
    rules = _steps(bench, *words, _ended(bench, said))
    kept = 0
    for rule in rules:
        job_id = _ended(bench, said)
        _killed(bench, rule, *words, job_id)
        _await_supervisors_word(bench, job_id)
        if _state_told(bench, job_id) == "created":
            bench.start_later(job_id)
        kept += bench.ending(job_id) == ("exited", 3)
        assert bench.wait_over(job_id) == ("exited", 3), rule
        assert bench.must("tail", job_id)["stdout"] == "said\n", rule
        bench.wait_supervisor_gone(job_id)
        bench.must("delete", job_id)
    assert bench.litter() == []
    figure(f"killed before each of {len(rules)} system calls: {kept} as they were, the rest ran")


def _ended(bench: Bench, command: tuple[str, ...] = JOB) -> str:
    job_id = bench.create(*command)
    bench.must("start", "--no-wait", job_id)
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id)
    return job_id


# -- the supervisor, which nobody calls by hand -----------------------------------------------

# The tracer comes from the side: as the supervisor's parent it would hold the lock beside it.
_WRAPPER = """\
#!/bin/sh
strace -f -qq -o {log} -e trace={calls} {rules} -p $$ 3>&- 4>&- 5>&- 6>&- 0</dev/null 1>&0 2>&0 &
tries=0
while ! grep -q '^TracerPid:[^0]*[1-9]' /proc/$$/status; do
    tries=$((tries + 1)); [ $tries -lt 300 ] || exit 1; sleep 0.01
done
exec {python} "$@"
"""
# clone is left out: the wrapper's shell makes processes, too.
_SUPERVISORS = ",".join(name for name in MUTATING.split(",") if not name.startswith(("cl", "vf")))


def _start_traced(bench: Bench, job_id: str, *rules: str) -> Path:
    """Start a job whose supervisor alone is traced; returns the trace."""
    log = bench.scratch / "log"
    log.write_text("")
    inject = " ".join(f"-e inject={rule}" for rule in rules)
    wrapper = _WRAPPER.format(log=log, calls=_SUPERVISORS, rules=inject, python=sys.executable)
    done = start_wrapped(bench, wrapper, job_id)
    assert done.is_orderly, done
    return log


@pytest.mark.timeout(300)  # on a machine that is busy with other things
@covers("supervisor killed at every step")
@pytest.mark.parametrize("half", ["even", "odd"])  # so that two workers share them
def test_a_supervisor_killed_at_any_step_leaves_whole_records_and_no_secret_orphan(
    bench: Bench, figure: Figure, half: str
) -> None:
    need_strace()
    rules = _supervisor_steps(bench)[half == "odd" :: 2]
    ends: dict[str, int] = {}
    for rule in rules:
        job_id = bench.create(*SLOW_JOB)
        _start_traced(bench, job_id, rule)
        end = _settled(bench, job_id)
        ends[end] = ends.get(end, 0) + 1
        if len(ends) < 2:
            bench.must("restart", "--no-wait", job_id)
            assert bench.wait_over(job_id) == ("exited", 3)
            bench.wait_supervisor_gone(job_id)
        bench.must("delete", job_id)
    assert bench.litter() == []
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    figure(f"killed before each of {len(rules)} system calls: {told}")


def _supervisor_steps(bench: Bench) -> list[str]:
    job_id = bench.create(*SLOW_JOB)
    log = _start_traced(bench, job_id)
    if not log.read_text():
        pytest.skip("strace may not attach to a running process here")
    bench.wait_over(job_id)
    bench.wait_supervisor_gone(job_id)
    pid = bench.record(job_id, "supervision.json")["supervisor"]
    assert isinstance(pid, dict)
    mine = bench.scratch / "mine"
    lines = log.read_text().splitlines()
    prefix = f"{pid['pid']} "
    mine.write_text(
        "\n".join(line[len(prefix) :].lstrip() for line in lines if line[: len(prefix)] == prefix)
    )
    rules = kill_rules(mine)
    assert len(rules) > 10
    return rules


def _settled(bench: Bench, job_id: str) -> str:
    """What a job came to whose supervisor was killed, after a repair where that is due."""
    living = _children(bench)
    state = str(bench.must("status", job_id)["state"])
    # Nobody may be told that a job failed to start while its command runs on.
    assert not (state in ("failed", "created") and any(each.is_alive for each in living)), state
    bench.wait_supervisor_gone(job_id, timeout_s=8)
    state = str(bench.must("status", job_id)["state"])
    if state == "running":
        repaired = bench.must("repair", "--kill", job_id)
        assert bench.status(job_id) in ("killed", "failed"), repaired  # or ended meanwhile
    wait_until(lambda: not _children(bench), what="the end of the child")
    bench.record(job_id, "meta.json")
    return bench.status(job_id)


def _children(bench: Bench) -> list[Seen]:
    return [each for each in bench.marked() if "sleep" in each.command()]
