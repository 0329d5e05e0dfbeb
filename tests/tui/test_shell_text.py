from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_exec_tui.shell_text import cli_line, join, quote, typed_command
from support.shells import run_in_shell, shell_params

# What some shell or terminal makes something of, in every order and between plain letters.
SIGNS = (
    "'\"\\$`!*?[]{}()<>|&;~#%=^@:,-+/ \n\t\r\x1b\x07\x7f\x00"[:-1]
    + "\x9b\u202e\u200b\u00a0é日👩\u200d👩"
)
WORDS = st.one_of(
    st.text(st.sampled_from(SIGNS + "ax1"), max_size=12),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


def _hostile_words(count: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    made = ["".join(dice.choices(SIGNS + "ab", k=dice.randrange(9))) for _ in range(count)]
    return [*made, "", "-n", "--", "=ls", "~", "~root", "{a,b}", "a\\", "\\'", "'", "end\n", "%1"]


@pytest.mark.parametrize("shell", shell_params())
def test_every_shell_reads_a_quoted_word_as_the_word_itself(shell: str, tmp_path: Path) -> None:
    words = _hostile_words(150, seed=7)
    echo = tmp_path / "echo.py"
    echo.write_text("import os, sys\nos.write(1, b'\\0'.join(map(os.fsencode, sys.argv[1:])))\n")
    line = join(["python3", "-I", str(echo), "begin", *words])
    read = run_in_shell(shell, f"{line}\n", tmp_path).split(b"\0")
    assert read == [b"begin", *(word.encode() for word in words)]


@given(WORDS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_terminal_takes_anything_in_a_quoted_word_for_a_command(word: str) -> None:
    assert all(char.isprintable() or char == "\n" for char in quote(word))


@pytest.mark.parametrize("word", ["a\0b", "\ud800"])
def test_what_no_command_line_can_carry_is_said_in_a_comment(word: str) -> None:
    for line in (cli_line("run", "--", word), typed_command([word], ("sh", "-lc"))):
        assert line.startswith("# no command line can carry this")


@pytest.mark.parametrize("shell", shell_params())
def test_a_command_as_typed_runs_the_same_program(shell: str, tmp_path: Path) -> None:
    commands = [
        ("printf", "%s|", "a b", "it's", "back\\slash"),
        ("printf one;\nprintf 'two|'",),
        ("printf '%s|' \x1b[31m",),
        ("env", "A=b", "printf", "x|"),
    ]
    lines = [typed_command(command, ("sh", "-lc")) for command in commands]
    assert all(char.isprintable() or char == "\n" for line in lines for char in line)
    read = run_in_shell(shell, "\n".join(lines) + "\n", tmp_path)
    assert read == b"a b|it's|back\\slash|onetwo|\x1b[31m|x|"


def test_a_program_named_like_a_word_of_the_shell_is_still_a_program() -> None:
    assert typed_command(("if", "x"), ()) == "'if' x"
    assert typed_command(("A=b", "x"), ()) == "'A=b' x"
    assert typed_command(("make", "A=b"), ()) == "make A=b"
