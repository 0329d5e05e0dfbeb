"""What is typed into the job form, made into a definition, a command line, or a flaw; pure."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_exec.commands.definition import JobDefinition, StdinFile, StdinText, require_definition
from agent_exec.errors import AgentExecError
from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec.model.tags import require_tag
from agent_exec_tui import formatting
from agent_exec_tui.command_line import MASKED_SHOWN, USUAL, Usual
from agent_exec_tui.form_text import ALL_OF_LOG, REGEX_PREFIX, FormText

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What only a shell gives a meaning: pipes, lists, redirections, expansions, comments.
_SHELL_SIGNS = frozenset("|&;<>$`(){}*?~#\n")


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


def wants_shell(command: str) -> bool:
    """Tell whether a command looks as if typed at a shell's prompt.

    Quoted signs count, too: to the shell they mean the same, while words of our own splitting
    would quietly lose what an unquoted one was meant to do.
    """
    return not _SHELL_SIGNS.isdisjoint(command)


class _Reader:
    """Reads fields one by one, collecting what is wrong with each."""

    def __init__(self, text: FormText, hidden: Mapping[str, str]) -> None:
        self.text = text
        self.hidden = hidden
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
        return tuple(self._value(entry) for entry in entries)

    def mask(self) -> tuple[str, ...]:
        return tuple(self.text.mask.replace(",", " ").split())

    def _value(self, entry: str) -> str:
        """Put the value that is not shown where its stars stand."""
        key, _, value = entry.partition("=")
        if value != MASKED_SHOWN or key not in self.hidden:
            return entry
        if key not in self.mask():
            self.flaws["env"] = f"{key} was masked: mask it, too, or type its value"
        return f"{key}={self.hidden[key]}"

    def log_max_bytes(self) -> int | None:
        typed = self.text.log_max.strip()
        if not typed:
            return None
        size_bytes = 0 if typed == ALL_OF_LOG else formatting.read_size(typed)
        if size_bytes is None:
            self.flaws["log_max"] = f"like 500k, 64M, or {ALL_OF_LOG}"
        return size_bytes or 0

    def tags(self) -> tuple[str, ...]:
        tags = tuple(self.text.tags.replace(",", " ").split())
        for tag in tags:
            try:
                require_tag(tag)
            except AgentExecError as error:
                self.flaws["tags"] = str(error)
        return tags

    def notification(self, base: str) -> Notification:
        text = self.text
        pattern = text.output_pattern.strip()
        is_regex = pattern.startswith(REGEX_PREFIX)
        match = OutputMatch(
            pattern=pattern.removeprefix(REGEX_PREFIX),
            match_type=MatchType.REGEX if is_regex else MatchType.CONTAINS,
            stream=MatchStream(text.output_stream),
            command=text.output_command.strip() or None,
            file=_path(base, text.output_file),
        )
        if (match.command or match.file) and not match.pattern:
            self.flaws["output_pattern"] = "needed to know when to tell"
        return Notification(
            notify_command=text.notify_command.strip() or None,
            notify_file=_path(base, text.notify_file),
            on_output_match=match if match.pattern else None,
        )

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


def _path(base: str, typed: str) -> str | None:
    return os.path.join(base, os.path.expanduser(typed.strip())) if typed.strip() else None


def check_form(
    text: FormText,
    base: str,
    hidden: Mapping[str, str] | None = None,
    missing: Collection[str] = (),
    usual: Usual = USUAL,
) -> Checked:
    """Read the form.

    Args:
        text: the fields.
        base: what relative paths are relative to.
        hidden: what stands behind the stars, by key; see ``hidden_values``.
        missing: masked variables whose values are stored nowhere: wanted for as long as they are
            in the mask.
        usual: what holds where the form says nothing.
    """
    reader = _Reader(text, hidden or {})
    argv = reader.command()
    env_files = reader.words("env_files", text.env_files)
    wrapper = reader.words("shell_wrapper", text.shell_wrapper)
    notify = reader.notification(base)
    definition = JobDefinition(
        command=argv,
        cwd=reader.directory(base),
        env=reader.env(),
        env_files=tuple(os.path.join(base, os.path.expanduser(path)) for path in env_files),
        inherit_env=text.inherit_env,
        mask=reader.mask(),
        stdin=reader.stdin(base),
        timeout_ms=reader.milliseconds("timeout", text.timeout),
        kill_after_ms=reader.milliseconds("grace", text.grace),
        progress_every_ms=reader.milliseconds("progress", text.progress),
        notification=None if notify == Notification() else notify,
        tags=reader.tags(),
        shell_wrapper=wrapper or usual.shell_wrapper,
        full_log_path=_path(base, text.full_log),
        log_max_bytes=reader.log_max_bytes(),
        rerun_of=text.rerun_of,
    )
    given = {entry.partition("=")[0] for entry in definition.env}
    if lost := [key for key in missing if key in definition.mask and key not in given]:
        reader.flaws.setdefault("env", f"stored nowhere, add here: {' '.join(lost)}")
    if not reader.flaws:
        try:
            require_definition(definition)
        except AgentExecError as error:
            reader.flaws["command"] = str(error)
    return Checked(None if reader.flaws else definition, argv, reader.flaws, reader.hints)
