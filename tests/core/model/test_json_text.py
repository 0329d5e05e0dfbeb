"""JSON is read as the standard library reads it, only sooner."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from agent_exec.model import json_text
from agent_exec.model.json_text import loads
from support.console import environment

TAKEN = [
    "{}", " [] ", "\t\r\n null \n", "-0", "1e400", "12345678901234567890", "1.5e-3", "true",
    '"a\\u00e9\\ud83d\\ude00\\n"', '{"a": [1, {"b": null}], "a": 2}', '"\u2028\x7f"', "-Infinity",
    '{"job": {"id": "x"}, "n": [1.0, -2]}', '"\\ud800"',
]  # fmt: skip
REFUSED = [
    "", " ", "{", "[1,]", "{'a': 1}", '{"a" 1}', "1 2", "nul", '"\n"', '"\\x"', "\ufeff{}", "01",
    '{"a": 1}}', "[1", '"', "\x0b1", "\xa0{}", "-", "1.", "+1", "\u0661",
]  # fmt: skip


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_json_reads_as_ever(text: str) -> None:
    assert repr(loads(text)) == repr(json.loads(text))


def test_what_is_no_number_is_read_as_ever() -> None:
    value = loads("NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_is_refused_in_the_same_words(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as found:
        loads(text)
    assert str(found.value) == str(expected.value)


def test_what_would_exhaust_the_interpreter_is_refused() -> None:
    with pytest.raises(RecursionError):
        loads("[" * 200_000)
    with pytest.raises(ValueError, match="digits"):
        loads("9" * 5000)


def test_another_interpreter_reads_it_with_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "_scan", json_text._refuse)
    assert loads(' {"a": [1]} ') == {"a": [1]}


def run_bare(code: str) -> None:
    """Run code in an interpreter that has loaded nothing."""
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{code}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, env=environment())


def test_reading_takes_neither_json_nor_patterns() -> None:
    run_bare(
        "from agent_exec.model.json_text import loads\n"
        "loads('{\"a\": [1.5]}')\n"
        "assert not {'json', 're'} & set(sys.modules)"
    )


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_is_refused_where_json_is_not_loaded_yet(text: str) -> None:
    run_bare(
        "from agent_exec.model.json_text import loads\n"
        f"try: loads({text!r})\n"
        "except ValueError as error: assert type(error).__name__ == 'JSONDecodeError'\n"
        "else: raise AssertionError"
    )
