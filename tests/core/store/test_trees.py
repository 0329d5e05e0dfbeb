"""Trees of any shape are summed up and removed, with few descriptors."""

from __future__ import annotations

import os
import resource
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_exec.store import trees
from agent_exec.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP = 5000


def make_deep(top: Path, depth: int = DEEP, *, mode: int = 0o700) -> None:
    """Nest directories deeper than any path may be long, each with a file of one byte."""
    fd = os.open(top, trees.OPEN_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=fd)
        file = os.open("f", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd)
        os.write(file, b"x")
        os.close(file)
        below = os.open("d", trees.OPEN_DIRECTORY, dir_fd=fd)
        os.fchmod(fd, mode)
        os.close(fd)
        fd = below
    os.close(fd)


@contextmanager
def few_descriptors(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def size_of(path: Path) -> int:
    fd = os.open(path, trees.OPEN_DIRECTORY)
    try:
        return trees.size_below(fd)
    finally:
        os.close(fd)


def test_a_tree_deeper_than_calls_nest_is_summed_up_and_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    make_deep(top)
    with few_descriptors(20):
        assert size_of(top) == DEEP
        remove_tree(str(top))
    assert list(tmp_path.iterdir()) == []


def test_a_bushy_tree_is_summed_up_and_removed_but_for_what_its_links_name(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "top"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    size = 0
    for one in range(6):
        for two in range(6):
            place = top / f"{one}" / f"{two}" / "x" / "y"
            place.mkdir(parents=True)
            (place / "file").write_bytes(b"ab")
            (place / "link").symlink_to(outside)
            size += 2
    (top / "link").symlink_to(outside / "kept")
    assert size_of(top) == size
    remove_tree(str(top))
    assert not top.exists()
    assert (outside / "kept").read_text() == "kept"


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o200, 0o400, 0o500, 0o600])
def test_what_its_owner_took_the_rights_from_is_removed_all_the_same(
    tmp_path: Path, mode: int
) -> None:
    if os.geteuid() == 0:
        pytest.skip("rights do not bind root; tests/faults does it as nobody")
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").touch()
    (top / "a" / "file").touch()
    for path in (top / "a" / "b", top / "a"):
        path.chmod(mode)
    size_of(top)
    assert stat.S_IMODE((top / "a").stat().st_mode) == mode, "a look changed something"
    remove_tree(str(top))
    assert not top.exists()


def test_what_is_moved_while_it_is_looked_through_ends_the_look(tmp_path: Path) -> None:
    top, elsewhere = tmp_path / "top", tmp_path / "elsewhere"
    top.mkdir()
    make_deep(top, 40)
    deep = top.joinpath(*["d"] * 20)
    summed: list[int] = []

    class Moving(trees._Summing):
        def enter(self, fd: int) -> list[str]:
            found = super().enter(fd)
            summed.append(fd)
            if len(summed) == 39:
                deep.rename(elsewhere)
            return found

    moving, fd = Moving(frozenset()), os.open(top, trees.OPEN_DIRECTORY)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="moved"):
        trees._walk(fd, moving.enter, moving.open_child, moving.leave)
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(fd)
