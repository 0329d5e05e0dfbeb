"""Ids that are paths, and links that lead out of the root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from agent_exec import JobStore, job_status, start_job
from agent_exec.errors import InvalidArgumentError
from faults.bench import Bench
from faults.rows import covers

pytestmark = pytest.mark.faults

VERBS = (
    ("status", "ID"),
    ("start", "ID"),
    ("restart", "ID"),
    ("tail", "ID"),
    ("wait", "--until", "2", "ID"),
    ("kill", "--signal", "KILL", "ID"),
    ("delete", "ID"),
    ("tag", "set", "ID", "--tag", "one"),
    ("notify", "set", "ID", "--command", "true"),
    ("repair", "ID"),
)


def _snapshot(directory: Path) -> dict[str, tuple[bytes, float]]:
    return {
        str(path): (path.read_bytes() if path.is_file() else b"", path.lstat().st_mtime)
        for path in sorted(directory.rglob("*"))
    }


def _victims(bench: Bench, where: Path) -> tuple[str, str]:
    """A created and an ended job in another root, beside or above the bench's own."""
    ran = bench.scratch / "victim-ran"
    created = bench.call("create", "--", "sh", "-c", f"echo > {ran}", root=where)["job_id"]
    ended = bench.call("run", "--no-auto-gc", "--", "true", root=where)["job_id"]
    return str(created), str(ended)


@covers(
    "id ../victim",
    "id absolute",
    "id ..",
    "id empty",
    "id .",
    "id with a slash",
    "id ../../created-victim",
)
@pytest.mark.parametrize(
    "form", ["../NAME", "ABSOLUTE", "..", "", ".", "ID/../OTHER", "./ID", "ID/.", "../../NAME"]
)
def test_an_id_that_is_a_path_is_refused_everywhere(bench: Bench, form: str) -> None:
    bench.root = bench.scratch / "one" / "two" / "root"
    outside = bench.scratch / "one" if form.startswith("../../") else bench.scratch / "one" / "two"
    created, ended = _victims(bench, outside)
    own, other = bench.create("true"), bench.create("true")
    before = _snapshot(bench.scratch)
    for name in (created, ended):
        wrong = form.replace("NAME", name).replace("OTHER", other).replace("ID", own)
        wrong = wrong.replace("ABSOLUTE", str(outside / name))
        for verb in VERBS:
            answer = bench.call(*(wrong if word == "ID" else word for word in verb))
            assert answer.error_code == "invalid_argument", answer
    assert _snapshot(bench.scratch) == before


@covers("ids odd")
@pytest.mark.parametrize(
    "wrong", ["x" * 5000, "line\nbreak", "es\x1b[31mcape", "*", "%s", "--all-of-it", "\u202eback"]
)
def test_an_odd_id_is_refused_in_order(bench: Bench, wrong: str) -> None:
    bench.create("true")
    before = _snapshot(bench.root)
    for verb in VERBS:
        answer = bench.call(*(wrong if word == "ID" else word for word in verb))
        assert answer.is_orderly, answer
        assert answer.exit_status != 0
        assert answer.error_code in ("invalid_argument", "job_not_found", None), answer
        for raw in ("\x1b", "\u202e"):
            assert raw not in answer.stdout.decode() + answer.stderr
    assert _snapshot(bench.root) == before


@covers("id with a NUL")
def test_the_library_refuses_what_no_command_line_can_carry(bench: Bench) -> None:
    store = JobStore(bench.root)
    job_id = bench.create("true")
    for verb in (job_status, start_job):
        with pytest.raises(InvalidArgumentError):
            verb(store, f"{job_id}\0")


@covers("prefixes")
def test_a_prefix_finds_one_job_and_names_two(bench: Bench) -> None:
    job_id = bench.create("true")
    assert bench.must("status", job_id[:9])["job_id"] == job_id
    twin = job_id[:9] + ("0" if job_id[9] != "0" else "1") + job_id[10:]
    shutil.copytree(bench.root / job_id, bench.root / twin)
    for verb in VERBS:
        answer = bench.call(*(job_id[:9] if word == "ID" else word for word in verb))
        assert answer.error_code == "ambiguous_job_id" or "ambiguous" in str(answer.document)
    assert bench.status(job_id) == "created"


@covers("job directory a link")
def test_a_job_that_is_a_link_leads_nobody_out(bench: Bench) -> None:
    outside = bench.scratch / "outside"
    _, ended = _victims(bench, outside)
    bench.root.mkdir()
    (bench.root / ended).symlink_to(outside / ended)
    before = _snapshot(outside)
    for words in (("delete", ended), ("delete", "--all"), ("gc", "--older-than", "0s")):
        assert bench.call(*words).is_orderly
        assert _snapshot(outside) == before


@covers("link inside a job")
@pytest.mark.parametrize("verb", ["delete", "gc"])
def test_a_link_inside_a_job_goes_and_its_target_stays(bench: Bench, verb: str) -> None:
    target = bench.scratch / "target"
    target.mkdir()
    (target / "precious").write_text("kept")
    job_id = bench.run("true")
    bench.wait_over(job_id)
    bench.make_old(job_id)
    # Under a name of the contract: a foreign one would make delete refuse the whole job.
    link = bench.file(job_id, "stdin.bin")
    link.symlink_to(target)
    if verb == "delete":
        bench.must("delete", job_id)
    else:
        bench.must("gc", "--older-than", "1h")
    assert not bench.file(job_id, "").exists()
    assert (target / "precious").read_text() == "kept"


@covers("stdout.log a link", "state.json a link", "full.log a link")
@pytest.mark.parametrize("name", ["stdout.log", "stderr.log", "full.log", "state.json"])
def test_start_writes_through_no_link(bench: Bench, name: str) -> None:
    target = bench.scratch / "target"
    job_id = bench.create("sh", "-c", "echo out; echo err >&2")
    link = bench.file(job_id, name)
    content = link.read_bytes() or b"precious"
    target.write_bytes(content)
    link.unlink()
    link.symlink_to(target)
    answer = bench.call("start", job_id)
    assert answer.is_orderly
    if answer.ok:
        bench.wait_over(job_id)
        assert not link.is_symlink()
    assert target.read_bytes() == content


@covers("root through a link")
def test_a_root_behind_a_link_works(bench: Bench) -> None:
    real = bench.scratch / "real"
    real.mkdir(mode=0o700)
    bench.root.symlink_to(real)
    job_id = bench.run("sh", "-c", "echo out; exit 3")
    assert bench.wait_over(job_id) == ("exited", 3)
    assert bench.must("tail", job_id)["stdout"] == "out\n"
    bench.must("delete", job_id)
    assert os.listdir(real) == []


@covers("job moved to another root")
def test_a_moved_job_writes_where_it_lies(bench: Bench) -> None:
    job_id = bench.create("sh", "-c", "echo out; exit 3")
    old = bench.root
    bench.root = bench.scratch / "elsewhere"
    bench.root.mkdir(mode=0o700)
    (old / job_id).rename(bench.root / job_id)
    bench.must("start", job_id)
    assert bench.wait_over(job_id) == ("exited", 3)
    assert bench.file(job_id, "stdout.log").read_text() == "out\n"
    assert os.listdir(old) == []
