"""Copying, and handing logs to other programs."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from agent_exec.model import records
from agent_exec.store.logs import tail_excerpt
from agent_exec_tui import clipboard, formatting, operations
from agent_exec_tui.ansi import plain, plain_lines
from agent_exec_tui.detail_text import report_text
from agent_exec_tui.drawing import draw_anew
from agent_exec_tui.ending import lent_terminal
from agent_exec_tui.screens.menu import Choice, MenuDialog, PromptDialog

if TYPE_CHECKING:
    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.screens.main import MainScreen

REPORT_TAIL_BYTES = 4096
REPORT_TAIL_LINES = 40
COPIED_LOG_BYTES = 1024 * 1024


def pager_argv(pager: str, path: str) -> list[str]:
    """How the log at *path* is shown by *pager*, the user's choice; less, where there is none."""
    words = shlex.split(pager) or ["less"]
    if os.path.basename(words[0]) == "less" and len(words) == 1:
        # Without -R or -r: less shows escapes, and sends none. With -f it does not take coloured
        # output for a binary file; it would open a pipe, too, and wait for it.
        words += ["-f", "+G"] if os.path.isfile(path) else ["+G"]
    return [*words, path]


class OutputHandlers:
    """Handlers of the group out."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        return {
            "copy.menu": self._copy_menu,
            "copy.report": self._copy_report,
            "open.pager": self._pager,
            "open.editor": self._editor,
            "log.write": self._write,
        }

    def _log_path(self) -> str:
        main = self._main
        row = main.row
        assert row is not None, "the table lets only jobs come here"
        pane = main.logs[main.panes.wish.stream]
        return pane.path_of(row.job_id, main.store.root)

    def _copy_menu(self) -> None:
        main = self._main
        row = main.row
        if row is None:
            return
        view = main.logs[main.panes.wish.stream].view
        selected = main.get_selected_text() or view.current_line_text()
        record = main.selected.record
        path = os.path.join(main.store.root, row.job_id)
        texts = {
            "selection": plain_lines(selected),
            "id": row.job_id,
            "path": path,
            "command": operations.command_of(record) if record else row.command,
            "command line": operations.line_again(record, main.store, main.usual())
            if record
            else "",
            "log": self._log_path(),
        }
        labels = (("selection", "s", "selected text, or the current line"), ("id", "i", "job id"),
                  ("path", "p", "directory"), ("command", "c", "command"),
                  ("command line", "l", "command line that runs it again"),
                  ("log", "o", "path of the log"),
                  )  # fmt: skip
        choices = [
            Choice(name, key, f"{label:<36} {formatting.shorten_middle(plain(texts[name]), 30)}",
                   "" if texts[name] else "nothing there")
            for name, key, label in labels
        ]  # fmt: skip
        choices.append(Choice("tail", "t", "the log's last MiB, as text"))

        def chosen(answer: str | None) -> None:
            if answer == "tail":
                self._copy("log", self._tail(COPIED_LOG_BYTES, None))
            elif answer:
                self._copy(answer, texts[answer])

        main.app.push_screen(MenuDialog("Copy", choices), chosen)

    def _copy(self, what: str, text: str) -> None:
        clipboard.copy(self._main.app, what, text)

    def _copy_report(self) -> None:
        self._main.selected.once_read(self._copy_report_of)

    def _copy_report_of(self, record: JobRecord) -> None:
        main, row = self._main, self._main.row
        if row is None:
            return
        tail = self._tail(REPORT_TAIL_BYTES, REPORT_TAIL_LINES)
        again = operations.line_again(record, main.store, main.usual())
        report = report_text(
            record, row, root=main.store.root, now_s=main.clock(), tail=tail, again=again
        )
        self._copy("report", report)

    def _tail(self, max_bytes: int, lines: int | None) -> str:
        try:
            fd = os.open(self._log_path(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            return f"(cannot be read: {error.strerror})"
        try:
            excerpt = tail_excerpt(fd, max_bytes=max_bytes, lines=lines or 10**9)
        finally:
            os.close(fd)
        return plain_lines(excerpt.text)

    def _pager(self) -> None:
        environment = {**os.environ, "LESSSECURE": "1", "LESS": os.environ.get("LESS", "")}
        self._outside(pager_argv(os.environ.get("PAGER", ""), self._log_path()), environment)

    def _editor(self) -> None:
        main = self._main
        row = main.row
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        words = shlex.split(editor) or ["vi"]
        path = self._log_path()
        if row is not None and row.problem:
            name = row.problem.partition(":")[0]
            known = name in (records.META_FILE, records.STATE_FILE)
            path = os.path.join(main.store.root, row.job_id, name if known else "")
            self._outside([*words, path])
            return
        line = main.logs[main.panes.wish.stream].view.current_line_number()
        at_line = [f"+{line}"] if line else []
        self._outside([*words, *at_line, path])

    def _outside(self, argv: list[str], environment: dict[str, str] | None = None) -> None:
        """Give the terminal to another program until it ends."""
        try:
            with self._main.app.suspend(), lent_terminal():
                subprocess.run(argv, check=False, env=environment)
        except SuspendNotSupported:
            self._main.say("this terminal cannot be handed over", severity="warning")
        except OSError as error:
            self._main.say(f"{argv[0]}: {error.strerror}", severity="error")
        finally:
            draw_anew(self._main.app)

    def _write(self) -> None:
        main = self._main
        pane = main.logs[main.panes.wish.stream]
        row = main.row
        if row is None:
            return

        def typed(answer: str | None) -> None:
            if not answer:
                return
            pane.view.export(main.path_of(answer))

        name = f"{row.short_id}-{pane.stream_name}.txt"
        prompt = PromptDialog(
            "Write what is shown to",
            does="write",
            value=name,
            hint="a new file, as text",
            check=_new_file_flaw,
        )
        main.app.push_screen(prompt, typed)


def _new_file_flaw(text: str) -> str | None:
    """Say why nothing can be written there, while the path can still be changed."""
    path = os.path.abspath(os.path.expanduser(text))
    parent = os.path.dirname(path)
    if not text.strip():
        return "nothing is not a file"
    if os.path.lexists(path):
        return f"{text} is there already"
    if not os.path.isdir(parent):
        return f"{parent} is not a directory"
    return None if os.access(parent, os.W_OK | os.X_OK) else f"{parent} cannot be written to"
