"""list, status, --json, dashboard and filter say the same of one job at one time."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.delete import delete_jobs
from agent_exec.commands.kill import kill_job
from agent_exec.commands.list import list_jobs
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.commands.snapshot import DashboardJob, DashboardSnapshot, dashboard_snapshot
from agent_exec.commands.standing import standing_of
from agent_exec.commands.status import job_status
from agent_exec.commands.watch_snapshot import DashboardWatch
from agent_exec.errors import AgentExecError
from agent_exec.model import status
from agent_exec.store.clock import now_timestamp
from agent_exec.store.listing import open_exact, read_job
from agent_exec_tui.feed import doubt_of
from agent_exec_tui.record_rows import row_of
from support.built_jobs import NO_PROCESS
from support.foreign import foreign_job
from support.launching import lose_both, lose_supervisor, running
from support.waiting import wait_until

if TYPE_CHECKING:
    from agent_exec.store.jobs import JobStore


NOBODY = 65534


def capturing(store: JobStore) -> str:
    job_id = run_job(store, JobDefinition(command=("sleep 60 & true",)), observation=NO_WAIT).job_id
    with store.open(job_id) as job:
        wait_until(
            lambda: (ours := job.read_supervision()) is not None and ours.still_capturing,
            what="late output",
        )
    return job_id


def lost(store: JobStore) -> str:
    job_id = running(store, "sleep", "60")
    lose_both(store, job_id)
    return job_id


def orphan(store: JobStore) -> str:
    job_id = running(store, "sleep", "60")
    lose_supervisor(store, job_id)
    return job_id


def paused(store: JobStore) -> str:
    job_id = running(store, "sleep", "60")
    kill_job(store, job_id, signal="STOP")
    wait_until(lambda: job_status(store, job_id).liveness.verdict == "paused")
    return job_id


def damaged(store: JobStore, name: str, data: bytes | None) -> str:
    job_id = create_job(store, JobDefinition(command=("true",))).job_id
    path = Path(store.root, job_id, name)
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    return job_id


def ended(store: JobStore, script: str) -> str:
    job_id = run_job(store, JobDefinition(command=(script,))).job_id
    with store.open(job_id) as job:
        wait_until(lambda: not job.has_supervisor())
    return job_id


def from_another(store: JobStore, **changes: object) -> str:
    """A job nobody records any more, whose process counts elsewhere by its record."""
    job_id = lost(store)
    path = Path(store.root, job_id, "supervision.json")
    document = json.loads(path.read_text())
    for who in ("child", "supervisor"):
        document[who] |= changes
    path.write_text(json.dumps(document))
    return job_id


def somebody_elses(store: JobStore) -> str:
    job_id = create_job(store, JobDefinition(command=("true",))).job_id
    os.chown(Path(store.root, job_id), NOBODY, NOBODY)
    return job_id


def killed_and_alive(store: JobStore, pid: int) -> str:
    """As the oldest peers' kill leaves a job that does not heed the signal."""
    job_id = foreign_job(store, "killed", pid)
    path = Path(store.root, job_id, "state.json")
    document = json.loads(path.read_text())
    document["job"]["started_at"] = now_timestamp()
    path.write_text(json.dumps(document))
    return job_id


def every_kind(store: JobStore, gone_pid: int, stranger: int, unheeding: int) -> dict[str, str]:
    """A job of each kind that somebody might tell of in another way."""
    owned = {"foreign owner": somebody_elses(store)} if os.geteuid() == 0 else {}
    return owned | {
        "stale boot": from_another(store, boot_id="earlier"),
        "other namespace": from_another(store, pid_namespace=1),
        "killed and alive": killed_and_alive(store, unheeding),
        "created": create_job(store, JobDefinition(command=("true",))).job_id,
        "ok": ended(store, "true"),
        "bad": ended(store, "exit 3"),
        "running": running(store, "sleep", "60"),
        "paused": paused(store),
        "capturing": capturing(store),
        "lost": lost(store),
        "orphan": orphan(store),
        "foreign gone": foreign_job(store, "running", gone_pid),
        "foreign reused": foreign_job(store, "running", stranger),
        "foreign nameless": foreign_job(store, "running"),
        "foreign impossible": foreign_job(store, "running", NO_PROCESS),
        "foreign killed": foreign_job(store, "killed", gone_pid),
        "torn": damaged(store, "state.json", b'{"job": '),
        "no state": damaged(store, "state.json", None),
        "no meta": damaged(store, "meta.json", None),
    }


