"""Cgroup v2 directories for tests, with all that they hold ended afterwards."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.waiting import wait_until


def pids_in(directory: Path) -> set[int]:
    """Every process in a cgroup and below it."""
    if not directory.is_dir():
        return set()
    lists = [directory / "cgroup.procs", *directory.rglob("cgroup.procs")]
    return {int(word) for each in lists for word in each.read_text().split()}


def cgroups_in(directory: Path) -> list[Path]:
    return [each for each in directory.iterdir() if each.is_dir()]


@contextmanager
def new_cgroup() -> Iterator[Path]:
    """A cgroup of the test's own; skips where none can be made."""
    directory = _own_cgroup() / f"tests-{uuid.uuid4().hex}"
    try:
        directory.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made in {directory.parent}: {error.strerror}")
    try:
        yield directory
    finally:
        (directory / "cgroup.kill").write_text("1")
        wait_until(lambda: not pids_in(directory), what=f"the end of all in {directory}")
        for each in sorted(directory.rglob("*/"), reverse=True):
            if each.is_dir():
                each.rmdir()
        directory.rmdir()


def _own_cgroup() -> Path:
    """Where this process is, as the system shows it; found without our own code."""
    try:
        words = Path("/proc/self/cgroup").read_text().splitlines()
        path = next(word[3:] for word in words if word.startswith("0::"))
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        mounts = [line.split(" - ") for line in lines]
        where = next(head.split()[4] for head, tail in mounts if tail.startswith("cgroup2 "))
    except (OSError, StopIteration):
        pytest.skip("no cgroup v2 is mounted")
    return Path(where) / path.lstrip("/")


def inside(directory: Path, *words: str) -> list[str]:
    """A command line that runs *words* in a cgroup."""
    return ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', str(directory), *words]


def delegate(directory: Path) -> None:
    """Say of a cgroup that it is left to whoever runs in it, as systemd does."""
    try:
        os.setxattr(directory, "trusted.delegate", b"1")
    except OSError as error:
        pytest.skip(f"cgroups cannot be marked here: {error.strerror}")
