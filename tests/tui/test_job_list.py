from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent_exec.model.filter import compile_filter
from agent_exec.model.filter_terms import JobFields
from agent_exec_tui.arrangement import Sort, Tab, View, arranged, narrowed
from agent_exec_tui.job_list import JobList
from agent_exec_tui.job_rows import JobRow, RowKind

KINDS = st.sampled_from(RowKind)
IDS = st.sampled_from([f"job{number}" for number in range(12)])


def row(
    job_id: str, kind: RowKind = RowKind.OK, created_s: float = 0.0, command: str = "x"
) -> JobRow:
    return JobRow(
        job_id=job_id,
        shown_id=job_id,
        kind=kind,
        word=kind.value,
        command=command,
        created_s=created_s,
        fields=JobFields(job_id=job_id, state="exited", command=(command,)),
    )


def rows() -> st.SearchStrategy[JobRow]:
    times = st.integers(min_value=0, max_value=5).map(float)
    return st.builds(row, IDS, KINDS, times, st.sampled_from(["make", "make test", "pytest"]))


def updates() -> st.SearchStrategy[list[tuple[list[JobRow], list[str]]]]:
    return st.lists(st.tuples(st.lists(rows(), max_size=4), st.lists(IDS, max_size=2)), max_size=8)


def expected(jobs: JobList, text: str) -> list[str]:
    wanted = compile_filter(text, 0)
    kept = [
        r for r in jobs.rows.values() if jobs.view.tab.holds(r.kind) and wanted.matches(r.fields)
    ]
    kept.sort(key=lambda r: (-r.created_s, r.job_id))
    return [r.job_id for r in (reversed(kept) if jobs.view.is_reversed else kept)]


@given(updates(), st.sampled_from(Tab), st.booleans(), st.sampled_from(["", "make", "!test"]))
def test_whatever_changes_the_list_is_as_if_it_were_made_anew(
    steps: list[tuple[list[JobRow], list[str]]], tab: Tab, is_reversed: bool, text: str
) -> None:
    jobs = JobList()
    jobs.look(View(tab=tab, is_reversed=is_reversed, wanted=compile_filter(text, 0) or None))
    for changed, removed in steps:
        jobs.apply(changed, removed)
        assert [r.job_id for r in jobs.shown] == expected(jobs, text)
        assert all(jobs.shown[i] is jobs.rows[r.job_id] for i, r in enumerate(jobs.shown))
        assert [jobs.position_of(r.job_id) for r in jobs.shown] == list(range(len(jobs)))
        assert jobs.count_of(Tab.ALL) == len(jobs.rows)
        for kind in RowKind:
            assert jobs.counts[kind] == sum(r.kind is kind for r in jobs.rows.values())


@given(updates())
def test_a_frozen_list_keeps_every_row_where_it_is(
    steps: list[tuple[list[JobRow], list[str]]],
) -> None:
    jobs = JobList()
    jobs.apply([row(f"job{n}", created_s=n) for n in range(6)])
    before = [r.job_id for r in jobs.shown]
    jobs.freeze()
    for changed, removed in steps:
        jobs.apply(changed, removed)
        assert [r.job_id for r in jobs.shown] == before
    jobs.thaw()
    assert [r.job_id for r in jobs.shown] == expected(jobs, "")


@given(updates(), updates(), st.sampled_from(["", "make", "!test"]))
def test_a_view_worked_out_elsewhere_misses_nothing_that_changed_meanwhile(
    before: list[tuple[list[JobRow], list[str]]],
    meanwhile: list[tuple[list[JobRow], list[str]]],
    text: str,
) -> None:
    jobs = JobList()
    for changed, removed in before:
        jobs.apply(changed, removed)
    arrangement = arranged(jobs.snapshot(), View(wanted=compile_filter(text, 0) or None))
    for changed, removed in meanwhile:
        jobs.apply(changed, removed)
    jobs.install(arrangement)
    assert [r.job_id for r in jobs.shown] == expected(jobs, text)
    assert all(jobs.shown[i] is jobs.rows[r.job_id] for i, r in enumerate(jobs.shown))


@given(updates(), updates(), st.sampled_from(["m", "make", "make t", "m !test"]), st.booleans())
def test_a_view_narrowed_from_what_is_shown_misses_nothing_either(
    before: list[tuple[list[JobRow], list[str]]],
    meanwhile: list[tuple[list[JobRow], list[str]]],
    text: str,
    is_reversed: bool,
) -> None:
    jobs = JobList()
    jobs.look(View(is_reversed=is_reversed, wanted=compile_filter("m", 0)))
    for changed, removed in before:
        jobs.apply(changed, removed)
    view = View(tab=Tab.DONE, is_reversed=is_reversed, wanted=compile_filter(text, 0))
    basis = jobs.basis(view)
    assert basis is not None
    arrangement = narrowed(basis, view)
    for changed, removed in meanwhile:
        jobs.apply(changed, removed)
    jobs.install(arrangement)
    assert [r.job_id for r in jobs.shown] == expected(jobs, text)
    assert all(jobs.position_of(r.job_id) == n for n, r in enumerate(jobs.shown))


