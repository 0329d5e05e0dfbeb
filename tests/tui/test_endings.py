"""However the dashboard ends, the terminal is as before and the shell says what goes on."""

from __future__ import annotations

import contextlib
import json
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_exec.store.jobs import JobStore
from support.launching import end_all, is_alive, running
from support.terminal import LIMIT_S, Terminal, terminal
from support.waiting import wait_until

RAISE = """
import agent_exec_tui.screens.main as main
def fail(*_):
    secret = "s3cr3t"
    raise ZeroDivisionError("boom \\x1b[31m")
main.MainScreen.action_do = fail
"""
STUCK = """
import time
import agent_exec_tui.screens.main as main
def hang(*_):
    open("{}", "w").close()
    while True:
        time.sleep(1)
main.MainScreen.action_do = hang
"""


DEAF = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"  # as nohup leaves it


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "root")
    yield store
    end_all(store)


@contextlib.contextmanager
def dashboard(store: JobStore, *words: str, before: str = "") -> Iterator[Terminal]:
    root = Path(store.root)
    env = {"XDG_STATE_HOME": str(root.parent / "state")}
    with terminal(*words, root=root, env=env, before=before) as opened:
        yield opened


def log_of(store: JobStore) -> Path:
    return Path(store.root).parent / "state" / "agent-exec-tui" / "dashboard.log"


def test_q_leaves_at_once_and_names_what_keeps_running(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with dashboard(store) as opened:
        opened.wait_for(job_id[:7])
        opened.press("q")
        assert opened.status() == 0
        assert opened.flaws() == []
        assert opened.screen.startswith(f"1 job keeps running: {job_id[:7]}")
        assert "(sleep 60)" in opened.screen
    assert not log_of(store).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(store: JobStore, number: int) -> None:
    job_id = running(store, "sleep", "60")
    with dashboard(store) as opened:
        opened.wait_for(job_id[:7])
        assert opened.send(number) == 128 + number
        assert opened.flaws() == []
        assert opened.screen.startswith(f"1 job keeps running: {job_id[:7]}")


def test_a_closed_window_ends_the_dashboard(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with dashboard(store) as opened:
        opened.wait_for(job_id[:7])
        opened.hang_up()
        assert opened.process.wait(timeout=LIMIT_S) == 128 + signal.SIGHUP
    assert not log_of(store).exists()


def test_a_closed_window_ends_the_dashboard_though_nobody_tells_it(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with dashboard(store, before=DEAF) as opened:
        opened.wait_for(job_id[:7])
        opened.hang_up()
        assert opened.process.wait(timeout=LIMIT_S) == 1
    assert "the terminal cannot be read any more" in log_of(store).read_text()


def test_a_stuck_dashboard_does_not_outlive_its_terminal(store: JobStore, tmp_path: Path) -> None:
    mark = tmp_path / "stuck"
    job_id = running(store, "sleep", "60")
    with dashboard(store, before=DEAF + STUCK.format(mark)) as opened:
        opened.wait_for(job_id[:7])
        opened.press("j")
        wait_until(mark.exists)
        opened.hang_up()
        assert opened.process.wait(timeout=LIMIT_S) == 1
    assert "could not end by itself" in log_of(store).read_text()


def test_a_failure_is_owned_up_to_in_a_line_and_told_in_the_log(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    with dashboard(store, before=RAISE) as opened:
        opened.wait_for(job_id[:7])
        opened.press("j")
        assert opened.status() == 1
        assert opened.flaws() == []
        assert "the dashboard failed, your jobs go on: ZeroDivisionError: boom" in opened.screen
        assert str(log_of(store))[-20:] in opened.screen.replace("\n", "")
        assert f"1 job keeps running: {job_id[:7]}" in opened.screen
        assert b"Traceback" not in opened.output
        assert b"s3cr3t" not in opened.output
        assert b"boom \x1b[31m" not in opened.output
    log = log_of(store)
    assert "Traceback" in log.read_text()
    assert "ZeroDivisionError: boom" in log.read_text()
    assert "s3cr3t" not in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_dashboard_that_is_stuck_still_gives_the_terminal_back(
    store: JobStore, tmp_path: Path
) -> None:
    job_id = running(store, "sleep", "60")
    reached = tmp_path / "reached"
    with dashboard(store, before=STUCK.format(reached)) as opened:
        opened.wait_for(job_id[:7])
        opened.press("j")
        wait_until(reached.exists, LIMIT_S)
        assert opened.send(signal.SIGTERM) == 128 + signal.SIGTERM
        assert opened.flaws() == []


def test_a_failure_before_the_first_picture_is_a_line(store: JobStore) -> None:
    before = "import agent_exec_tui.settings as s\ndef fail(*_, **__): raise RuntimeError('no')\n"
    with dashboard(store, before=before + "s.load_settings = fail") as opened:
        assert opened.status() == 1
        assert "error: the dashboard failed: RuntimeError: no" in opened.screen
        assert "Traceback" not in opened.screen


def test_the_filter_of_the_command_line_is_in_force(store: JobStore) -> None:
    wanted = running(store, "sleep", "60")
    other = running(store, "sleep", "61")
    with dashboard(store, "--filter", f"id:{wanted}") as opened:
        opened.wait_for("Jobs 1/2")
        assert wanted[:7] in opened.screen
        assert other[:7] not in opened.screen
        opened.press("/")
        opened.wait_for(f"id:{wanted}")
        opened.press("\x1b")  # alone: with what follows at once it would be another key
        opened.wait_for("Jobs 2/2")
        opened.press("q")
        assert opened.status() == 0


def test_a_filter_without_sense_is_told_before_anything_is_opened(store: JobStore) -> None:
    with dashboard(store, "--filter", "state:nope") as opened:
        assert opened.status() == 2
        assert "--filter" in opened.screen
        assert b"\x1b[?1049h" not in opened.output


@contextlib.contextmanager
def demonstration(tmp_path: Path) -> Iterator[Terminal]:
    folder = tmp_path / "tmp"
    folder.mkdir()
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(folder)}
    with terminal("--demo", root=None, env=env) as opened:
        opened.wait_for("Jobs 14/14")
        yield opened


def pids_below(folder: Path) -> list[int]:
    """The children and supervisors of a demonstration's jobs."""
    found: list[int] = []
    for path in folder.glob("*/jobs/*/supervision.json"):
        document = json.loads(path.read_text())
        found += [document[who]["pid"] for who in ("supervisor", "child") if who in document]
    assert found
    return found


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGKILL])
def test_a_demonstration_leaves_nothing_behind(tmp_path: Path, number: int | None) -> None:
    with demonstration(tmp_path) as opened:
        pids = [pid for pid in pids_below(tmp_path / "tmp") if is_alive(pid)]
        assert len(pids) >= 6
        if number is None:
            opened.press("q")
            assert opened.status() == 0
        else:
            expected = -number if number == signal.SIGKILL else 128 + number
            assert opened.send(number) == expected
        if number != signal.SIGKILL:
            assert opened.flaws() == []
            assert "keep running" not in opened.screen
        wait_until(lambda: not list((tmp_path / "tmp").iterdir()), LIMIT_S, "an empty folder")
        wait_until(lambda: not any(is_alive(pid) for pid in pids), LIMIT_S, "the end of all jobs")
    assert not (tmp_path / "state" / "agent-exec-tui" / "state.json").exists()
