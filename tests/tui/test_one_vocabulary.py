"""Header, tabs, columns, filter and --json call one thing by one word."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_exec import JobDefinition, kill_job, run_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.snapshot import dashboard_snapshot
from agent_exec.model import status
from agent_exec.model.filter import compile_filter
from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import JobRecord
from agent_exec_tui.arrangement import Tab
from agent_exec_tui.job_rows import RowKind
from agent_exec_tui.record_rows import Doubt, row_of
from agent_exec_tui.widgets.job_columns import Column, Field
from agent_exec_tui.widgets.row_painter import RowLook, _cell, _fit
from support.dashboard import Root, app_of, dashboard, until
from support.launching import end_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

    from agent_exec_tui.job_rows import JobRow


def screen_text(pilot: Pilot[str]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    with Root(tmp_path / "root") as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "root")
    yield made
    end_all(made)


MOMENT = "2026-03-01T12:00:00Z"
KEY_OF_FIELD = {
    Field.STATE: "state:", Field.ID: "id:", Field.EXIT: "exit:", Field.TAGS: "tag:",
    Field.CWD: "cwd:",
}  # fmt: skip
LOOK = RowLook(
    is_cursor=False, is_marked=False, news=None, is_silent=False, is_watched=False,
    is_ascii=False, now_s=0.0, usage=None,
)  # fmt: skip
WORDS = st.text("abcxyz-_./ '$;", min_size=1, max_size=30)
TAGS = st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,8})?", fullmatch=True)
ENDS = st.one_of(
    st.builds(lambda code: (JobStatus.EXITED, JobResult(exit_code=code)), st.integers(0, 255)),
    st.builds(
        lambda number: (JobStatus.KILLED, JobResult(signal=str(number))), st.integers(1, 64)
    ),
    st.sampled_from([
        (JobStatus.KILLED, JobResult()), (JobStatus.FAILED, JobResult()),
        (JobStatus.CREATED, JobResult()), (JobStatus.RUNNING, JobResult()),
    ]),
)  # fmt: skip
PROBLEMS = st.sampled_from([
    None, "state.json: No such file or directory", "meta.json: Permission denied",
    "state.json: Expecting value", "meta.json: Operation not permitted",
])  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> JobRow:
    """A row of any kind the dashboard can show."""
    word, result = draw(ENDS)
    job_id = draw(st.from_regex(r"[0-9a-f]{32}", fullmatch=True))
    meta = JobMeta(
        job=JobRef(job_id), schema_version="0.1", command=tuple(draw(st.lists(WORDS, min_size=1))),
        created_at=MOMENT, root="/jobs", env_keys=(), cwd="/" + draw(WORDS).replace(" ", "_"),
        tags=tuple(draw(st.lists(TAGS, max_size=4))),
    )  # fmt: skip
    state = JobState(
        job=StateJob(id=job_id, status=word, started_at=MOMENT), result=result, updated_at=MOMENT
    )
    problem = draw(PROBLEMS)
    has_meta = problem is None or draw(st.booleans())
    record = JobRecord(job_id=job_id, meta=meta if has_meta else None, state=state, problem=problem)
    doubts = st.builds(
        Doubt, st.sampled_from([*status.DOUBT_OF_VERDICT.values(), status.ALIVE]), st.booleans()
    )
    doubt = draw(st.none() | doubts)
    is_over = word in (JobStatus.EXITED, JobStatus.KILLED, JobStatus.FAILED)
    return row_of(record, doubt=doubt, is_capturing=is_over and draw(st.booleans()))


@settings(max_examples=80, deadline=None)
@given(row=rows(), cells=st.integers(6, 40))
def test_what_a_column_shows_can_be_put_behind_its_key(row: JobRow, cells: int) -> None:
    for field, key in KEY_OF_FIELD.items():
        width = max(cells, 8) if field is Field.STATE else cells
        column = Column(field, width)
        shown = _fit(_cell(row, column, LOOK), column).strip()
        if not shown:
            continue
        term = key + (f'"{shown}"' if " " in shown else shown)
        assert compile_filter(term, 0).matches(row.fields), (term, row)


@settings(max_examples=80, deadline=None)
@given(row=rows())
def test_tabs_and_the_words_of_filters_agree(row: JobRow) -> None:
    for tab, word in ((Tab.RUNNING, "running"), (Tab.FAILED, "failed"), (Tab.DONE, "done")):
        found = compile_filter(f"state:{word}", 0).matches(row.fields)
        assert tab.holds(row.kind) == found, (tab, row)
    if row.kind not in (RowKind.PROBLEM, RowKind.LOST, RowKind.ORPHAN):
        # The header's word for the kind finds it.
        assert compile_filter(f"state:{row.kind.value}", 0).matches(row.fields), row


@settings(max_examples=60, deadline=None)
@given(row=rows(), cells=st.integers(20, 60))
def test_a_command_finds_its_job_even_where_it_was_cut(row: JobRow, cells: int) -> None:
    if row.kind is RowKind.PROBLEM:
        return
    column = Column(Field.COMMAND, cells)
    shown = _fit(_cell(row, column, LOOK), column).strip()
    assert all(
        compile_filter('"{}"'.format(word.replace('"', '\\"')), 0).matches(row.fields)
        for word in shown.split(" ")
        if word
    ), (shown, row)


async def test_a_paused_job_has_its_own_sign_and_is_among_the_running(store: JobStore) -> None:
    job_id = run_job(store, JobDefinition(command=("sleep", "60")), observation=NO_WAIT).job_id
    async with dashboard(store.root, (200, 36)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: main.jobs.rows[job_id].kind is RowKind.RUNNING)
        pid = main.jobs.rows[job_id].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: main.jobs.rows[job_id].kind is RowKind.PAUSED, "its stop")
        text = screen_text(pilot)
        assert "‖ paused" in text
        assert "‖1 paused" in text
        assert "Running 1" in text
        assert "Failed 0" in text
        for filter_text in ("state:running", "state:paused"):
            main.viewing.set_filter(filter_text)
            await until(pilot, lambda: [row.job_id for row in main.jobs.shown] == [job_id])
            found = dashboard_snapshot(store, filter_text=filter_text)
            assert [(job.job_id, job.state, job.detail) for job in found.jobs] == [
                (job_id, "running", "paused")
            ]
        main.viewing.set_filter("state:failed")
        await until(pilot, lambda: not main.jobs.shown)
        os.kill(pid, signal.SIGCONT)
    kill_job(store, job_id, signal="KILL")


@pytest.mark.parametrize("name", ["meta.json", "state.json"])
async def test_an_unreadable_job_is_found_by_the_word_shown(root: Root, name: str) -> None:
    missing, torn = root.add("11"), root.add("22")
    (root.path / missing / name).unlink()
    (root.path / torn / name).write_bytes(b'{"job": ')
    async with dashboard(root.path, (120, 36)) as pilot:
        main = app_of(pilot).main
        await until(pilot, lambda: len(main.jobs) == 2)
        words = {row.job_id: row.word for row in main.jobs.shown}
        assert words == {missing: f"no-{name[:-5]}", torn: "corrupt"}
        for job_id, word in words.items():
            main.viewing.set_filter(f"state:{word}")
            await until(pilot, lambda: [row.job_id for row in main.jobs.shown] == [job_id])  # noqa: B023
