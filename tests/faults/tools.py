"""What provokes faults: strace, namespaces, other users; each says why it cannot be had."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import pytest

from support.programs import CHECKOUT
from support.waiting import wait_until

NOBODY: Final = 65534
STRACE_LIMIT_S: Final = 60.0
# Each of these leaves something another process can see. Files are made by openat, too, but
# every file of ours has its mode set right after that.
MUTATING: Final = (
    "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,write,pwrite64,fsync,"
    "ftruncate,fchmod,clone,clone3,vfork"
)


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    return done.returncode == 0


@functools.cache
def _can_trace() -> bool:
    return _works("strace", "-qq", "-o", os.devnull, "true")


def need_strace() -> None:
    """Skip where no process can be traced."""
    if not _can_trace():
        pytest.skip("strace is missing or may not trace here")


def strace(log: Path, *rules: str, calls: str = MUTATING, follow: bool = False) -> list[str]:
    """A prefix that traces *calls*, with strace's inject rules such as ``rename:delay_enter=9``."""
    need_strace()
    flags = ["-f", "--seccomp-bpf"] if follow else []
    injections = [word for rule in rules for word in ("-e", f"inject={rule}")]
    return ["strace", "-qq", "-y", *flags, "-o", str(log), "-e", f"trace={calls}", *injections]


def kill_rules(log: Path) -> list[str]:
    """One rule for each call in a trace: SIGKILL before it is made.

    strace counts each system call by its name, so a rule names the call and its turn.
    """
    turns: Counter[str] = Counter()
    rules = []
    for line in log.read_text(errors="replace").splitlines():
        name, bracket, _ = line.partition("(")
        if bracket and name.isidentifier():
            turns[name] += 1
            rules.append(f"{name}:signal=KILL:when={turns[name]}")
    return rules


def _user_namespace() -> list[str]:
    return [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


@functools.cache
def _can_unshare(kind: str) -> bool:
    return _works("unshare", *_user_namespace(), *kind.split(), "true")


def private_pids() -> list[str]:
    """A prefix that runs a program as pid 1 of a namespace of its own."""
    kind = "--pid --fork --kill-child --mount-proc"
    if not _can_unshare(kind):
        pytest.skip("no private PID namespace to be had (unshare)")
    return ["unshare", *_user_namespace(), *kind.split()]


def private_mounts() -> list[str]:
    """A prefix that runs a program with mounts of its own."""
    if not _can_unshare("--mount"):
        pytest.skip("no private mount namespace to be had (unshare)")
    return ["unshare", *_user_namespace(), "--mount"]


class Volume:
    """A file system of its own, visible in a mount namespace that ends with the test.

    Attributes:
        inside: its path for what runs in the namespace.
        outside: the same directory, reached from here.
        enter: prefix that runs a program inside.
    """

    def __init__(self, holder_pid: int, inside: Path) -> None:
        self.inside = inside
        self.outside = Path(f"/proc/{holder_pid}/root{inside}")
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.enter: Sequence[str] = ("nsenter", "-t", str(holder_pid), "--mount", *user)

    def make_larger(self, size: str) -> None:
        """Give it more room."""
        words = ["mount", "-o", f"remount,size={size}", str(self.inside)]
        subprocess.run([*self.enter, *words], check=True, timeout=20)

    def make_read_only(self) -> None:
        """Take no writing any more; the mount, as a user namespace may not change the volume."""
        subprocess.run(
            [*self.enter, "mount", "-o", "remount,bind,ro", str(self.inside)],
            check=True,
            timeout=20,
        )


@contextmanager
def volume(path: Path, options: str) -> Iterator[Volume]:
    """Mount a tmpfs at *path* in a namespace of its own."""
    if not _can_unshare("--mount"):
        pytest.skip("no private mount namespace to be had (unshare)")
    path.mkdir()
    script = 'mount -t tmpfs -o "$1" none "$2" && echo ready && exec cat'
    holder = subprocess.Popen(
        ["unshare", *_user_namespace(), "--mount", "sh", "-c", script, "--", options, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        if holder.stdout.readline() != b"ready\n":
            pytest.skip("a tmpfs cannot be mounted here")
        yield Volume(holder.pid, path)
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait(timeout=10)


_MEASURE = """
import os, resource, sys
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
status = os.waitpid(pid, 0)[1]
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Measured:
    """Tells the most memory that one call had; small itself, as a child starts as its copy.

    Attributes:
        prefix: goes before the call.
    """

    def __init__(self, scratch: Path) -> None:
        self._told = scratch / "peak_kb"
        self.prefix = (sys.executable, "-I", "-S", "-c", _MEASURE, str(self._told))

    def __enter__(self) -> Self:
        self._told.unlink(missing_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to end: the call has ended by itself."""

    @property
    def peak_kb(self) -> int:
        return int(self._told.read_text())


def as_nobody() -> list[str]:
    """A prefix that runs a program as another user."""
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if os.geteuid() != 0 or not _works(*words, "true"):
        pytest.skip("only root can become another user (setpriv)")
    return words


def python_for_nobody() -> list[str]:
    """Words that run Python with what this one can import, as that other user."""
    words = as_nobody()
    paths = os.pathsep.join((f"{CHECKOUT}/core", f"{CHECKOUT}/tui", *_packages()))
    for python in (sys.executable, "/usr/bin/python3"):
        # Through a shell: setpriv itself still has root's rights when it opens the program.
        call = [*words, "env", "-i", f"PYTHONPATH={paths}", "sh", "-c", 'exec "$@"', "--", python]
        if _works(
            *call,
            "-c",
            "import agent_exec_tui.__main__, yaml, sys; sys.version_info >= (3, 11) or 1/0",
        ):
            return [*words, "env", f"PYTHONPATH={paths}", python]
    pytest.skip("no Python that another user may run")


def _packages() -> list[str]:
    return [path for path in sys.path if path.endswith("site-packages")]


def need_faketime() -> list[str]:
    """A prefix before ``faketime``'s arguments."""
    if not _works("faketime", "-f", "+1h", "true"):
        pytest.skip("faketime is not installed")
    return ["faketime", "-f"]


def await_text(path: Path, text: str, timeout_s: float = 10.0) -> None:
    """Wait until a file holds *text*."""
    wait_until(
        lambda: path.exists() and text in path.read_text(errors="replace"), timeout_s, f"{text!r}"
    )


@contextmanager
def namespaces(script: str) -> Iterator[list[str]]:
    """Give a prefix that runs a program among processes of its own, their mounts being *script*'s.

    All that is left of them ends with the test.
    """
    if os.geteuid() != 0 or not _can_unshare("--pid --fork --mount"):
        pytest.skip("no private namespaces to be had (unshare, as root)")
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "sh", "-c"]
    holder = subprocess.Popen(
        [*words, f"{script} && echo ready && exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        if holder.stdout.readline() != b"ready\n":
            pytest.skip(f"not to be had here: {script}")
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        yield ["nsenter", "-t", children[0], "--pid", "--mount"]
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait(timeout=10)
