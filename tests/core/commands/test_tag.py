"""Tags are replaced, everything else in meta.json stays."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.notify import NotificationChange, set_notification
from agent_exec.commands.tag import change_tags, set_tags
from agent_exec.errors import InvalidStateError, InvalidTagError, RecordUnreadableError
from agent_exec.store.atomic import version_of
from agent_exec.store.jobs import JobStore
from support.built_jobs import put_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


def meta(store: JobStore, job_id: str) -> dict[str, object]:
    with open(os.path.join(store.root, job_id, "meta.json"), "rb") as file:
        document = json.load(file)
    assert isinstance(document, dict)
    return document


def edit_meta(store: JobStore, job_id: str, **changes: object) -> None:
    document = {**meta(store, job_id), **changes}
    with open(os.path.join(store.root, job_id, "meta.json"), "w", encoding="utf-8") as file:
        json.dump(document, file)


@pytest.mark.parametrize("status", ["created", "running", "exited"])
def test_tags_are_replaced_and_repeated_ones_dropped(store: JobStore, status: str) -> None:
    put_job(store, "abc", status, tags=("old",))
    answer = set_tags(store, "ab", ["b", "a", "b"])
    assert (answer.job_id, answer.tags) == ("abc", ("b", "a"))
    assert meta(store, "abc")["tags"] == ["b", "a"]
    assert set_tags(store, "abc", []).tags == ()
    assert meta(store, "abc")["tags"] == []


def test_a_change_leaves_the_tags_it_does_not_name(store: JobStore) -> None:
    put_job(store, "abc", tags=("mine", "old"))
    answer = change_tags(store, "abc", added=["new", "mine"], removed=["old", "unknown"])
    assert (answer.job_id, answer.tags) == ("abc", ("mine", "new"))
    assert meta(store, "abc")["tags"] == ["mine", "new"]
    with pytest.raises(InvalidTagError):
        change_tags(store, "abc", added=["a..b"], removed=["mine"])
    assert meta(store, "abc")["tags"] == ["mine", "new"]


def test_unknown_keys_and_their_order_are_kept(store: JobStore) -> None:
    put_job(store, "a")
    edit_meta(store, "a", x_future={"deep": [1]}, schema_version="9.9")
    before = meta(store, "a")
    set_tags(store, "a", ["t"])
    assert meta(store, "a") == {**before, "tags": ["t"]}
    assert list(meta(store, "a")) == list(before)
    assert os.stat(os.path.join(store.root, "a", "meta.json")).st_mode & 0o777 == 0o600


def test_bad_tags_and_damaged_records_change_nothing(store: JobStore) -> None:
    put_job(store, "a", tags=("old",))
    with pytest.raises(InvalidTagError):
        set_tags(store, "a", ["good", "no blanks"])
    assert meta(store, "a")["tags"] == ["old"]
    os.mkdir(os.path.join(store.root, "empty"))
    with pytest.raises(RecordUnreadableError):
        set_tags(store, "empty", ["t"])


def test_no_change_is_lost_between_two_at_once(store: JobStore) -> None:
    put_job(store, "a")
    begin = threading.Barrier(2)

    def tag() -> None:
        begin.wait()
        for number in range(25):
            set_tags(store, "a", [f"t{number}"])

    def notify() -> None:
        begin.wait()
        for number in range(25):
            set_notification(store, "a", NotificationChange(command=f"c{number}"))

    threads = [threading.Thread(target=target) for target in (tag, notify)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = meta(store, "a")
    assert (final["tags"], final["notification"]) == (["t24"], {"notify_command": "c24"})


def test_a_held_lock_is_waited_for_not_forced(store: JobStore) -> None:
    put_job(store, "a")
    with (
        store.open("a") as job,
        job.locked(),
        store.open("a") as other,
        pytest.raises(InvalidStateError),
        other.locked(timeout_s=0.05),
    ):
        pytest.fail("both hold the lock")
    set_tags(store, "a", ["t"])


def test_temporary_files_of_crashed_writers_are_swept(store: JobStore) -> None:
    path = put_job(store, "a")
    old, fresh = os.path.join(path, ".tmp-old"), os.path.join(path, ".tmp-fresh")
    for temp in (old, fresh):
        with open(temp, "wb"):
            pass
    os.utime(old, (1, 1))
    set_tags(store, "a", [])
    assert not os.path.exists(old)
    assert os.path.exists(fresh)


def test_a_change_leaves_meta_json_as_old_as_the_job_yet_is_seen_to_be_one(store: JobStore) -> None:
    put_job(store, "abc", "exited")
    path = os.path.join(store.root, "abc", "meta.json")
    made_ns = 1_700_000_000_250_000_000
    os.utime(path, ns=(made_ns, made_ns))
    versions = [version_of(os.stat(path))]
    for tag in ("a", "b", "c"):
        set_tags(store, "abc", [tag])
        versions.append(version_of(os.stat(path)))
    assert all(0 <= mtime_ns - made_ns < 1_000_000 for _, mtime_ns in versions)
    assert len({mtime_ns for _, mtime_ns in versions}) == len(versions)
