"""The filter language: what each term selects, and that nothing typed breaks it."""

from __future__ import annotations

import operator
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.model.filter import compile_filter
from agent_exec.model.filter_terms import FilterError, JobFields
from agent_exec.model.status import DOUBT_OF_VERDICT, SHOWN, words_of

NOW_S = 1_000_000.0
JOB = JobFields(
    job_id="7f3a9c1e",
    state="exited",
    command=("pytest", "-q", "Tests/unit [x]"),
    tags=("ci.unit", "nightly"),
    cwd="/home/me/proj",
    exit_code=2,
    created=NOW_S - 7200,
    ended="1970-01-12T12:46:40Z",  # an hour before NOW_S
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
    "exit:!0,1",
    "!exit:!2",
    "ended:!<1h",
    "age:!>2h",
    "!exit:none",
    "cwd:/home/me/proj",
    "cwd:/home/me",
    "cwd:/home/me/",
    "cwd:/",
    "cwd:proj",
    "id:7f3",
    "!id:b8",
    "!unknown:key",
    "age:<3h",
    "age:>1h",
    "age:<=2h",
    "age:>=2h",
    "age:!<1h",
    "!age:>1d",
    "age:>1h age:<1d",
    "age:>7199",
    "ended:<2h",
    "ended:>30m",
    "ended:>=3600s",
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
    "exit:!2",
    "exit:!0,>1",
    "ended:!<=1h",
    "exit:<2",
    "cwd:/home/m",
    "cwd:/proj",
    "id:3a",
    "!id:7f",
    "unknown:key",
    "age:<2h",
    "age:>2h",
    "age:<1d age:>12h",
    "!age:<3h",
    "ended:<1h",
    "ended:>1h",
    "state:unknown",
]


@pytest.mark.parametrize("text", SELECTED)
def test_terms_that_select(text: str) -> None:
    chosen = compile_filter(text, NOW_S)
    assert chosen.matches(JOB)
    assert chosen.mask([JOB]) == [True]


@pytest.mark.parametrize("text", NOT_SELECTED)
def test_terms_that_leave_out(text: str) -> None:
    chosen = compile_filter(text, NOW_S)
    assert not chosen.matches(JOB)
    assert chosen.mask([JOB, JOB]) == [False, False]


QUOTED = JobFields(
    job_id="5e11", state="exited", command=("sh", "-c", "echo Boom; it's"), tags=("ci",)
)


@pytest.mark.parametrize(
    "text",
    ["'echo", "-c 'echo", '"-c \'echo boom"', "'echo Boom", "it's", "-c echo", '"sh -c echo"',
     're:"^sh -c \'echo"', "!'make"],
)  # fmt: skip
def test_a_command_is_found_as_it_is_shown_and_as_it_is(text: str) -> None:
    chosen = compile_filter(text, NOW_S)
    assert chosen.matches(QUOTED)
    assert chosen.mask([QUOTED, QUOTED]) == [True, True]


@pytest.mark.parametrize("text", ["'boom", "'Echo", "echo'", "'ci", "!'echo", "re:'make"])
def test_quotes_are_found_only_where_the_shown_command_has_them(text: str) -> None:
    assert not compile_filter(text, NOW_S).matches(QUOTED)


def test_a_key_of_no_term_is_a_word_that_is_told_apart() -> None:
    chosen = compile_filter("foo:bar !Status:x exit:0 http://x/y 12:30 plain", NOW_S)
    assert chosen.strangers == ("foo", "Status")


def test_a_tilde_is_the_home_directory() -> None:
    home = JOB.cwd.rpartition("/")[0]
    below = JOB.cwd.removeprefix(home)
    for text in (f"cwd:~{below}", "cwd:~", f"cwd:!~{below}x"):
        assert compile_filter(text, NOW_S, home=home).matches(JOB)
        assert compile_filter(text, NOW_S, home=home + "/").matches(JOB)
    assert not compile_filter("cwd:~", NOW_S).matches(JOB)


