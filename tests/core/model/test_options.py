"""options.json: what was asked for comes back, whatever else lies in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.model.options import (
    MAX_RUN,
    NOTHING_ASKED,
    EndedBy,
    JobOptions,
    decode_options,
    encode_options,
)
from agent_exec.model.records import dump_record, load_record

ASKED = JobOptions(
    run=3,
    log_path="/var/log/it.log",
    log_max_bytes=0,
    rerun_of="cafe",
    ended_by=EndedBy(
        run=2, started_at="2026-01-01T00:00:00Z", pid=77, who="ann", uid=1000,
        when="2026-01-01T00:00:09Z", door="cli", signal="15",
    ),
)  # fmt: skip


def test_what_was_asked_for_comes_back() -> None:
    document = load_record(dump_record(encode_options(ASKED, {})), "options.json")
    assert decode_options(document) == ASKED
    assert document["version"] == 1
    assert encode_options(NOTHING_ASKED, {}) == {"version": 1}


def test_keys_of_a_later_version_stay_and_so_does_its_number() -> None:
    later = {"version": 7, "run": 1, "pty": {"rows": 24}, "log_path": "/old"}
    written = encode_options(JobOptions(run=2), later)
    assert written == {"version": 7, "pty": {"rows": 24}, "run": 2}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run", -1), ("run", True), ("run", 1.0), ("run", "1"), ("run", MAX_RUN), ("run", 10**400),
        ("log_path", "relative"), ("log_path", "/a\0b"), ("log_path", "/" + "x" * 5000),
        ("log_path", "/\ud800"), ("log_path", ["/a"]), ("log_path", ""),
        ("log_max_bytes", -1), ("log_max_bytes", 2**64), ("log_max_bytes", None),
        ("rerun_of", 5), ("ended_by", []), ("ended_by", {"who": "x"}),
        ("ended_by", {"who": "x", "when": 5, "door": "cli"}),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_taken_as_not_given(key: str, value: object) -> None:
    assert decode_options({"version": 1, key: value}) == NOTHING_ASKED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["version", "run", "log_path", "log_max_bytes", "rerun_of", "ended_by"])


@given(st.dictionaries(KEYS | st.text(), JSON))
def test_any_object_can_be_read_and_written_again(document: dict[str, object]) -> None:
    options = decode_options(document)
    written = json.loads(json.dumps(encode_options(options, document)))
    assert decode_options(written) == options
