"""What is told about a terminal, from nothing but the environment."""

from __future__ import annotations

import pytest

from agent_exec.commands.check import Verdict
from agent_exec.commands.doctor_terminal import check_terminal, multiplexer_of, terminal_of

GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_GB.UTF-8"}


def told(environ: dict[str, str], name: str, *, has_terminal: bool = True) -> tuple[Verdict, str]:
    checks = check_terminal(environ, has_terminal=has_terminal)
    (found,) = [check for check in checks if check.name == name]
    assert found.area == "terminal"
    return found.verdict, found.finding


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, "iTerm2"),
        ({"TERM_PROGRAM": "vscode", "VTE_VERSION": "7600"}, "VS Code"),
        ({"KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "foot-extra"}, "foot"),
        ({"TERM": "st-256color"}, "st"),
        ({"TERM": "stterm"}, "a terminal that does not say its name"),
        ({"TERM": "linux"}, "the Linux console"),
        ({"WT_SESSION": "x", "TERM": "xterm-256color"}, "Windows Terminal"),
        ({"VTE_VERSION": "7600"}, "GNOME Terminal or another with VTE"),
        ({}, "a terminal that does not say its name"),
    ],
)
def test_a_terminal_is_known_by_what_it_sets(environ: dict[str, str], name: str) -> None:
    assert terminal_of(environ).name == name


@pytest.mark.parametrize(
    ("environ", "name"),
    [({"TMUX": "/tmp/x,1,0"}, "tmux"), ({"STY": "1.pts"}, "screen"), ({"ZELLIJ": "0"}, "zellij"),
     ({"TMUX": ""}, ""), ({}, "")],
)  # fmt: skip
def test_a_multiplexer_is_known_by_what_it_sets(environ: dict[str, str], name: str) -> None:
    assert multiplexer_of(environ) == name


def test_a_good_terminal_is_all_ok() -> None:
    checks = check_terminal({**GOOD, "KITTY_WINDOW_ID": "1"}, has_terminal=True)
    assert {check.verdict for check in checks} == {Verdict.OK}


@pytest.mark.parametrize("term", ["", "dumb"])
def test_a_screen_that_cannot_be_drawn_on_fails_where_there_is_one(term: str) -> None:
    environ = {**GOOD, "TERM": term}
    assert told(environ, "TERM")[0] is Verdict.FAIL
    assert told(environ, "TERM", has_terminal=False)[0] is Verdict.WARN


@pytest.mark.parametrize(
    ("environ", "verdict", "words"),
    [
        ({"NO_COLOR": "1", "COLORTERM": "truecolor"}, Verdict.OK, "none"),
        ({"COLORTERM": "24bit"}, Verdict.OK, "16 million"),
        ({"TERM": "tmux-256color"}, Verdict.OK, "256"),
        ({"TERM": "linux"}, Verdict.WARN, "16,"),
    ],
)
def test_colours_are_counted(environ: dict[str, str], verdict: Verdict, words: str) -> None:
    found, finding = told(environ, "colours")
    assert (found, finding.startswith(words)) == (verdict, True)


@pytest.mark.parametrize(
    ("environ", "verdict"),
    [
        ({"LANG": "de_DE.utf8"}, Verdict.OK),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, Verdict.WARN),
        ({"LC_CTYPE": "POSIX"}, Verdict.WARN),
        ({"LANG": "de_DE.ISO-8859-1"}, Verdict.WARN),
        ({}, Verdict.OK),
    ],
)
def test_the_locale_decides_about_glyphs(environ: dict[str, str], verdict: Verdict) -> None:
    assert told(environ, "characters")[0] is verdict


def test_tmux_wants_its_own_term_and_lends_its_clipboard() -> None:
    inside = {**GOOD, "TMUX": "/tmp/x,1,0"}
    assert told(inside, "multiplexer")[0] is Verdict.WARN
    assert told({**inside, "TERM": "tmux-256color"}, "multiplexer") == (Verdict.OK, "tmux")
    assert "set-clipboard" in told(inside, "copying by OSC 52")[1]
    assert "ctrl+b" in told(inside, "keys kept from programs")[1]


def test_screen_keeps_the_clipboard() -> None:
    inside = {**GOOD, "STY": "1.pts", "KITTY_WINDOW_ID": "1"}
    assert told(inside, "copying by OSC 52")[0] is Verdict.WARN
    assert "ctrl+a" in told(inside, "keys kept from programs")[1]


def test_keys_that_are_eaten_are_named() -> None:
    assert "F10" in told({**GOOD, "VTE_VERSION": "7600"}, "keys kept from programs")[1]
    assert "backspace" in told(GOOD, "keys kept from programs")[1]