def test_all_doors_say_the_same_of_every_kind_of_job(
    store: JobStore, gone_pid: int, stranger: subprocess.Popen[bytes]
) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as unheeding:
        try:
            compare_doors(store, every_kind(store, gone_pid, stranger.pid, unheeding.pid))
        finally:
            unheeding.kill()


def watched(store: JobStore) -> dict[str, DashboardJob]:
    """What the first line of ``--watch`` tells."""
    with DashboardWatch(store, filter_text=None, environ=os.environ, out_fd=1) as watch:
        first = next(iter(watch))
        assert isinstance(first, DashboardSnapshot)
        return {job.job_id: job for job in first.jobs}


def said_by(job: DashboardJob) -> tuple[object, ...]:
    """What is said of the job itself: evidence tells of a moment, too."""
    verdict = job.liveness.verdict if job.liveness else None
    return job.state, job.detail, job.word, verdict, job.still_capturing, job.owner_uid


def compare_doors(store: JobStore, jobs: dict[str, str]) -> None:
    listed = {job.job_id: job for job in list_jobs(store, limit=0).jobs}
    snapshot = {job.job_id: job for job in dashboard_snapshot(store).jobs}
    watching = watched(store)
    assert snapshot[jobs["stale boot"]].detail == status.DOUBT_OF_VERDICT["stale (reboot)"]
    assert snapshot[jobs["other namespace"]].detail == status.ELSEWHERE
    assert snapshot[jobs["killed and alive"]].detail == status.ALIVE
    for kind, job_id in jobs.items():
        record = read_job(store, job_id)
        assert record is not None
        found = standing_of(store, record)
        doubt, _ = doubt_of(store, record)
        row = row_of(record, doubt=doubt, is_capturing=found.still_capturing)
        shown = snapshot[job_id]
        assert (shown.state, shown.detail) == (found.state, found.detail), kind
        assert shown.word == row.word, kind
        assert said_by(watching[job_id]) == said_by(shown), kind
        assert (shown.owner_uid == NOBODY) == (kind == "foreign owner"), kind
        assert (row.fields.state, row.fields.detail) == (found.state, found.detail), kind
        if kind == "no meta":
            assert job_id not in listed
            continue
        assert listed[job_id].owner_uid == shown.owner_uid, kind
        in_list = "unknown" if found.state == status.UNREADABLE else found.state
        assert listed[job_id].state == in_list, kind
        verdict = found.liveness.verdict.value if found.liveness else None
        plain = verdict is None or verdict in status.PLAIN_VERDICTS
        assert listed[job_id].verdict == (None if plain else verdict), kind
        words = status.words_of(found.state, shown.exit_code, found.detail)
        for word in words:
            assert job_id in ids(store, f"state:{word}"), (kind, word)
            meant = delete_jobs(store, cwd=None, filter=f"state:{word}", dry_run=True).jobs
            assert job_id in [job.job_id for job in meant], (kind, word)
        try:
            told = job_status(store, job_id)  # last: it puts right what is proved
        except AgentExecError:
            assert found.state == status.UNREADABLE, kind
            continue
        if verdict and told.state == "running":
            assert told.liveness.verdict == verdict, kind
        assert bool(told.still_capturing) == found.still_capturing, kind


def ids(store: JobStore, text: str) -> list[str]:
    return [job.job_id for job in dashboard_snapshot(store, filter_text=text).jobs]


def test_what_went_wrong_is_found_by_the_word_of_its_view(store: JobStore) -> None:
    bad, good, missing = ended(store, "exit 3"), ended(store, "true"), lost(store)
    killed = ended(store, "kill -TERM $$")
    assert set(ids(store, "state:failed")) == {bad, missing}
    assert ids(store, "state:ok") == [good]
    assert ids(store, "state:bad") == [bad]
    assert set(ids(store, "state:done")) == {bad, good, killed}
    assert ids(store, "exit:TERM") == ids(store, "exit:sigterm") == [killed]
    assert set(ids(store, "exit:!TERM")) == {bad, good}


def test_a_job_that_cannot_be_looked_at_is_unknown_to_every_door(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = running(store, "sleep", "60")
    real = os.open
    record = read_job(store, job_id)
    assert record is not None

    def refuse(path: object, *args: int, **options: int | None) -> int:
        if str(path) == os.path.join(store.root, job_id):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError):
        open_exact(store, job_id)
    found = standing_of(store, record)
    doubt, evidence = doubt_of(store, record)
    assert (found.state, found.detail) == ("unknown", "stale?")
    assert row_of(record, doubt=doubt).fields.state == "unknown"
    assert evidence.startswith("it cannot be looked at: ")
    assert "Errno" not in evidence
