"""Whoever creates, starts, reads, kills, restarts or deletes: the job and its story are one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.peers import SEED, TODAY
from support.programs import NAMES, OURS, Answer, Program, program
from support.waiting import wait_until

SCRIPT = 'printf "%s|%s|%s|%s\\n" "$PLAIN" "$SECRET" "$FROM_FILE" "$(cat)"; echo err >&2; exit 7'
FORMS = {"argv": ("sh", "-c", SCRIPT), "shell": (SCRIPT,)}
EXPECTED = "plain value|s3cr3t|from file|given input\n"

creators = pytest.mark.parametrize("creator", NAMES, indirect=True)
starters = pytest.mark.parametrize("starter", NAMES, indirect=True)
others = pytest.mark.parametrize("other", NAMES, indirect=True)


def readers() -> list[Program]:
    return [found for found in map(program, NAMES) if found]


def define(creator: Program, root: Path, form: str) -> str:
    env_file = root.parent / "one.env"
    env_file.write_text("# comment\nFROM_FILE=from file\n")
    answer = creator.must(
        root,
        "create",
        *creator.limit_flags(60),
        *("--env", "PLAIN=plain value", "--env", "SECRET=s3cr3t", "--mask", "SECRET"),
        *("--env-file", str(env_file), "--stdin", "given input", "--tag", "ci.unit"),
        *("--notify-file", str(root.parent / "events.ndjson")),
        "--",
        *FORMS[form],
    )
    return str(answer["job_id"])


def settled(reader: Program, root: Path, job_id: str) -> Answer:
    """Wait for the end and for the logs to be complete."""

    def is_over() -> bool:
        state = json.loads((root / job_id / "state.json").read_text())
        return state["job"]["status"] not in {"created", "running"} and state.get(
            "logs_drained", True
        )

    wait_until(is_over, timeout_s=15)
    return reader.must(root, "wait", "--until", "10", job_id)


def running(
    starter: Program, root: Path, script: str = "exec sleep 60", *, attempts: int = 2
) -> str:
    """Run a job that has said so itself: before that the shell still reads its profile."""
    answer = starter.must(root, "run", "--no-wait", "--", "sh", "-c", f"echo ready; {script}")
    job_id = str(answer["job_id"])
    stdout = root / job_id / "stdout.log"

    def is_ready() -> bool:
        state = json.loads((root / job_id / "state.json").read_text())
        return is_session_leader(state.get("pid", 0)) and stdout.read_text().startswith("ready")

    try:
        wait_until(is_ready, timeout_s=10)
    except AssertionError:
        # The real 0.2.3 gets into this state by itself, about once in twenty runs.
        if starter.name != SEED or attempts == 1:
            raise
        return running(starter, root, script, attempts=attempts - 1)
    return job_id


def is_session_leader(pid: int) -> bool:
    """The child leads its session; the old supervisors, whose pid stands there first, do not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return False
    return int(fields[3]) == pid and fields[0] != "Z"


def state_of(reader: Program, root: Path, job_id: str) -> object:
    return reader.must(root, "status", job_id)["state"]


@creators
@starters
@pytest.mark.parametrize("form", FORMS)
def test_a_job_runs_as_defined_whoever_creates_and_starts_it(
    creator: Program, starter: Program, form: str, root: Path
) -> None:
    job_id = define(creator, root, form)
    for reader in readers():
        assert state_of(reader, root, job_id) == "created"
    started = starter.must(root, "start", "--no-wait", job_id)
    assert started["env_vars"] == ["PLAIN=plain value", "SECRET=***"]
    settled(starter, root, job_id)
    for reader in readers():
        status = reader.must(root, "status", job_id)
        assert (status["state"], status["exit_code"]) == ("exited", 7), reader.name
        tail = reader.must(root, "tail", job_id)
        assert (tail["stdout"], tail["stderr"]) == (EXPECTED, "err\n"), reader.name
        waited = reader.must(root, "wait", "--until", "5", job_id)
        assert (waited["state"], waited["exit_code"]) == ("exited", 7), reader.name
        listed = reader.must(root, "list", "--all", "--tag", "ci.*")
        jobs = listed["jobs"]
        assert isinstance(jobs, list)
        assert [(job["job_id"], job["state"]) for job in jobs] == [(job_id, "exited")]
    wait_until(lambda: (root.parent / "events.ndjson").exists(), timeout_s=5)
    event = json.loads((root.parent / "events.ndjson").read_text())
    assert (event["event_type"], event["job_id"]) == ("job.finished", job_id)
    assert (event["state"], event["exit_code"]) == ("exited", 7)
    full = (root / job_id / "full.log").read_text()
    assert f"[STDOUT] {EXPECTED}" in full
    assert "[STDERR] err\n" in full


