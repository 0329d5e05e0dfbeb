"""Output is stored byte for byte, stamped line by line, and bounded in memory."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_exec.errors import LaunchFailedError
from agent_exec.model.job import JobStatus
from agent_exec.supervisor.output import PIECE_BYTES, lossy, split_incomplete
from support.jobs import Job, Workshop, python
from support.waiting import wait_until

STAMP = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[(STDOUT|STDERR)\] (.*)$", re.DOTALL)


def full_lines(job: Job, label: bytes = b"STDOUT") -> list[bytes]:
    """The lines of one stream in full.log, without stamps."""
    found = []
    for line in job.read("full.log").split(b"\n")[:-1]:
        match = STAMP.match(line)
        assert match is not None, line
        if match[1] == label:
            found.append(match[2])
    return found


def write_job(workshop: Workshop, path: Path, data: bytes) -> Job:
    path.write_bytes(data)
    return workshop.create("cat", str(path)).start().wait()


def test_any_bytes_are_kept_as_they_are(workshop: Workshop, tmp_path: Path) -> None:
    data = bytes(range(256)) * 300 + b"\r\n\x1b[31m\xf0\x9f\x92\x00\n\n\xc3\xa9 end"
    job = write_job(workshop, tmp_path / "data", data)
    assert job.read("stdout.log") == data
    expected = [line.decode("utf-8", "replace").encode() for line in data.split(b"\n")]
    assert full_lines(job) == expected


def test_empty_lines_and_carriage_returns_stay_in_the_full_log(workshop: Workshop) -> None:
    job = workshop.create(r"printf 'a\r\n\nb\rc\n\n'").start().wait()
    assert full_lines(job) == [b"a\r", b"", b"b\rc", b""]
    assert job.read("full.log").split(b"\n")[1].endswith(b"[STDOUT] ")


def test_a_last_line_without_a_newline_is_a_line_of_the_full_log(workshop: Workshop) -> None:
    job = workshop.create("printf 'one\\ntwo'").start().wait()
    assert job.read("stdout.log") == b"one\ntwo"
    assert full_lines(job) == [b"one", b"two"]


def test_no_output_leaves_empty_logs(workshop: Workshop) -> None:
    job = workshop.create("true").start().wait()
    assert [job.read(f"{name}.log") for name in ("stdout", "stderr", "full")] == [b""] * 3


def test_a_partial_line_is_stored_at_once_and_stamped_when_complete(workshop: Workshop) -> None:
    job = workshop.create("printf part; read x < go; echo -end")
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path))).wait_for_text("part")
    assert job.read("full.log") == b""
    (job.path / "go").write_text("\n")
    job.wait()
    assert full_lines(job) == [b"part-end"]


def test_a_very_long_line_stays_one_line(workshop: Workshop, tmp_path: Path) -> None:
    data = b"x" * (3 * PIECE_BYTES + 5) + "é".encode() * PIECE_BYTES + b"\nshort\n" + b"y" * 100_000
    job = write_job(workshop, tmp_path / "data", data)
    assert job.read("stdout.log") == data
    assert full_lines(job) == data.split(b"\n")


def test_a_line_that_another_stream_interrupts_goes_on_with_a_new_stamp(
    workshop: Workshop,
) -> None:
    code = """
