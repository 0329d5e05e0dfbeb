"""A record is replaced whole, a claim has one winner, reserved space survives a full disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_exec.store import atomic


@pytest.fixture
def dir_fd(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_a_replaced_file_has_the_new_content_and_leaves_no_temporary(
    tmp_path: Path, dir_fd: int
) -> None:
    atomic.replace_file(dir_fd, "state.json", b"old")
    atomic.replace_file(dir_fd, "state.json", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("state.json", b"new")]


def test_a_reader_never_sees_a_mix(tmp_path: Path, dir_fd: int) -> None:
    contents = {letter * 5000 for letter in (b"a", b"b")}
    atomic.replace_file(dir_fd, "record", b"a" * 5000)
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            for content in contents:
                atomic.replace_file(dir_fd, "record", content, durable=False)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(2000):
            assert (tmp_path / "record").read_bytes() in contents
    finally:
        stop.set()
        writer.join()


def test_a_failed_replacement_keeps_the_old_content(tmp_path: Path, dir_fd: int) -> None:
    (tmp_path / "record").mkdir()
    with pytest.raises(OSError):  # noqa: PT011  (EISDIR here, EPERM elsewhere)
        atomic.replace_file(dir_fd, "record", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["record"]


def test_a_claim_has_one_winner(dir_fd: int) -> None:
    wins: list[bool] = []
    barrier = threading.Barrier(8)

    def compete() -> None:
        barrier.wait()
        wins.append(atomic.claim(dir_fd, "claim"))

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False] * 7 + [True]


def test_reserved_space_becomes_the_record(tmp_path: Path, dir_fd: int) -> None:
    (tmp_path / "state.json").write_text("old")
    reserve = atomic.ReservedFile(dir_fd)
    reserve.commit("state.json", b"final")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("state.json", b"final")]


def test_unused_reserved_space_is_given_back(tmp_path: Path, dir_fd: int) -> None:
    atomic.ReservedFile(dir_fd).close()
    assert list(tmp_path.iterdir()) == []
