"""Two verbs at one job at once, left to chance."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from faults.bench import Bench, Call, crowd, finish
from faults.rows import covers
from faults.watch import CLOSED_AFTER_WRITING, MODIFIED, MOVED_IN, changes_in
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]


@covers("start against delete")
def test_of_start_and_delete_at_once_one_is_refused(bench: Bench, figure: Figure) -> None:
    started = 0
    for _ in range(20):
        job_id = bench.create("sleep", "60")
        delete = bench.begin("delete", job_id)
        start = finish(bench.begin("start", "--no-wait", job_id))
        deleted = finish(delete)
        assert start.is_orderly
        assert deleted.is_orderly
        assert start.ok is not deleted.ok, (start, deleted)
        assert bench.file(job_id, "").is_dir() is start.ok
        if start.ok:
            started += 1
            assert bench.status(job_id) == "running"
            bench.child(job_id).end()
    wait_until(lambda: not bench.marked(), what="the end of all children")
    figure(f"20 rounds, {started} started, {20 - started} deleted")


@covers("start against gc")
def test_gc_never_takes_what_is_being_started(bench: Bench, figure: Figure) -> None:
    rounds = 0
    for _ in range(10):
        job_id = bench.create("sh", "-c", "sleep 0.6; exit 4")
        start = bench.begin("start", "--no-wait", job_id)
        while start.poll() is None:
            rounds += 1
            assert bench.must("gc", "--older-than", "0s")["deleted"] == 0
        assert finish(start).ok
        assert bench.wait_over(job_id) == ("exited", 4)
        bench.must("delete", job_id)
    figure(f"10 starts under {rounds} gc")


@covers("kill against the exit")
def test_a_kill_about_the_moment_of_the_exit_leaves_the_true_result(
    bench: Bench, figure: Figure
) -> None:
    seen = {"running": 0, "exited": 0}
    for number in range(24):
        pause_s = 0.02 + 0.005 * number
        script = f"trap '' TERM; echo ready; sleep 0.1; sleep {pause_s}; exit 7"
        job_id = str(bench.must("run", "--", "sh", "-c", script)["job_id"])
        seen[bench.status(job_id)] += 1
        assert bench.call("kill", job_id).is_orderly
        assert bench.wait_over(job_id) == ("exited", 7)
    figure(f"24 rounds, all exited/7 ({seen['exited']} already over)")


@covers("kill against kill")
def test_two_kills_at_once_leave_one_killed_job(bench: Bench) -> None:
    for _ in range(10):
        job_id = bench.run("sh", "-c", "sleep 60 & wait")
        calls = [bench.begin("kill", "--signal", name, job_id) for name in ("TERM", "KILL")]
        assert all(finish(call).ok for call in calls)
        assert bench.wait_over(job_id)[0] == "killed"
    wait_until(lambda: not bench.marked(), what="the end of all processes")


@covers("restart against restart")
def test_of_two_restarts_at_once_one_child_stays(bench: Bench, figure: Figure) -> None:
    both = 0
    # Not a login shell, whose profile runs programs that would be counted here.
    job_id = bench.run("sleep", "60", flags=["--shell-wrapper", "sh -c"])
    for _ in range(6):
        calls = [bench.begin("restart", "--no-wait", job_id) for _ in range(2)]
        answers = [finish(call) for call in calls]
        assert all(answer.ok or answer.error_code == "invalid_state" for answer in answers)
        assert any(answer.ok for answer in answers)
        both += all(answer.ok for answer in answers)
        wait_until(lambda: len(bench.marked()) == 1, what="a single child")
        assert bench.marked() == [bench.child(job_id)]
        assert bench.status(job_id) == "running"
    figure(f"6 rounds, 1 child each; in {both} both restarts got their turn")


@covers("restart against gc")
def test_a_restart_under_gc_is_refused_or_whole(bench: Bench, figure: Figure) -> None:
    restarted = 0
    for _ in range(10):
        job_id = bench.run("sh", "-c", "sleep 0.3; exit 4")
        bench.wait_over(job_id)
        bench.make_old(job_id)
        restart = bench.begin("restart", "--no-wait", job_id)
        while restart.poll() is None:
            bench.must("gc", "--older-than", "0s")
        answer = finish(restart)
        if answer.ok:
            restarted += 1
            assert bench.wait_over(job_id) == ("exited", 4)
        else:
            assert answer.error_code == "job_not_found", answer
            assert not bench.file(job_id, "").exists()
    wait_until(lambda: not bench.supervisors(), what="the last supervisor's end")
    assert bench.litter() == []
    figure(f"10 rounds, {restarted} restarted, {10 - restarted} collected")


@covers("records replaced")
def test_records_are_replaced_and_never_written_in_place(bench: Bench) -> None:
    job_id = bench.create("sh", "-c", "echo out; sleep 1.2", flags=["--progress-every", "0.2"])
    with changes_in(bench.root / job_id) as changes:
        bench.must("start", "--no-wait", job_id)
        bench.must("tag", "set", job_id, "--tag", "one")
        bench.must("notify", "set", job_id, "--command", "true")
        bench.wait_over(job_id)
        for name in ("state.json", "meta.json"):
            kinds = changes.of(name)
            assert MOVED_IN in kinds
            assert not kinds & {MODIFIED, CLOSED_AFTER_WRITING}


@covers("records read")
def test_a_reader_sees_no_torn_record(bench: Bench, figure: Figure) -> None:
    job_id = bench.run("sleep", "60", flags=["--progress-every", "0.002"])
    is_over = threading.Event()
    answers: list[Call] = []
    reads = 0

    def set_tags() -> None:
        tags = [f"round.n{number}" for number in range(25)]
        answers.extend(bench.call("tag", "set", job_id, "--tag", tag) for tag in tags)
        is_over.set()

    writer = threading.Thread(target=set_tags)
    writer.start()
    paths = [bench.file(job_id, name) for name in ("state.json", "meta.json")]
    versions = set()
    try:
        while not is_over.is_set():
            for path in paths:
                assert json.loads(path.read_bytes())["job"]["id"] == job_id
                versions.add((path, path.stat().st_mtime_ns))
                reads += 1
    finally:
        writer.join()
    assert all(answer.ok for answer in answers), answers
    assert len(versions) > 50, "the records were hardly rewritten"
    figure(f"{reads} reads of {len(versions)} versions, none torn")


@covers("tag against notify")
def test_tags_and_notification_set_at_once_both_arrive(bench: Bench) -> None:
    job_id = bench.create("true")
    for number in range(20):
        calls = [
            bench.begin("tag", "set", job_id, "--tag", f"round.n{number}"),
            bench.begin("notify", "set", job_id, "--command", f"echo {number}"),
        ]
        for call in calls:
            assert finish(call).ok
        meta = bench.record(job_id, "meta.json")
        assert meta["tags"] == [f"round.n{number}"]
        assert isinstance(meta["notification"], dict)
        assert meta["notification"]["notify_command"] == f"echo {number}"


@covers("many quick runs")
def test_every_job_of_a_crowd_reaches_its_end(bench: Bench, figure: Figure) -> None:
    answers = crowd(bench, 100, 8, "run", "--no-wait", "--", "true")
    ids = [str(answer["job_id"]) for answer in answers]
    assert len(set(ids)) == 100
    for job_id in ids:
        assert bench.wait_over(job_id) == ("exited", 0)
    figure("100 jobs, 8 at a time")


@covers("whose pid")
def test_a_running_record_names_the_child_from_the_first_moment(
    bench: Bench, figure: Figure
) -> None:
    named: dict[str, set[object]] = {}
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            for path in bench.root.glob("[0-9a-f]*/state.json"):
                state = json.loads(path.read_bytes())
                if state["job"]["status"] == "running":
                    named.setdefault(path.parent.name, set()).add(state["pid"])

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        answers = crowd(bench, 40, 8, "run", "--no-wait", "--", "sleep", "60")
    finally:
        is_over.set()
        watcher.join()
    for answer in answers:
        job_id = str(answer["job_id"])
        child = bench.child(job_id)
        # The same process: its shell may have been reading a profile when it was first seen.
        wait_until(lambda child=child: child.command() == "sleep 60 ", what="the command itself")  # type: ignore[misc]
        assert named.get(job_id, {child.pid}) == {child.pid}
    for answer in answers:
        assert bench.must("kill", "--signal", "KILL", str(answer["job_id"]))["state"] == "killed"
    assert bench.marked() == []
    figure(f"40 jobs, {len(named)} watched while they started")
