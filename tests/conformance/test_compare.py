"""The compare itself: it must be able to find fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.compare import Comparison
from conformance.differences import Amendment, Differences
from conformance.recording import Json, Names

RECORDED: dict[str, Json] = {
    "ok": True,
    "state": "exited",
    "exit_code": 0,
    "pid": 77,
    "finished_at": "2026-11-22T16:39:42Z",
    "created_at": "2020-01-01T00:00:00Z",
    "tags": ["a"],
    "jobs": [{"job_id": "x", "bytes": 5}, {"job_id": "y", "bytes": 5}],
}


def problems(
    ours: dict[str, Json], *amendments: Amendment, races: tuple[str, ...] = (), kind: str = "run"
) -> list[str]:
    listed = Differences(
        left_out={},
        amendments=amendments,
        extra_fields={"run": frozenset({"root"})},
        extra_files=(),
        missing_steps={},
        failing_steps={},
        races=dict.fromkeys(races, ""),
    )
    comparison = Comparison("a_case", Names("a_case", Path("/here")), listed)
    comparison.value(("stdout",), RECORDED, ours, kind)
    return comparison.problems


def test_what_varies_may_vary() -> None:
    ours = {**RECORDED, "pid": 1234, "finished_at": "2031-01-01T00:00:00Z", "root": "/x"}
    assert problems(ours) == []


@pytest.mark.parametrize(
    "change",
    [
        {"ok": 1},
        {"state": "running"},
        {"exit_code": "0"},
        {"exit_code": None},
        {"pid": "77"},
        {"finished_at": "yesterday"},
        {"created_at": "2021-01-01T00:00:00Z"},
        {"tags": []},
        {"tags": ["b"]},
        {"jobs": [{"job_id": "x", "bytes": 5}]},
        {"jobs": [{"job_id": "y", "bytes": 5}, {"job_id": "x", "bytes": 5}]},
        {"surprise": 1},
    ],
)
def test_each_deviation_is_found(change: dict[str, Json]) -> None:
    assert problems({**RECORDED, **change})


def test_a_missing_field_and_another_order_are_found() -> None:
    assert problems({key: value for key, value in RECORDED.items() if key != "tags"})
    assert problems(dict(reversed(RECORDED.items())))


def test_the_order_of_jobs_counts_only_where_there_is_one() -> None:
    jobs: Json = [{"job_id": "y", "bytes": 5}, {"job_id": "x", "bytes": 5}]
    assert problems({**RECORDED, "jobs": jobs}, kind="gc") == []


def test_a_listed_difference_must_be_as_listed() -> None:
    amendment = Amendment(("a_*",), ("stdout", "state"), "killed", "a reason")
    assert problems({**RECORDED, "state": "killed"}, amendment) == []
    assert problems({**RECORDED, "state": "failed"}, amendment)


def test_a_race_covers_the_end_and_nothing_else() -> None:
    running = {key: value for key, value in RECORDED.items() if key != "exit_code"}
    assert problems({**running, "state": "running"}, races=("a_case",)) == []
    assert problems({**running, "state": "running", "ok": False}, races=("a_case",))


def test_records_must_have_the_peers_form(tmp_path: Path) -> None:
    listed = Differences({}, (), {}, (), {}, {}, {})
    recorded = json.dumps({"a": 1}, indent=2).encode()
    for ours, is_right in ((recorded, True), (b'{"a":1}', False), (recorded + b"\n", False)):
        comparison = Comparison("a_case", Names("a_case", tmp_path), listed)
        comparison.file(("files", "root/x/meta.json"), recorded, ours)
        assert (comparison.problems == []) is is_right
