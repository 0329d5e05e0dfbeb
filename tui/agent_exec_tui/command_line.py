"""The command line that makes the same job as a form or a record; pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from agent_exec.commands.definition import StdinFile, StdinText
from agent_exec.commands.stdin import DEFAULT_MAX_BYTES as DEFAULT_STDIN_MAX_BYTES
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER, MatchStream, MatchType
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec_tui.shell_text import ShellText, cli_line, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec.commands.definition import JobDefinition
    from agent_exec.model.job import OutputMatch

MASKED_SHOWN = "***"
# One word, for a text that begins with a dash; the shell stops where the variable is not set.
_STDIN_NOT_KEPT = '"--stdin=${STDIN:?the text is not kept}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What holds for a job where its command line says nothing else.

    Attributes:
        root: the words that name the dashboard's root; none where it is everybody's default.
        shell_wrapper: config.toml's, or the program's own.
        log_max_bytes: config.toml's; 0 is everything.
    """

    root: tuple[str, ...] = ()
    shell_wrapper: tuple[str, ...] = DEFAULT_SHELL_WRAPPER
    log_max_bytes: int = 0


USUAL: Final = Usual()


def own_wrapper(definition: JobDefinition, usual: Usual = USUAL) -> str:
    """Write a definition's shell wrapper as its option takes it; "" where it is the usual one."""
    wrapper = definition.shell_wrapper
    return "" if wrapper in (None, usual.shell_wrapper) else shlex.join(wrapper or ())


def seconds_text(milliseconds: int) -> str:
    """Write milliseconds as the seconds flags take, to the last one; "" for none."""
    if not milliseconds:
        return ""
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".") if rest else str(whole)


def unset_value(entry: str) -> str:
    """Write ``KEY=VALUE`` for a script of sh, which stops where its variable KEY is not set."""
    key, separator, _ = entry.partition("=")
    name = _variable(key)
    return _of_variable(key, f"${{{name}:?is not kept}}") if separator else entry


def _variable(key: str) -> str:
    return key if key.isascii() and key.isidentifier() else "VALUE"


def _of_variable(key: str, expansion: str) -> ShellText:
    if _variable(key) == key:
        return ShellText(f'"{key}={expansion}"')
    return ShellText(f'{quote(f"{key}=")}"{expansion}"')


def job_line(*words: str, root: Sequence[str], job_id: str) -> str:
    """Write the command line of a verb that takes one job."""
    return cli_line(*words, *root, *(("--",) if job_id.startswith("-") else ()), job_id)


def tag_line(job_id: str, tags: Sequence[str], root: Sequence[str] = ()) -> str:
    """Write the command line that gives a job these tags, and no others."""
    words = (word for tag in tags for word in _option("--tag", tag))
    return job_line("tag", "set", *words, root=root, job_id=job_id)


def command_line(
    definition: JobDefinition,
    *,
    runs_now: bool,
    usual: Usual = USUAL,
    shows_values: bool = True,
    waits: bool = True,
    is_kept: bool = False,
) -> str:
    """Write the command line that makes the same job, or a comment that says why none can.

    Values that it must not name are variables of the shell that runs it, of the same names;
    where they are not set, nothing is run.

    Args:
        definition: what to make.
        runs_now: ``run`` or ``create``.
        usual: what needs no saying.
        shows_values: whether values of its environment may be named, masked ones aside.
        waits: whether it waits for output, as one alone does.
        is_kept: for the journal's script of sh, which keeps no value of a variable and no text
            of an input, and does not wait.
    """
    words = ["run" if runs_now else "create"]
    if runs_now and (is_kept or not waits):
        words.append("--no-wait")
    for tag in definition.tags:
        words += _option("--tag", tag)
    hidden = _hidden_keys(definition, shows_values=shows_values and not is_kept)
    words += _environment_words(definition, hidden, is_kept=is_kept)
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
    words += _log_words(definition, usual)
    if wrapper := definition.shell_wrapper if own_wrapper(definition, usual) else ():
        if any(word.split() != [word] for word in wrapper):
            return "# no command line can carry this: a word of its shell wrapper has blanks"
        words += _option("--shell-wrapper", " ".join(wrapper))
    line = cli_line(*words, *usual.root, "--", *definition.command)
    if is_kept:
        return line
    if isinstance(definition.stdin, StdinText) and definition.stdin.text in ("-", b"-"):
        line = f"printf %s - | {line}"
    return _guard(hidden, line)


def _hidden_keys(definition: JobDefinition, *, shows_values: bool) -> list[str]:
    """Name the variables whose values the line must not have; an empty one tells nothing."""
    pairs = (entry.partition("=") for entry in definition.env)
    return [
        key for key, _, value in pairs if value and (not shows_values or key in definition.mask)
    ]


def _guard(hidden: Sequence[str], line: str) -> str:
    """Let a line run only where its variables are set; fish knows no ``${KEY:?}``."""
    names = dict.fromkeys(map(_variable, hidden))
    return "".join((*(f'test -n "${name}" && ' for name in names), line))


def _option(name: str, value: str) -> list[str]:
    """Two words, or one where the value would be taken for an option itself."""
    if not value.startswith("-"):
        return [name, value]
    if isinstance(value, ShellText):
        return [ShellText(f"{name}={value}")]
    return [f"{name}={value}"]


def _environment_words(
    definition: JobDefinition, hidden: Sequence[str], *, is_kept: bool
) -> list[str]:
    words: list[str] = []
    for entry in definition.env:
        key = entry.partition("=")[0]
        shown = entry
        if key in hidden:
            shown = unset_value(entry) if is_kept else _of_variable(key, f"${_variable(key)}")
        words += _option("--env", shown)
    for path in definition.env_files:
        words += _option("--env-file", path)
    for key in definition.mask:
        words += _option("--mask", key)
    if not definition.inherit_env:
        words.append("--no-inherit-env")
    return words


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


def _log_words(definition: JobDefinition, usual: Usual) -> list[str]:
    words: list[str] = []
    if definition.full_log_path:
        words += _option("--log", definition.full_log_path)
    limit = definition.log_max_bytes
    if limit is not None and limit != (usual.log_max_bytes or None):
        words += ["--log-max", str(definition.log_max_bytes)]
    return words


def _stdin_words(definition: JobDefinition, *, is_kept: bool) -> list[str]:
    if definition.stdin is None:
        return []
    words: list[str] = []
    if definition.stdin_max_bytes != DEFAULT_STDIN_MAX_BYTES:
        words += ["--stdin-max-bytes", str(definition.stdin_max_bytes)]
    match definition.stdin:
        case StdinFile(path=path):
            return [*words, *_option("--stdin-file", path)]
        case StdinText() if is_kept:
            return [*words, ShellText(_STDIN_NOT_KEPT)]
        case StdinText(text=text):
            given = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
            if given == "-":  # which means the program's own input: `command_line` pipes it
                return [*words, "--stdin", "-"]
            return [*words, *_option("--stdin", given)]
    return words
