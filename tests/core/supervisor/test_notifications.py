"""Sinks are told what happened, and can neither hold a job up nor hide what became of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec.model.wire import encode_notification
from agent_exec.process import descendants, identity, tree
from support.jobs import ENDED, Job, Workshop, is_alive
from support.waiting import wait_until

Event = dict[str, object]


def matches_of(job: Job) -> list[Event]:
    path = job.path / "notification_events.ndjson"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def completion_of(job: Job) -> Event:
    """The completion event once its sinks are through."""
    path = job.path / "completion_event.json"
    found: list[Event] = []

    def is_through() -> bool:
        found[:] = [json.loads(path.read_bytes())] if path.exists() else []
        return bool(found and found[0]["delivery_results"])

    wait_until(is_through, 10, "results in completion_event.json")
    return found[0]


def matching(workshop: Workshop, script: str, match: OutputMatch) -> Job:
    job = workshop.create(script, notification=Notification(on_output_match=match))
    return job.start().wait()


def test_a_finished_job_is_told_to_command_and_file(workshop: Workshop, tmp_path: Path) -> None:
    hook, done = tmp_path / "hook", tmp_path / "new" / "done.ndjson"
    command = f"cat > {hook}.json; env | grep ^AGENT_EXEC | sort > {hook}.env; pwd > {hook}.cwd"
    notification = Notification(notify_command=command, notify_file=str(done))
    job = workshop.create("echo hi; exit 3", notification=notification)
    job.start(job.spec(cwd=str(tmp_path))).wait()
    event = completion_of(job)
    results = event.pop("delivery_results")
    assert isinstance(results, list)
    assert [(r["sink_type"], r["target"], r["success"]) for r in results] == [
        ("command", command, True),
        ("file", str(done), True),
    ]
    assert list(results[0]) == ["sink_type", "target", "success", "attempted_at"]
    state = job.state
    assert event == {
        "schema_version": "0.1",
        "event_type": "job.finished",
        "job_id": job.id,
        "state": "exited",
        "command": ["echo hi; exit 3"],
        "cwd": str(tmp_path),
        "started_at": state.started_at,
        "finished_at": state.finished_at,
        "duration_ms": state.result.duration_ms,
        "exit_code": 3,
        "stdout_log_path": str(job.path / "stdout.log"),
        "stderr_log_path": str(job.path / "stderr.log"),
    }
    assert json.loads(Path(f"{hook}.json").read_bytes()) == event
    assert json.loads(done.read_bytes()) == event
    assert done.read_bytes().endswith(b"}\n")
    assert Path(f"{hook}.cwd").read_text().strip() == str(tmp_path)
    assert Path(f"{hook}.env").read_text().split() == [
        f"AGENT_EXEC_EVENT_PATH={job.path}/completion_event.json",
        "AGENT_EXEC_EVENT_TYPE=job.finished",
        f"AGENT_EXEC_JOB_ID={job.id}",
    ]


def test_no_completion_event_without_a_completion_sink(workshop: Workshop) -> None:
    job = matching(workshop, "echo x", OutputMatch(pattern="x")).wait_released()
    wait_until(lambda: matches_of(job))
    assert not (job.path / "completion_event.json").exists()


@pytest.mark.parametrize(
    ("notification", "error"),
    [
        (Notification(notify_command="exit 3"), "exited with status exit status: 3"),
        (Notification(notify_command="kill -9 $$"), "exited with status signal: 9 (SIGKILL)"),
        (Notification(notify_command="  "), "empty shell command"),
        (Notification(notify_file="/proc/nope/x"), "create parent dir: No such file"),
        (Notification(notify_file="/proc/version/x"), "create parent dir: "),
        (
            Notification(notify_file="/dev/full"),
            "write error: No space left on device (os error 28)",
        ),
        (Notification(notify_file="/"), "open error: Is a directory (os error 21)"),
    ],
)
def test_a_sink_that_fails_is_recorded_and_changes_nothing(
    workshop: Workshop, notification: Notification, error: str
) -> None:
    job = workshop.create("exit 0", notification=notification).start().wait()
    results = completion_of(job)["delivery_results"]
    assert isinstance(results, list)
    assert [result["success"] for result in results] == [False]
    assert error in results[0]["error"]
    assert (job.state.status, job.state.result.exit_code) == ("exited", 0)


def test_a_fifo_nobody_reads_holds_nothing_up(workshop: Workshop, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    notification = Notification(notify_file=str(tmp_path / "fifo"))
    job = workshop.create("true", notification=notification).start().wait().wait_released(5)
    results = completion_of(job)["delivery_results"]
    assert isinstance(results, list)
    assert results[0]["error"].startswith("open error: ")


def test_a_sink_that_never_ends_holds_neither_state_nor_supervisor(workshop: Workshop) -> None:
    job = workshop.create("exit 0", notification=Notification(notify_command="exec sleep 60"))
    started = time.monotonic()
    job.start().wait().wait_released(5)
    assert time.monotonic() - started < 5
    for survivor in tree.survivors(job.directory, job.state, job.supervision):
        raise AssertionError(f"{survivor} is a sink, not the job's")
    end_sinks(job)


def end_sinks(job: Job) -> None:
    mark = f"AGENT_EXEC_EVENT_PATH={job.path}".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in Path(f"/proc/{name}/environ").read_bytes():
                os.kill(int(name), 9)
        except OSError:
            continue


def test_each_matching_line_is_told_and_recorded_in_order(
    workshop: Workshop, tmp_path: Path
) -> None:
    match = OutputMatch(pattern="ERR", command="exit 3", file=str(tmp_path / "m.ndjson"))
    script = "echo ERR one; echo fine; printf 'x ERR two'; echo ERR three >&2"
    job = matching(workshop, script, match).wait_released()
    wait_until(lambda: len(matches_of(job)) == 3)
    events = matches_of(job)
    by_stream = sorted((str(event["stream"]), str(event["line"])) for event in events)
    assert by_stream == [
        ("stderr", "ERR three"),
        ("stdout", "ERR one"),
        ("stdout", "x ERR two"),
    ]
    assert list(events[0]) == [
        "schema_version",
        "event_type",
        "job_id",
        "pattern",
        "match_type",
        "stream",
        "line",
        "stdout_log_path",
        "stderr_log_path",
        "delivery_results",
    ]
    results = events[0]["delivery_results"]
    assert isinstance(results, list)
    assert [(r["sink_type"], r["success"], r.get("error")) for r in results] == [
        ("command", False, "exited with status exit status: 3"),
        ("file", True, None),
    ]
    told = [json.loads(line) for line in (tmp_path / "m.ndjson").read_bytes().splitlines()]
    assert sorted(event["line"] for event in told) == sorted(line for _, line in by_stream)
    assert (job.path / "notification_events.ndjson").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("pattern", ["\nx", "x\n", "\n", "\ud800", "x\0", "a\nx\nb"], ids=repr)
@pytest.mark.parametrize("kind", list(MatchType))
def test_no_pattern_of_another_program_keeps_the_time_limit_from_working(
    workshop: Workshop, pattern: str, kind: MatchType
) -> None:
    match = OutputMatch(pattern="x", match_type=kind)
    job = workshop.create(
        "while :; do echo x; echo; echo x; sleep 0.05; done",
        notification=Notification(on_output_match=match),
    )
    document = job.directory.read_meta_document()
    document["notification"]["on_output_match"]["pattern"] = pattern  # type: ignore[index]
    (job.path / "meta.json").write_text(json.dumps(document))
    started_s = time.monotonic()
    job.start(job.spec(timeout_ms=300)).wait()
    assert time.monotonic() - started_s < 5
    assert job.supervision.cause == "timeout"
    assert [event for event in matches_of(job) if "x" not in str(event["line"])] == []


def test_a_notifier_that_is_killed_is_replaced_and_its_loss_told(workshop: Workshop) -> None:
    match = OutputMatch(pattern="tell", command="exec sleep 60")
    done = Notification(on_output_match=match, notify_command="true")
    job = workshop.create("echo tell; read x < go", notification=done)
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path)))
    wait_until(lambda: notifiers_of(job))
    wait_until(lambda: descendants.children_of(notifiers_of(job)[0]))
    os.kill(notifiers_of(job)[0], 9)
    wait_until(lambda: job.supervision.dropped_matches == 1, what="the loss while it runs")
    (job.path / "go").write_text("\n")
    job.wait()
    results = completion_of(job)["delivery_results"]
    assert isinstance(results, list)
    assert [result["success"] for result in results] == [True]
    job.wait_released()
    assert job.supervision.dropped_matches == 1
    assert "notifier ended" in str(job.supervision.reason)
    end_sinks(job)


@pytest.mark.parametrize("who", ["matcher", "notifier", "sink"])
def test_a_helper_that_is_stopped_keeps_no_time_limit_from_working(
    workshop: Workshop, who: str
) -> None:
    kind = MatchType.REGEX if who == "matcher" else MatchType.CONTAINS
    command = "kill -STOP $$" if who == "sink" else "true"
    match = OutputMatch(pattern="tell", match_type=kind, command=command)
    script = "echo tell; read x < go; while :; do echo tell; done"
    job = workshop.create(script, notification=Notification(on_output_match=match))
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path), timeout_ms=1500, kill_after_ms=100))
    stopped = wait_for_helper(job, who)
    try:
        if who != "sink":
            os.kill(stopped, signal.SIGSTOP)
        began_s = time.monotonic()
        (job.path / "go").write_text("\n")
        job.wait()
        assert time.monotonic() - began_s < 5
        assert job.supervision.cause == "timeout"
        assert job.state.is_terminal
        job.wait_released(12)  # helpers are waited for with a limit
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)
        end_sinks(job)


def wait_for_helper(job: Job, who: str) -> int:
    """The pid of the job's matcher, notifier or stopped sink, once it is there."""

    def found() -> list[int]:
        supervisor = job.supervisor_pid
        if who == "notifier":
            return notifiers_of(job)
        if who == "matcher":
            pids = descendants.children_of(supervisor)
            return [p for p in pids if b"matcher.py" in b" ".join(identity.command_line(p))]
        sinks = [p for each in notifiers_of(job) for p in descendants.children_of(each)]
        return [p for p in sinks if (s := identity.read_stat(p)) is not None and s.state == "T"]

    wait_until(found, what=f"the {who}")
    return found()[0]


