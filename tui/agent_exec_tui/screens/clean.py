"""The cleaning dialog: a dry run that follows the rules as they are typed, then what it did."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Checkbox, Input, Label, Static

from agent_exec.errors import AgentExecError, reason_of
from agent_exec_tui import formatting
from agent_exec_tui.clean_plan import (
    Policy,
    Selection,
    Stock,
    Typed,
    result_text,
    understand,
)
from agent_exec_tui.clean_process import Look, Removal, look_beside, remove_beside
from agent_exec_tui.handlers.work import work
from agent_exec_tui.job_rows import clean
from agent_exec_tui.journal import cleaning
from agent_exec_tui.keymap import dialog_bindings
from agent_exec_tui.messages import Journaled
from agent_exec_tui.screens.clean_news import BroughtBack, Cleaned, Progressed, StockRead
from agent_exec_tui.screens.dialog import Dialog
from agent_exec_tui.situation import can_undo
from agent_exec_tui.widgets.choices import Tick
from agent_exec_tui.widgets.clean_list import CleanList
from agent_exec_tui.widgets.command_preview import CommandPreview
from agent_exec_tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.timer import Timer

    from agent_exec.commands.gc import GcProgress
    from agent_exec_tui.operations import Outcome
    from agent_exec_tui.screens.main import MainScreen

MANY = 500
TYPED_S = 0.05
WIDTH_CELLS = 110
HINTS = (("space", "keep one"), ("esc", "close"))
_RULES = (
    ("older_than", "older than", "7d", ""),
    ("keep_newest", "keep newest", "", ""),
    ("keep_under", "keep under", "", "2G"),
)


class CleanDialog(Dialog[bool]):
    """Removes only what it listed; the result stays until the dialog is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "clean", "Remove what is listed", show=False),
        *dialog_bindings("app.undo"),
    ]
    acts = True
    help_title = "Clean up"
    hints_at_help = True
    AUTO_FOCUS: ClassVar[str | None] = "#older_than"

    def __init__(self, main: MainScreen) -> None:
        super().__init__()
        self.heading = "Clean up finished jobs"
        self._main = main
        self._stock = Stock()
        self._policy = Policy()
        self._selection = Selection((), 0, 0)
        self._spare: set[str] = set()
        self._stop = threading.Event()
        self._is_cleaning = False
        self._now_s = main.clock()
        self._doing = ""
        self._typed: Timer | None = None

    def compose_dialog(self) -> ComposeResult:
        """The three rules, what they select, what does the same, the buttons."""
        with Horizontal(classes="rules"):
            for name, label, value, example in _RULES:
                line = LineInput(value, id=name, placeholder=example, compact=True)
                line.select_on_focus = False
                yield Horizontal(Label(f"{label} "), line)
            yield Tick("all dirs", True, id="all_dirs", compact=True)
        yield Static("each rule selects by itself", id="rule-hint", markup=False)
        yield Static("looking…", id="summary", markup=False)
        yield CleanList(self._main.jobs.rows, self._now_s, id="list")
        yield CommandPreview(id="cli")
        yield Static("", id="result", markup=False)

    def compose_buttons(self) -> Iterable[Button]:
        """Remove, stop removing, leave, or take the command line along."""
        yield Button("Remove", id="remove", variant="error", compact=True, disabled=True)
        yield Button("Stop", id="stop", compact=True)
        yield Button("Close", id="close", compact=True)
        yield Button("Copy", id="copy", compact=True)

    def on_resize(self) -> None:
        """Fit the frame's words."""
        self._frame(self._doing)

    def on_descendant_focus(self) -> None:
        """Hints follow the focus."""
        self._frame(self._doing)

    def on_mount(self) -> None:
        """Look at every job, in a thread."""
        self.query_one("#stop").display = False
        self._look()

    @property
    def _are_many(self) -> bool:
        """Whether to deal with them takes longer than to start a process for it."""
        return len(self._main.jobs.rows) >= MANY

    def _frame(self, doing: str) -> None:
        self._doing = doing
        self.frame([self.heading, *([doing] if doing else [])], HINTS, width=WIDTH_CELLS)

    def _look(self) -> None:
        task, post = Look(self._main.store.root), self.post_message
        do = look_beside if self._are_many else Look.carry_out

        def look() -> None:
            begin = time.monotonic()
            try:
                stock = do(task)
            except AgentExecError as error:
                post(StockRead(Stock(), 0.0, str(error)))
                return
            post(StockRead(stock, time.monotonic() - begin))

        self.run_worker(look, thread=True, group="look", exclusive=True, exit_on_error=False)

    @on(StockRead)
    def _stock_read(self, event: StockRead) -> None:
        self._stock = event.stock
        if event.problem:
            self._tell(event.problem, "$text-error")
        if not self._is_cleaning:
            self._frame(f"dry run, {event.took_s:.1f} s")
        self._choose()

    def on_input_changed(self) -> None:
        """Follow what is typed, behind its picture: among many jobs choosing takes a while."""
        self._forget_typed()
        self._typed = self.set_timer(TYPED_S, self._catch_up)

    def _catch_up(self) -> None:
        """Choose by what is typed by now; not while removing, which goes by what was listed."""
        if self._forget_typed() and not self._is_cleaning:
            self._choose()

    def _forget_typed(self) -> bool:
        typed, self._typed = self._typed, None
        if typed is not None:
            typed.stop()
        return typed is not None

    def on_input_submitted(self) -> None:
        """Enter goes on; it removes nothing."""
        self.focus_next()

    def on_checkbox_changed(self) -> None:
        """Look at this directory's jobs only, or at all."""
        self._choose()

    @on(CleanList.SpareToggled)
    def _spare_toggled(self, event: CleanList.SpareToggled) -> None:
        self._spare ^= {event.job_id}
        self._choose()

    def _choose(self) -> None:
        self._forget_typed()
        typed = Typed(*(self.query_one(f"#{name}", Input).value
                        for name in ("older_than", "keep_newest", "keep_under")))  # fmt: skip
        self._policy = understand(typed)
        for name in ("older_than", "keep_newest", "keep_under"):
            self.query_one(f"#{name}").set_class(name in self._policy.flaws, "-flawed")
        main = self._main
        is_scoped = not self.query_one("#all_dirs", Checkbox).value
        stock = self._stock.within(main.cwd if is_scoped else None, main.jobs.rows)
        selection = stock.choose(self._policy, frozenset(self._spare), main.clock())
        self._selection = selection
        self.query_one(CleanList).show(selection.listed, stock.left)
        count = len(selection.taken)
        lines = [
            (
                f"would remove  {count:,} of {formatting.counted(selection.finished, 'finished job')}"
                f"      frees {formatting.size(selection.freed_bytes)}"
                f" (of {formatting.size(selection.finished_bytes)})"
            ),
            f"never touched: {stock.left_text()}",
        ]
        flaws = self._policy.flaws
        hint = "   ".join(f"{name.replace('_', ' ')}: {flaw}" for name, flaw in flaws.items())
        self.query_one("#rule-hint", Static).update(
            Content.styled(hint, "$text-error") if hint else "each rule selects by itself"
        )
        self.query_one("#summary", Static).update(Content("\n".join(lines)))
        self._show_cli(is_scoped=is_scoped)

    def _show_cli(self, *, is_scoped: bool) -> None:
        policy, note = self._policy, ""
        lines: tuple[str, ...] = ()
        if not policy.flaws and not policy.is_empty:
            lines = (policy.command_line(*self._main.root_words()),)
            if self._spare or is_scoped:
                note = "takes what is kept here, too"
        self.query_one("#cli", CommandPreview).show(lines, note)
        self._allow(len(self._selection.taken))

    def _allow(self, count: int) -> None:
        button = self.query_one("#remove", Button)
        button.label = Content(f"Remove {count:,}" if count else "Remove")
        button.refresh(layout=True)  # a label by itself keeps the width of the one before
        button.disabled = not count or self._is_cleaning or self._main.settings.read_only
        has_command = bool(self.query_one("#cli", CommandPreview).text)
        self.query_one("#copy").display = has_command and not self._is_cleaning

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Remove, stop or leave."""
        event.stop()
        match event.button.id:
            case "remove":
                self.action_clean()
            case "stop":
                self._stop.set()
                self._tell("stopping…")
            case "copy":
                self.copy_command()
            case _:
                self.action_leave()

    def action_leave(self) -> None:
        """Leave; a removal that is going on is stopped first."""
        self._stop.set()
        self.dismiss(True)

    def action_clean(self) -> None:
        """Remove what is listed, in a thread."""
        self._catch_up()
        if self._is_cleaning or not self._selection.taken or self._main.settings.read_only:
            return
        self._set_cleaning(True)
        self._stop.clear()
        main, post, stop = self._main, self.post_message, self._stop
        root, root_words = main.store.root, main.root_words()
        preview = self.query_one("#cli", CommandPreview)
        line = "" if preview.note else preview.text  # does the same, if one command line does
        task = Removal(
            root, self._policy.gc, self._selection.ids, frozenset(self._spare),
            main.session.trash_for(root),
        )  # fmt: skip
        do = remove_beside if self._are_many else Removal.carry_out

        def tell(progress: GcProgress) -> None:
            post(Progressed(progress))

        def run() -> None:
            try:
                with main.session.trashing():
                    report = do(task, tell, stop.is_set)
            except (AgentExecError, OSError) as error:
                told = Cleaned(None, reason_of(error))
            else:
                told = Cleaned(report)
            entries = cleaning(told.report, told.problem, line, root_words, at_s=main.clock())
            main.post_message(Journaled(tuple(entries)))  # this dialog may be closed by now
            post(told)

        self.run_worker(run, thread=True, exit_on_error=False)

    def _set_cleaning(self, is_cleaning: bool) -> None:
        self._is_cleaning = is_cleaning
        self.query_one("#stop").display = is_cleaning
        self._allow(len(self._selection.taken))
        if is_cleaning:
            self._frame("removing")
            self._tell("removing…")
            self.query_one("#stop").focus()

    @on(Progressed)
    def _progressed(self, event: Progressed) -> None:
        progress = event.progress
        # One line for another: laying everything out anew would take longer than a key may wait.
        self.query_one("#result", Static).update(
            Content(
                f"removed {progress.done:,} of {progress.total:,}, "
                f"freed {formatting.size(progress.freed_bytes)}"
            ),
            layout=False,
        )

    @on(Cleaned)
    def _cleaned(self, event: Cleaned) -> None:
        self._set_cleaning(False)
        self._frame("done")
        report = event.report
        if report is None:
            self._tell(event.problem, "$text-error")
        else:
            self._main.attention.expect(job.job_id for job in report.jobs)
            text, has_failures = result_text(report)
            if self._main.session.undo_label:
                it = "it" if report.deleted == 1 else "them"
                text = f"{text}\n{self.key_of('app.undo')} brings {it} back until you quit"
            self._tell(text, "$text-error" if has_failures else "$text-success")
        self.query_one("#close").focus()
        self._look()

    def action_act(self, action_id: str) -> None:
        """Do what the action table says of dialogs, and bring back what was removed."""
        if action_id == "app.undo":
            self._undo()
        else:
            super().action_act(action_id)

    def _undo(self) -> None:
        """Bring back what was removed last, and look at every job anew."""
        main, post = self._main, self.post_message
        reason = "still removing" if self._is_cleaning else can_undo(main.situation())
        if reason:
            main.say(f"undo: {reason}", severity="warning")
            return

        def undo() -> tuple[Outcome, ...]:
            outcomes = main.session.undo()
            post(BroughtBack(sum(outcome.is_done for outcome in outcomes)))
            return outcomes

        work(main, "undo", undo)

    @on(BroughtBack)
    def _brought_back(self, event: BroughtBack) -> None:
        self._tell(f"brought back {formatting.counted(event.count, 'job')}")
        self._look()

    def _tell(self, text: str, style: str = "") -> None:
        lines = "\n".join(clean(line) for line in text.split("\n"))
        self.query_one("#result", Static).update(
            Content.styled(lines, style) if style else Content(lines)
        )
