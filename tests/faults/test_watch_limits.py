"""Other programs use up what the system has for watching files: changes are told all the same."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.rows import covers
from support.waiting import wait_until

pytestmark = pytest.mark.faults

# Limits of a user namespace: nothing outside it is touched. "watches 3" leaves three of them.
WATCH = """
import json, sys, threading
from agent_exec.store.watch import JobWatcher

def tell(**said):
    print(json.dumps(said), flush=True)

watcher = JobWatcher(sys.argv[1], on_mode=lambda mode, reason: tell(mode=mode, reason=reason))
threading.Thread(target=lambda: (sys.stdin.read(), watcher.stop()), daemon=True).start()
for changes in watcher.changes():
    tell(records=sorted(changes.records))
"""
LIMIT_S = 15.0


@functools.cache
def _can_limit() -> bool:
    words = ["unshare", "--user", "--map-root-user", "sh", "-c",
             "echo 9 > /proc/sys/user/max_inotify_watches"]  # fmt: skip
    try:
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class Watched:
    """A watcher under a limit, and what it said."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self._process = process
        self._out = out

    @property
    def said(self) -> list[dict[str, object]]:
        whole = self._out.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def reason(self) -> object:
        return next((each["reason"] for each in reversed(self.said) if "reason" in each), None)

    def mode(self) -> object:
        return next((each["mode"] for each in reversed(self.said) if "mode" in each), None)

    def told(self, job_id: str) -> int:
        return sum(job_id in each.get("records", ()) for each in self.said)  # type: ignore[operator]

    def until(self, reason: str) -> None:
        wait_until(lambda: self.mode() == "polling" and reason in str(self.reason()), LIMIT_S,
                   f"polling for {reason}, not {self.said}")  # fmt: skip


@contextmanager
def watching(root: Path, kind: str, left: int, before: str = "") -> Iterator[Watched]:
    if not _can_limit():
        pytest.skip("no user namespace with limits of its own to be had (unshare)")
    out = root.parent / "said"
    limit = f"/proc/sys/user/max_inotify_{kind}"
    script = f'echo {left} > {limit}; {before} exec "$0" -c "$1" "$2"'
    words = ["unshare", "--user", "--map-root-user", "sh", "-c", script, sys.executable, WATCH]
    with (
        out.open("wb") as file,
        subprocess.Popen([*words, str(root)], stdin=subprocess.PIPE, stdout=file) as process,
    ):
        try:
            yield Watched(process, out)
        finally:
            process.kill()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for number in range(4):
        put(root, f"old{number}")
    return root


def put(root: Path, job_id: str) -> None:
    (root / job_id).mkdir(parents=True)
    (root / job_id / "meta.json").write_text("{}")


def change(root: Path, job_id: str) -> None:
    temp = root / job_id / ".tmp-1"
    temp.write_text("{}")
    temp.rename(root / job_id / "state.json")


@covers("watches used up")
@pytest.mark.parametrize("left", [0, 1, 3])
def test_where_no_watches_are_left_it_looks_and_says_so(root: Path, left: int) -> None:
    with watching(root, "watches", left) as watched:
        watched.until("no file watches left (fs.inotify.max_user_watches)")
        assert {"events", "newest"}.isdisjoint(str(each.get("mode")) for each in watched.said)
        put(root, "fresh")
        wait_until(lambda: watched.told("fresh"), LIMIT_S)
        before = watched.told("fresh")
        change(root, "fresh")
        wait_until(lambda: watched.told("fresh") > before, LIMIT_S)


@covers("watches used up later")
def test_where_they_run_out_later_it_looks_from_then_on(root: Path) -> None:
    with watching(root, "watches", 7) as watched:
        wait_until(lambda: watched.mode() == "events", LIMIT_S)
        for number in range(4):  # of which two get a watch
            put(root, f"new{number}")
        watched.until("no file watches left")
        before = watched.told("new3")
        change(root, "new3")
        wait_until(lambda: watched.told("new3") > before, LIMIT_S)


@covers("watches left")
def test_where_there_are_just_enough_nothing_is_said(root: Path) -> None:
    with watching(root, "watches", 5) as watched:
        wait_until(lambda: watched.mode() == "events", LIMIT_S)
        shutil.rmtree(root / "old0")
        put(root, "fresh")
        wait_until(lambda: watched.told("fresh"), LIMIT_S)
        change(root, "fresh")
        wait_until(lambda: watched.told("fresh") > 1, LIMIT_S)
        assert watched.mode() == "events"


@covers("instances used up")
def test_where_no_instances_are_left_it_is_they_that_are_named(root: Path) -> None:
    with watching(root, "instances", 0) as watched:
        watched.until("no inotify instances left (fs.inotify.max_user_instances)")
        put(root, "fresh")
        wait_until(lambda: watched.told("fresh"), LIMIT_S)
