"""Any bytes, and any kind of file, in the place of a record: a clear answer, and that job's only.

``AGENT_EXEC_FUZZ=N`` tries N contents instead of a few.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_exec import (
    AgentExecError,
    GcPolicy,
    JobStore,
    collect_garbage,
    delete_job,
    job_status,
    kill_job,
    list_jobs,
    restart_job,
    set_tags,
    tail_job,
    wait_job,
)
from agent_exec.commands.snapshot import look_at_all
from agent_exec.store.config import load_config
from support.built_jobs import put_job

NAMES = (
    "meta.json",
    "state.json",
    "supervision.json",
    "options.json",
    "completion_event.json",
    "notification_events.ndjson",
    "supervisor.ack",
)
VICTIM, HEALTHY = "a" * 32, "b" * 32
VERBS: dict[str, Callable[[JobStore], object]] = {
    "status": lambda store: job_status(store, VICTIM),
    "wait": lambda store: wait_job(store, VICTIM, until_s=0.01),
    "tail": lambda store: tail_job(store, VICTIM),
    "tag": lambda store: set_tags(store, VICTIM, ("fuzz",)),
    "kill": lambda store: kill_job(store, VICTIM, signal="CONT"),
    "gc": lambda store: collect_garbage(store, GcPolicy(older_than="10000d"), dry_run=True),
    "restart": lambda store: restart_job(store, VICTIM),
    "delete": lambda store: delete_job(store, VICTIM),
}
FEW = settings(
    max_examples=int(os.environ.get("AGENT_EXEC_FUZZ", "3")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
_NUMBERS = st.integers() | st.sampled_from([2**31, 2**63, 2**64, -1, 10**400]) | st.floats()
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["job", "id", "pid", "a"]) | st.text(max_size=5), inner)
    ),
    max_leaves=6,
)
_NASTY = st.sampled_from(
    [
        b"",
        b"\0" * 4096,
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b'{"job": ' + b"1" * 6000 + b"}",
        b'{"job": NaN, "pid": Infinity}',
        b'{"job": {"id": "x"}, "job": 1}',
        b'{"job": {"id": "\\ud800"}, "updated_at": "\\udfff"}',
        b"\xff\xfe{}",
    ]
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes that may once have been a record."""
    kind = draw(st.sampled_from(["any", "cut", "flipped", "value", "nasty"]))
    if kind == "any":
        return draw(st.binary(max_size=200))
    if kind == "cut":
        return whole[: draw(st.integers(0, len(whole)))]
    if kind == "nasty":
        return draw(_NASTY)
    if kind == "flipped" and whole:
        at = draw(st.integers(0, len(whole) - 1))
        return whole[:at] + draw(st.binary(min_size=1, max_size=4)) + whole[at + 1 :]
    document = json.loads(whole) if whole else {}
    for key in list(document):
        if draw(st.booleans()):
            document[key] = draw(_VALUES)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _make(root: Path) -> JobStore:
    store = JobStore(root)
    for job_id in (VICTIM, HEALTHY):
        put_job(store, job_id, "exited", finished_at="2026-01-01T00:00:01Z", command=("true",))
    return store


def _whole(store: JobStore, name: str) -> bytes:
    try:
        return Path(store.root, VICTIM, name).read_bytes()
    except FileNotFoundError:
        if not name.endswith(".json"):
            return b""
        identity = {"pid": 2**22 + 17, "start_ticks": 5, "boot_id": "x"}
        return json.dumps(
            {
                "supervisor": identity,
                "child": identity,
                "started_at": "2026-01-01T00:00:00Z",
                "started_ns": 5,
                "cause": "exit",
                "dropped_bytes": {"stdout": 1},
                "resource_use": {"user_ms": 1},
            }
        ).encode()


def _all_verbs_answer(store: JobStore) -> None:
    for look in (lambda: list_jobs(store, limit=0), lambda: look_at_all(store)):
        assert HEALTHY in repr(look())
    for call in VERBS.values():
        with contextlib.suppress(AgentExecError):
            call(store)
    assert job_status(store, HEALTHY).state == "exited"


@pytest.mark.parametrize("name", NAMES)
def test_any_bytes_as_a_record_are_that_jobs_fault_alone(name: str) -> None:
    @FEW
    @given(st.data())
    def check(data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as root:
            store = _make(Path(root))
            content = data.draw(damaged(_whole(store, name)))
            Path(root, VICTIM, name).write_bytes(content)
            _all_verbs_answer(store)

    check()


@pytest.mark.parametrize("kind", ["fifo", "socket", "directory", "link", "device", "huge"])
@pytest.mark.parametrize("name", NAMES)
def test_anything_in_the_place_of_a_record_neither_hangs_nor_fills_the_memory(
    tmp_path: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _make(tmp_path)
    path = tmp_path / VICTIM / name
    path.unlink(missing_ok=True)
    monkeypatch.chdir(path.parent)
    if kind == "fifo":
        os.mkfifo(name)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(name)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "device":
        if os.geteuid():
            pytest.skip("only root makes devices")
        os.mknod(name, 0o20666, os.makedev(1, 5))
    else:
        with path.open("wb") as file:
            file.truncate(100 * 2**20)
    _all_verbs_answer(store)


def test_any_bytes_as_config_toml_are_read_or_refused() -> None:
    from agent_exec.errors import ConfigError

    @FEW
    @given(st.binary(max_size=200) | st.sampled_from([b"a=" + b"[" * 50_000, b"a=" + b"1" * 6000]))
    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "config.toml")
            path.write_bytes(content)
            with contextlib.suppress(ConfigError):
                load_config(str(path))

    check()
