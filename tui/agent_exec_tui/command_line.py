"""The command line that makes the same job as a form or a record; pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from agent_exec.commands.definition import StdinFile, StdinText
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER, MatchStream, MatchType
from agent_exec_tui import formatting

if TYPE_CHECKING:
    from agent_exec.commands.definition import JobDefinition
    from agent_exec.model.job import OutputMatch

MASKED_SHOWN = "***"


def own_wrapper(definition: JobDefinition) -> str:
    """The wrapper, unless it is the one every job has."""
    wrapper = definition.shell_wrapper
    return "" if wrapper in (None, DEFAULT_SHELL_WRAPPER) else shlex.join(wrapper or ())


def seconds_text(milliseconds: int) -> str:
    """Write milliseconds as the seconds flags take; "" for none."""
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
        words += ["--timeout", seconds_text(definition.timeout_ms)]
    if definition.kill_after_ms:
        words += ["--kill-after", seconds_text(definition.kill_after_ms)]
    notify = definition.notification
    if notify is not None and notify.notify_command:
        words += ["--notify-command", notify.notify_command]
    if notify is not None and notify.notify_file:
        words += ["--notify-file", notify.notify_file]
    words += _match_words(notify.on_output_match if notify else None)
    if definition.progress_every_ms:
        words += ["--progress-every", seconds_text(definition.progress_every_ms)]
    if own_wrapper(definition) and definition.shell_wrapper:
        words += ["--shell-wrapper", " ".join(definition.shell_wrapper)]
    return formatting.cli_line(*words, "--", *definition.command)


def _match_words(match: OutputMatch | None) -> list[str]:
    if match is None:
        return []
    words = ["--output-pattern", match.pattern]
    if match.match_type is not MatchType.CONTAINS:
        words += ["--output-match-type", match.match_type.value]
    if match.stream is not MatchStream.EITHER:
        words += ["--output-stream", match.stream.value]
    if match.command:
        words += ["--output-command", match.command]
    if match.file:
        words += ["--output-file", match.file]
    return words


def _stdin_words(definition: JobDefinition) -> list[str]:
    match definition.stdin:
        case StdinFile(path=path):
            return ["--stdin-file", path]
        case StdinText(text=text):
            return ["--stdin", text if isinstance(text, str) else text.decode("utf-8", "replace")]
    return []
