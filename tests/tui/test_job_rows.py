"""Rows say what records and evidence say, to people and to filters alike."""

from __future__ import annotations

import pytest

from agent_exec.model.filter import compile_filter
from agent_exec.model.filter_terms import DOUBT_OF_VERDICT
from agent_exec.model.job import JobMeta, JobRef, JobState, JobStatus, StateJob
from agent_exec.model.timestamps import parse_timestamp
from agent_exec.store.listing import JobRecord
from agent_exec_tui.job_rows import COMMAND_CHARS, RowKind, shown_command
from agent_exec_tui.record_rows import Doubt, row_of

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
    row = row_of(running_record(), doubt=Doubt(word, is_alive))
    assert (row.kind, row.word) == (RowKind.LOST, word)
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
