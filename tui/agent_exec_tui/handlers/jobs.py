"""Commands on jobs: ask where it ends or erases something, then run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from agent_exec_tui import formatting, operations
from agent_exec_tui.command_line import unset_value
from agent_exec_tui.handlers.work import EachLine, work, work_on
from agent_exec_tui.job_rows import RowKind, clean
from agent_exec_tui.journal import Entry
from agent_exec_tui.screens.dialog import LISTED, ConfirmDialog
from agent_exec_tui.screens.menu import Choice, MenuDialog, PromptDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent_exec import PrewarmedLauncher
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.operations import Operation, Outcome
    from agent_exec_tui.screens.main import MainScreen

SIGNALS = (
    ("TERM", "15", "t", "asks the job to end"),
    ("INT", "2", "i", "as ^c does"),
    ("KILL", "9", "K", "ends it at once"),
    ("HUP", "1", "h", "terminal gone, or: read settings anew"),
    ("QUIT", "3", "Q", "end and dump core"),
    ("USR1", "10", "u", "means what the program says"),
    ("USR2", "12", "s", "means what the program says"),
    ("CONT", "18", "c", "go on"),
    ("WINCH", "28", "w", "the window changed"),
)
MIN_COMMAND_CELLS = 14
RESTART = ("restart", "--no-wait")


class JobHandlers:
    """Handlers of the group job."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        return {
            "job.start": self._start,
            "job.stop": lambda: self._ask_signal("TERM"),
            "job.kill": lambda: self._ask_signal("KILL"),
            "job.signal": self._choose_signal,
            "job.rerun": self._rerun,
            "job.restart": self._restart,
            "job.delete": self._delete,
            "job.repair": self._repair,
            "job.notify": self._notify,
        }

    # How every command runs

    @property
    def _launcher(self) -> PrewarmedLauncher | None:
        return self._main.session.launcher

    def _targets(self, *kinds: RowKind) -> list[JobRow]:
        targets = sorted(self._main.situation().targets, key=lambda row: row.place)
        return [row for row in targets if not kinds or row.kind in kinds]

    def _run(self, verb: str, operation: Operation, rows: Sequence[JobRow], *words: str) -> None:
        work_on(self._main, verb, operation, rows, words)

    def _ask(self, dialog: ConfirmDialog, then: Callable[[], None]) -> None:
        """Ask with the list frozen beneath, so that the job asked about stays in sight."""
        main = self._main
        main.jobs.freeze()

        def answered(answer: bool | None) -> None:
            if main.jobs.thaw():
                main.list_changed()
            if answer:
                then()
            else:
                main.say("nothing was done", timeout_s=2)

        main.app.push_screen(dialog, answered)

    def _named(self, rows: Sequence[JobRow]) -> list[str]:
        now_s = self._main.clock()
        width = max(min(self._main.size.width - 12, 64), 20)
        lines = []
        for row in rows[:LISTED]:
            pid = f"  pid {row.pid}" if row.pid and not row.kind.has_ended else ""
            head = f"{row.short_id}  {row.word} {row.elapsed_text(now_s)}{pid}"
            if len(rows) == 1:
                lines += [head, formatting.shorten_middle(row.command, width)]
            else:
                if cell_len(head) + MIN_COMMAND_CELLS > width:
                    head = row.short_id
                command = formatting.shorten_middle(row.command, width - cell_len(head) - 2)
                lines.append(f"{head}  {command}")
        if len(rows) > LISTED:
            lines.append(f"… and {len(rows) - LISTED:,} more")
        return lines

    def _lines(self, rows: Sequence[JobRow], *words: str) -> Sequence[str]:
        root = self._main.root_words()
        return EachLine(lambda row: formatting.cli_line(*words, *root, row.job_id), rows)

    # One action each

    def _start(self) -> None:
        rows = self._targets(RowKind.CREATED)
        self._run("start", operations.starting(self._launcher), rows, "start", "--no-wait")

    def _choose_signal(self) -> None:
        choices = [
            Choice(name, key, f"{name:<6}{number:>3}  {meaning}")
            for name, number, key, meaning in SIGNALS
        ]

        def chosen(answer: str | None) -> None:
            if answer:
                self._ask_signal(answer)

        self._main.app.push_screen(MenuDialog("Send which signal?", choices), chosen)

    def _ask_signal(self, signal: str) -> None:
        rows = self._targets(RowKind.RUNNING, RowKind.LOST)
        verb = {"TERM": "Stop", "KILL": "Kill"}.get(signal, "Signal")
        words = ("kill", "--signal", signal)

        def send() -> None:
            self._main.attention.expect(row.job_id for row in rows)
            self._run(verb.lower(), operations.signalling(signal), rows, *words)

        if signal == "TERM" and len(rows) == 1 and not self._main.settings.asks_to_stop:
            send()
            return
        count = formatting.counted(len(rows), "job")
        dialog = ConfirmDialog(
            f"{verb} {'job' if len(rows) == 1 else count}?",
            self._named(rows),
            yes=f"Send {signal}",
            no="Keep running" if signal in ("TERM", "KILL", "INT") else "Don't",
            note=f"{signal} goes to the whole process group.",
            command_lines=self._lines(rows, *words),
        )
        self._ask(dialog, send)

    def _rerun(self) -> None:
        rows = [row for row in self._targets() if row.kind is not RowKind.PROBLEM]
        rerun = operations.rerunning(self._launcher, self._main.root_words())
        if len(rows) == 1:
            self._run("rerun", rerun, rows)
            return
        dialog = ConfirmDialog(
            f"Run {len(rows)} jobs again?", self._named(rows), yes="Run them", no="Don't"
        )
        self._ask(dialog, lambda: self._run("rerun", rerun, rows))

    def _restart(self) -> None:
        kinds = (RowKind.CREATED, RowKind.PROBLEM)
        rows = [row for row in self._targets() if row.kind not in kinds]
        runs = sum(row.kind is RowKind.RUNNING for row in rows)
        note = "Its logs are overwritten." if len(rows) == 1 else "Their logs are overwritten."
        if runs:
            note += " What runs is stopped first."
        dialog = ConfirmDialog(
            f"Restart {'job' if len(rows) == 1 else f'{len(rows)} jobs'} in place?",
            self._named(rows),
            yes="Restart",
            no="Don't",
            note=note,
            command_lines=self._lines(rows, *RESTART),
        )
        self._ask(dialog, lambda: self._restart_now(rows))

    def _restart_now(self, rows: Sequence[JobRow]) -> None:
        record = self._main.selected.record
        if len(rows) == 1 and record is not None and record.meta is not None:
            missing = operations.missing_values(record.meta)
            if missing and record.job_id == rows[0].job_id:
                self._ask_values(rows[0], missing, ())
                return
        self._run("restart", operations.restarting(self._launcher), rows, *RESTART)

    def _ask_values(self, row: JobRow, missing: list[str], known: tuple[str, ...]) -> None:
        """Ask for values that were deliberately stored nowhere, one after the other."""
        if not missing:
            values = [word for entry in known for word in ("--env", unset_value(entry))]
            operation = operations.restarting(self._launcher, known)
            self._run("restart", operation, [row], *RESTART, *values)
            return
        key, *others = missing

        def typed(value: str | None) -> None:
            if value is not None:
                self._ask_values(row, others, (*known, f"{key}={value}"))

        prompt = PromptDialog(
            f"Value of {clean(key)}",
            does="restart" if not others else "next",
            hint="it was masked and stored nowhere",
            is_secret=True,
        )
        self._main.app.push_screen(prompt, typed)

    def _delete(self) -> None:
        rows = [row for row in self._targets() if row.kind is not RowKind.RUNNING]
        main = self._main
        size = formatting.size(sum(row.log_bytes for row in rows))
        trash = main.session.trash_for(main.store.root)
        note = (
            f"{size} of logs. U brings it back until you leave."
            if trash is not None
            else f"{size} of logs. There is no way back: the trash is on another file system."
        )
        dialog = ConfirmDialog(
            f"Delete {'job' if len(rows) == 1 else f'{len(rows)} jobs'}?",
            self._named(rows),
            yes="Delete",
            no="Keep",
            note=note,
            command_lines=self._lines(rows, "delete"),
        )
        self._ask(dialog, lambda: self._delete_now(rows))

    def _delete_now(self, rows: Sequence[JobRow]) -> None:
        main = self._main
        delete, store = main.session.delete(main.store.root), main.store
        root = main.root_words()

        main.attention.expect(row.job_id for row in rows)

        def run() -> tuple[Outcome, ...]:
            with main.session.trashing():
                return operations.apply_to_all(delete, store, rows)

        work(main, "delete", run, lambda done: formatting.cli_line("delete", *root, done.job_id))

    def _repair(self) -> None:
        rows = self._targets(RowKind.LOST)
        dialog = ConfirmDialog(
            f"Fix the record of {'this job' if len(rows) == 1 else f'{len(rows)} jobs'}?",
            self._named(rows),
            yes="Look and fix",
            no="Leave it",
            note="Only what is proved is written; a process that still lives is left alone.",
            command_lines=self._lines(rows, "repair"),
        )
        self._ask(dialog, lambda: self._run("fix", operations.repair, rows, "repair"))

    def _notify(self) -> None:
        main = self._main
        names = {row.job_id for row in self._targets() if not row.kind.has_ended}
        if not names:
            main.say("it has ended already", severity="warning")
            return
        is_off = names <= main.attention.watched
        if is_off:
            main.attention.watched -= names
            main.say("you will not be told")
        else:
            main.attention.watched |= names
            main.say(f"you will be told when {formatting.counted(len(names), 'job')} ends")
        text = "not told of its end any more" if is_off else "told of its end, in the dashboard"
        at_s = main.clock()
        for name in sorted(names):
            entry = Entry(at_s=at_s, verb="notify", job_id=name, line="", is_done=True, text=text)
            main.session.journal.add(entry)
