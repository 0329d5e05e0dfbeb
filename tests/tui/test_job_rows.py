"""Rows say what records and evidence say, to people and to filters alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_exec.commands.snapshot import dashboard_snapshot
from agent_exec.model.filter import compile_filter
from agent_exec.model.job import JobMeta, JobRef, JobState, JobStatus, StateJob
from agent_exec.model.status import DOUBT_OF_VERDICT
from agent_exec.model.supervision import EndCause
from agent_exec.model.timestamps import parse_timestamp
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import JobRecord, read_job
from agent_exec.store.rows import read_rows
from agent_exec_tui.job_rows import COMMAND_CHARS, RowKind, shown_command
from agent_exec_tui.record_rows import Doubt, row_of, row_of_line
from support.built_jobs import NEW_YEAR, put_job

MOMENT = "2026-03-01T12:00:00Z"


def running_record() -> JobRecord:
    meta = JobMeta(
        job=JobRef("a" * 32),
        schema_version="0.1",
        command=("sleep", "60"),
        created_at=MOMENT,
        root="/jobs",
        env_keys=(),
    )
    job = StateJob(id="a" * 32, status=JobStatus.RUNNING, started_at=MOMENT)
    return JobRecord(
        job_id="a" * 32, meta=meta, state=JobState(job=job, pid=4242, updated_at=MOMENT)
    )


@pytest.mark.parametrize("word", DOUBT_OF_VERDICT.values())
@pytest.mark.parametrize("is_alive", [True, False])
def test_a_filter_finds_a_job_in_doubt_by_the_word_shown_and_by_the_contract_s(
    word: str, is_alive: bool
) -> None:
    kind_of = {
        "paused": RowKind.PAUSED,
        "stopped": RowKind.PAUSED,
        "elsewhere": RowKind.ELSEWHERE,
    }
    row = row_of(running_record(), doubt=Doubt(word, is_alive))
    assert row.word == word
    assert row.kind is (kind_of.get(word, RowKind.ORPHAN) if is_alive else RowKind.LOST)
    for state in (word, "running" if is_alive else "unknown"):
        assert compile_filter(f"state:{state}", 0).matches(row.fields)
        assert not compile_filter(f"state:!{state}", 0).matches(row.fields)


def test_a_job_with_nothing_against_it_is_running() -> None:
    row = row_of(running_record())
    assert (row.kind, row.word, row.fields.state) == (RowKind.RUNNING, "running", "running")


def made_s(written_after_s: float) -> float:
    """The time of creation shown for a definition written so long after its recorded second."""
    second = parse_timestamp(MOMENT)
    assert second is not None
    record = running_record()
    row = row_of(record, made_ns=int((second.timestamp() + written_after_s) * 1e9))
    return row.created_s - second.timestamp()


def test_a_job_written_as_its_second_ended_is_the_last_of_that_second() -> None:
    assert made_s(0.25) == pytest.approx(0.25, abs=1e-3)
    assert made_s(0.99) < made_s(1.000196) < 1
    assert made_s(3600) == 0
    assert made_s(-1) == 0


def test_a_very_long_command_is_cut_where_it_says_so_and_keeps_its_end() -> None:
    command = ("sh", "-c", "echo first; " + "x" * 5000 + "; echo last")
    shown = shown_command(command)
    assert len(shown) == COMMAND_CHARS
    assert shown.startswith("sh -c 'echo first; x")
    assert shown.endswith("x; echo last'")
    assert shown.count("…") == 1
    assert shown_command(("echo", "y" * 1000)) == "echo " + "y" * 1000


@pytest.mark.parametrize(
    ("status", "exit_code", "cause", "word"),
    [
        ("killed", None, EndCause.TIMEOUT, "timeout"),
        ("killed", None, EndCause.SIGNAL, "killed"),
        ("killed", None, None, "killed"),
        ("exited", 143, EndCause.TIMEOUT, "timeout"),
        ("exited", 0, EndCause.TIMEOUT, "ok"),
    ],
)
def test_what_its_own_time_limit_ended_says_so_however_it_was_read(
    tmp_path: Path, status: str, exit_code: int | None, cause: EndCause | None, word: str
) -> None:
    store = JobStore(tmp_path)
    path = Path(put_job(store, "job", status))
    for name, change in (
        ("meta.json", {"timeout_ms": 1000}),
        ("state.json", {"result": {"exit_code": exit_code, "signal": None, "duration_ms": 1}}),
    ):
        document = json.loads((path / name).read_text())
        (path / name).write_text(json.dumps({**document, **change}))
    if cause is not None:
        identity = {"pid": 1, "start_ticks": 1, "boot_id": ""}
        document = {"supervisor": identity, "started_at": NEW_YEAR, "cause": cause.value}
        (path / "supervision.json").write_text(json.dumps(document))
    record = read_job(store, "job")
    assert record is not None
    (line,) = read_rows(store)
    for row in (row_of(record), row_of_line(line)):
        assert row.word == word
        assert compile_filter("state:timeout", 0).matches(row.fields) is (word == "timeout")
        assert compile_filter(f"state:{status}", 0).matches(row.fields)
    found = dashboard_snapshot(store, filter_text="state:timeout", environ={"HOME": "/nowhere"})
    assert len(found.jobs) == (word == "timeout")


def test_tags_are_shown_whole_and_the_others_counted() -> None:
    from agent_exec_tui.widgets.row_painter import _whole_tags

    assert _whole_tags(("quick", "ci.build"), 12) == "quick,+1"
    assert _whole_tags(("a", "b", "c"), 12) == "a,b,c"
    assert _whole_tags(("a-very-long-tag-indeed", "b"), 12) == "a-very-l…,+1"
    assert _whole_tags((), 12) == ""
