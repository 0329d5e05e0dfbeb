"""Excerpts against the reference model, and following a log through a restart."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.errors import RecordUnreadableError
from agent_exec.store.logs import Excerpt, LogFollower, head_excerpt, tail_excerpt

GIB = 1024**3
CHUNKS = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"a", b"line\n", b"\xff\xfe", "é€\n".encode(), b"x" * 70_000]),
    max_size=12,
).map(b"".join)


def reference_tail(data: bytes, max_bytes: int, lines: int) -> Excerpt:
    """The contract's own model of `tail`."""
    window_start = max(0, len(data) - max_bytes)
    window = data[window_start:]
    skip = 0
    if lines:
        parts = window.split(b"\n")
        parts = parts[:-1] if window.endswith(b"\n") else parts
        skip = sum(len(part) + 1 for part in parts[: max(0, len(parts) - lines)])
    text = window[skip:].decode("utf-8", "replace")
    return Excerpt(text, window_start + skip, len(data), len(data))


@given(data=CHUNKS, max_bytes=st.integers(0, 200_000), lines=st.integers(0, 6))
def test_a_tail_is_what_the_contract_computes(data: bytes, max_bytes: int, lines: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert tail_excerpt(file.name, max_bytes, lines) == reference_tail(data, max_bytes, lines)


@given(data=CHUNKS, max_bytes=st.integers(0, 200_000))
def test_a_head_is_the_first_bytes(data: bytes, max_bytes: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        got = head_excerpt(file.fileno(), max_bytes)
    text = data[:max_bytes].decode("utf-8", "replace")
    assert got == Excerpt(text, 0, min(max_bytes, len(data)), len(data))


def test_the_tail_of_a_huge_log_reads_only_its_end(tmp_path: Path) -> None:
    log = tmp_path / "stdout.log"
    with log.open("wb") as file:
        file.truncate(10 * GIB)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    got = tail_excerpt(str(log), 20 * GIB, 1)
    assert (got.text, got.end - got.start) == ("last\n", 5)
    assert got.total_bytes == 10 * GIB + 6


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert tail_excerpt(str(tmp_path / "none"), 10, 5) == Excerpt()


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_only_ordinary_files_are_shown(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "stdout.log"
    if kind == "link":
        log.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(log)
    else:
        log.mkdir()
    got = head_excerpt(str(log), 100)
    assert got.text == ""
    assert got.problem is not None
    assert got.problem.startswith("stdout.log: ")
    with pytest.raises(RecordUnreadableError), LogFollower(str(log)) as follower:
        follower.read()


def test_a_follower_gives_every_byte_once(tmp_path: Path) -> None:
    log = tmp_path / "stdout.log"
    with LogFollower(str(log)) as follower:
        assert follower.read() is None
        log.write_bytes(b"one")
        chunk = follower.read()
        assert chunk is not None
        assert (chunk.data, chunk.offset, chunk.restarted) == (b"one", 0, False)
        assert follower.read() is None
        with log.open("ab") as file:
            file.write(b"two-three")
        pieces = [follower.read(3), follower.read(3), follower.read(100)]
        assert [piece.data for piece in pieces if piece] == [b"two", b"-th", b"ree"]
        assert follower.offset == 12


@pytest.mark.parametrize("new", [b"", b"x", b"zzz", b"zzz and much more"])
@pytest.mark.parametrize("how", ["truncate", "replace"])
def test_a_follower_notices_a_new_run(tmp_path: Path, new: bytes, how: str) -> None:
    log = tmp_path / "stdout.log"
    log.write_bytes(b"old")
    with LogFollower(str(log)) as follower:
        follower.read()
        if how == "truncate":
            log.write_bytes(new)
        else:
            other = tmp_path / "other"
            other.write_bytes(new)
            other.rename(log)
        chunk = follower.read()
        assert chunk is not None
        assert (chunk.data, chunk.offset, chunk.restarted) == (new, 0, True)
        assert follower.read() is None


def test_a_removed_log_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "stdout.log"
    log.write_bytes(b"ab")
    with LogFollower(str(log)) as follower:
        assert follower.read(1) is not None
        log.unlink()
        chunk = follower.read()
        assert chunk is not None
        assert chunk.data == b"b"
        assert follower.read() is None
