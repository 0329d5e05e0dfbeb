"""Any bytes, and any kind of file, in the place of what the dashboard keeps: as if it kept nothing."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import Trash
from agent_exec_tui.recents import recents
from agent_exec_tui.state import KeptState, load_state, save_state
from support.built_jobs import put_job

EXAMPLES = int(os.environ.get("AGENT_EXEC_FUZZ", "60"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["failed", "newest", "\ud800", "\0", "'", 10**400])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
RECENT = st.dictionaries(
    st.sampled_from(["command", "is_shell", "cwd", "tags", "timeout", "at_s", "other"]), VALUES
)
FIELDS = (*KeptState.__dataclass_fields__, "other")
DOCUMENTS = st.dictionaries(
    st.sampled_from(FIELDS), VALUES | st.lists(RECENT | VALUES, max_size=3)
).map(lambda document: json.dumps(document).encode())


@given(DOCUMENTS | st.binary(max_size=80))
@example(b"[" * 60_000)
@example(b'{"sort": []}')
@example(b'{"recents": [{"command": "x", "at_s": 1' + b"0" * 400 + b"}]}")
@example(b'{"recents": [{"command": "x", "at_s": NaN}, {"command": "\\ud800"}]}')
@example(b'{"filter_text": "\\udfff", "theme": "\\ud800"}')
@example(b'{"percent": 1' + b"0" * 6000 + b"}")
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_state_of_any_bytes_opens_the_dashboard_and_can_be_kept_again(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "state.json")
        Path(path).write_bytes(content)
        kept = load_state(path)
        recents(kept.recents, ())
        save_state(path, kept)
        assert load_state(path) == kept


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "link"])
def test_a_state_that_is_no_file_holds_nothing_up(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else tmp_path / "elsewhere")
    assert load_state(str(path)) == KeptState()


def test_what_is_planted_in_the_trash_keeps_no_job_there(tmp_path: Path) -> None:
    store = JobStore(str(tmp_path / "root"))
    os.mkdir(store.root)
    put_job(store, "a")
    trash = Trash(str(tmp_path / "trash"))
    trash.begin()
    with store.open("a") as job:
        trash.take(job)
    (batch,) = (tmp_path / "trash").iterdir()
    (batch / "no number").mkdir()
    (batch / "7").mkdir()
    os.mkfifo(batch / "7" / "root")
    trash.look_again()
    assert trash.undo().restored == ("a",)
