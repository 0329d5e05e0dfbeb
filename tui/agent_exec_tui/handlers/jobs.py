"""Commands on jobs: ask where it ends or erases something, then run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.commands.again import lost_values
from agent_exec_tui import operations
from agent_exec_tui.command_line import job_line, unset_value
from agent_exec_tui.handlers.chosen import READABLE, Chosen, frees_text
from agent_exec_tui.handlers.work import EachLine, work, work_on
from agent_exec_tui.job_rows import DOUBTFUL, RUNS, RowKind, clean
from agent_exec_tui.journal import Entry
from agent_exec_tui.screens.dialog import ConfirmDialog
from agent_exec_tui.screens.menu import Choice, MenuDialog, PromptDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

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
    ("STOP", "19", "p", "pauses it; CONT lets it go on"),
    ("CONT", "18", "c", "go on"),
    ("WINCH", "28", "w", "the window changed"),
)
NOT_ENDED = RUNS | DOUBTFUL | {RowKind.CREATED}
ENDING = frozenset({"TERM", "KILL", "INT"})
RESTART = ("restart", "--no-wait")
# How wide the lines of a question may be, and what its frame takes of the terminal.
MIN_CELLS, MAX_CELLS, FRAME_CELLS = 20, 64, 12


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

    def _chosen(self, kinds: Collection[RowKind]) -> Chosen:
        return Chosen.of(self._main.situation().targets, kinds)

    def _run(self, verb: str, operation: Operation, rows: Sequence[JobRow], *words: str) -> None:
        work_on(self._main, verb, operation, rows, words)

    def _tell_left(self, verb: str, chosen: Chosen) -> None:
        """Say what is left out, where no question does."""
        if chosen.left:
            self._main.say(f"{verb}: {chosen.left_text}", severity="warning")

    def _ask(
        self,
        question: str,
        chosen: Chosen,
        then: Callable[[], None],
        *,
        yes: str,
        no: str,
        lines: Sequence[str],
        notes: Sequence[str] = (),
    ) -> None:
        """Ask with the list frozen beneath, so that the job asked about stays in sight."""
        main = self._main
        width = max(min(main.size.width - FRAME_CELLS, MAX_CELLS), MIN_CELLS)
        dialog = ConfirmDialog(
            question,
            chosen.named(main.clock(), width),
            yes=yes,
            no=no,
            note=chosen.note(*notes),
            command_lines=lines,
        )
        main.jobs.freeze()

        def answered(answer: bool | None) -> None:
            if main.jobs.thaw():
                main.list_changed()
            if answer:
                then()
            else:
                main.say("nothing was done", timeout_s=2)

        main.app.push_screen(dialog, answered)

    def _lines(self, rows: Sequence[JobRow], *words: str) -> Sequence[str]:
        root = self._main.root_words()
        return EachLine(lambda row: job_line(*words, root=root, job_id=row.job_id), rows)

    # One action each

    def _start(self) -> None:
        chosen = self._chosen((RowKind.CREATED,))
        self._tell_left("start", chosen)
        start = operations.starting(self._launcher)
        self._run("start", start, chosen.rows, "start", "--no-wait")

    def _choose_signal(self) -> None:
        choices = [
            Choice(name, key, f"{name:<6}{number:>3}  {meaning}")
            for name, number, key, meaning in SIGNALS
        ]

        def chosen(answer: str | None) -> None:
            if answer:
                self._ask_signal(answer)

        self._main.app.push_screen(MenuDialog("Send which signal?", choices, acts=True), chosen)

    def _ask_signal(self, signal: str) -> None:
        chosen = Chosen.where(self._main.situation().targets, lambda row: row.may_have_processes)
        verb = {"TERM": "Stop", "KILL": "Kill"}.get(signal, "Signal")
        words = ("kill", "--signal", signal)

        def send() -> None:
            self._main.attention.expect(row.job_id for row in chosen.rows)
            self._run(verb.lower(), operations.signalling(signal), chosen.rows, *words)

        is_plain = chosen.is_one and not _are_over(chosen)
        if signal == "TERM" and is_plain and not self._main.settings.asks_to_stop:
            self._tell_left("stop", chosen)
            send()
            return
        self._ask(
            f"{verb} {chosen.jobs}?",
            chosen,
            send,
            yes=f"Send {signal}",
            no="Keep running" if signal in ENDING and not _are_over(chosen) else "Don't",
            notes=(_whom_it_reaches(signal, chosen),),
            lines=self._lines(chosen.rows, *words),
        )

    def _rerun(self) -> None:
        chosen, store, usual = self._chosen(READABLE), self._main.store, self._main.usual()
        rerun = operations.rerunning(self._launcher, usual)
        if chosen.is_one:
            self._tell_left("rerun", chosen)
            self._run("rerun", rerun, chosen.rows)
            return
        self._ask(
            f"Run {chosen.jobs} again?",
            chosen,
            lambda: self._run("rerun", rerun, chosen.rows),
            yes="Run them",
            no="Don't",
            lines=EachLine(lambda row: operations.rerun_line(store, row, usual), chosen.rows),
        )

    def _restart(self) -> None:
        chosen = self._chosen(READABLE - {RowKind.CREATED})
        runs = any(row.kind in RUNS for row in chosen.rows)
        self._ask(
            f"Restart {chosen.jobs} in place?",
            chosen,
            lambda: self._restart_now(chosen.rows),
            yes="Restart",
            no="Don't",
            notes=(
                f"{'Its' if chosen.is_one else 'Their'} logs are overwritten.",
                "What runs is stopped first." if runs else "",
            ),
            lines=self._lines(chosen.rows, *RESTART),
        )

    def _restart_now(self, rows: Sequence[JobRow]) -> None:
        record = self._main.selected.record
        if len(rows) == 1 and record is not None and record.meta is not None:
            missing = lost_values(record.meta)
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
        chosen, main = self._chosen(frozenset(RowKind) - RUNS), self._main
        if main.session.trash_for(main.store.root) is not None:
            way_back = f"U brings {'it' if chosen.is_one else 'them'} back until you quit."
        else:
            way_back = "There is no way back: the trash is on another file system."
        self._ask(
            f"Delete {chosen.jobs}?",
            chosen,
            lambda: self._delete_now(chosen.rows),
            yes="Delete",
            no="Keep",
            notes=(frees_text(main.store, chosen.rows), way_back),
            lines=self._lines(chosen.rows, "delete"),
        )

    def _delete_now(self, rows: Sequence[JobRow]) -> None:
        main = self._main
        delete, store = main.session.delete(main.store.root), main.store
        root = main.root_words()

        main.attention.expect(row.job_id for row in rows)

        def run() -> tuple[Outcome, ...]:
            with main.session.trashing():
                return operations.apply_to_all(delete, store, rows)

        work(main, "delete", run, lambda done: job_line("delete", root=root, job_id=done.job_id))

    def _repair(self) -> None:
        chosen = self._chosen(DOUBTFUL | {RowKind.ELSEWHERE})
        self._ask(
            f"Fix the record of {'this job' if chosen.is_alone else chosen.jobs}?",
            chosen,
            lambda: self._run("fix", operations.repair, chosen.rows, "repair"),
            yes="Look and fix",
            no="Leave it",
            notes=("Only what is proved is written; a process that still lives is left alone.",),
            lines=self._lines(chosen.rows, "repair"),
        )

    def _notify(self) -> None:
        main, chosen = self._main, self._chosen(NOT_ENDED)
        if not chosen.rows:
            main.say("it has ended already", severity="warning")
            return
        names = {row.job_id for row in chosen.rows}
        is_on = main.attention.toggle_watched(names)
        end = "1 job ends" if chosen.is_one else f"{len(names):,} jobs end"
        main.say(f"you will {'' if is_on else 'not '}be told when {end}")
        text = "told of its end, in the dashboard" if is_on else "not told of its end any more"
        at_s = main.clock()
        for name in sorted(names):
            entry = Entry(at_s=at_s, verb="notify", job_id=name, line="", is_done=True, text=text)
            main.session.journal.add(entry)


def _are_over(chosen: Chosen) -> bool:
    return all(row.is_held for row in chosen.rows)


def _whom_it_reaches(signal: str, chosen: Chosen) -> str:
    if _are_over(chosen):
        it = "The job is" if chosen.is_one else "The jobs are"
        return f"{it} over; {signal} goes to what still holds the output."
    return f"{signal} goes to the whole process group."
