"""How a log is handed to the pager."""

from __future__ import annotations

import os
from pathlib import Path

from agent_exec_tui.handlers.output import pager_argv


def test_less_shows_a_coloured_log_unasked_but_not_raw_and_opens_no_pipe(tmp_path: Path) -> None:
    log, pipe = tmp_path / "stdout.log", tmp_path / "pipe"
    log.write_bytes(b"\x1b[31mred\x1b[0m\n")
    os.mkfifo(pipe)
    assert pager_argv("", str(log)) == ["less", "-f", "+G", str(log)]
    assert pager_argv("/usr/bin/less", str(log)) == ["/usr/bin/less", "-f", "+G", str(log)]
    assert pager_argv("", str(pipe)) == ["less", "+G", str(pipe)]


def test_another_pager_gets_the_log_and_nothing_else(tmp_path: Path) -> None:
    assert pager_argv("bat --paging=always", "/log") == ["bat", "--paging=always", "/log"]
    assert pager_argv("less -S", "/log") == ["less", "-S", "/log"]
