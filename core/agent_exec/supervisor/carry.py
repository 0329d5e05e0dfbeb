"""Become the command, with the variables in its environment that a shell before it dropped.

Started by path, by a shell, in a job that has such variables: each lies as ``NAME=VALUE`` under
a name that the shell hands on.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # the standard one's names cost 3 ms

_CARRIED = b"AGENT_EXEC_CARRIED_"
_NOT_FOUND, _NOT_RUN = 127, 126


def main() -> int:
    """Run the command that the arguments are; returns only if it cannot be run."""
    environment = _environment()
    for name in [name for name in environment if name.startswith(_CARRIED)]:
        key, _, value = environment.pop(name).partition(b"=")
        environment[key] = value
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and the command would
    words = [os.fsencode(word) for word in sys.argv[1:]]
    try:
        os.execvpe(words[0], words, environment)
    except OSError as error:
        os.write(2, b"exec: %s: %s\n" % (words[0], os.fsencode(error.strerror or "")))
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUN


def _environment() -> dict[bytes, bytes]:
    """What this process was started with; Python itself may add LC_CTYPE to its own."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environb)
    pairs = (entry.partition(b"=") for entry in entries if entry)
    return {key: value for key, _, value in pairs}


if __name__ == "__main__":
    sys.exit(main())
