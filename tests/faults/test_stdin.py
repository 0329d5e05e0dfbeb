"""Standard inputs that are too large, endless, terminals, silent or cut off."""

from __future__ import annotations

import hashlib
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from faults.bench import Bench, finish
from faults.processes import await_idle, see
from faults.rows import covers
from support.waiting import wait_until

pytestmark = pytest.mark.faults

Figure = Callable[[str], None]

LIMIT_BYTES = 64 * 1024 * 1024


def _nothing_left(bench: Bench) -> None:
    assert not bench.root.exists() or os.listdir(bench.root) == []


@pytest.fixture
def terminal() -> Iterator[int]:
    """The program's side of a terminal that nobody types at."""
    ours, theirs = pty.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


@covers("stdin one byte too large", "stdin endless")
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_stdin_that_is_too_large_is_refused_and_leaves_nothing(bench: Bench, verb: str) -> None:
    large = bench.scratch / "large"
    with large.open("wb") as file:
        file.truncate(LIMIT_BYTES + 1)
    for source in (large, "/dev/zero"):
        answer = bench.call(verb, "--stdin-file", str(source), "--", "cat")
        assert answer.error_code == "stdin_too_large"
        assert answer.took_s < 5
        _nothing_left(bench)
    piped = bench.begin(verb, "--stdin", "-", "--", "cat", stdin=os.open("/dev/zero", os.O_RDONLY))
    assert finish(piped).error_code == "stdin_too_large"
    _nothing_left(bench)


@covers("stdin as large as allowed")
def test_a_stdin_as_large_as_allowed_arrives_whole(bench: Bench) -> None:
    block = bytes(range(256)) * 4096
    source = bench.scratch / "source"
    expected = hashlib.sha256()
    with source.open("wb") as file:
        for _ in range(LIMIT_BYTES // len(block)):
            file.write(block)
            expected.update(block)
    job_id = bench.run("sha256sum", flags=["--stdin-file", str(source)])
    assert bench.wait_over(job_id) == ("exited", 0)
    assert bench.file(job_id, "stdout.log").read_text().split()[0] == expected.hexdigest()


@covers("stdin closed")
def test_a_closed_stdin_is_an_error_or_empty(bench: Bench) -> None:
    closed = ["sh", "-c", 'exec "$@" 0<&-', "--"]
    answer = bench.call("run", "--stdin", "-", "--", "cat", prefix=closed)
    assert answer.is_orderly, answer
    if answer.ok:
        assert answer["stdout"] == ""
    else:
        _nothing_left(bench)
    plain = bench.call("run", "--", "sh", "-c", "cat; echo end", prefix=closed)
    assert plain.ok
    assert bench.wait_over(str(plain["job_id"])) == ("exited", 0)


@covers("--stdin - on a terminal", "no --stdin on a terminal")
def test_a_terminal_is_never_read(bench: Bench, terminal: int) -> None:
    answer = bench.call("run", "--stdin", "-", "--", "cat", stdin=terminal)
    assert answer.error_code == "stdin_required"
    _nothing_left(bench)
    answer = bench.call("run", "--", "cat", stdin=terminal)
    assert answer.ok
    assert answer.took_s < 5
    assert bench.wait_over(str(answer["job_id"])) == ("exited", 0)


@covers("no --stdin, open pipe", "no --stdin, full pipe")
def test_a_pipe_is_not_read_without_being_asked(bench: Bench, figure: Figure) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"x" * 4096)
        answer = bench.call("run", "--no-wait", "--", "cat", stdin=reading)
        assert answer.ok
        assert answer.took_s < 2
        job_id = str(answer["job_id"])
        assert bench.wait_over(job_id) == ("exited", 0)
        assert bench.file(job_id, "stdout.log").read_bytes() == b""
        assert os.read(reading, 8192) == b"x" * 4096, "somebody took from the caller's pipe"
    finally:
        os.close(reading)
        os.close(writing)
    figure(f"answered in {answer.took_s:.2f} s, not a byte taken")


@covers("stdin file wrong")
@pytest.mark.parametrize("kind", ["missing", "directory", "unreadable"])
def test_a_stdin_file_that_is_none_is_an_error(nobodys_bench: Bench, kind: str) -> None:
    bench = nobodys_bench
    source = bench.scratch / kind
    if kind == "directory":
        source.mkdir()
    elif kind == "unreadable":
        source.touch(mode=0o000)
    answer = bench.call("run", "--stdin-file", str(source), "--", "cat")
    assert answer.exit_status == 1
    assert str(source) in answer.message
    _nothing_left(bench)


@covers("interrupt half-way")
@pytest.mark.parametrize("verb", ["create", "run"])
def test_an_interrupt_half_way_leaves_nothing(bench: Bench, verb: str) -> None:
    process = bench.begin(verb, "--stdin", "-", "--", "cat", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"x" * 100_000)
    process.stdin.flush()
    wait_until(lambda: any(bench.root.glob(".new-*/stdin.bin")), what="the copy's beginning")
    await_idle(see(process.pid))
    process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    answer = finish(process)
    assert "Traceback" not in answer.stderr
    assert answer.exit_status not in (0, 2)
    _nothing_left(bench)
