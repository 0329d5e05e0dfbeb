"""create keeps a definition whole or leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from agent_exec.commands.create import CreatedJob, create_job
from agent_exec.commands.definition import JobDefinition, StdinFile, StdinStream, StdinText
from agent_exec.errors import (
    InternalError,
    InvalidArgumentError,
    InvalidTagError,
    StdinRequiredError,
    StdinTooLargeError,
)
from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec.store.jobs import JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "root")


def meta_of(store: JobStore, created: CreatedJob) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads(Path(store.root, created.job_id, "meta.json").read_bytes())
    return meta


def leftovers(store: JobStore) -> list[str]:
    return os.listdir(store.root) if os.path.isdir(store.root) else []


def test_the_answer_has_the_wire_fields_in_order() -> None:
    names = [field.name for field in fields(CreatedJob)]
    assert names == ["job_id", "root", "state", "stdout_log_path", "stderr_log_path"]
    assert CreatedJob.wire_type == "create"


def test_every_option_is_kept_as_the_peers_keep_it(store: JobStore, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    created = create_job(
        store,
        JobDefinition(
            command=("sh", "-c", "cat; env"),
            cwd=str(work),
            env=("FOO=bar", "SECRET=s3cr3t", "EMPTY=", "NOEQ"),
            env_files=(str(tmp_path / "one.env"),),
            inherit_env=False,
            mask=("SECRET", "UNUSED"),
            stdin=StdinText("input\n"),
            timeout_ms=5000,
            kill_after_ms=2000,
            progress_every_ms=3000,
            notification=Notification(
                notify_command="cat >/dev/null",
                on_output_match=OutputMatch(
                    pattern="ERR", match_type=MatchType.REGEX, stream=MatchStream.STDERR
                ),
            ),
            tags=("a.b", "c", "a.b"),
            shell_wrapper=("bash", "-c"),
        ),
    )
    meta = meta_of(store, created)
    assert meta.pop("created_at").endswith("Z")
    assert meta == {
        "job": {"id": created.job_id},
        "schema_version": "0.1",
        "command": ["sh", "-c", "cat; env"],
        "root": store.root,
        "env_keys": ["FOO", "SECRET", "EMPTY", "NOEQ"],
        "env_vars": ["FOO=bar", "SECRET=***", "EMPTY=", "NOEQ"],
        "env_vars_runtime": ["FOO=bar", "SECRET=s3cr3t", "EMPTY=", "NOEQ"],
        "mask": ["SECRET", "UNUSED"],
        "cwd": os.path.realpath(work),
        "notification": {
            "notify_command": "cat >/dev/null",
            "on_output_match": {"pattern": "ERR", "match_type": "regex", "stream": "stderr"},
        },
        "tags": ["a.b", "c"],
        "inherit_env": False,
        "env_files": [str(tmp_path / "one.env")],
        "abandon_job_after_ms": 5000,
        "timeout_ms": 5000,
        "kill_after_ms": 2000,
        "progress_every_ms": 3000,
        "shell_wrapper": ["bash", "-c"],
        "stdin_file": "stdin.bin",
    }


def test_relative_paths_become_absolute_at_creation(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("data")
    created = create_job(
        store,
        JobDefinition(
            command=("cat",),
            cwd="later",
            env_files=("a.env",),
            stdin=StdinFile("in.txt"),
            notification=Notification(
                notify_file="n.ndjson", on_output_match=OutputMatch(pattern="x", file="m.ndjson")
            ),
        ),
    )
    meta = meta_of(store, created)
    here = os.getcwd()
    assert meta["cwd"] == f"{here}/later"
    assert meta["env_files"] == [f"{here}/a.env"]
    assert meta["notification"]["notify_file"] == f"{here}/n.ndjson"
    assert meta["notification"]["on_output_match"]["file"] == f"{here}/m.ndjson"


def test_a_cwd_is_canonical_and_defaults_to_the_callers(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    given = create_job(store, JobDefinition(command=("true",), cwd=str(tmp_path / "link")))
    monkeypatch.chdir(tmp_path / "link")
    default = create_job(store, JobDefinition(command=("true",)))
    expected = os.path.realpath(real)
    assert [meta_of(store, given)["cwd"], meta_of(store, default)["cwd"]] == [expected, expected]


def test_a_notification_that_says_nothing_is_left_out(store: JobStore) -> None:
    empty = Notification(on_output_match=OutputMatch(pattern="", command="cat"))
    created = create_job(store, JobDefinition(command=("true",), notification=empty))
    assert "notification" not in meta_of(store, created)


@pytest.mark.parametrize("text", ["hello\nworld", "", b"\x00\xff\n"])
def test_standard_input_is_kept_exactly_and_private(store: JobStore, text: str | bytes) -> None:
    created = create_job(store, JobDefinition(command=("cat",), stdin=StdinText(text)))
    kept = Path(store.root, created.job_id, "stdin.bin")
    assert kept.read_bytes() == (text.encode() if isinstance(text, str) else text)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_standard_input_of_exactly_the_limit_is_kept(store: JobStore, tmp_path: Path) -> None:
    source = tmp_path / "in.bin"
    source.write_bytes(os.urandom(3 * 1024 * 1024 + 5))
    size = source.stat().st_size
    definition = JobDefinition(command=("cat",), stdin=StdinFile(str(source)), stdin_max_bytes=size)
    created = create_job(store, definition)
    assert Path(store.root, created.job_id, "stdin.bin").read_bytes() == source.read_bytes()


def test_a_stream_is_read_to_its_end_even_in_non_blocking_mode(store: JobStore) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "import time; print('a'); time.sleep(0.2); print('b')"],
        stdout=writer,
    )
    os.close(writer)
    try:
        created = create_job(store, JobDefinition(command=("cat",), stdin=StdinStream(reader)))
    finally:
        os.close(reader)
        child.wait()
    assert Path(store.root, created.job_id, "stdin.bin").read_bytes() == b"a\nb\n"


def test_a_terminal_is_no_standard_input(store: JobStore) -> None:
    ours, theirs = pty.openpty()
    try:
        with pytest.raises(StdinRequiredError, match="requires non-interactive stdin"):
            create_job(store, JobDefinition(command=("cat",), stdin=StdinStream(theirs)))
    finally:
        os.close(ours)
        os.close(theirs)
    assert leftovers(store) == []


@pytest.mark.parametrize("source", [StdinFile("/dev/zero"), StdinText("0123456789")])
def test_too_much_standard_input_is_refused_promptly_and_leaves_nothing(
    store: JobStore, source: StdinFile | StdinText
) -> None:
    began = time.monotonic()
    with pytest.raises(StdinTooLargeError, match="input exceeds 4 byte limit"):
        create_job(store, JobDefinition(command=("cat",), stdin=source, stdin_max_bytes=4))
    assert time.monotonic() - began < 5
    assert leftovers(store) == []


def test_a_missing_source_is_named_in_the_peers_words(store: JobStore, tmp_path: Path) -> None:
    missing = str(tmp_path / "nope.txt")
    with pytest.raises(InternalError) as caught:
        create_job(store, JobDefinition(command=("cat",), stdin=StdinFile(missing)))
    assert str(caught.value) == (
        f"open --stdin-file source {missing}: No such file or directory (os error 2)"
    )
    assert leftovers(store) == []


def test_a_directory_or_a_closed_descriptor_is_an_error_that_leaves_nothing(
    store: JobStore, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    for source in (StdinFile(str(tmp_path)), StdinStream(reader)):
        with pytest.raises(InternalError, match=r"os error (21|9)"):
            create_job(store, JobDefinition(command=("cat",), stdin=source))
    assert leftovers(store) == []


def test_an_interrupted_creation_leaves_nothing(store: JobStore) -> None:
    program = (
        "import sys; from agent_exec.commands.create import create_job\n"
        "from agent_exec.commands.definition import JobDefinition, StdinStream\n"
        "from agent_exec.store.jobs import JobStore\n"
        "create_job(JobStore(sys.argv[1]), JobDefinition(command=('cat',), stdin=StdinStream(0)))"
    )
    core = str(Path(__file__).parents[3] / "core")
    with subprocess.Popen(
        [sys.executable, "-c", program, store.root],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": core},
    ) as creator:
        assert creator.stdin is not None
        creator.stdin.write(b"half")
        creator.stdin.flush()
        deadline = time.monotonic() + 10
        staged = Path(store.root)
        while not list(staged.glob(".new-*/stdin.bin")):
            assert time.monotonic() < deadline
            assert creator.poll() is None
        while creator.poll() is None:  # Python drops one that comes within a destructor
            assert time.monotonic() < deadline
            creator.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                creator.wait(timeout=1)
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "definition",
    [
        JobDefinition(command=()),
        JobDefinition(command=("echo", "a\0b")),
        JobDefinition(command=("echo", "\udcff")),
        JobDefinition(command=("x" * 131_072,)),
        JobDefinition(command=("true",), cwd="a\0b"),
        JobDefinition(command=("true",), cwd="\udcff"),
        JobDefinition(command=("true",), env=("A=\0",)),
        JobDefinition(command=("true",), env=("=x",)),
        JobDefinition(command=("true",), env_files=("\0",)),
        JobDefinition(command=("true",), mask=("\ud800",)),
        JobDefinition(command=("cat",), stdin=StdinText("\udcff")),
        JobDefinition(command=("cat",), stdin=StdinFile("a\0b")),
        JobDefinition(command=("true",), shell_wrapper=()),
        JobDefinition(command=("true",), timeout_ms=-1),
        JobDefinition(command=("true",), kill_after_ms=2**64),
        JobDefinition(command=("true",), notification=Notification(notify_file="\0")),
        JobDefinition(
            command=("true",),
            notification=Notification(
                on_output_match=OutputMatch(pattern="(", match_type=MatchType.REGEX)
            ),
        ),
    ],
)
def test_what_no_record_or_process_can_carry_is_refused(
    store: JobStore, definition: JobDefinition
) -> None:
    with pytest.raises(InvalidArgumentError):
        create_job(store, definition)
    assert leftovers(store) == []


def test_a_bad_tag_is_refused(store: JobStore) -> None:
    with pytest.raises(InvalidTagError, match="alphanumeric"):
        create_job(store, JobDefinition(command=("true",), tags=("a b",)))


def test_an_empty_word_is_a_command(store: JobStore) -> None:
    created = create_job(store, JobDefinition(command=("",)))
    assert meta_of(store, created)["command"] == [""]


def test_what_a_definition_lacks_is_named_and_not_a_job_that_was_never_there(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    definition = JobDefinition(command=("cat",), cwd="/", stdin=StdinFile(str(gone)))
    with pytest.raises(InternalError, match=f"source {gone}: No such file"):
        create_job(store, definition)
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InternalError, match="find the current directory: No such file"):
        create_job(store, JobDefinition(command=("true",)))
    assert leftovers(store) == []
