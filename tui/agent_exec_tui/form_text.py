"""The fields of the job form as typed, and how they are filled from a definition; pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from agent_exec.commands.definition import JobDefinition, StdinFile
from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec_tui import formatting
from agent_exec_tui.command_line import MASKED_SHOWN, USUAL, Usual, own_wrapper, seconds_text

REGEX_PREFIX = "re:"
ALL_OF_LOG = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormText:
    """The form's fields as typed.

    Attributes:
        is_shell: whether the command is one string for the shell, or words.
        env: shell words ``KEY=VALUE``.
        mask: keys of *env* whose values are never shown.
        output_pattern: text to look for in the output, or ``re:`` and a regular expression.
        output_stream: where to look; carried through, not shown.
        timeout, grace, progress: seconds, or with a unit: ``90``, ``5m``; "" is none.
        full_log: where the combined log goes; "" is the job's directory.
        log_max: bytes, with a unit or not, or ``all``; "" is as usual.
        rerun_of: the job it was filled from; carried through, not shown.
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
    output_pattern: str = ""
    output_command: str = ""
    output_file: str = ""
    output_stream: str = MatchStream.EITHER.value
    progress: str = ""
    inherit_env: bool = True
    shell_wrapper: str = ""
    full_log: str = ""
    log_max: str = ""
    rerun_of: str | None = None


def _typed(entry: str) -> str:
    # Stars mean something to a shell, and are quoted for it; to the reader they are the sign.
    return entry if entry.endswith(f"={MASKED_SHOWN}") and " " not in entry else shlex.quote(entry)


def _log_max_text(log_max_bytes: int | None) -> str:
    if log_max_bytes is None:
        return ""
    return str(log_max_bytes) if log_max_bytes else ALL_OF_LOG


def hidden_values(definition: JobDefinition) -> dict[str, str]:
    """List the values that ``form_of`` does not show, by key."""
    pairs = (entry.partition("=") for entry in definition.env)
    return {key: value for key, _, value in pairs if key in definition.mask}


def form_of(definition: JobDefinition, usual: Usual = USUAL) -> FormText:
    """Fill the form from a definition; of masked variables stars are shown."""
    hidden = hidden_values(definition)
    keys = [(entry, entry.partition("=")[0]) for entry in definition.env]
    env = [f"{key}={MASKED_SHOWN}" if key in hidden else entry for entry, key in keys]
    stdin = definition.stdin
    is_shell = len(definition.command) == 1
    notify = definition.notification or Notification()
    match = notify.on_output_match or OutputMatch(pattern="")
    prefix = REGEX_PREFIX if match.match_type is MatchType.REGEX else ""
    return FormText(
        command=definition.command[0] if is_shell else shlex.join(definition.command),
        is_shell=is_shell,
        cwd=formatting.short_path(definition.cwd) if definition.cwd else "",
        tags=" ".join(definition.tags),
        env=" ".join(_typed(entry) for entry in env),
        mask=" ".join(definition.mask),
        env_files=shlex.join(definition.env_files),
        stdin_kind="file" if isinstance(stdin, StdinFile) else "none",
        stdin=stdin.path if isinstance(stdin, StdinFile) else "",
        timeout=seconds_text(definition.timeout_ms),
        grace=seconds_text(definition.kill_after_ms),
        notify_command=notify.notify_command or "",
        notify_file=notify.notify_file or "",
        output_pattern=prefix + match.pattern if match.pattern else "",
        output_command=match.command or "",
        output_file=match.file or "",
        output_stream=match.stream.value,
        progress=seconds_text(definition.progress_every_ms),
        inherit_env=definition.inherit_env,
        shell_wrapper=own_wrapper(definition, usual),
        full_log=definition.full_log_path or "",
        log_max=_log_max_text(definition.log_max_bytes),
        rerun_of=definition.rerun_of,
    )
