"""The command line that makes the same job as a form or a record; pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from agent_exec.commands.definition import StdinFile, StdinText
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER, MatchStream, MatchType
from agent_exec_tui import formatting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec.commands.definition import JobDefinition
    from agent_exec.model.job import OutputMatch

MASKED_SHOWN = "***"
# One word, for a text that begins with a dash; the shell stops where the variable is not set.
_STDIN_NOT_KEPT = '"--stdin=${STDIN:?the text is not kept}"'


def own_wrapper(definition: JobDefinition) -> str:
    """The wrapper, unless it is the one every job has."""
    wrapper = definition.shell_wrapper
    return "" if wrapper in (None, DEFAULT_SHELL_WRAPPER) else shlex.join(wrapper or ())


def seconds_text(milliseconds: int) -> str:
    """Write milliseconds as the seconds flags take; "" for none."""
    return f"{milliseconds / 1000:g}" if milliseconds else ""


def unset_value(entry: str) -> str:
    """Write ``KEY=VALUE`` without the value: the shell is to take it from its own environment."""
    key, separator, _ = entry.partition("=")
    if not separator:
        return entry
    if key.isascii() and key.isidentifier():
        return formatting.ShellText(f'"{key}=${{{key}:?is not kept}}"')
    return f"{key}={MASKED_SHOWN}"


def tag_line(job_id: str, tags: Sequence[str], root: Sequence[str] = ()) -> str:
    """Write the command line that gives a job these tags, and no others."""
    words = (word for tag in tags for word in ("--tag", tag))
    return formatting.cli_line("tag", "set", *words, *root, job_id)


def command_line(
    definition: JobDefinition,
    *,
    runs_now: bool,
    root: Sequence[str] = (),
    is_kept: bool = False,
) -> str:
    """Write the command line that makes the same job; values of masked variables are left out.

    Args:
        definition: what to make.
        runs_now: ``run`` or ``create``.
        root: the words that name another root than the usual one.
        is_kept: for a journal, which keeps no value of a variable and no text of an input, and
            does not wait for output.
    """
    words = ["run" if runs_now else "create"]
    if runs_now and is_kept:
        words.append("--no-wait")
    for tag in definition.tags:
        words += _option("--tag", tag)
    for entry in definition.env:
        key = entry.partition("=")[0]
        shown = f"{key}={MASKED_SHOWN}" if key in definition.mask else entry
        words += ["--env", unset_value(entry) if is_kept else shown]
    for path in definition.env_files:
        words += _option("--env-file", path)
    for key in definition.mask:
        words += _option("--mask", key)
    if not definition.inherit_env:
        words.append("--no-inherit-env")
    if definition.cwd:
        words += _option("--cwd", definition.cwd)
    words += _stdin_words(definition, is_kept=is_kept)
    if definition.timeout_ms:
        words += ["--timeout", seconds_text(definition.timeout_ms)]
    if definition.kill_after_ms:
        words += ["--kill-after", seconds_text(definition.kill_after_ms)]
    notify = definition.notification
    if notify is not None and notify.notify_command:
        words += _option("--notify-command", notify.notify_command)
    if notify is not None and notify.notify_file:
        words += _option("--notify-file", notify.notify_file)
    words += _match_words(notify.on_output_match if notify else None)
    if definition.progress_every_ms:
        words += ["--progress-every", seconds_text(definition.progress_every_ms)]
    if own_wrapper(definition) and definition.shell_wrapper:
        words += _option("--shell-wrapper", " ".join(definition.shell_wrapper))
    if definition.full_log_path:
        words += _option("--log", definition.full_log_path)
    if definition.log_max_bytes is not None:
        words += ["--log-max", str(definition.log_max_bytes)]
    return formatting.cli_line(*words, *root, "--", *definition.command)


def _option(name: str, value: str) -> list[str]:
    """Two words, or one where the value would be taken for an option itself."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]


def _match_words(match: OutputMatch | None) -> list[str]:
    if match is None:
        return []
    words = _option("--output-pattern", match.pattern)
    if match.match_type is not MatchType.CONTAINS:
        words += ["--output-match-type", match.match_type.value]
    if match.stream is not MatchStream.EITHER:
        words += ["--output-stream", match.stream.value]
    if match.command:
        words += _option("--output-command", match.command)
    if match.file:
        words += _option("--output-file", match.file)
    return words


def _stdin_words(definition: JobDefinition, *, is_kept: bool) -> list[str]:
    match definition.stdin:
        case StdinFile(path=path):
            return _option("--stdin-file", path)
        case StdinText() if is_kept:
            return [formatting.ShellText(_STDIN_NOT_KEPT)]
        case StdinText(text=text):
            given = text if isinstance(text, str) else text.decode("utf-8", "replace")
            return _option("--stdin", given)
    return []