import os
os.write(1, b'a' * 200_000)
open('ready', 'w').close()
open('go').read()
os.write(2, b'between\\n')
open('go').read()
os.write(1, b'end\\n')
"""
    job = workshop.create(*python(code))
    os.mkfifo(job.path / "go")
    job.start(job.spec(cwd=str(job.path)))
    wait_until(lambda: len(job.read("full.log")) > 200_000)
    (job.path / "go").write_text("")
    job.wait_for_text("between", "full.log")
    (job.path / "go").write_text("")
    job.wait()
    assert b"".join(full_lines(job)) == b"a" * 200_000 + b"end"
    assert full_lines(job, b"STDERR") == [b"between"]


def test_two_streams_lose_and_tear_no_line(workshop: Workshop) -> None:
    script = "for w in 1 2 3 4; do (for i in $(seq 500); do echo $w.$i; echo $w.$i >&2; done) & done; wait"
    job = workshop.create(script).start().wait()
    expected = sorted(f"{w}.{i}".encode() for w in range(1, 5) for i in range(1, 501))
    for name, label in (("stdout", b"STDOUT"), ("stderr", b"STDERR")):
        lines = job.read(f"{name}.log").split(b"\n")[:-1]
        assert sorted(lines) == sorted(full_lines(job, label)) == expected
        for writer in (b"1.", b"2.", b"3.", b"4."):
            own = [int(line[2:]) for line in lines if line.startswith(writer)]
            assert own == sorted(own)


def test_the_log_is_complete_when_the_state_says_so(workshop: Workshop) -> None:
    digest = hashlib.sha256(b"z" * 1_000_000).hexdigest()
    for _ in range(5):
        job = workshop.create("head -c 1000000 /dev/zero | tr '\\0' z").start().wait()
        assert job.state.logs_drained
        assert hashlib.sha256(job.read("stdout.log")).hexdigest() == digest


def test_the_full_log_may_lie_elsewhere(workshop: Workshop, tmp_path: Path) -> None:
    place = tmp_path / "new" / "all.log"
    job = workshop.create("echo there")
    job.start(job.spec(full_log_path=str(place))).wait()
    assert place.read_bytes().endswith(b"[STDOUT] there\n")
    assert job.read("full.log") == b""
    assert job.supervision.full_log_path == str(place)


@pytest.mark.parametrize("name", ["stdout.log", "stderr.log", "full.log"])
def test_a_link_in_the_place_of_a_log_is_refused(
    workshop: Workshop, tmp_path: Path, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    job = workshop.create("echo overwritten")
    (job.path / name).unlink()
    (job.path / name).symlink_to(victim)
    with pytest.raises(LaunchFailedError, match="symbolic link"):
        job.start()
    assert victim.read_text() == "precious"
    assert job.state.status is JobStatus.FAILED


def test_a_fifo_in_the_place_of_a_log_is_refused(workshop: Workshop) -> None:
    job = workshop.create("echo x")
    (job.path / "stdout.log").unlink()
    os.mkfifo(job.path / "stdout.log")
    with pytest.raises(LaunchFailedError, match=r"open log stdout\.log"):
        job.start()


def test_beyond_its_limit_a_stream_is_only_counted(workshop: Workshop) -> None:
    job = workshop.create("seq 1 100000; echo small >&2")
    job.start(job.spec(log_max_bytes=1000)).wait().wait_released()
    whole = b"".join(b"%d\n" % number for number in range(1, 100_001))
    assert job.read("stdout.log") == whole[:1000]
    assert job.read("stderr.log") == b"small\n"
    assert (job.state.status, job.state.result.exit_code) == ("exited", 0)
    assert job.supervision.dropped.stdout == len(whole) - 1000
    assert job.supervision.dropped.stderr == 0
    assert job.supervision.drop_reason == "log limit"
    full = job.read("full.log")
    assert full.count(b"[AGENT-EXEC] stdout is no longer stored: log limit\n") == 1
    assert full.count(b"[STDERR] small\n") == 1
    assert len(full) < 20_000


def test_a_file_size_limit_does_not_end_supervisor_or_child(
    workshop: Workshop, tmp_path: Path
) -> None:
    job = workshop.create(f"seq 1 200000; touch {tmp_path}/reached; exit 3")
    script = f"""
import resource, sys
sys.path[:0] = {[p for p in sys.path if p]!r}
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from agent_exec.store.jobs import JobStore
from agent_exec.process.handover import LaunchSpec
from agent_exec.process.launch import launch
with JobStore({job.store.root!r}).open({job.id!r}) as directory, directory.locked():
    launch(directory, LaunchSpec(job_id={job.id!r}, command={job.command!r},
        shell_wrapper=('sh', '-c'), cwd='/', environment={{'PATH': '/usr/bin:/bin'}}, umask=0o22))
"""
    os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", script], {}), 0)
    wait_until(lambda: job.state.is_terminal, 10)
    job.wait_released()
    assert job.state.result.exit_code == 3
    assert (tmp_path / "reached").exists()
    assert len(job.read("stdout.log")) == 100_000
    assert job.supervision.dropped.stdout > 1_000_000
    assert job.supervision.drop_reason == "File too large"


@given(st.binary(max_size=60), st.integers(0, 60))
def test_cutting_never_changes_what_a_text_reads(data: bytes, at: int) -> None:
    piece, rest = split_incomplete(data[:at])
    assert piece + rest == data[:at]
    assert lossy(piece) + lossy(rest + data[at:]) == lossy(data)


@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
@settings(max_examples=300)
def test_lossy_is_what_python_makes_of_it(data: bytes) -> None:
    assert lossy(data) == data.decode("utf-8", "replace").encode()
