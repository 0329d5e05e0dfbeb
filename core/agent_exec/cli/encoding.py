"""Words and names as the bytes they are, whatever the locale calls them."""

from __future__ import annotations

import contextlib
import os
import sys


def start_again_in_utf8() -> None:
    """Become this program once more, with the same words, read as UTF-8.

    Records are UTF-8, and so are the words of a supervisor. A process that reads its own in
    another encoding would hand commands other bytes than it was given. Returns if that cannot be
    done, or was.
    """
    if "utf8" in sys._xoptions:
        return
    with contextlib.suppress(OSError, ValueError):
        program = os.fsencode(sys.executable)
        os.execv(program, [program, b"-X", b"utf8", *_own_words()[1:]])


def _own_words() -> list[bytes]:
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return file.read().split(b"\0")[:-1]
    except OSError:
        return [os.fsencode(word) for word in sys.orig_argv]
