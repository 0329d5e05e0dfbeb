"""A cleaning in a process of its own: it says how far it is, stops when told, loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from agent_exec.commands.gc import GcPolicy
from agent_exec.errors import AgentExecError
from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import Trash
from agent_exec_tui.clean_process import Look, Removal, look_beside, remove_beside
from support.many_jobs import make_finished_jobs

if TYPE_CHECKING:
    from agent_exec.commands.gc import GcProgress

COUNT = 400


@pytest.fixture
def root(tmp_path: Path) -> str:
    make_finished_jobs(str(tmp_path / "root"), COUNT)
    return str(tmp_path / "root")


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(str(tmp_path / "state" / "trash"))


def removal(root: str, trash: Trash | None, *, spare: str = "") -> Removal:
    only = frozenset(JobStore(root).names())
    return Removal(root, GcPolicy(older_than="7d"), only, frozenset([spare]), trash)


def never() -> bool:
    return False


def ignore(_: GcProgress) -> None:
    pass


def test_it_sees_what_is_seen_here(root: str) -> None:
    assert look_beside(Look(root)) == Look(root).carry_out()


def test_what_it_moved_to_the_trash_comes_back(root: str, trash: Trash) -> None:
    names = set(JobStore(root).names())
    spare = min(names)
    trash.begin()
    report = remove_beside(removal(root, trash, spare=spare), ignore, never)
    assert report.deleted == COUNT - 1
    assert set(JobStore(root).names()) == {spare}
    assert trash.undoable == COUNT - 1
    assert set(trash.undo().restored) == names - {spare}
    assert set(JobStore(root).names()) == names


def test_it_stops_when_told(root: str, trash: Trash) -> None:
    trash.begin()
    report = remove_beside(removal(root, trash), ignore, lambda: True)
    assert report.stopped
    assert report.deleted < COUNT
    assert len(JobStore(root).names()) == COUNT - report.deleted


def kill_it(_: GcProgress | None = None) -> None:
    children = psutil.Process().children()  # of which earlier tests may have left some
    (child,) = (each for each in children if "clean_program" in " ".join(each.cmdline()))
    os.kill(child.pid, signal.SIGKILL)


def killed_first() -> bool:
    kill_it()
    return False


def test_one_that_is_killed_is_told_of(root: str) -> None:
    with pytest.raises(AgentExecError, match="has ended"):
        remove_beside(removal(root, None), ignore, killed_first)


def test_what_a_killed_one_had_moved_comes_back(root: str, trash: Trash) -> None:
    names = set(JobStore(root).names())
    trash.begin()
    with suppress(AgentExecError):  # it may have been quicker
        remove_beside(removal(root, trash), kill_it, never)
    left = set(JobStore(root).names())
    assert trash.undoable == COUNT - len(left) > 0
    trash.undo()
    assert set(JobStore(root).names()) == names


def test_a_root_that_is_gone_has_nothing_to_remove(root: str) -> None:
    task = removal(root, None)
    shutil.rmtree(root)
    assert remove_beside(task, ignore, never).deleted == 0


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("no directory")
    with pytest.raises(AgentExecError, match="file"):
        look_beside(Look(str(path)))