def test_a_view_that_shows_others_too_is_worked_out_from_all_rows() -> None:
    jobs = JobList()
    jobs.look(View(wanted=compile_filter("make", 0)))
    for view in (
        View(),
        View(wanted=compile_filter("mak", 0)),
        View(sort=Sort.ID, wanted=compile_filter("make", 0)),
    ):
        assert jobs.basis(view) is None
    jobs.freeze()
    assert jobs.basis(View(wanted=compile_filter("make x", 0))) is None


def test_sizes_found_out_later_count_and_move_rows_only_where_they_order_them() -> None:
    for sort in (Sort.NEWEST, Sort.OUTPUT):
        jobs = JobList()
        jobs.look(View(sort=sort))
        jobs.apply([row("a", created_s=3), row("b", created_s=2), row("c", created_s=1)])
        change = jobs.take_sizes({"b": (5, 1, 6), "c": (2, 0, 2), "gone": (9, 9, 9)})
        assert jobs.log_bytes == 16
        assert jobs.rows["b"].output_bytes == 6
        shown = [r.job_id for r in jobs.shown]
        if sort is Sort.NEWEST:
            assert (shown, change.moved) == (["a", "b", "c"], False)
            assert change.updated == {"b", "c"}
        else:
            assert (shown, change.moved) == (["b", "c", "a"], True)
        assert not jobs.take_sizes({"b": (7, 7, 7)}).updated  # known already


def test_a_changed_row_that_keeps_its_place_is_told_as_updated_only() -> None:
    jobs = JobList()
    jobs.apply([row("a", RowKind.RUNNING, 1), row("b", created_s=2)])
    change = jobs.apply([row("a", RowKind.OK, 1)])
    assert not change.moved
    assert change.updated == {"a"}
    assert [ended.job_id for ended in change.ended] == ["a"]


def test_an_unchanged_row_is_no_change() -> None:
    jobs = JobList()
    jobs.apply([row("a")])
    change = jobs.apply([row("a")])
    assert not change.moved
    assert not change.updated


def test_every_order_has_its_first_row_where_one_looks_for_it() -> None:
    jobs = JobList()
    jobs.apply([
        replace(row("a", RowKind.BAD, 1, "zz"), raw_cwd="/b", exit_code=3, elapsed_s=9.0, stdout_bytes=1),
        replace(row("b", RowKind.RUNNING, 2, "aa"), started_s=5.0, tags=("t",)),
        replace(row("c", RowKind.OK, 3, "mm"), raw_cwd="/a", started_s=4.0,
                exit_code=0, elapsed_s=1.0, stdout_bytes=9),
    ])  # fmt: skip
    first = {}
    for order in Sort:
        jobs.look(View(sort=order))
        first[order] = jobs.shown[0].job_id
    assert first == {
        Sort.NEWEST: "c", Sort.STARTED: "b", Sort.CWD: "c", Sort.STATE: "b", Sort.ELAPSED: "b", Sort.EXIT: "a", Sort.OUTPUT: "c",
        Sort.COMMAND: "b", Sort.TAGS: "b", Sort.ID: "a",
    }  # fmt: skip


def test_jobs_in_doubt_are_counted_under_the_word_of_their_rows() -> None:
    jobs = JobList()
    orphan = replace(row("a", RowKind.LOST), word="orphan", raw_cwd="/here")
    jobs.apply([orphan, row("b")])
    assert jobs.doubt == "orphan"
    jobs.apply([replace(row("c", RowKind.LOST), word="stale?", raw_cwd="/there")])
    assert jobs.doubt == "doubtful"
    jobs.look(View(scope_cwd="/there"))
    assert jobs.doubt == "stale?"
    jobs.look(View())
    jobs.apply([], ["c"])
    assert jobs.doubt == "orphan"


def test_only_the_jobs_of_one_directory_are_listed_and_counted() -> None:
    jobs = JobList()
    jobs.apply([replace(row("a"), raw_cwd="/here"), replace(row("b"), raw_cwd="/there")])
    jobs.look(View(scope_cwd="/here"))
    assert [r.job_id for r in jobs.shown] == ["a"]
    assert jobs.scoped_total == 1
    jobs.apply([replace(row("c"), raw_cwd="/there")])
    assert jobs.scoped_total == 1
    jobs.look(View())
    assert jobs.scoped_total == 3


def test_a_view_rises_if_its_first_row_is_the_oldest_or_the_first_of_the_alphabet() -> None:
    both = [row("b", created_s=1.0, command="alpha"), row("a", created_s=2.0, command="omega")]
    for sort, key in ((Sort.NEWEST, "created_s"), (Sort.COMMAND, "command"), (Sort.ID, "job_id")):
        for is_reversed in (False, True):
            view = View(sort=sort, is_reversed=is_reversed)
            first, last = (getattr(shown, key) for shown in arranged(both, view).shown)
            assert view.rises is (first < last)
