"""The detail pane says all that is known of a job in the words of who sits in front of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from agent_exec.model.supervision import DroppedBytes, ProcessIdentity, Supervision
from agent_exec.store.listing import JobRecord
from agent_exec_tui.detail_text import detail_lines, report_text
from agent_exec_tui.record_rows import row_of
from support.dashboard import NOW, stamp

RECORD = JobRecord(
    job_id="a",
    meta=JobMeta(
        job=JobRef("a"),
        schema_version="0.1",
        command=("make",),
        created_at=stamp(60),
        root="/jobs",
        env_keys=(),
    ),
    state=JobState(
        job=StateJob(id="a", status=JobStatus.EXITED, started_at=stamp(60)),
        result=JobResult(exit_code=0, duration_ms=1000),
        finished_at=stamp(59),
        updated_at=stamp(59),
    ),
)


@pytest.mark.usefixtures("two_hours_east")
def test_every_time_on_screen_is_the_wall_clock_s() -> None:
    lines = detail_lines(RECORD, row_of(RECORD), root="/jobs", now_s=NOW.timestamp())
    texts = {line.label: line.text for line in lines}
    assert "started 13:59:00, 60s ago" in texts["state"]
    assert texts["created"] == "13:59:00, 60s ago"
    tomorrow_s = NOW.timestamp() + 86400
    lines = detail_lines(RECORD, row_of(RECORD), root="/jobs", now_s=tomorrow_s)
    assert lines[-3].text == "2026-03-01 13:59:00, 24h ago"


@pytest.mark.usefixtures("two_hours_east")
def test_a_report_that_is_read_elsewhere_has_times_as_recorded() -> None:
    text = report_text(RECORD, row_of(RECORD), root="/jobs", now_s=NOW.timestamp(), tail="")
    for moment in ("started 2026-03-01T11:59:00Z", "created   2026-03-01T11:59:00Z"):
        assert moment in text


def test_what_was_lost_of_output_and_events_is_told() -> None:
    ours = Supervision(
        supervisor=ProcessIdentity(pid=1, start_ticks=1, boot_id="b"),
        started_at=stamp(60),
        dropped=DroppedBytes(stdout=5),
        drop_reason="log limit",
        dropped_matches=3,
        unrecorded_matches=7,
    )
    record = replace(RECORD, supervision=ours)
    text = report_text(record, row_of(record), root="/jobs", now_s=NOW.timestamp(), tail="")
    assert "were not kept (log limit)" in text
    assert "3 lines that may match were told to nobody" in text
    assert "7 events have no record" in text
