"""The pre-warmed launcher: a small process that has everything loaded and forks supervisors.

Started by path for one owner, a dashboard or a program that uses the library, by
``process.prewarmed``. Each request is one message of ``process.fd_passing``. It ends with its
owner; the supervisors do not.
"""

from __future__ import annotations

import gc
import os
import sys

_REHEARSALS = 10

# Of CPython's allocator of small objects (Objects/obmalloc.c). Where they are others, a little
# memory is occupied for nothing.
_OBJECT_BYTES = 16
_LARGEST_SMALL_BYTES = 512
_EMPTY_BYTES = 33  # of a bytes object without any
_POOL_BYTES = 16 * 1024
_POOL_HEADER_BYTES = 48
_HOLES_MAX = 3000


def main() -> None:
    """Fork a supervisor for each request until the owner is gone."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    # Cgroups, too: what a supervisor loads only after the fork is 0.4 MB of its own.
    from agent_exec.process import cgroup  # noqa: F401
    from agent_exec.process.bare_signal import signal
    from agent_exec.process.fd_passing import SOCKET_FD, open_socket, receive
    from agent_exec.supervisor.detach import adopt_orphans, leave_session, settle, show_name
    from agent_exec.supervisor.lifecycle import supervise

    settle((SOCKET_FD,))
    _rehearse()
    adopt_orphans(False)
    show_name("job-launcher")
    settle((SOCKET_FD,))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it goes when its owner does
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for supervisors
    # What is not counted is not written to, and stays shared with every supervisor.
    gc.collect()
    kept = _fill_holes()
    gc.freeze()
    gc.disable()
    requests = open_socket()
    while kept and (descriptors := receive(requests)):
        try:
            pid = os.fork()
        except OSError as error:
            _refuse(descriptors[2], error)
        else:
            if pid == 0:
                status = 2
                try:
                    leave_session()
                    requests.close()
                    status = supervise(*descriptors)
                finally:
                    os._exit(status)
        for fd in descriptors:
            os.close(fd)


def _refuse(report_fd: int, error: OSError) -> None:
    from agent_exec.supervisor.report import Report

    reason = f"make a process: {error.strerror} (os error {error.errno})"
    Report(report_fd).send("failed", reason=reason)


def _rehearse() -> None:
    """Run a command that does nothing a few times, in a directory of our own.

    Whatever a first run looks up, loads, specialises or caches is then done once, before the
    forks: it saves every supervisor 0.3 MB that it would otherwise write to and so own.
    """
    parent = next((each for each in ("/dev/shm", "/tmp") if os.access(each, os.W_OK)), None)
    if parent is None:
        return
    path = os.path.join(parent, f"agent-exec-{os.urandom(8).hex()}")
    try:
        os.mkdir(path, 0o700)
        for _ in range(_REHEARSALS):
            _run_nothing(path)
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
    except OSError:
        return  # supervisors will be larger, that is all


def _fill_holes() -> list[object]:
    """Occupy the free blocks that loading left all over the memory, 0.1 MB a supervisor.

    Python keeps small objects in pools of one size each. A new object takes the first hole, and
    the page around it is one more that a supervisor owns alone; with the holes filled all its
    objects lie side by side at the beginning of fresh pools.
    """
    kept: list[object] = []
    for size_bytes in range(_OBJECT_BYTES, _LARGEST_SMALL_BYTES + 1, _OBJECT_BYTES):
        for number in range(_HOLES_MAX):
            block: object = object()
            if size_bytes == 2 * _OBJECT_BYTES:
                block = number + 0.5
            elif size_bytes > 2 * _OBJECT_BYTES:
                block = bytes(size_bytes - _EMPTY_BYTES)
            kept.append(block)
            if id(block) % _POOL_BYTES == _POOL_HEADER_BYTES:
                break
    return kept


def _run_nothing(path: str) -> None:
    import marshal

    from agent_exec.store.atomic import open_anonymous
    from agent_exec.supervisor.lifecycle import supervise

    values = {
        "job_id": os.path.basename(path),
        "root": os.path.dirname(path),
        "host": None,
        "cgroup": None,
        "command": ("true",),
        "arguments": ("sh", "-c", "true"),
        "shell_wrapper": ("sh", "-c"),
        "cwd": "/",
        "environment": marshal.dumps({}),
        "marks_environment": True,
        "sink_environment": marshal.dumps({}),
        "sink_prologue": "",
        "umask": 0o077,
        "stdin_file": None,
        "timeout_ms": 0,
        "kill_after_ms": 0,
        "progress_every_ms": 0,
        "full_log_path": None,
        "log_max_bytes": 0,
        "run": 0,
        "keeps_free_space": True,
        "notification": None,
        "meta_version": None,
    }
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    lock, report = (os.open(os.devnull, os.O_WRONLY) for _ in range(2))
    supervise(directory, lock, report, open_anonymous(directory, marshal.dumps(values)))


if __name__ == "__main__":
    main()