def notifiers_of(job: Job) -> list[int]:
    """Children of the supervisor that share its command line."""
    words = identity.command_line(job.supervisor_pid)
    pids = descendants.children_of(job.supervisor_pid)
    return [pid for pid in pids if identity.command_line(pid) == words]


def test_only_the_asked_stream_is_looked_at(workshop: Workshop) -> None:
    match = OutputMatch(pattern="x", stream=MatchStream.STDERR)
    job = matching(workshop, "echo x out; echo x err >&2", match).wait_released()
    wait_until(lambda: matches_of(job))
    assert [event["line"] for event in matches_of(job)] == ["x err"]


def test_a_regular_expression_is_searched_line_by_line(workshop: Workshop) -> None:
    match = OutputMatch(pattern=r"^a\d+ .$", match_type=MatchType.REGEX)
    script = "seq 1 1000; echo a12 é; echo xa12 é; printf 'a9 z'; seq 1 1000"
    job = matching(workshop, script, match).wait_released()
    wait_until(lambda: matches_of(job))
    assert [event["line"] for event in matches_of(job)] == ["a12 é"]
    assert matches_of(job)[0]["match_type"] == "regex"
    assert job.supervision.dropped_matches == 0


def test_a_pattern_that_explodes_elsewhere_holds_nothing_up(workshop: Workshop) -> None:
    match = OutputMatch(pattern="(x+x+)+y", match_type=MatchType.REGEX)
    script = "for i in 1 2 3; do head -c 5000 /dev/zero | tr '\\0' x; echo; done; echo xxy"
    job = matching(workshop, script, match).wait_released(5)
    wait_until(lambda: matches_of(job))
    assert [event["line"] for event in matches_of(job)] == ["xxy"]


