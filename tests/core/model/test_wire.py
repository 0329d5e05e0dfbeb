"""Records keep the peers' form: key order, what is left out, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.job import (
    JobMeta,
    JobRef,
    JobResult,
    JobState,
    JobStatus,
    MatchStream,
    MatchType,
    Notification,
    OutputMatch,
    StateJob,
)
from agent_exec.model.records import dump_record, load_record
from agent_exec.model.wire import decode_meta, decode_state, encode_meta, encode_state

# Written by agent-exec 0.2.6 for `create` with every option, ids and paths shortened.
PEER_META = """{
  "job": {
    "id": "6a7a1d5fbe8b15fe9b9f220c45c05858"
  },
  "schema_version": "0.1",
  "command": [
    "sh",
    "-c",
    "cat; env"
  ],
  "created_at": "2026-11-22T16:39:00Z",
  "root": "/jobs",
  "env_keys": [
    "FOO",
    "SECRET"
  ],
  "env_vars": [
    "FOO=bar",
    "SECRET=***"
  ],
  "env_vars_runtime": [
    "FOO=bar",
    "SECRET=s3cr3t"
  ],
  "mask": [
    "SECRET"
  ],
  "cwd": "/tmp",
  "notification": {
    "notify_command": "cat >/dev/null",
    "on_output_match": {
      "pattern": "ERR",
      "match_type": "regex",
      "stream": "stderr",
      "command": "cat >/dev/null"
    }
  },
  "tags": [
    "a.b",
    "c"
  ],
  "inherit_env": false,
  "env_files": [
    "/one.env"
  ],
  "timeout_ms": 5000,
  "kill_after_ms": 2000,
  "progress_every_ms": 3000,
  "shell_wrapper": [
    "bash",
    "-c"
  ],
  "stdin_file": "stdin.bin"
}"""

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
texts = st.lists(text, max_size=3).map(tuple)
milliseconds = st.integers(0, 2**40)
notifications = st.builds(
    Notification,
    notify_command=st.none() | text,
    notify_file=st.none() | text,
    on_output_match=st.none()
    | st.builds(
        OutputMatch,
        pattern=text,
        match_type=st.sampled_from(MatchType),
        stream=st.sampled_from(MatchStream),
        command=st.none() | text,
        file=st.none() | text,
    ),
)
metas = st.builds(
    JobMeta,
    job=st.builds(JobRef, text),
    schema_version=text,
    command=texts,
    created_at=text,
    root=text,
    env_keys=texts,
    env_vars=texts,
    env_vars_runtime=texts,
    mask=texts,
    cwd=st.none() | text,
    notification=st.none() | notifications,
    tags=texts,
    inherit_env=st.booleans(),
    env_files=texts,
    timeout_ms=milliseconds,
    kill_after_ms=milliseconds,
    progress_every_ms=milliseconds,
    shell_wrapper=st.none() | texts,
    stdin_file=st.none() | text,
)
states = st.builds(
    JobState,
    job=st.builds(
        StateJob, id=text, status=st.sampled_from(JobStatus), started_at=st.none() | text
    ),
    result=st.builds(
        JobResult,
        exit_code=st.none() | st.integers(-(2**31), 2**31 - 1),
        signal=st.none() | text,
        duration_ms=st.none() | milliseconds,
    ),
    pid=st.none() | st.integers(2, 2**22),
    finished_at=st.none() | text,
    updated_at=text,
    logs_drained=st.booleans(),
)


@given(metas)
def test_a_written_definition_is_read_back_the_same(meta: JobMeta) -> None:
    document = load_record(dump_record(encode_meta(meta)), "meta.json")
    read = decode_meta(document)
    assert encode_meta(read) == encode_meta(meta)
    assert read.command == meta.command
    assert read.abandon_job_after_ms == meta.timeout_ms


@given(states)
def test_a_written_state_is_read_back_the_same(state: JobState) -> None:
    assert decode_state(load_record(dump_record(encode_state(state)), "state.json")) == state


def test_a_peers_definition_is_rewritten_to_the_letter_but_for_the_second_limit() -> None:
    meta = decode_meta(load_record(PEER_META.encode(), "meta.json"))
    ours = dump_record(encode_meta(meta)).decode()
    assert ours.replace('  "abandon_job_after_ms": 5000,\n', "") == PEER_META


def test_result_keys_are_there_even_when_nothing_is_known() -> None:
    state = JobState(job=StateJob(id="a", status=JobStatus.CREATED), updated_at="now")
    assert encode_state(state) == {
        "job": {"id": "a", "status": "created"},
        "result": {"exit_code": None, "signal": None, "duration_ms": None},
        "updated_at": "now",
        "logs_drained": True,
    }


def test_six_keys_are_enough_to_be_a_definition() -> None:
    meta = decode_meta(
        {
            "job": {"id": "j"},
            "schema_version": "9.9",
            "command": ["x"],
            "created_at": "2020-01-01T00:00:00Z",
            "root": "r",
            "env_keys": [],
            "from_the_future": {"a": 1},
        }
    )
    assert meta.inherit_env
    assert meta.tags == ()
    assert meta.shell_wrapper is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"job": None}, "job"),
        ({"command": "echo"}, "command"),
        ({"command": [1]}, "command"),
        ({"inherit_env": "yes"}, "inherit_env"),
        ({"timeout_ms": 1.5}, "timeout_ms"),
        ({"timeout_ms": True}, "timeout_ms"),
        ({"notification": {"on_output_match": {"match_type": "glob"}}}, "on_output_match"),
        ({"tags": {"a": 1}}, "tags"),
    ],
)
def test_a_wrong_type_is_refused_and_named(change: dict[str, object], named: str) -> None:
    document = json.loads(PEER_META) | change
    with pytest.raises(RecordUnreadableError, match=named):
        decode_meta(document)


def test_an_unknown_status_is_refused() -> None:
    document: dict[str, object] = {
        "job": {"id": "a", "status": "paused"},
        "result": {},
        "updated_at": "x",
    }
    with pytest.raises(RecordUnreadableError, match="paused"):
        decode_state(document)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"pid": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "torn", "list", "text", "not utf-8", "deep", "deep object", "long number"],
)
def test_hostile_records_are_an_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(RecordUnreadableError, match=r"state\.json"):
        load_record(data, "state.json")