@starters
@others
@pytest.mark.parametrize("signal", ["TERM", "KILL", "INT"])
def test_a_running_job_is_ended_whoever_kills_it(
    starter: Program, other: Program, signal: str, root: Path
) -> None:
    job_id = running(starter, root)
    pid = json.loads((root / job_id / "state.json").read_text())["pid"]
    other.must(root, "kill", "--signal", signal, job_id)
    wait_until(lambda: not is_session_leader(pid), timeout_s=5)
    # The seed's kill writes the name itself, before or after the supervisor writes the number.
    words = {{"TERM": "15", "KILL": "9", "INT": "2"}[signal]}
    words |= {signal} if other.name == SEED else set()

    def is_told() -> bool:
        state = json.loads((root / job_id / "state.json").read_text())
        return state["job"]["status"] == "killed" and state["result"]["signal"] in words

    wait_until(is_told, timeout_s=5)
    for reader in readers():
        assert state_of(reader, root, job_id) == "killed"


@starters
@others
def test_a_running_job_is_seen_alike_by_all(starter: Program, other: Program, root: Path) -> None:
    job_id = running(starter, root)
    assert state_of(other, root, job_id) == "running"
    assert other.must(root, "tail", job_id)["stdout"] == "ready\n"
    jobs = other.must(root, "ps", "--all")["jobs"]
    assert isinstance(jobs, list)
    assert [job["job_id"] for job in jobs] == [job_id]
    assert other.must(root, "wait", "--until", "1", job_id)["state"] == "running"
    assert other.call(root, "start", job_id).error_code == "invalid_state"
    assert other.call(root, "delete", job_id).error_code == "invalid_state"


@starters
@pytest.mark.parametrize("other", [OURS, TODAY], indirect=True)
@pytest.mark.parametrize("while_running", [True, False], ids=["running", "finished"])
def test_a_job_is_restarted_in_place_whoever_does_it(
    starter: Program, other: Program, while_running: bool, root: Path
) -> None:
    marks = root.parent / "marks"
    if while_running:
        job_id = running(starter, root, f"echo run >> {marks}; exec sleep 60")
    else:
        script = f"echo run >> {marks}; echo ready; exit 3"
        answer = starter.must(root, "run", "--no-wait", "--", "sh", "-c", script)
        job_id = str(answer["job_id"])
        settled(starter, root, job_id)
    meta = (root / job_id / "meta.json").read_bytes()
    wait_until(lambda: marks.exists() and marks.read_text() == "run\n", timeout_s=5)
    other.must(root, "restart", "--no-wait", job_id)
    wait_until(lambda: marks.read_text() == "run\nrun\n", timeout_s=10)
    assert (root / job_id / "meta.json").read_bytes() == meta
    wait_until(lambda: (root / job_id / "stdout.log").read_text() == "ready\n", timeout_s=5)
    expected = "running" if while_running else "exited"
    wait_until(lambda: state_of(other, root, job_id) == expected, timeout_s=5)
    if while_running:
        other.must(root, "kill", "--signal", "KILL", job_id)


@starters
@others
def test_a_finished_job_is_deleted_whoever_does_it(
    starter: Program, other: Program, root: Path
) -> None:
    job_id = str(starter.must(root, "run", "--until", "5", "--", "true")["job_id"])
    settled(starter, root, job_id)
    assert other.must(root, "delete", job_id)["deleted"] == 1
    assert not (root / job_id).exists()


@starters
@others
def test_finished_jobs_are_collected_whoever_does_it(
    starter: Program, other: Program, root: Path
) -> None:
    job_id = str(starter.must(root, "run", "--until", "5", "--", "true")["job_id"])
    settled(starter, root, job_id)
    state = root / job_id / "state.json"
    document = json.loads(state.read_text())
    document["finished_at"] = document["updated_at"] = "2020-01-01T00:00:00Z"
    state.write_text(json.dumps(document, indent=2))
    kept = str(other.must(root, "create", "--", "true")["job_id"])
    assert other.must(root, "gc", "--older-than", "1d")["deleted"] == 1
    assert {path.name for path in root.iterdir()} == {kept}


@creators
@others
def test_tags_and_notification_set_by_one_are_honoured_by_all(
    creator: Program, other: Program, root: Path
) -> None:
    job_id = define(creator, root, "argv")
    other.must(root, "tag", "set", job_id, "--tag", "new.tag")
    seen = root.parent / "seen"
    other.must(root, "notify", "set", job_id, "--command", f"cat > {seen}")
    for starter in readers()[:1]:
        starter.must(root, "start", "--no-wait", job_id)
        settled(starter, root, job_id)
    wait_until(lambda: seen.exists() and seen.read_text().endswith("}"), timeout_s=5)
    assert json.loads(seen.read_text())["job_id"] == job_id
    for reader in readers():
        jobs = reader.must(root, "list", "--all", "--tag", "new.tag")["jobs"]
        assert isinstance(jobs, list)
        assert [job["job_id"] for job in jobs] == [job_id], reader.name


@starters
def test_our_own_records_survive_a_peers_rewrite(starter: Program, root: Path) -> None:
    """What the others would drop from their records, we keep in files of our own."""
    ours = program(OURS)
    assert ours is not None
    job_id = str(ours.must(root, "run", "--until", "5", "--", "true")["job_id"])
    settled(ours, root, job_id)
    before = (root / job_id / "supervision.json").read_bytes()
    starter.must(root, "tag", "set", job_id, "--tag", "x")
    assert (root / job_id / "supervision.json").read_bytes() == before
    assert ours.must(root, "status", job_id)["state"] == "exited"
