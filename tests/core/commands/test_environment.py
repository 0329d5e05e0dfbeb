"""What a command finds in its environment, and what of it is shown."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.commands.environment import (
    child_environment,
    displayed,
    require_entries,
    runtime_entries,
)
from agent_exec.errors import InternalError, InvalidArgumentError, MissingEnvError
from agent_exec.model.job import JobMeta, JobRef


def meta(**options: object) -> JobMeta:
    return JobMeta(
        job=JobRef("j"),
        schema_version="0.1",
        command=("true",),
        created_at="2026-01-01T00:00:00Z",
        root="/r",
        env_keys=(),
        **options,  # type: ignore[arg-type]
    )


def test_masks_hide_values_by_exact_key() -> None:
    entries = ("A=1", "AB=2", "A", "B=x=y", "C=")
    assert displayed(entries, ("A", "B", "C")) == ("A=***", "AB=2", "A", "B=***", "C=***")


def test_kept_values_are_used_and_given_ones_win() -> None:
    job = meta(env_vars=("A=***", "B=2"), env_vars_runtime=("A=1", "B=2"), mask=("A",))
    assert runtime_entries("j", job) == ("A=1", "B=2")
    assert runtime_entries("j", job, ("B=3", "C=4")) == ("A=1", "B=3", "C=4")


def test_values_that_are_stored_nowhere_are_asked_for_by_name() -> None:
    job = meta(env_vars=("A=***", "B=2", "C=***", "NOEQ", "A=***"), mask=("A", "C", "NOEQ"))
    with pytest.raises(MissingEnvError) as caught:
        runtime_entries("j", job, ("C=given",))
    assert caught.value.details == {"keys": ["A"]}
    entries = runtime_entries("j", job, ("C=given", "A=also"))
    assert entries == ("B=2", "NOEQ", "C=given", "A=also")


def test_three_stars_are_a_value_like_any_other_when_nothing_masks_it() -> None:
    assert runtime_entries("j", meta(env_vars=("A=***",))) == ("A=***",)


def test_the_environment_is_layered_inherited_files_entries(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_text("A=file1\nB=file1\nC=file1\n")
    second.write_text("B=file2\nC=file2\n=nameless\n")
    job = meta(env_files=(str(first), str(second)))
    assert child_environment(job, ("C=entry", "D"), {"A": "inherited", "Z": "kept"}) == {
        "A": "file1",
        "B": "file2",
        "C": "entry",
        "D": "",
        "Z": "kept",
    }
    assert "Z" not in child_environment(meta(inherit_env=False), (), {"Z": "kept"})


def test_bytes_that_are_not_utf_8_pass_through_an_env_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"A=\xff\xfe\r\n")
    got = child_environment(meta(env_files=(str(file),)), (), {})
    assert got["A"].encode("utf-8", "surrogateescape") == b"\xff\xfe"


@pytest.mark.parametrize("path", ["/no/such.env", "/", "/dev/zero"])
def test_an_env_file_that_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(InternalError, match=f"read env file {path}: "):
        child_environment(meta(env_files=(path,)), (), {})


def test_a_nul_in_an_env_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"A=\0\n")
    with pytest.raises(InternalError, match="NUL"):
        child_environment(meta(env_files=(str(file),)), (), {})


# The contract: lines trimmed; blank and # lines skipped; split at the first =; no = is an empty
# value; nothing else is touched. What is trimmed is what Unicode calls White_Space.
WHITE_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
CHARACTERS = st.sampled_from("AB=# \t\r\n'\"$\\\x1c\x1f\x85\xa0\u2003\ufeff\xe9")
TEXT = st.text(CHARACTERS | st.characters(codec="utf-8", exclude_characters="\0"))


@given(TEXT)
def test_any_env_file_is_read_as_the_contract_says(text: str) -> None:
    expected = {}
    for line in text.split("\n"):
        start, end = 0, len(line)
        while start < end and line[start] in WHITE_SPACE:
            start += 1
        while end > start and line[end - 1] in WHITE_SPACE:
            end -= 1
        trimmed = line[start:end]
        key = trimmed.split("=", 1)[0]
        if trimmed[:1] not in ("", "#") and key:
            expected[key] = trimmed[len(key) + 1 :]
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        assert child_environment(meta(env_files=(file.name,)), (), {}) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_an_environment_or_an_error(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            found = child_environment(meta(env_files=(file.name,)), (), {})
        except InternalError:
            assert b"\0" in data
            return
    for key, value in found.items():
        assert key
        assert "=" not in key
        assert os.fsencode(key) in data
        assert os.fsencode(value) in data


def test_an_entry_without_a_key_is_refused_without_its_value() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        require_entries(["A=1", "=sesame"])
    assert "sesame" not in str(caught.value)
