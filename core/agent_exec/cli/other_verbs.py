"""tag set, notify set, and what is not about jobs: schema, completions, help."""

from __future__ import annotations

from agent_exec.cli.call import write_stdout
from agent_exec.cli.grammar import Option, Positional, Verb
from agent_exec.cli.options import JOB_ID, tag
from agent_exec.cli.parser import HelpWanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments

SHELLS = ("bash", "zsh", "fish", "powershell")


def _tag_set() -> Verb:
    return Verb(
        "tag set", _run_tag_set,
        "Give a job these tags instead of those it has; without --tag it has none.",
        ("Tags", (
            Option("--tag", "TAG", "A tag, such as build.nightly (repeatable)",
                   repeats=True, convert=tag),
        )),
        positional=JOB_ID,
        examples=("tag set 3f2a91c --tag keep --tag build.nightly",),
    )  # fmt: skip


def _notify_set() -> Verb:
    return Verb(
        "notify set", _run_notify_set,
        "Change whom a job tells about its end and about its output; what is not given stays. "
        "An empty --output-pattern ends the telling about output. Works on running jobs too.",
        ("Events", (
            Option("--command", "COMMAND", "Run this at the job's end, the event on its stdin"),
            Option("--output-pattern", "PATTERN", "Tell when a line of output fits"),
            Option("--output-match-type", "TYPE", "How it fits: contains or regex",
                   choices=("contains", "regex")),
            Option("--output-stream", "STREAM", "Where to look: stdout, stderr or either",
                   choices=("stdout", "stderr", "either")),
            Option("--output-command", "COMMAND", "Run this for each line that fits"),
            Option("--output-file", "PATH", "Append an event to this file for each line that "
                   "fits", hints="path"),
        )),
        positional=JOB_ID,
    )  # fmt: skip


def _schema() -> Verb:
    return Verb("schema", _run_schema, "Print the JSON Schema of every answer.")


def _completions() -> Verb:
    return Verb(
        "completions", _run_completions,
        "Print the script that teaches a shell to complete this program's words, job IDs "
        "included. bash: eval \"$(agent-exec-tui completions bash)\" in ~/.bashrc; zsh: the "
        "same in ~/.zshrc after compinit; fish: agent-exec-tui completions fish | source.",
        positional=Positional("SHELL", f"One of {', '.join(SHELLS)}", choices=SHELLS),
    )  # fmt: skip


def _help() -> Verb:
    return Verb(
        "help", _run_help, "Explain a command, or list them all.",
        positional=Positional("COMMAND", "The command to explain", least=0, most=None,
                              hints="verb"),
    )  # fmt: skip


VERBS = {
    "tag set": _tag_set,
    "notify set": _notify_set,
    "schema": _schema,
    "completions": _completions,
    "help": _help,
}


def _run_tag_set(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.tag import set_tags

    (job_id,) = arguments.texts("JOB_ID")
    call.answer(set_tags(call.store(), job_id, arguments.texts("--tag")))
    return 0


def _run_notify_set(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.notify import NotificationChange, set_notification
    from agent_exec.model.job import MatchStream, MatchType

    match_type, stream = arguments.text("--output-match-type"), arguments.text("--output-stream")
    change = NotificationChange(
        command=arguments.text("--command"),
        output_pattern=arguments.text("--output-pattern"),
        output_match_type=MatchType(match_type) if match_type else None,
        output_stream=MatchStream(stream) if stream else None,
        output_command=arguments.text("--output-command"),
        output_file=arguments.text("--output-file"),
    )
    (job_id,) = arguments.texts("JOB_ID")
    call.answer(set_notification(call.store(), job_id, change))
    return 0


def _run_schema(_arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.schema import response_schema

    call.answer(response_schema())
    return 0


def _run_completions(arguments: Arguments, _call: Call) -> int:
    from agent_exec.cli.shells import script_for

    (shell,) = arguments.texts("SHELL")
    write_stdout(script_for(shell).encode())
    return 0


def _run_help(arguments: Arguments, _call: Call) -> int:
    raise HelpWanted(" ".join(arguments.texts("COMMAND")))
