"""Programs of the dashboard's own that work beside it, each at the other end of a socket."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys


def start_child(module: str, *words: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a module of this installation; its last argument is the number of its socket.

    Raises:
        OSError: no process can be made.
    """
    ours, theirs = socket.socketpair()
    with theirs, contextlib.ExitStack() as on_failure:
        on_failure.callback(ours.close)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # no key of the terminal is meant for it
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        on_failure.pop_all()
    return process, ours


def end_child(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """End it; one that hangs in a dead file system is left to the system."""
    for end in (process.terminate, process.kill):
        end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=timeout_s)
            return
