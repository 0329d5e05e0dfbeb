"""What a caller names is read to its end, and never waited for without a limit."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from agent_exec.commands import environment, stdin
from agent_exec.commands.create import create_job
from agent_exec.commands.definition import JobDefinition, StdinFile
from agent_exec.commands.restart import restart_job
from agent_exec.commands.run import run_job
from agent_exec.commands.source_file import open_source, read_source
from agent_exec.commands.start import start_job
from agent_exec.commands.wait import wait_job
from agent_exec.errors import AgentExecError, InternalError, LaunchFailedError
from agent_exec.store.jobs import JobStore
from support.waiting import wait_until


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def read(path: Path | str, quiet_s: float = 0.1) -> bytes:
    fd = open_source(str(path), "read it")
    try:
        return b"".join(read_source(fd, "read it", quiet_s))
    finally:
        os.close(fd)


def test_a_fifo_that_nobody_writes_is_given_up(fifo: Path) -> None:
    with pytest.raises(InternalError, match="nothing came within"):
        read(fifo)


def test_a_fifo_whose_writer_says_no_more_is_given_up(fifo: Path) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY)
    os.write(writer, b"A=1\n")
    try:
        with pytest.raises(InternalError, match="nothing came within"):
            read(fifo)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_fifo_is_read_to_its_writer_s_end(fifo: Path) -> None:
    def write() -> None:
        with fifo.open("wb") as file:
            file.write(b"x" * 300_000)

    thread = threading.Thread(target=write)
    thread.start()
    assert read(fifo, quiet_s=10) == b"x" * 300_000
    thread.join()


def test_files_without_a_size_and_devices_are_read() -> None:
    assert read("/proc/self/status").startswith(b"Name:")
    assert read(os.devnull) == b""


@pytest.mark.parametrize("kind", ["directory", "socket", "missing", "shut"])
def test_what_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "it"
    if kind == "directory":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "shut":
        path = Path("/proc/self/mem")
    with pytest.raises(InternalError, match=r"^read it: .*\(os error \d+\)"):
        read(path)


def test_a_start_does_not_hang_on_a_fifo_and_lets_go_of_the_job(
    fifo: Path, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_QUIET_S", 0.2)
    monkeypatch.setattr(stdin, "_QUIET_S", 0.2)
    definition = JobDefinition(command=("true",), env_files=(str(fifo),))
    job_id = create_job(store, definition).job_id
    began_s = time.monotonic()
    with pytest.raises(LaunchFailedError, match="nothing came within"):
        start_job(store, job_id)
    with pytest.raises(LaunchFailedError, match="nothing was changed"):
        restart_job(store, job_id)
    with pytest.raises(AgentExecError, match="nothing came within"):
        create_job(store, JobDefinition(command=("cat",), stdin=StdinFile(str(fifo))))
    assert store.names() == [job_id]
    assert time.monotonic() - began_s < 5


def test_what_a_fifo_gives_in_time_is_taken(fifo: Path, store: JobStore) -> None:
    def write() -> None:
        fifo.write_bytes(b"A=from the fifo\n")

    thread = threading.Thread(target=write)
    thread.start()
    job_id = run_job(store, JobDefinition(command=('echo "$A"',), env_files=(str(fifo),))).job_id
    thread.join()
    wait_job(store, job_id)
    wait_until(lambda: Path(store.root, job_id, "stdout.log").read_bytes() == b"from the fifo\n")
