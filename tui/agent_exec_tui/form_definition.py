"""What is typed into the job form, made into a definition, a command line, or a flaw; pure."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field

from agent_exec.commands.definition import JobDefinition, StdinFile, StdinText, require_definition
from agent_exec.errors import AgentExecError
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER, Notification
from agent_exec.model.tags import require_tag
from agent_exec_tui import formatting

MASKED_SHOWN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormText:
    """The form's fields as typed.

    Attributes:
        is_shell: whether the command is one string for the shell, or words.
        env: shell words ``KEY=VALUE``.
        mask: keys of *env* whose values are never shown.
        timeout, grace: seconds, or with a unit: ``90``, ``5m``; "" is none.
    """

    command: str = ""
    is_shell: bool = False
    cwd: str = ""
    tags: str = ""
    env: str = ""
    mask: str = ""
    env_files: str = ""
    stdin_kind: str = "none"
    stdin: str = ""
    timeout: str = ""
    grace: str = ""
    notify_command: str = ""
    notify_file: str = ""
    inherit_env: bool = True
    shell_wrapper: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a form amounts to.

    Attributes:
        definition: None while there are flaws.
        flaws: by field name.
        hints: by field name; not wrong, but worth knowing.
    """

    definition: JobDefinition | None
    argv: tuple[str, ...]
    flaws: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Reads fields one by one, collecting what is wrong with each."""

    def __init__(self, text: FormText) -> None:
        self.text = text
        self.flaws: dict[str, str] = {}
        self.hints: dict[str, str] = {}

    def words(self, name: str, value: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            self.flaws[name] = f"{error}".lower()
            return ()

    def milliseconds(self, name: str, value: str) -> int:
        stripped = value.strip().lower()
        if not stripped or stripped == "none":
            return 0
        number, unit = (stripped[:-1], stripped[-1]) if stripped[-1] in "smhd" else (stripped, "s")
        try:
            seconds = float(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
        except ValueError:
            self.flaws[name] = "a number of seconds, or 90s 5m 2h"
            return 0
        if not 0 <= seconds < 1e12:
            self.flaws[name] = "out of range"
            return 0
        return int(seconds * 1000)

    def command(self) -> tuple[str, ...]:
        text = self.text.command.strip()
        if not text:
            self.flaws["command"] = "a command is needed"
            return ()
        if self.text.is_shell:
            return (text,)
        words = self.words("command", text)
        if len(words) == 1 and words[0] == text:
            return words
        # One word means "shell string" to the runner; quoted blanks would change their meaning.
        if len(words) == 1 and any(char.isspace() for char in words[0]):
            self.hints["command"] = "one word: runs as a shell string"
        return words

    def directory(self, base: str) -> str:
        path = os.path.join(base, os.path.expanduser(self.text.cwd.strip() or "."))
        path = os.path.normpath(path)
        if not os.path.isdir(path):
            self.hints["cwd"] = "no such directory (it must be there at the start)"
        return path

    def env(self) -> tuple[str, ...]:
        entries = self.words("env", self.text.env)
        for entry in entries:
            key, separator, _ = entry.partition("=")
            if not key or not separator:
                self.flaws["env"] = f"{formatting.shorten_end(entry, 20)!r} is not KEY=VALUE"
        return entries

    def tags(self) -> tuple[str, ...]:
        tags = tuple(self.text.tags.replace(",", " ").split())
        for tag in tags:
            try:
                require_tag(tag)
            except AgentExecError as error:
                self.flaws["tags"] = str(error)
        return tags

    def stdin(self, base: str) -> StdinText | StdinFile | None:
        match self.text.stdin_kind:
            case "text":
                return StdinText(self.text.stdin)
            case "file":
                path = os.path.join(base, os.path.expanduser(self.text.stdin.strip()))
                if not os.path.isfile(path):
                    self.flaws["stdin"] = "no such file"
                else:
                    self.hints["stdin"] = formatting.size(os.path.getsize(path))
                return StdinFile(path)
        return None


def check_form(text: FormText, base: str) -> Checked:
    """Read the form.

    Args:
        text: the fields.
        base: what relative paths are relative to.
    """
    reader = _Reader(text)
    argv = reader.command()
    env_files = reader.words("env_files", text.env_files)
    wrapper = reader.words("shell_wrapper", text.shell_wrapper)
    notify = Notification(
        notify_command=text.notify_command.strip() or None,
        notify_file=os.path.join(base, os.path.expanduser(text.notify_file.strip()))
        if text.notify_file.strip()
        else None,
    )
    definition = JobDefinition(
        command=argv,
        cwd=reader.directory(base),
        env=reader.env(),
        env_files=tuple(os.path.join(base, os.path.expanduser(path)) for path in env_files),
        inherit_env=text.inherit_env,
        mask=tuple(text.mask.replace(",", " ").split()),
        stdin=reader.stdin(base),
        timeout_ms=reader.milliseconds("timeout", text.timeout),
        kill_after_ms=reader.milliseconds("grace", text.grace),
        notification=None if notify == Notification() else notify,
        tags=reader.tags(),
        shell_wrapper=wrapper or None,
    )
    if not reader.flaws:
        try:
            require_definition(definition)
        except AgentExecError as error:
            reader.flaws["command"] = str(error)
    return Checked(None if reader.flaws else definition, argv, reader.flaws, reader.hints)


def form_of(definition: JobDefinition) -> FormText:
    """Fill the form from a definition."""
    stdin = definition.stdin
    is_shell = len(definition.command) == 1
    notify = definition.notification or Notification()
    return FormText(
        command=definition.command[0] if is_shell else shlex.join(definition.command),
        is_shell=is_shell,
        cwd=formatting.short_path(definition.cwd) if definition.cwd else "",
        tags=" ".join(definition.tags),
        env=shlex.join(definition.env),
        mask=" ".join(definition.mask),
        env_files=shlex.join(definition.env_files),
        stdin_kind="file" if isinstance(stdin, StdinFile) else "none",
        stdin=stdin.path if isinstance(stdin, StdinFile) else "",
        timeout=_seconds(definition.timeout_ms),
        grace=_seconds(definition.kill_after_ms),
        notify_command=notify.notify_command or "",
        notify_file=notify.notify_file or "",
        inherit_env=definition.inherit_env,
        shell_wrapper=_own_wrapper(definition),
    )


def _own_wrapper(definition: JobDefinition) -> str:
    """The wrapper, unless it is the one every job has."""
    wrapper = definition.shell_wrapper
    return "" if wrapper in (None, DEFAULT_SHELL_WRAPPER) else shlex.join(wrapper or ())


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g}" if milliseconds else ""


def command_line(definition: JobDefinition, *, runs_now: bool, shows_masked: bool = False) -> str:
    """Write the command line that makes the same job.

    Args:
        definition: what to make.
        runs_now: ``run`` or ``create``.
        shows_masked: whether values of masked variables are written out.
    """
    words = ["run" if runs_now else "create"]
    for tag in definition.tags:
        words += ["--tag", tag]
    for entry in definition.env:
        key = entry.partition("=")[0]
        hides = key in definition.mask and not shows_masked
        words += ["--env", f"{key}={MASKED_SHOWN}" if hides else entry]
    for path in definition.env_files:
        words += ["--env-file", path]
    for key in definition.mask:
        words += ["--mask", key]
    if not definition.inherit_env:
        words.append("--no-inherit-env")
    if definition.cwd:
        words += ["--cwd", definition.cwd]
    words += _stdin_words(definition)
    if definition.timeout_ms:
        words += ["--timeout", _seconds(definition.timeout_ms)]
    if definition.kill_after_ms:
        words += ["--kill-after", _seconds(definition.kill_after_ms)]
    notify = definition.notification
    if notify is not None and notify.notify_command:
        words += ["--notify-command", notify.notify_command]
    if notify is not None and notify.notify_file:
        words += ["--notify-file", notify.notify_file]
    if _own_wrapper(definition) and definition.shell_wrapper:
        words += ["--shell-wrapper", " ".join(definition.shell_wrapper)]
    return formatting.cli_line(*words, "--", *definition.command)


def _stdin_words(definition: JobDefinition) -> list[str]:
    match definition.stdin:
        case StdinFile(path=path):
            return ["--stdin-file", path]
        case StdinText(text=text):
            return ["--stdin", text if isinstance(text, str) else text.decode("utf-8", "replace")]
    return []
