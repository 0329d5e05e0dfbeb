"""Records are written as the peers write them, byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.model.records import dump_line, dump_record

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES))
def test_a_record_looks_as_the_standard_library_would_write_it(document: dict[str, object]) -> None:
    expected = json.dumps(document, indent=2, ensure_ascii=False)
    assert dump_record(document) == expected.encode("utf-8", "backslashreplace")
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    assert dump_line(document) == compact.encode("utf-8", "backslashreplace")


def test_controls_are_escaped_and_the_rest_is_not() -> None:
    assert dump_line({"a": '\x00\x1f\t\n"\\/\x7fé\u2028'}) == (
        '{"a":"\\u0000\\u001f\\t\\n\\"\\\\/\x7fé\u2028"}'.encode()
    )


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot hold bytes"):
        dump_record({"a": b"x"})