def test_a_changed_pattern_counts_from_the_next_line_on(workshop: Workshop) -> None:
    job = workshop.create("echo a1; read x < go-b; echo b2; echo a3; read x < go-c; echo c4")
    os.mkfifo(job.path / "go-b")
    os.mkfifo(job.path / "go-c")
    job.start(job.spec(cwd=str(job.path))).wait_for_text("a1")
    for pattern, kind in (("b", MatchType.CONTAINS), ("c.", MatchType.REGEX)):
        set_match(job, OutputMatch(pattern=pattern, match_type=kind))
        (job.path / f"go-{pattern[0]}").write_text("\n")
        job.wait_for_text(pattern[0])
    job.wait().wait_released()
    wait_until(lambda: len(matches_of(job)) == 2)
    assert [event["line"] for event in matches_of(job)] == ["b2", "c4"]


def set_match(job: Job, match: OutputMatch) -> None:
    document = job.directory.read_meta_document()
    document["notification"] = encode_notification(Notification(on_output_match=match))
    job.directory.write_record("meta.json", document)


def test_slow_sinks_hold_no_output_back(workshop: Workshop) -> None:
    match = OutputMatch(pattern="line", command="sleep 0.2")
    script = "seq -f 'line %g' 1 20000"
    started = time.monotonic()
    job = matching(workshop, script, match)
    assert time.monotonic() - started < 5
    assert job.read("stdout.log").count(b"\n") == 20_000
    job.wait_released(8)
    end_sinks(job)


def test_what_sinks_leave_behind_is_not_taken_for_the_jobs(workshop: Workshop) -> None:
    match = OutputMatch(pattern="go", command="sleep 60 & echo $! > left.tmp; mv left.tmp left")
    notification = Notification(on_output_match=match)
    job = workshop.create("echo go; exec sleep 60", notification=notification)
    job.start(job.spec(cwd=str(job.path)))
    wait_until((job.path / "left").exists)
    left = int((job.path / "left").read_text())
    pids = [each.pid for each in tree.survivors(job.directory, job.state, job.supervision)]
    assert pids == [job.pid]
    tree.signal_job(job.directory, job.state, job.supervision, 9)
    job.wait(ENDED)
    assert is_alive(left)
    os.kill(left, 9)
