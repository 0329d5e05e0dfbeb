from __future__ import annotations

import json

import pytest
import yaml

from agent_exec.cli.envelope import encode_json, error_document, success_document
from agent_exec.cli.yaml_output import encode_yaml
from agent_exec.errors import AmbiguousJobIdError
from agent_exec.model.job import JobStatus
from agent_exec.model.lazy_dataclass import dataclass

HOSTILE = "\x7f\x80\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    name: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    job_id: str
    state: JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Base):
    wire_type = "answer"

    exit_code: int | None = None
    tags: tuple[str, ...] = ()
    inner: Inner | None = None
    text: str = ""


def test_fields_keep_their_order_and_what_is_none_is_left_out() -> None:
    answer = Answer(job_id="a", state=JobStatus.EXITED, tags=("x",), inner=Inner(name="n"))
    assert encode_json(success_document(answer)) == (
        b'{"schema_version":"0.1","ok":true,"type":"answer","job_id":"a","state":"exited",'
        b'"tags":["x"],"inner":{"name":"n"},"text":""}\n'
    )


def test_an_error_carries_its_code_message_and_details() -> None:
    document = error_document(AmbiguousJobIdError("a", ["ab", "aa"]))
    assert document["error"] == {
        "code": "ambiguous_job_id",
        "message": "ambiguous job ID prefix 'a': matches aa, ab",
        "retryable": False,
        "details": {"candidates": ["aa", "ab"], "truncated": False},
    }


@pytest.mark.parametrize("char", HOSTILE + "\x00\x1b\ud800\udcff")
def test_hostile_characters_are_escaped_in_json(char: str) -> None:
    line = encode_json({"text": f"a{char}b"})
    assert line == f'{{"text":"a\\u{ord(char):04x}b"}}\n'.encode()
    assert json.loads(line) == {"text": f"a{char}b"}


def test_harmless_text_stays_as_it_is_in_json() -> None:
    assert encode_json({"text": "é 漢 🎉 /"}) == '{"text":"é 漢 🎉 /"}\n'.encode()


@pytest.mark.parametrize("char", HOSTILE + "\x00\x1b\ufeff")
def test_hostile_characters_are_escaped_in_yaml(char: str) -> None:
    data = encode_yaml({"text": f"a{char}b\n"})
    assert char not in data.decode()
    assert yaml.safe_load(data) == {"text": f"a{char}b\n"}


def test_a_lone_surrogate_does_not_break_yaml() -> None:
    assert rb"\uDCFF" in encode_yaml({"text": "a\udcffb"})


@pytest.mark.parametrize(
    "text",
    ["", " ", "true", "no", "~", "null", "12", "1.5", "12e45", "0x1f", "0o17", "- a", "a: b", "#x",
     "line\n", "two\nlines\n", "no end\nof line", "  indented\n  text\n", "trailing \nspace\n",
     "\n\nblank\n\n", "a\r\nb\r\n", "tab\tin", "'quoted'", '"double"', "%x", "@x", "`x`", "é漢🎉", "2026-01-01", "2026-1-1",
     "2026-01-01T00:00:00Z", "2001-12-14 21:59:43.10 -5", "12:30", "190:20:30.15", "09:30", "<<",
     "=", "0b1", "017", "1_000", ".inf", "-.INF", ".NaN", "on", "Off", "NULL", "y", "N", "!", "&a",
     "*a", "? a", "---", "...", "[a]", "{a}", "|", ">", "a #b", "1e3", "+1", "0x1F"],
)  # fmt: skip
def test_yaml_text_comes_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(encode_yaml({"text": text})) == {"text": text}


@pytest.mark.parametrize("text", ["12e4", "0o17", "09:30", "2026-1-1", "y", "N"])
def test_text_that_only_other_readers_of_yaml_take_for_something_else_is_quoted(text: str) -> None:
    assert encode_yaml({"text": text}).decode() == f"text: '{text}'\n"


def test_yaml_is_written_in_blocks_with_the_fewest_quotes() -> None:
    document: dict[str, object] = {
        "schema_version": "0.1",
        "ok": True,
        "jobs": [{"job_id": "a", "created_at": "2020-01-01T00:00:00Z", "tags": []}],
        "stdout": "line1\nline2\n",
        "stderr": "",
        "short_job_id": "12e4567",
        "long": "word " * 100,
    }
    assert encode_yaml(document).decode() == (
        "schema_version: '0.1'\nok: true\njobs:\n- job_id: a\n"
        "  created_at: '2020-01-01T00:00:00Z'\n  tags: []\n"
        "stdout: |\n  line1\n  line2\nstderr: ''\nshort_job_id: '12e4567'\n"
        f"long: '{'word ' * 100}'\n"
    )
