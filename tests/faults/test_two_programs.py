"""The real agent-exec beside us on one root; versions where both have the claim."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from faults.bench import Bench, finish
from faults.rows import covers
from support.peers import TODAY, VERSIONS, peer_binary
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]


def _peer_on(bench: Bench, version: str) -> Bench:
    binary = peer_binary(version)
    if binary is None:
        pytest.skip(f"agent-exec {version} is not installed (tests/interop/install_peers.sh)")
    peer = Bench(bench.scratch, command=[binary])
    peer.mark = bench.mark
    return peer


@pytest.fixture
def today(bench: Bench) -> Iterator[Bench]:
    with _peer_on(bench, TODAY) as peer:
        yield peer


@pytest.fixture(params=VERSIONS)
def peer(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with _peer_on(bench, request.param) as found:
        yield found


@covers("race on our job", "race on the peer's job")
@pytest.mark.parametrize("creator", ["ours", "peer"])
def test_of_starts_by_both_one_runs_the_job(
    bench: Bench, today: Bench, creator: str, figure: Figure
) -> None:
    runs = bench.scratch / "runs"
    for _ in range(6):
        runs.write_text("")
        words = ("create", "--", "sh", "-c", f"echo run >> {runs}; sleep 0.3")
        job_id = str((bench if creator == "ours" else today).must(*words)["job_id"])
        calls = [
            each.begin("start", "--no-wait", job_id) for _ in range(5) for each in (bench, today)
        ]
        answers = [finish(call) for call in calls]
        bench.wait_over(job_id)
        assert runs.read_text() == "run\n"
        mine = answers[::2]
        assert sum(answer.ok for answer in mine) <= 1
        assert {answer.error_code for answer in mine} <= {None, "invalid_state"}
    figure(f"6 rounds of 10 starts on {creator}'s job: 1 child each")


@covers("our job, peer's kill")
def test_our_job_killed_by_the_peer_ends_killed(bench: Bench, peer: Bench) -> None:
    job_id = bench.run("sleep", "600")
    child, supervisor = bench.child(job_id), bench.supervisor(job_id)
    peer.must("kill", job_id)
    wait_until(lambda: not child.is_alive, what="the child's end")
    wait_until(lambda: not supervisor.is_alive, what="the supervisor's end")
    state, number = bench.ending(job_id)
    # The oldest program writes its own idea of the end, at times over the supervisor's.
    assert (state, number) in {("killed", "15"), ("killed", "TERM")}
    assert bench.record(job_id, "supervision.json")["cause"] == "signal"


@covers("peer's job, our kill")
def test_the_peers_job_killed_by_us_ends_killed(bench: Bench, peer: Bench) -> None:
    job_id = str(peer.must("run", "--no-wait", "--", "sleep", "600")["job_id"])
    bench.wait_status(job_id, "running")
    wait_until(lambda: "sleep" in bench.child(job_id).command(), what="the peer's child")
    child = bench.child(job_id)
    answer = bench.must("kill", job_id)
    wait_until(lambda: not child.is_alive, what="the child's end")
    bench.wait_status(job_id, "killed")
    assert answer["signal"] == "TERM"


@covers("each reads the other")
@pytest.mark.parametrize("runner", ["ours", "peer"])
def test_both_tell_the_same_of_a_job(bench: Bench, peer: Bench, runner: str) -> None:
    go = bench.scratch / "go"
    script = f"echo out; echo err >&2; until [ -e {go} ]; do sleep 0.05; done; exit 7"
    words = ("run", "--no-wait", "--", "sh", "-c", script)
    job_id = str((bench if runner == "ours" else peer).must(*words)["job_id"])
    log = bench.file(job_id, "stderr.log")
    wait_until(lambda: log.exists() and log.read_text() == "err\n", what="the output")
    for each in (bench, peer):
        assert each.must("status", job_id)["state"] == "running"
        assert _listed_state(each, job_id) == "running"
        tail = each.must("tail", job_id)
        assert (tail["stdout"], tail["stderr"]) == ("out\n", "err\n")
    go.touch()
    for each in (bench, peer):
        assert each.must("wait", job_id)["exit_code"] == 7
        assert each.must("status", job_id)["state"] == "exited"
        assert each.must("status", job_id)["exit_code"] == 7
        assert _listed_state(each, job_id) == "exited"
        tail = each.must("tail", job_id)
        assert (tail["stdout"], tail["stderr"]) == ("out\n", "err\n")


def _listed_state(bench: Bench, job_id: str) -> object:
    jobs = bench.must("list", "--all")["jobs"]
    assert isinstance(jobs, list)
    return next(job["state"] for job in jobs if job["job_id"] == job_id)


@covers("peer's tags, our start")
def test_a_job_changed_by_the_peer_runs_as_it_was_defined(bench: Bench, peer: Bench) -> None:
    told = bench.scratch / "told"
    flags = ["--env", "KEY=value", "--cwd", str(bench.scratch), "--stdin", "input"]
    job_id = bench.create("sh", "-c", "cat; echo; echo $KEY; pwd", flags=flags)
    peer.must("tag", "set", job_id, "--tag", "theirs")
    peer.must("notify", "set", job_id, "--command", f"cat > {told}")
    bench.must("start", "--no-wait", job_id)
    assert bench.wait_over(job_id) == ("exited", 0)
    assert bench.file(job_id, "stdout.log").read_text() == f"input\nvalue\n{bench.scratch}\n"
    assert bench.must("status", job_id)["tags"] == ["theirs"]
    wait_until(lambda: told.exists() and told.read_text().strip(), what="the notification")
    assert json.loads(told.read_text())["job_id"] == job_id


@covers("each deletes the other's")
def test_each_deletes_what_the_other_ran(bench: Bench, peer: Bench) -> None:
    for runner, deleter in ((bench, peer), (peer, bench)):
        job_id = str(runner.must("run", "--", "true")["job_id"])
        bench.wait_over(job_id)
        if runner is bench:
            bench.wait_supervisor_gone(job_id)
        deleter.must("delete", job_id)
        assert not bench.file(job_id, "").exists()
