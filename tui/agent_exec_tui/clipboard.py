"""Text to the clipboard: by the terminal (OSC 52), and by the desktop's own tool where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from agent_exec_tui import formatting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import App

OSC52_MAX_BYTES = 74_994  # what fits the 100,000 characters that terminals take, in base64
TOOL_TIMEOUT_S = 2.0
_TOOLS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
)


def native_tool(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Find the desktop's clipboard program, None where there is no desktop."""
    if shutil.which("pbcopy"):
        return ("pbcopy",)
    for variable, argv in _TOOLS:
        if environ.get(variable) and shutil.which(argv[0]):
            return argv
    return None


def copy(app: App[str], what: str, text: str) -> None:
    """Copy *text*, and say in a toast how much went which way, once that is known."""
    size = len(text.encode("utf-8", "replace"))
    if not size:
        app.notify(f"{what}: nothing to copy", markup=False)
        return
    by_terminal = size <= OSC52_MAX_BYTES
    if by_terminal:
        app.copy_to_clipboard(text)

    def tell(tool: str) -> None:
        ways = [f"copied by {tool}"] if tool else []
        if by_terminal:  # which never says whether it took it
            ways.append("sent to the terminal (OSC 52)")
        app.notify(_told(what, size, ways), markup=False)

    argv = native_tool(os.environ)
    if argv is None:
        tell("")
        return

    def hand_over() -> None:  # in a thread: the tool may wait for a desktop that does not answer
        tool = argv[0] if _hand_over(argv, text) else ""
        app.call_from_thread(tell, tool)

    app.run_worker(hand_over, thread=True, exit_on_error=False, group="clipboard")


def _told(what: str, size: int, ways: list[str]) -> str:
    if ways:
        return f"{what}: {formatting.size(size)} {', '.join(ways)}"
    limit = formatting.size(OSC52_MAX_BYTES)
    return f"{what}: {formatting.size(size)} are too much for the terminal (at most {limit})"


def _hand_over(argv: tuple[str, ...], text: str) -> bool:
    try:
        done = subprocess.run(
            argv,
            input=text.encode("utf-8", "replace"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
