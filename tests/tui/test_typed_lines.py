"""What lines to type in make of hostile text: bytes on a real pty, and where the cursor stands."""

from __future__ import annotations

import re
from pathlib import Path

from textual.app import App, ComposeResult

from agent_exec_tui.widgets.line_input import LineInput
from support.dashboard import Root
from support.terminal import LIMIT_S, Terminal, terminal
from support.waiting import wait_until

CLIPBOARD = "\x1b]52;c;aGFjaw==\x07"
CONTROLS = f"{CLIPBOARD}\x1b[77;77H\x1bP1$r\x9d0;t\x9c\u202e\u2066\u2028\u2029\x7f\x85"
SHOWN = "one␛]52;c;aGFjaw==␇␛[77;77H␛P1$r�0;t�����␡�␊two"
HOSTILE = (
    {chr(code) for code in range(0x20)} - set("\x1b\r\n\t")
    | {chr(code) for code in range(0x7F, 0xA0)}
    | set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)


def obeyed(opened: Terminal) -> set[str]:
    """Name what of the above has reached the terminal."""
    text = opened.output.decode("utf-8", "surrogateescape")
    text = re.sub("\x1b\\]22;[a-z-]*\x07", "", text)  # the mouse pointer's shape is the toolkit's
    return (set(text) & HOSTILE) | set(re.findall("\x1b(?:\\]52|\\[77;77H|P1)", text))


def leave(opened: Terminal, title: str) -> None:
    opened.press("\x1b")
    wait_until(lambda: title not in opened.screen, LIMIT_S, f"the end of {title!r}")


def test_no_line_hands_what_it_holds_to_the_terminal(tmp_path: Path) -> None:
    with Root(tmp_path / "root") as root:
        root.add(
            "bad",
            ("sh", "-c", f"one{CONTROLS}\ntwo"),
            cwd=f"/srv/{CONTROLS}",
            tags=(f"tag{CONTROLS}",),
            env=(f"KEY{CONTROLS}=a{CONTROLS}",),
        )
        env = {"XDG_STATE_HOME": str(tmp_path / "state")}
        words = ("--filter", f"! {CONTROLS}")
        with terminal(*words, root=root.path, env=env) as opened:
            opened.wait_for("bad0")
            opened.press("e")
            opened.wait_for(SHOWN)
            leave(opened, "Edit and rerun")
            opened.press("a")
            opened.wait_for("Add job")
            opened.press("\x12")
            opened.wait_for("Recent commands")
            opened.press("1")
            opened.wait_for(SHOWN)
            leave(opened, "Add job")
            opened.press("t")
            opened.wait_for("invalid tag")
            leave(opened, "invalid tag")
            opened.press("/")
            opened.wait_for("! ␛]52;c;aGFjaw==␇␛[77;77H␛P1$r�")
            opened.press("\r2/\x1b[200~looked-for\u202e\x9d\x1b[201~")
            opened.wait_for("looked-for��")
            assert obeyed(opened) == set()


class OneLine(App[None]):
    """A line of wide, narrow and hostile characters."""

    def compose(self) -> ComposeResult:
        yield LineInput("a\t\x1b漢\u202eb", compact=True, select_on_focus=False)


async def test_the_cursor_stands_where_its_character_is_drawn() -> None:
    async with OneLine().run_test(size=(30, 3)) as pilot:
        line = pilot.app.query_one(LineInput)
        cells = []
        for position in range(len(line.value)):
            line.cursor_position = position
            cells.append(line.cursor_screen_offset.x)
        assert cells == [0, 1, 2, 3, 5, 6]
        assert line.render_line(0).text.rstrip() == "a ␛漢�b"
        for cell, position in ((2, 2), (4, 3), (5, 4), (6, 5), (9, 6)):
            await pilot.click(LineInput, offset=(cell, 0))
            assert line.cursor_position == position, cell
        assert line.value == "a\t\x1b漢\u202eb"
