"""The filter language: what each term selects, and that nothing typed breaks it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.model.filter import STATE_WORDS, FilterError, JobFields, compile_filter

JOB = JobFields(
    job_id="7f3a9c1e",
    state="exited",
    command=("pytest", "-q", "Tests/unit [x]"),
    tags=("ci.unit", "nightly"),
    cwd="/home/me/proj",
    exit_code=2,
)
BARE = JobFields(job_id="b81d", state="unreadable")

SELECTED = [
    "",
    "   ",
    "pytest",
    "pytest unit",
    "Tests",
    '"tests/unit [x]"',
    "7f3a9c1e",
    "nightly",
    "me/proj",
    "!missing",
    "!",
    "re:uni[tT]",
    "re:^pytest.*unit",
    're:"unit \\[x"',
    "!re:^nothing$",
    "tag:ci.*",
    "tag:ci.unit",
    "tag:!ci",
    "!tag:ci",
    "state:exited",
    "state:ex",
    "state:running,exited",
    "state:!running",
    "exit:2",
    "exit:1,2",
    "exit:>1",
    "exit:>=2",
    "exit:<3",
    "exit:!0",
    "!exit:none",
    "cwd:/home/me/proj",
    "cwd:/home/me",
    "cwd:/home/me/",
    "cwd:/",
    "cwd:proj",
    "id:7f3",
    "!id:b8",
    "!unknown:key",
]
NOT_SELECTED = [
    "missing",
    "pytest missing",
    "TESTS",
    "!pytest",
    "exited",
    "re:TESTS",
    "!re:unit",
    "tag:ci",
    "tag:unit",
    "tag:!ci.*",
    "state:running",
    "!state:exited",
    "exit:0",
    "exit:none",
    "exit:<2",
    "cwd:/home/m",
    "cwd:/proj",
    "id:3a",
    "!id:7f",
    "unknown:key",
]


@pytest.mark.parametrize("text", SELECTED)
def test_terms_that_select(text: str) -> None:
    chosen = compile_filter(text)
    assert chosen.matches(JOB)
    assert chosen.select([JOB]) == [JOB]


@pytest.mark.parametrize("text", NOT_SELECTED)
def test_terms_that_leave_out(text: str) -> None:
    chosen = compile_filter(text)
    assert not chosen.matches(JOB)
    assert chosen.select([JOB, JOB]) == []


def test_an_unreadable_job_has_an_id_and_a_state() -> None:
    assert compile_filter("id:b8 state:unreadable exit:none").matches(BARE)
    assert not compile_filter("cwd:/srv").matches(BARE)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("re:(", 0),
        ("a  re:[", 3),
        ("tag:a..b", 0),
        ("x state:no", 2),
        ("state:", 0),
        ("state:running,", 0),
        ("exit:x", 0),
        ("exit:--1", 0),
        ("exit:>", 0),
        ("exit:" + "9" * 5000, 0),
        ("re:a{1000}{1000}", 0),
    ],
)
def test_a_malformed_term_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text)
    assert caught.value.position == position
    assert caught.value.code == "invalid_argument"


def test_no_pattern_runs_away() -> None:
    job = JobFields(job_id="x", state="exited", command=("x" * 50_000,))
    begin = time.monotonic()
    assert not compile_filter("re:(x+x+)+y").matches(job)
    assert time.monotonic() - begin < 2


@given(text=st.text(max_size=40) | st.text(alphabet='re:tagstxid! "\\,<>=0-9*.', max_size=20))
def test_anything_typed_is_a_filter_or_an_error_with_a_place(text: str) -> None:
    try:
        chosen = compile_filter(text)
    except FilterError as error:
        assert 0 <= error.position < len(text)  # noqa: PT017
    else:
        jobs = [JOB, BARE]
        assert chosen.select(jobs) == [job for job in jobs if chosen.matches(job)]


@given(state=st.sampled_from(STATE_WORDS), chosen=st.sampled_from(STATE_WORDS))
def test_state_and_its_negation_part_the_jobs(state: str, chosen: str) -> None:
    job = JobFields(job_id="x", state=state)
    assert compile_filter(f"state:{chosen}").matches(job) is (state == chosen)
    assert compile_filter(f"!state:{chosen}").matches(job) is (state != chosen)
