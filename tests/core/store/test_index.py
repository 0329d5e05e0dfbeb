"""Lines of jobs: read quickly or carefully, from the cache or not, they are the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_exec.errors import RecordUnreadableError
from agent_exec.model.records import load_record
from agent_exec.model.wire import decode_meta, decode_state
from agent_exec.store import index
from agent_exec.store.cache import cache_path, recall
from agent_exec.store.entries import (
    INODE,
    MADE_NS,
    PROBLEM,
    bulk_parser,
    entry_of,
    parse_json,
    read_entry,
)
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import read_job
from agent_exec.store.rows import read_rows
from support.many_jobs import make_finished_jobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG_AGO = 10**9


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobStore:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "INDEXED_JOBS", 5)
    monkeypatch.setattr(index, "_REWRITE_MIN", 0)
    make_finished_jobs(str(tmp_path / "root"), 12)
    store = JobStore(tmp_path / "root")
    for name in store.names():
        settle(store, name)
    return store


def settle(store: JobStore, name: str, epoch_s: int = LONG_AGO) -> None:
    os.utime(os.path.join(store.root, name), (epoch_s, epoch_s))


def edit_state(store: JobStore, name: str, **changes: object) -> None:
    path = os.path.join(store.root, name, "state.json")
    with open(path, "rb") as file:
        document = json.load(file)
    document.update(changes)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


def set_status(store: JobStore, name: str, status: str) -> None:
    edit_state(store, name, job={"id": name, "status": status})


def statuses(store: JobStore) -> dict[str, str]:
    return {row.name: row.status for row in read_rows(store)}


def is_cached(store: JobStore, name: str) -> bool:
    return name in index._recall(store.root)


def test_cached_lines_are_the_lines(store: JobStore) -> None:
    cold = read_rows(store)
    assert all(is_cached(store, row.name) for row in cold)
    assert read_rows(store) == cold
    assert sorted(row.name for row in cold) == sorted(store.names())


def test_the_cache_is_really_used(store: JobStore) -> None:
    read_rows(store)
    name = store.names()[0]
    edit_state(store, name, updated_at="edited in place, the directory is as it was")
    assert "edited in place" not in str([row.updated_at for row in read_rows(store)])


def test_a_replaced_record_is_read_anew(store: JobStore) -> None:
    read_rows(store)
    name = store.names()[0]
    set_status(store, name, "killed")
    settle(store, name, LONG_AGO + 1)
    assert statuses(store)[name] == "killed"


def test_another_directory_of_that_name_is_read_anew(store: JobStore) -> None:
    read_rows(store)
    name, other = store.names()[:2]
    moved = os.path.join(store.root, name)
    os.rename(moved, os.path.join(store.root, ".aside"))
    os.rename(os.path.join(store.root, other), moved)
    settle(store, name)
    row = next(row for row in read_rows(store) if row.name == name)
    assert row.problem == f"metadata identity mismatch: meta.json has {other}"


def test_a_line_read_too_soon_after_a_change_is_not_kept(store: JobStore) -> None:
    fresh = store.names()[0]
    os.utime(os.path.join(store.root, fresh))
    read_rows(store)
    assert not is_cached(store, fresh)
    set_status(store, fresh, "failed")
    assert statuses(store)[fresh] == "failed"


def test_a_running_job_is_always_read_anew(store: JobStore) -> None:
    name = store.names()[0]
    set_status(store, name, "running")
    assert statuses(store)[name] == "running"
    set_status(store, name, "exited")
    assert statuses(store)[name] == "exited"


def test_removed_jobs_are_forgotten(store: JobStore) -> None:
    read_rows(store)
    name = store.names()[0]
    os.rename(os.path.join(store.root, name), os.path.join(store.root, ".gone"))
    assert name not in statuses(store)
    assert not is_cached(store, name)


@pytest.mark.parametrize(
    "damage", [b"", b"nonsense", b"\0" * 100, None], ids=["empty", "text", "zeros", "bit flip"]
)
def test_a_damaged_cache_is_rebuilt(store: JobStore, damage: bytes | None) -> None:
    cold = read_rows(store)
    path = cache_path(store.root)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 0xFF
    with open(path, "wb") as file:
        file.write(bytes(data) if damage is None else damage)
    assert read_rows(store) == cold
    assert is_cached(store, cold[0].name)


def test_a_cache_others_can_write_is_not_believed(store: JobStore) -> None:
    read_rows(store)
    os.chmod(cache_path(store.root), 0o666)
    assert recall(store.root, "index") is None


def test_the_cache_is_private_and_has_no_environment(store: JobStore) -> None:
    name = store.names()[0]
    path = os.path.join(store.root, name, "meta.json")
    with open(path, "rb") as file:
        meta = json.load(file)
    meta["env_vars_runtime"] = ["TOKEN=sesame"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(meta, file)
    settle(store, name)
    read_rows(store)
    assert is_cached(store, name)
    with open(cache_path(store.root), "rb") as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
        assert b"sesame" not in file.read()


def test_a_cache_that_cannot_be_written_is_done_without(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(read_rows(store)) == 12


def test_few_jobs_need_no_cache(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "INDEXED_JOBS", 12)
    read_rows(store)
    assert not os.path.exists(cache_path(store.root))


def test_a_missing_root_has_no_lines(tmp_path: Path) -> None:
    assert read_rows(JobStore(tmp_path / "none")) == []


SCALARS: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, 7, -1, 1.5, "", "x", "exited", [], ["a"], [1], {}]
)
JOBS = st.dictionaries(st.sampled_from(["id", "status", "started_at"]), SCALARS | st.just("job"))
RESULTS = st.dictionaries(st.sampled_from(["exit_code", "signal", "duration_ms"]), SCALARS)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "job": JOBS | SCALARS,
        "result": RESULTS | SCALARS,
        "pid": SCALARS,
        "finished_at": SCALARS,
        "updated_at": SCALARS,
        "logs_drained": SCALARS,
        "extra": SCALARS,
    },
)
GOOD_META = {
    "job": {"id": "job"},
    "schema_version": "0.1",
    "command": ["a"],
    "created_at": "",
    "root": "",
    "env_keys": [],
}
METAS = st.dictionaries(
    st.sampled_from([*GOOD_META, "cwd", "tags", "notification", "inherit_env", "timeout_ms"]),
    SCALARS | JOBS,
).map(lambda changes: {**GOOD_META, **changes})


@pytest.mark.parametrize("parse", [parse_json, bulk_parser()], ids=["one", "bulk"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(meta=METAS, state=STATES)
def test_reading_quickly_accepts_what_reading_carefully_does(
    tmp_path: Path,
    parse: Callable[[bytes], object],
    meta: dict[str, object],
    state: dict[str, object],
) -> None:
    directory = tmp_path / "job"
    directory.mkdir(exist_ok=True)
    (directory / "meta.json").write_text(json.dumps(meta))
    (directory / "state.json").write_text(json.dumps(state))
    store = JobStore(tmp_path)
    root_fd = os.open(tmp_path, os.O_RDONLY)
    try:
        status = directory.stat()
        entry = read_entry(store, "job", root_fd, status.st_mtime_ns, status.st_ino, parse)
    finally:
        os.close(root_fd)
    record = read_job(store, "job")
    assert record is not None
    assert entry is not None
    assert entry == entry_of(record, entry[INODE], entry[MADE_NS])
    try:
        decode_meta(load_record(json.dumps(meta).encode(), "meta.json"))
        decode_state(load_record(json.dumps(state).encode(), "state.json"))
    except RecordUnreadableError:
        assert entry[PROBLEM] is not None


HOSTILE = (
    b'{"a": ' + b"1" * 5000 + b"}",
    b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"a": 1} x',
    b'{"a": 1,}',
    b'{"a": "\\x"}',
    b"\xff{}",
    b'\xef\xbb\xbf{"a": 1}',
    b"{'a': 1}",
    b'{"a": 01}',
    b'{"a": "\n"}',
    b"",
)


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_the_bulk_parser_takes_nothing_that_the_careful_reader_does_not(data: bytes) -> None:
    with pytest.raises(RecordUnreadableError):
        load_record(data, "meta.json")
    with pytest.raises(ValueError, match=r"line \d+ column \d+"):
        bulk_parser()(data)


def test_many_jobs_are_read_as_few_are(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = read_rows(store)
    os.unlink(cache_path(store.root))
    monkeypatch.setattr(index, "BULK_JOBS", 1)
    assert read_rows(store) == cold


def test_lines_do_not_need_pydantic() -> None:
    code = "import agent_exec.store.rows, sys; print('pydantic' in sys.modules)"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
