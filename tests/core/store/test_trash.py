"""What is moved to the trash comes back whole, or goes for good when it should."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import KEEP_S, Trash
from support.built_jobs import put_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    return JobStore(tmp_path / "root")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "trash"


def take(trash: Trash, store: JobStore, *names: str) -> None:
    for name in names:
        put_job(store, name)
        with store.open(name) as job, job.locked():
            trash.take(job)


def test_batches_come_back_the_last_first(store: JobStore, place: Path) -> None:
    trash = Trash(str(place))
    assert trash.undoable == 0
    trash.begin()
    take(trash, store, "a", "b")
    trash.begin()
    take(trash, store, "c")
    assert trash.undoable == 1
    assert trash.undo().restored == ("c",)
    assert trash.undoable == 2
    assert trash.undo().restored == ("a", "b")
    assert trash.undo().restored == ()
    assert sorted(store.names()) == ["a", "b", "c"]
    with store.open("a") as job:
        assert job.read_state().is_terminal


def test_a_taken_id_keeps_the_job_in_the_trash(store: JobStore, place: Path) -> None:
    trash = Trash(str(place))
    take(trash, store, "a", "b")
    put_job(store, "a")
    undone = trash.undo()
    assert undone.restored == ("b",)
    assert undone.failed == (("a", "there is a job of that id again"),)
    os.rename(os.path.join(store.root, "a"), os.path.join(store.root, "x"))
    assert trash.undo().restored == ("a",)


def test_emptying_is_for_good(store: JobStore, place: Path) -> None:
    trash = Trash(str(place))
    take(trash, store, "a")
    assert [path.stat().st_mode & 0o777 for path in place.iterdir()] == [0o700]
    trash.empty()
    assert list(place.iterdir()) == []
    assert trash.undo().restored == ()
    trash.empty()


def test_only_what_lay_a_day_is_swept(store: JobStore, place: Path) -> None:
    place.mkdir(parents=True)
    now_ns = time.time_ns()
    old = place / f"{now_ns - int(KEEP_S * 1e9) - 1}-77"
    young = place / f"{now_ns - int(KEEP_S * 1e9) // 2}-78"
    other = place / "notes"
    for directory in (old, young, other):
        directory.mkdir()
        (directory / "file").touch()
    trash = Trash(str(place))
    take(trash, store, "a")
    trash.sweep()
    assert not old.exists()
    assert young.exists()
    assert other.exists()
    assert trash.undo().restored == ("a",)


def test_another_file_system_is_not_accepted(store: JobStore, place: Path) -> None:
    assert Trash(str(place)).accepts(store.root)
    if os.stat("/dev/shm").st_dev != os.stat(store.root).st_dev:
        assert not Trash(str(place)).accepts("/dev/shm")
    assert not Trash(str(place)).accepts(store.root + "-none")


def test_the_users_own_trash_is_below_the_state_directory() -> None:
    environ = {"XDG_STATE_HOME": "/state", "HOME": "/home/me"}
    assert Trash(environ=environ)._directory == "/state/agent-exec-tui/trash"
    environ["XDG_STATE_HOME"] = "relative"
    assert Trash(environ=environ)._directory == "/home/me/.local/state/agent-exec-tui/trash"
