"""``--screen``: the dashboard as text or as a picture, for those who have no terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from agent_exec_tui.screen_print import keys_in, picture_of
from agent_exec_tui.settings import Settings
from support.console import console, environment
from support.dashboard import Root, one_of_each

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    with Root(tmp_path / "jobs") as root:
        one_of_each(root)
        return root


def lines_of(text: str) -> list[str]:
    assert text.endswith("\n")
    return text[:-1].split("\n")


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 36), (200, 50)])
def test_the_text_has_the_size_that_was_asked_for(root: Root, size: tuple[int, int]) -> None:
    picture = picture_of(str(root.path), size, Settings())
    lines = lines_of(picture.text)
    assert picture.is_complete
    assert len(lines) == size[1]
    assert max(map(len, lines)) <= size[0]
    assert "19aa5f2" in picture.text


def test_the_list_and_the_logs_of_the_selected_job_are_there(root: Root) -> None:
    root.add("9e57", ("newest",), created_ago_s=1, stdout=b"the last line\n", stderr=b"oh no\n")
    text = picture_of(str(root.path), (120, 36), Settings(), filter_text="newest").text
    assert "the last line" in text
    assert "oh no" in text
    assert "Jobs 1/9" in text


def test_keys_are_pressed_and_what_they_do_is_seen(root: Root) -> None:
    root.add("9e57", ("newest",), created_ago_s=1, stdout=b"one\ntwo\nthree\n")
    text = picture_of(
        str(root.path),
        (120, 36),
        Settings(),
        filter_text="newest",
        keys=keys_in("2,/,t,w,o,enter"),
    ).text
    assert "1/1" in text
    help_text = picture_of(str(root.path), (100, 30), Settings(), keys=keys_in("?")).text
    assert "━ Help" in help_text


def test_hostile_output_is_harmless_in_text_and_picture(root: Root) -> None:
    evil = b"\x1b]52;c;UEFZ\x07clip\x1b[2Jmoved \xff\x00\xe2\x80\xae<b>&amp;\x9b5;5H\n"
    root.add("9e57", ("echo", "\x1b[31m[/foo]\u202e"), created_ago_s=1, stdout=evil, tags=("x",))
    picture = picture_of(str(root.path), (120, 36), Settings(), filter_text="tag:x")
    assert "clip" in picture.text
    for char in picture.text:
        assert char == "\n" or char.isprintable()
    assert "UEFZ" not in picture.text + picture.svg
    tree = ET.fromstring(picture.svg)
    assert tree.tag == f"{SVG}svg"
    shown = "".join(tree.itertext())
    assert "[/foo]" in shown
    assert "\x1b" not in picture.svg


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("j", ("j",)),
        ("/,G,?", ("slash", "G", "question_mark")),
        ("^d,esc,pgdn,comma,f5", ("ctrl+d", "escape", "pagedown", "comma", "f5")),
        ("shift+down, ctrl+r", ("shift+down", "ctrl+r")),
    ],
)
def test_keys_are_written_as_the_help_writes_them(text: str, keys: tuple[str, ...]) -> None:
    assert keys_in(text) == keys


@pytest.mark.parametrize("text", ["", "j,,k", "nope", "meta+x", "ctrl+"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        keys_in(text)


def test_the_console_script_prints_and_needs_no_terminal(root: Root) -> None:
    said = console("--screen", "120x36", "--filter", "id:19aa", root=root.path)
    assert (said.exit_status, said.stderr) == (0, "")
    assert "mismatched types" in said.stdout.decode()
    assert len(lines_of(said.stdout.decode())) == 36
    said = console("--screen", "100x30", "--format", "svg", root=root.path)
    assert (said.exit_status, said.stderr) == (0, "")
    assert ET.fromstring(said.stdout).tag == f"{SVG}svg"


@pytest.mark.parametrize("words", [["--keys", "nope"], ["--filter", "state:nope"]])
def test_what_cannot_be_shown_is_a_usage_error(words: list[str], root: Root) -> None:
    said = console("--screen", "80x24", *words, root=root.path)
    assert (said.exit_status, said.stdout) == (2, b"")
    assert words[0] in said.stderr


def test_a_picture_leaves_no_trace(root: Root, tmp_path: Path) -> None:
    state = tmp_path / "state"
    before = sorted(path.relative_to(root.path) for path in root.path.rglob("*"))
    said = console("--screen", "80x24", "--keys", "j,]", root=root.path,
                   env={"XDG_STATE_HOME": str(state)})  # fmt: skip
    assert said.exit_status == 0
    assert sorted(path.relative_to(root.path) for path in root.path.rglob("*")) == before
    assert not state.exists()


def test_the_demonstration_can_be_printed(tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    said = console("--demo", "--screen", "120x36", env={"TMPDIR": str(folder)})
    assert (said.exit_status, said.stderr) == (0, "")
    assert "Jobs 14/14" in said.stdout.decode()
    assert list(folder.iterdir()) == []


def test_a_reader_that_leaves_is_no_reason_for_noise(root: Root) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.Popen(
        [sys.executable, "-m", "agent_exec_tui", "--screen", "80x24"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment(root.path),
    )
    os.close(write_end)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (141, b"")


def test_a_job_that_goes_on_writing_holds_nothing_up(root: Root) -> None:
    job_id = root.running("9e58", ("chat",), created_ago_s=1, stdout=b"the first line\n")
    log = root.path / job_id / "stdout.log"
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.07):
            with log.open("ab") as file:
                file.write(b"one more line\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        picture = picture_of(str(root.path), (120, 36), Settings(), filter_text="chat")
    finally:
        is_over.set()
        writer.join()
    assert picture.is_complete
    assert "one more line" in picture.text


def test_what_of_the_wish_cannot_be_used_is_said(root: Root) -> None:
    done = console("--screen", "80x24", "--theme", "bogus", root=root.path)
    assert done.exit_status == 0
    assert "warning: --theme: no theme 'bogus'" in done.stderr
    assert b"agent-exec-tui" in done.stdout


def test_a_directory_that_is_gone_is_no_reason_to_show_nothing(root: Root, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "agent_exec_tui", "--screen", "80x24"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(root.path),
        cwd=gone,
        preexec_fn=gone.rmdir,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "agent-exec-tui" in done.stdout


def test_a_failure_is_a_line_without_a_traceback(root: Root) -> None:
    code = """
import sys
import threading
import agent_exec_tui.screens.main as main
def fail(self):
    secret = "s3cr3t"
    raise ZeroDivisionError("boom")
main.MainScreen.refresh_bars = fail
from agent_exec_tui.__main__ import main
sys.argv[1:] = ["--screen", "80x24"]
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(root.path),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: the dashboard failed: ZeroDivisionError: boom"]
    assert done.stdout == ""
