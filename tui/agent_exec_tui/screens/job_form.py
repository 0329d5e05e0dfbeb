"""The form that adds a job, or edits and reruns one; says what it will do as it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Checkbox, Input, Label, RadioSet, Static

from agent_exec.commands.again import lost_values
from agent_exec.store.listing import read_job
from agent_exec_tui import clipboard, formatting, operations
from agent_exec_tui.command_line import command_line
from agent_exec_tui.form_definition import Checked, check_form, wants_shell
from agent_exec_tui.form_text import FormText, form_of, hidden_values
from agent_exec_tui.job_rows import clean
from agent_exec_tui.recents import Recent, Submitted, recents
from agent_exec_tui.screens.dialog import ConfirmDialog, Dialog
from agent_exec_tui.screens.menu import Choice, MenuDialog
from agent_exec_tui.widgets.choices import Pick, Tick
from agent_exec_tui.widgets.line_input import LineInput, Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from agent_exec.commands.definition import JobDefinition
    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.screens.main import MainScreen

WIDTH_CELLS = 84
RECENT_CELLS = 24  # of a line of recent commands for its key, its age and the frame
HINTS = (("enter", "run"), ("^r", "recent"), ("^o", "more"), ("tab", "next"), ("esc", "cancel"))
_STDIN_KINDS = ("none", "text", "file")
_FIELDS = (
    ("command", "Command", "python train.py --seed 2"),
    ("cwd", "Directory", ""),
    ("tags", "Tags", "ml ci.unit"),
    ("env", "Env", "KEY=VALUE OTHER='two words'"),
    ("mask", "Mask", "keys of env whose values are never shown"),
)
_MORE = (
    ("timeout", "Timeout", "none, 90, 5m, 2h"),
    ("grace", "Grace", "from TERM to KILL at the timeout: 10s"),
    ("env_files", "Env files", ".env"),
    ("notify_command", "On end run", "a shell command that gets the event"),
    ("notify_file", "On end log", "a file that gets the event appended"),
    ("output_pattern", "On output", "tell when a line has this; re:… is a pattern"),
    ("output_command", "… run", "a shell command that gets the event"),
    ("output_file", "… log", "a file that gets the event appended"),
    ("progress", "Progress", "refresh updated_at this often: 60"),
    ("shell_wrapper", "Shell", "sh -lc"),
    ("full_log", "Full log", "a file for the combined log instead of the job's own"),
    ("log_max", "Keep of log", "all, or so much of each stream: 64m"),
)

_LINES = {"command": Lines.KEPT, **dict.fromkeys(("tags", "env", "mask"), Lines.JOINED)}


@dataclass
class RecentRead(Message):
    """The job whose command was chosen was read; None if it is gone."""

    record: JobRecord | None


@dataclass(frozen=True, slots=True)
class FormAnswer:
    """What the form was submitted with."""

    definition: JobDefinition
    runs_now: bool
    text: FormText


class JobForm(Dialog[FormAnswer]):
    """All of a job's definition on one screen; what is rarely needed unfolds with ``^o``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "more", "Show more fields, or fewer", show=False, priority=True),
        Binding("ctrl+r", "recent", "Choose a recent command", show=False, priority=True),
        Binding("ctrl+s", "submit(True)", "Run it", show=False, priority=True),
        Binding("enter", "submit(True)", "Run it", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]
    AUTO_FOCUS: ClassVar[str | None] = "#command"
    acts = True

    def __init__(
        self,
        main: MainScreen,
        definition: JobDefinition | None,
        *,
        origin: str = "",
        missing: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.heading = f"Edit and rerun {origin}" if origin else "Add job"
        self._main = main
        self._base = main.base
        self._usual = main.usual()
        cwd = main.session.cwd or main.base
        self._initial = (
            form_of(definition, self._usual)
            if definition
            else FormText(cwd=formatting.short_path(cwd))
        )
        self._hidden = hidden_values(definition) if definition else {}
        self._missing = missing
        self._checked = Checked(None, ())
        self._is_ready = False
        self._is_shell_chosen = bool(origin)  # what was run before says nothing of the next

    def compose_dialog(self) -> ComposeResult:
        """Fields, the rarely needed ones folded away, the verdict, the buttons."""
        first, *others = _FIELDS
        yield self._field(*first)
        with Horizontal(classes="field kind"):
            yield Label("", classes="name")
            yield Tick("shell string", self._initial.is_shell, id="is_shell", compact=True)
            yield Static("", id="parsed", markup=False)
        for field in others:
            yield self._field(*field)
        with Vertical(id="more"):
            with Horizontal(classes="field"):
                yield Label("Stdin", classes="name")
                with RadioSet(id="stdin_kind", compact=True):
                    for kind in _STDIN_KINDS:
                        yield Pick(kind, kind == self._initial.stdin_kind, compact=True)
                yield LineInput(
                    clean(self._initial.stdin), id="stdin", compact=True, lines=Lines.KEPT
                )
            for field in _MORE:
                yield self._field(*field)
            with Horizontal(classes="field"):
                yield Label("", classes="name")
                yield Tick(
                    "inherit this environment",
                    self._initial.inherit_env,
                    id="inherit_env",
                    compact=True,
                )
        yield Static("", id="verdict", markup=False)
        yield Static("", id="preview", markup=False)

    def compose_buttons(self) -> Iterable[Button]:
        """Run it, keep it for later, or take the command line along."""
        yield Button("Run now", id="run", variant="success", compact=True)
        yield Button("Create only", id="create", compact=True)
        yield Button("Copy", id="copy", compact=True)

    def on_resize(self) -> None:
        """Fit the frame's words."""
        self.frame([self.heading], HINTS, width=WIDTH_CELLS)

    def _field(self, name: str, label: str, example: str) -> Horizontal:
        value = getattr(self._initial, name)
        return Horizontal(
            Label(label, classes="name"),
            LineInput(
                value,
                placeholder=example,
                id=name,
                compact=True,
                select_on_focus=False,
                lines=_LINES.get(name, Lines.FIRST),
            ),
            classes="field",
        )

    def on_mount(self) -> None:
        """Judge what the form starts with."""
        self._unfold()
        self._is_ready = True
        self._judge()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judge as it is typed."""
        if event.input.id == "command" and not self._is_shell_chosen:
            with self.prevent(Checkbox.Changed):
                self.query_one("#is_shell", Checkbox).value = wants_shell(event.value)
        self._judge()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """A choice changes what the command means; from then on it is not guessed."""
        self._is_shell_chosen |= event.checkbox.id == "is_shell"
        self._judge()

    def on_radio_set_changed(self) -> None:
        """A choice changes what stdin means."""
        self._judge()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter does what the first button says, from any field."""
        event.stop()
        self.action_submit(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Run, create, or copy the command line."""
        event.stop()
        if event.button.id == "copy":
            self.copy_command()
        else:
            self.action_submit(event.button.id == "run")

    def copy_command(self) -> None:
        """Copy the command line, if the form makes one."""
        definition = self._checked.definition
        if definition is not None:
            clipboard.copy(self.app, "command line", self._line(definition))

    def action_submit(self, runs_now: bool) -> None:
        """Answer, unless something is wrong; then go there."""
        self._judge()  # the last letters may have come with the key, and not been judged yet
        definition = self._checked.definition
        if definition is not None:
            self.dismiss(FormAnswer(definition, runs_now, self._text()))
            return
        name = next(iter(self._checked.flaws), "command")
        self.query_one("#more").display |= name not in {field for field, _, _ in _FIELDS}
        self.query_one(f"#{name}").focus()

    def action_more(self) -> None:
        """Unfold what is rarely needed, or fold it."""
        more = self.query_one("#more")
        more.display = not more.display

    def _unfold(self) -> None:
        text = self._initial
        self.query_one("#more").display = bool(
            text.stdin_kind != "none" or text.timeout or text.env_files
        )

    def action_recent(self) -> None:
        """Offer what was run before to fill the form with."""
        main = self._main
        found = recents(main.session.forms, main.jobs.rows.values())
        if not found:
            main.say("nothing was run yet", timeout_s=2)
            return
        room = min(self.app.size.width, WIDTH_CELLS) - RECENT_CELLS
        choices = [
            Choice(
                str(number),
                str((number + 1) % 10),
                f"{formatting.ago(main.clock() - recent.at_s):>9}  "
                f"{formatting.shorten_middle(recent.command, room)}",
            )
            for number, recent in enumerate(found)
        ]

        def chosen(answer: str | None) -> None:
            if answer:
                self._take(found[int(answer)])

        self.app.push_screen(MenuDialog("Recent commands", choices, current="0"), chosen)

    def _take(self, recent: Recent) -> None:
        """Fill the form; the definition of a job is read in a thread."""
        source = recent.source
        if isinstance(source, Submitted):
            self._missing, self._hidden = (), {}  # those of what the form was filled with before
            self._fill(source.form)
            return
        store, post, job_id = self._main.store, self.post_message, source.job_id
        self.run_worker(
            lambda: post(RecentRead(read_job(store, job_id))), thread=True, exit_on_error=False
        )

    @on(RecentRead)
    def _recent_read(self, event: RecentRead) -> None:
        record = event.record
        definition = operations.definition_of(record, self._main.store) if record else None
        if record is None or record.meta is None or definition is None:
            self._main.say("that job is gone", severity="warning")
            return
        self._missing = tuple(lost_values(record.meta))
        self._hidden = hidden_values(definition)
        self._fill(form_of(definition, self._usual))

    def _fill(self, text: FormText) -> None:
        """Put all of it into the fields, as if the form had been opened with it."""
        self._initial, self._is_shell_chosen = text, True
        with self.prevent(Input.Changed, Checkbox.Changed, RadioSet.Changed):
            for name, _, _ in (*_FIELDS, *_MORE):
                self.query_one(f"#{name}", Input).value = getattr(text, name)
            self.query_one("#stdin", Input).value = clean(text.stdin)
            self.query_one("#is_shell", Checkbox).value = text.is_shell
            self.query_one("#inherit_env", Checkbox).value = text.inherit_env
            self.query(Pick)[_STDIN_KINDS.index(text.stdin_kind)].value = True
        self._initial = self._text()
        self._unfold()
        self.query_one("#command", Input).focus()
        self._judge()

    def action_leave(self) -> None:
        """Leave; ask first if anything was typed."""
        if self._text() == self._initial:
            self.dismiss(None)
            return

        def answered(answer: bool | None) -> None:
            if answer:
                self.dismiss(None)

        question = ConfirmDialog(
            "Leave the form?", ["What you typed is lost."], yes="Leave", no="Go on"
        )
        self.app.push_screen(question, answered)

    def _text(self) -> FormText:
        def typed(name: str) -> str:
            return self.query_one(f"#{name}", Input).value

        kind = self.query_one("#stdin_kind", RadioSet).pressed_index
        return FormText(
            **{name: typed(name) for name, _, _ in (*_FIELDS, *_MORE)},
            is_shell=self.query_one("#is_shell", Checkbox).value,
            inherit_env=self.query_one("#inherit_env", Checkbox).value,
            output_stream=self._initial.output_stream,
            rerun_of=self._initial.rerun_of,
            stdin_kind=_STDIN_KINDS[max(kind, 0)],
            stdin=typed("stdin"),
        )

    def _judge(self) -> None:
        if not self._is_ready:  # fields tell of their first values while others are still made
            return
        text = self._text()
        checked = self._checked = check_form(
            text, self._base, self._hidden, self._missing, self._usual
        )
        self.query_one("#stdin").display = text.stdin_kind != "none"
        for name, _, _ in (*_FIELDS, *_MORE):
            self.query_one(f"#{name}").set_class(name in checked.flaws, "-flawed")
        count = len(checked.argv)
        parsed = "one string for the shell" if count == 1 else f"{count} words"
        self.query_one("#parsed", Static).update(Content(f"  parsed: {parsed}" if count else ""))
        self.query_one("#verdict", Static).update(self._verdict(checked))
        self.query_one("#preview", Static).update(self._preview(checked))

    def _verdict(self, checked: Checked) -> Content:
        lines: list[Content | str | tuple[str, str]] = []
        labels = {name: label for name, label, _ in (*_FIELDS, *_MORE)}
        for name, flaw in checked.flaws.items():
            if not (name == "command" and not self.query_one("#command", Input).value):
                lines.append((f"{labels.get(name, name)}: {clean(flaw)}\n", "$text-error"))
        for name, hint in checked.hints.items():
            lines.append((f"{labels.get(name, name)}: {clean(hint)}\n", "$text-warning"))
        return Content.assemble(*lines).rstrip() if lines else Content("")

    def _preview(self, checked: Checked) -> Content:
        if checked.definition is None:
            return Content("")
        return Content.styled(f"= {clean(self._line(checked.definition))}", "$text-muted")

    def _line(self, definition: JobDefinition) -> str:
        return command_line(definition, runs_now=True, usual=self._usual)
