"""Rows say what records and evidence say, to people and to filters alike."""

from __future__ import annotations

import pytest

from agent_exec.model.filter import compile_filter
from agent_exec.model.job import JobMeta, JobRef, JobState, JobStatus, StateJob
from agent_exec.store.listing import JobRecord
from agent_exec_tui.feed import VERDICT_WORDS
from agent_exec_tui.job_rows import RowKind, row_of

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


@pytest.mark.parametrize("word", VERDICT_WORDS.values())
def test_a_filter_finds_what_is_lost_as_unknown_and_an_orphan_as_running(word: str) -> None:
    row = row_of(running_record(), verdict=word)
    assert (row.kind, row.word) == (RowKind.LOST, word)
    state = "running" if word == "orphan" else "unknown"
    assert compile_filter(f"state:{state}").matches(row.fields)
    assert not compile_filter(f"state:!{state}").matches(row.fields)


def test_a_job_with_nothing_against_it_is_running() -> None:
    row = row_of(running_record())
    assert (row.kind, row.word, row.fields.state) == (RowKind.RUNNING, "running", "running")