def test_an_unreadable_job_has_an_id_and_a_state() -> None:
    assert compile_filter("id:b8 state:unreadable exit:none", NOW_S).matches(BARE)
    assert not compile_filter("cwd:/srv", NOW_S).matches(BARE)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("re:(", 0),
        ("a  re:[", 3),
        ("tag:a..b", 0),
        ("x state:nob", 2),
        ("state:", 0),
        ("state:running,", 0),
        ("exit:x", 0),
        ("exit:!", 0),
        ("age:!2d", 0),
        ("exit:--1", 0),
        ("exit:>", 0),
        ("exit:" + "9" * 5000, 0),
        ("re:a{1000}{1000}", 0),
        ("age:2d", 0),
        ("age:<", 0),
        ("x age:>1y", 2),
        ("age:>-1", 0),
        ("ended:<1.5h", 0),
        ("ended:=1h", 0),
    ],
)
def test_a_malformed_term_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, NOW_S)
    assert caught.value.position == position
    assert caught.value.code == "invalid_argument"


@pytest.mark.parametrize("text", ["re:(", "re:)", "re:a)b"])
def test_a_malformed_pattern_is_told_as_it_was_written(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, NOW_S)
    assert caught.value.problem.endswith(f": {text.removeprefix('re:')}")


def test_no_pattern_runs_away() -> None:
    job = JobFields(job_id="x", state="exited", command=("x" * 50_000,))
    begin = time.monotonic()
    assert not compile_filter("re:(x+x+)+y", NOW_S).matches(job)
    assert time.monotonic() - begin < 2


@given(text=st.text(max_size=40) | st.text(alphabet='re:tagstxidn! "\\,<>=0-9hm*.', max_size=20))
def test_anything_typed_is_a_filter_or_an_error_with_a_place(text: str) -> None:
    try:
        chosen = compile_filter(text, NOW_S)
    except FilterError as error:
        assert 0 <= error.position < len(text)  # noqa: PT017
    else:
        jobs = [JOB, BARE]
        assert chosen.mask(jobs) == [chosen.matches(job) for job in jobs]


WORDS = st.lists(
    st.sampled_from(
        ["m", "ma", "make", "Ma", "!m", "!make", "exit:0", "age:<1d", "re:a", "xyz", "'m", "a'b"]
    ),
    max_size=3,
).map(" ".join)


@given(before=WORDS, after=WORDS, typed=st.sampled_from(["", "k", " e", "E", "'"]))
def test_a_filter_that_narrows_another_lets_nothing_more_pass(
    before: str, after: str, typed: str
) -> None:
    jobs = [
        JobFields(job_id=name, state="exited", exit_code=0, created=NOW_S)
        for name in ("make", "mAke", "Make", "am", "k e", "mk", "exit")
    ]
    jobs += [JobFields(job_id="0", state="exited", command=("x", word))
             for word in ("m e", "ma'b", "'make", "a b'")]  # fmt: skip
    for text in (after, before + typed):
        try:
            old, new = compile_filter(before, NOW_S), compile_filter(text, NOW_S)
        except FilterError:
            continue  # such as `exit:0k`
        if new.narrows(old):
            assert not [job.job_id for job in jobs if new.matches(job) and not old.matches(job)]


@pytest.mark.parametrize(
    ("before", "after"), [("", "p"), ("p", "py"), ("a b", "a bc"), ("a", "a !b"), ("Py", "Pyt"),
                          ("exit:0", "exit:0 x"), ("py", "Py")],
)  # fmt: skip
def test_typing_on_narrows(before: str, after: str) -> None:
    assert compile_filter(after, NOW_S).narrows(compile_filter(before, NOW_S))
    assert not compile_filter(before, NOW_S).narrows(compile_filter(after, NOW_S))


@given(state=st.sampled_from(SHOWN), chosen=st.sampled_from(SHOWN))
def test_state_and_its_negation_part_the_jobs(state: str, chosen: str) -> None:
    job = JobFields(job_id="x", state=state)
    is_found = chosen in words_of(state, None, None)
    assert compile_filter(f"state:{chosen}", NOW_S).matches(job) is is_found
    assert compile_filter(f"!state:{chosen}", NOW_S).matches(job) is not is_found


