"""inotify by hand: how files of a directory are changed."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

MODIFIED: Final = 0x2
CLOSED_AFTER_WRITING: Final = 0x8
MOVED_IN: Final = 0x80
_EVENT: Final = struct.Struct("iIII")


class Changes:
    """What happened in a directory since the watch began."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._seen: list[tuple[str, int]] = []

    def of(self, name: str) -> set[int]:
        """The kinds of change of one file."""
        while select.select([self._fd], [], [], 0)[0]:
            self._take(os.read(self._fd, 65536))
        return {kind for seen, kind in self._seen if seen == name}

    def _take(self, data: bytes) -> None:
        while data:
            _, kind, _, length = _EVENT.unpack_from(data)
            end = _EVENT.size + length
            name = data[_EVENT.size : end].rstrip(b"\0").decode()
            self._seen.append((name, kind))
            data = data[end:]


@contextmanager
def changes_in(directory: Path) -> Iterator[Changes]:
    """Watch a directory."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "inotify_init1"):
        pytest.skip("no inotify here")
    fd = library.inotify_init1(os.O_CLOEXEC)
    kinds = MODIFIED | CLOSED_AFTER_WRITING | MOVED_IN
    try:
        assert library.inotify_add_watch(fd, os.fsencode(directory), kinds) > 0
        yield Changes(fd)
    finally:
        os.close(fd)
