"""What a terminal says to the dashboard: keys act, everything else does not."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import read_job
from support.launching import end_all, running
from support.terminal import Terminal, terminal
from support.waiting import wait_until

ALTERNATE = b"\x1b[?1049h"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "root")
    yield store
    end_all(store)


@contextlib.contextmanager
def dashboard(store: JobStore, *words: str, **env: str) -> Iterator[Terminal]:
    root = Path(store.root)
    env = {"XDG_STATE_HOME": str(root.parent / "state"), **env}
    with terminal(*words, root=root, env=env) as opened:
        yield opened


@contextlib.contextmanager
def over_a_job(store: JobStore, **env: str) -> Iterator[tuple[Terminal, str]]:
    job_id = running(store, "sleep", "60")
    with dashboard(store, **env) as opened:
        opened.wait_for(job_id[:7])
        opened.wait_for("Jobs 1/1")
        yield opened, job_id


def answers(opened: Terminal) -> None:
    """Whether keys still do what they did: the help comes, and goes."""
    opened.press("?")
    opened.wait_for("━ Help")
    opened.press("\x1b")
    wait_until(lambda: "━ Help" not in opened.screen, 10, "the help gone")


def go_on(opened: Terminal) -> None:
    """Let it go on after a stop, until it has the terminal again."""
    taken = opened.output.count(ALTERNATE)
    opened.process.send_signal(signal.SIGCONT)
    wait_until(lambda: opened.output.count(ALTERNATE) > taken, 10)
    opened.wait_for("Jobs 1/1")


def jobs_in(store: JobStore) -> int:
    return sum(
        path.is_dir() and not path.name.startswith(".") for path in Path(store.root).iterdir()
    )


def is_running(store: JobStore, job_id: str) -> bool:
    record = read_job(store, job_id)
    return record is not None and record.state is not None and record.state.status == "running"


@pytest.mark.parametrize(
    "said",
    [
        b"\xe9",
        b"\x1b[M\x43\x84\x2a",
        b"\x1b[200~caf\xe9\x1b[201~",
        b"\x1b[113;1:3u\x1b[13;1:3u",
        b"\x1b]11;rgb:1a1a/1b1b/1c1c\x1b\\",
        b"\x1bP>|tmux 3.4\x1b\\\x1b[?62;22c\x1b[24;80R",
        b"\x1b[999999;1u\x1b[0;0;0u\x1b[48;0;0;0;0t\x1b[<0;1;1M",
    ],
)
def test_what_is_no_key_does_nothing_and_ends_nothing(store: JobStore, said: bytes) -> None:
    with over_a_job(store) as (opened, job_id):
        opened.put(said)
        answers(opened)
        assert "Jobs 1/1" in opened.screen
        assert jobs_in(store) == 1
        assert is_running(store, job_id)
        opened.press("q")
        assert opened.status() == 0


def test_a_sequence_in_two_pieces_is_that_sequence(store: JobStore) -> None:
    with over_a_job(store) as (opened, _):
        opened.put(b"\x1b[")
        answers_later = opened.output
        wait_until(lambda: len(opened.output) > len(answers_later), 5)  # a second has gone by
        opened.put(b"<35;40;10M")
        answers(opened)
        assert "Jobs 1/1" in opened.screen
        assert b"\x1b[?1003l" not in opened.output


@pytest.mark.parametrize("text", ["xy", "fix it, then stop\r", "ready to dynamite\n", "dy\rXy"])
def test_letters_that_come_at_once_end_and_start_nothing(store: JobStore, text: str) -> None:
    with over_a_job(store) as (opened, job_id):
        opened.press(text)
        opened.wait_for("letters that came at once")
        assert "Stop 1 job" not in opened.screen
        assert jobs_in(store) == 1
        assert is_running(store, job_id)


def test_letters_that_come_at_once_move_and_look(store: JobStore) -> None:
    with over_a_job(store) as (opened, _):
        opened.press("/nothing\r2")
        opened.wait_for("Jobs 0/1")
        opened.wait_for("┏━ stdout")


def test_a_question_is_not_answered_by_a_key_from_before_it_was_there(store: JobStore) -> None:
    with over_a_job(store) as (opened, job_id):
        opened.put(b"\x1b[120;;120u\x1b[121;;121u")  # x and y, by a terminal that tells keys
        opened.wait_for("Keep running")
        answers(opened)
        assert "Keep running" in opened.screen
        assert is_running(store, job_id)
        opened.press("y")
        wait_until(lambda: not is_running(store, job_id), 10)


def test_several_lines_pasted_into_the_form_are_one_command(
    store: JobStore, tmp_path: Path
) -> None:
    with over_a_job(store) as (opened, _):
        opened.press("a")
        opened.wait_for("Add job")
        opened.put(f"\x1b[200~touch {tmp_path}/one; true\ntouch {tmp_path}/two\n\x1b[201~".encode())
        opened.wait_for("one string for the shell")
        opened.press("\r")
        wait_until(lambda: (tmp_path / "two").exists(), 10)
        assert (tmp_path / "one").exists()


def test_several_lines_that_come_unmarked_are_a_paste_that_runs_nothing(
    store: JobStore, tmp_path: Path
) -> None:
    with over_a_job(store) as (opened, _):
        opened.press("a")
        opened.wait_for("Add job")
        opened.press(f"touch {tmp_path}/one\rtouch {tmp_path}/two\r")
        opened.wait_for("one string for the shell")
        assert jobs_in(store) == 1
        opened.put(b"\x1b[13u")  # enter, and surely no part of the paste
        wait_until(lambda: (tmp_path / "two").exists(), 10)


@pytest.mark.parametrize(("columns", "lines"), [("200", "50"), ("60", "12"), ("x", "")])
def test_the_terminals_own_size_stands_over_the_environment(
    store: JobStore, columns: str, lines: str
) -> None:
    with over_a_job(store, COLUMNS=columns, LINES=lines) as (opened, _):
        drawn = opened.screen.splitlines()
        assert (max(map(len, drawn)), len(drawn)) == (100, 30)
        opened.resize(120, 36)
        wait_until(lambda: len(opened.screen.splitlines()) == 36, 10)
        wait_until(lambda: max(map(len, opened.screen.splitlines())) == 120, 10)


def test_where_the_terminal_knows_no_size_the_environment_tells_it(store: JobStore) -> None:
    with over_a_job(store, COLUMNS="90", LINES="28") as (opened, _):
        opened.resize(0, 0, room=(120, 40))
        wait_until(lambda: max(map(len, opened.screen.splitlines()), default=0) == 90, 10)
        wait_until(lambda: len(opened.screen.splitlines()) == 28, 10)


@pytest.mark.parametrize("size", [(1, 1), (10000, 1), (1, 10000), (2, 200)])
def test_no_size_is_too_odd(store: JobStore, size: tuple[int, int]) -> None:
    with over_a_job(store) as (opened, _):
        before = len(opened.output)
        opened.resize(*size)
        wait_until(lambda: len(opened.output) > before, 10)
        opened.press("j")
        opened.press("x")
        opened.press("\x1b")
        opened.resize(100, 30)
        opened.wait_for("Jobs 1/1")
        answers(opened)


def test_after_a_stop_by_key_the_screen_is_there_again(store: JobStore) -> None:
    with over_a_job(store) as (opened, _):
        opened.press("\x1a")
        opened.wait_stopped()
        assert opened.is_as_before()
        go_on(opened)
        answers(opened)


def test_a_dialog_is_drawn_with_what_lies_beneath_it_after_a_stop(store: JobStore) -> None:
    with over_a_job(store) as (opened, _):
        opened.press("x")
        opened.wait_for("Keep running")
        opened.press("\x1a")
        opened.wait_stopped()
        go_on(opened)
        opened.wait_for("Keep running")


def test_a_stop_from_outside_costs_neither_keys_nor_the_terminal(store: JobStore) -> None:
    with over_a_job(store) as (opened, _):
        for _ in range(3):
            opened.stop()
            go_on(opened)
            answers(opened)
        threads = Path(f"/proc/{opened.process.pid}/task").iterdir()
        names = [(thread / "comm").read_text() for thread in threads]
        assert len(names) < 12
        opened.press("q")
        assert opened.status() == 0
        assert opened.flaws() == []


@pytest.mark.parametrize("key", ["\x03", "\x1c"])
def test_an_interrupt_in_the_pager_is_the_pagers_alone(
    store: JobStore, tmp_path: Path, key: str
) -> None:
    pager = tmp_path / "pager"
    pager.write_text(
        "#!/bin/sh\n"
        f"trap 'touch {tmp_path}/told' INT QUIT\n"
        f"touch {tmp_path}/up\n"
        f"while [ ! -e {tmp_path}/told ]; do sleep 0.05; done\n"
    )
    pager.chmod(0o755)
    with over_a_job(store, PAGER=str(pager)) as (opened, _):
        opened.press("P")
        wait_until((tmp_path / "up").exists, 10)
        opened.press(key)
        wait_until((tmp_path / "told").exists, 10)
        opened.wait_for("Jobs 1/1")
        answers(opened)
        assert opened.send(signal.SIGINT) == 128 + signal.SIGINT  # is ours again