@pytest.mark.parametrize("word", DOUBT_OF_VERDICT.values())
def test_a_doubt_is_found_by_its_word_and_by_the_state_it_leaves(word: str) -> None:
    lost = JobFields(job_id="x", state="unknown", detail=word)
    assert compile_filter(f"state:{word} state:unknown", NOW_S).matches(lost)
    assert not compile_filter(f"state:!{word}", NOW_S).matches(lost)
    assert not compile_filter(f"state:{word}", NOW_S).matches(JOB)


def test_what_has_not_ended_or_has_no_readable_date_is_never_found_by_time() -> None:
    odd = JobFields(job_id="x", state="exited", created="yesterday", ended="")
    for job in (BARE, odd):
        for text in ("age:<9999d", "age:>0", "ended:<9999d", "ended:>0"):
            assert not compile_filter(text, NOW_S).matches(job)
            assert compile_filter(f"!{text}", NOW_S).matches(job)


@pytest.mark.parametrize(
    "text", ["exit:!0", "exit:!none", "exit:!7,>9", "exit:!>0", "age:!<1h", "ended:!>1h"]
)
def test_another_value_than_that_has_to_be_there(text: str) -> None:
    assert not compile_filter(text, NOW_S).matches(BARE)
    assert compile_filter(f"!{text}", NOW_S).matches(BARE)


@given(
    created_ago_s=st.integers(0, 10**6),
    span_s=st.integers(0, 10**6),
    sign=st.sampled_from(["<", ">", "<=", ">="]),
    later_s=st.integers(0, 10**6),
)
def test_an_age_is_compared_as_of_the_moment_given(
    created_ago_s: int, span_s: int, sign: str, later_s: int
) -> None:
    job = JobFields(job_id="x", state="exited", created=NOW_S - created_ago_s)
    compare = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}[sign]
    chosen = compile_filter(f"age:{sign}{span_s}", NOW_S + later_s)
    assert chosen.matches(job) is compare(created_ago_s + later_s, span_s)


@pytest.mark.parametrize(
    ("text", "refresh_s"),
    [("make state:running", None), ("age:<2d", 60), ("ended:<30m", 30), ("age:>9d ended:<2m", 2),
     ("ended:<5s", 1)],
)  # fmt: skip
def test_only_a_filter_with_an_age_is_to_be_asked_again(text: str, refresh_s: float | None) -> None:
    assert compile_filter(text, NOW_S).refresh_s == refresh_s


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("tag:build.nightly,other", True), ("tag:other,nothing", False), ("tag:a,,build.*", True),
        ("exit:TERM", False), ("exit:!KILL", True),
    ],
)  # fmt: skip
def test_what_a_column_shows_can_be_pasted(text: str, is_found: bool) -> None:
    job = JobFields(job_id="x", state="exited", exit_code=1, tags=("build.nightly", "b"))
    assert compile_filter(text, NOW_S).matches(job) is is_found


def test_a_signal_is_found_by_every_name_it_has() -> None:
    for recorded in ("15", "TERM", "SIGTERM"):
        job = JobFields(job_id="x", state="killed", signal=recorded)
        for name in ("TERM", "term", "SIGTERM", "TERM,KILL"):
            assert compile_filter(f"exit:{name}", NOW_S).matches(job)
        assert not compile_filter("exit:!TERM", NOW_S).matches(job)
        assert not compile_filter("exit:KILL", NOW_S).matches(job)
    with pytest.raises(FilterError):
        compile_filter("exit:BOGUS", NOW_S)


@pytest.mark.parametrize(("verdict", "word"), DOUBT_OF_VERDICT.items())
def test_a_doubt_is_found_by_its_verdict(verdict: str, word: str) -> None:
    job = JobFields(job_id="x", state="unknown", detail=word)
    assert compile_filter(f'state:"{verdict}"', NOW_S).matches(job)
