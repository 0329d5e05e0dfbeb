"""create, run, start, restart: their options, and what is made of them."""

from __future__ import annotations

import contextlib
import sys

from agent_exec.cli.grammar import (
    Option,
    Positional,
    Verb,
    milliseconds,
    true_or_false,
    whole_number,
)
from agent_exec.cli.launch_arguments import (
    auto_gc_of,
    config_for,
    configured_wrapper,
    definition_of,
    given_wrapper,
    observation_of,
)
from agent_exec.cli.options import JOB_ID, SIGNAL, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypedDict

    from agent_exec.cli.call import Call
    from agent_exec.cli.envelope import Response
    from agent_exec.cli.grammar import Arguments, Run
    from agent_exec.commands.auto_gc import AutoGc
    from agent_exec.commands.observation import Observation
    from agent_exec.process.handover import Launcher
    from agent_exec.store.config import Config

    class Shared(TypedDict):
        """What every launch is given alike."""

        observation: Observation
        auto_gc: AutoGc | None
        launcher: Launcher | None
        environ: Mapping[str, str]

    Work = Callable[[Arguments, Call, Config, Shared], Response]

_COMMAND = Positional(
    "COMMAND",
    "The command. One word is a line for the shell; several are a program and its arguments. "
    "Everything from the first word on belongs to it, a leading -- is dropped",
    most=None,
    verbatim=True,
    hints="command",
)

_LIMITS = (
    Option("--timeout", "SECONDS", "Stop the job after so long: TERM, then KILL; 0 is never",
           convert=milliseconds),
    Option("--abandon-job-after", "SECONDS", "The same as --timeout, as newer versions call it",
           convert=milliseconds),
    Option("--acknowledge-result-loss", None, "Accepted beside --abandon-job-after"),
    Option("--kill-after", "SECONDS", "Time between TERM and KILL; 0 is none",
           convert=milliseconds),
    Option("--progress-every", "SECONDS", "Refresh updated_at so often while it runs; 0 is never",
           convert=milliseconds),
)  # fmt: skip
_WHERE = (
    Option("--cwd", "DIR", "Where the command runs; without it, here", hints="path"),
    Option("--env", "KEY=VALUE", "Set a variable for the command (repeatable)", repeats=True),
    Option("--env-file", "FILE", "Set the variables of a file, read at each start (repeatable)",
           repeats=True, hints="path"),
    Option("--no-inherit-env", None, "Start from an empty environment"),
    Option("--inherit-env", None, "Start from the caller's environment (the default)"),
    Option("--mask", "KEY", "Never show the value of this variable (repeatable)", repeats=True),
    Option("--shell-wrapper", "WORDS", "Program and flags that get the command, such as "
           "\"bash -lc\"; without it, config.toml's, else \"sh -lc\""),
    Option("--config", "PATH", "Another config.toml", hints="path"),
    Option("--tag", "TAG", "Give the job a tag, such as build.nightly (repeatable)",
           repeats=True, convert=tag),
)  # fmt: skip
_STDIN = (
    Option("--stdin", "TEXT", "What the command reads; - copies this program's own stdin"),
    Option("--stdin-file", "PATH", "Let the command read a copy of this file", hints="path"),
    Option("--stdin-max-bytes", "N", "Refuse more than this (default 67108864)",
           convert=whole_number),
)  # fmt: skip
_NOTIFY = (
    Option("--notify-command", "COMMAND", "Run this at the job's end, the event on its stdin"),
    Option("--notify-file", "PATH", "Append an event to this file at the job's end", hints="path"),
    Option("--output-pattern", "PATTERN", "Tell when a line of output fits"),
    Option("--output-match-type", "TYPE", "How it fits: contains (the default) or regex",
           choices=("contains", "regex")),
    Option("--output-stream", "STREAM", "Where to look: stdout, stderr or either (the default)",
           choices=("stdout", "stderr", "either")),
    Option("--output-command", "COMMAND", "Run this for each line that fits"),
    Option("--output-file", "PATH", "Append an event to this file for each line that fits",
           hints="path"),
)  # fmt: skip
_FULL_LOG = Option("--log", "PATH", "Put the combined, stamped log there", hints="path")
_LOG_MAX = Option(
    "--log-max", "BYTES", "Keep no more than this of each stream; 0 is everything (the default)",
    convert=whole_number,
)  # fmt: skip
_OBSERVE = (
    Option("--wait", "true|false", "Wait for the first output or the end (the default)",
           convert=true_or_false, absent="true"),
    Option("--until", "SECONDS", "Wait so long at most (default 10)", convert=milliseconds),
    Option("--forever", None, "Wait without a limit"),
    Option("--no-wait", None, "Answer as soon as the job runs"),
    Option("--max-bytes", "N", "Show so much of each stream (default 65536)",
           convert=whole_number),
)  # fmt: skip
_AUTO_GC = (
    Option("--no-auto-gc", None, "Clean nothing up besides"),
    Option("--auto-gc-older-than", "DURATION", "Clean up what ended longer ago (default 30d)"),
    Option("--auto-gc-max-jobs", "N", "Keep at most so many of those", convert=whole_number),
    Option("--auto-gc-max-bytes", "N", "Keep at most so much of those", convert=whole_number),
)  # fmt: skip

_DEFINITION_CONFLICTS = (
    ("--inherit-env", "--no-inherit-env"),
    ("--stdin", "--stdin-file"),
    ("--timeout", "--abandon-job-after"),
)
_OBSERVE_CONFLICTS = (("--until", "--forever"),)


def _create() -> Verb:
    return Verb(
        "create", _run_create,
        "Define a job without starting it; `start` or the dashboard's s key starts it.",
        ("Job", _WHERE), ("Limits", _LIMITS), ("Standard input", _STDIN), ("Events", _NOTIFY),
        ("Logs", (_FULL_LOG, _LOG_MAX)),
        positional=_COMMAND, conflicts=_DEFINITION_CONFLICTS,
        examples=("create --tag demo -- make test", "create 'make && make install'"),
    )  # fmt: skip


def _run() -> Verb:
    return Verb(
        "run", _run_run,
        "Create a job and start it at once. Answers at its first output, its end, or after "
        "--until, whichever is first; the job goes on.",
        ("Job", _WHERE), ("Limits", _LIMITS), ("Standard input", _STDIN), ("Events", _NOTIFY),
        ("Logs", (_FULL_LOG, _LOG_MAX)), ("Answer", _OBSERVE), ("Automatic cleaning", _AUTO_GC),
        positional=_COMMAND, conflicts=_DEFINITION_CONFLICTS + _OBSERVE_CONFLICTS,
        examples=("run -- make test", "run --timeout 90 --no-wait -- ./server --port 8080"),
    )  # fmt: skip


def _start() -> Verb:
    return Verb(
        "start", _run_start,
        "Start a created job. Answers like `run`.",
        ("Logs", (_LOG_MAX,)), ("Answer", _OBSERVE), ("Automatic cleaning", _AUTO_GC),
        positional=JOB_ID, conflicts=_OBSERVE_CONFLICTS, states=("created",),
    )  # fmt: skip


def _restart() -> Verb:
    return Verb(
        "restart", _run_restart,
        "Run a job again in its own directory: what still runs is ended first, the logs are "
        "emptied, the definition stays.",
        ("Job", (
            Option(*SIGNAL, "End a running job with this first (default TERM)", hints="signal"),
            Option("--env", "KEY=VALUE", "Give a value that is not stored, such as one masked "
                   "at `run` (repeatable)", repeats=True),
        )),
        ("Logs", (_LOG_MAX,)), ("Answer", _OBSERVE), ("Automatic cleaning", _AUTO_GC),
        positional=JOB_ID, conflicts=_OBSERVE_CONFLICTS,
    )  # fmt: skip


VERBS = {"create": _create, "run": _run, "start": _start, "restart": _restart}


def _run_create(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.create import create_job

    wrapper, log_max_bytes = given_wrapper(arguments), arguments.optional_number("--log-max")
    if wrapper is None:
        config = config_for(arguments, call)
        wrapper = configured_wrapper(config)
        log_max_bytes = _log_max_bytes(arguments, config)
    call.answer(create_job(call.store(), definition_of(arguments, wrapper, log_max_bytes)))
    return 0


def _beside_its_supervisor(work: Work) -> Run:
    """Make a verb of *work*, done while a supervisor loads itself; that ends when it gets no job.

    What there is to be done before the start takes as long: a job runs a quarter sooner.
    """

    def run(arguments: Arguments, call: Call) -> int:
        from agent_exec.process.spawn import NewSupervisor
        from agent_exec.store.root import resolve_root

        with contextlib.ExitStack() as stack:
            supervisor = None
            with contextlib.suppress(OSError):  # it is tried once more when it is needed
                supervisor = NewSupervisor(resolve_root(call.root, call.environ))
                stack.callback(supervisor.close)
            config = config_for(arguments, call)
            shared: Shared = {
                "observation": observation_of(arguments),
                "auto_gc": auto_gc_of(arguments, config),
                "launcher": supervisor,
                "environ": call.environ,
            }
            answer = work(arguments, call, config, shared)
            call.answer(answer)
            _tell_removed(answer, shared["auto_gc"])
        return 0

    return run


def _tell_removed(answer: Response, auto_gc: AutoGc | None) -> None:
    """Say in a line what a launch removed besides, where something went."""
    removed = getattr(answer, "auto_gc", None)
    if removed is not None and auto_gc is not None:
        jobs = "1 job" if removed.deleted == 1 else f"{removed.deleted} jobs"
        print(
            f"removed {jobs} that ended more than {auto_gc.older_than} ago "
            f"({removed.freed_bytes} bytes); [gc] auto = false in config.toml turns this off",
            file=sys.stderr,
        )


@_beside_its_supervisor
def _run_run(arguments: Arguments, call: Call, config: Config, shared: Shared) -> Response:
    from agent_exec.commands.run import run_job

    wrapper = given_wrapper(arguments) or configured_wrapper(config)
    definition = definition_of(arguments, wrapper, _log_max_bytes(arguments, config))
    return run_job(call.store(), definition, **shared)


@_beside_its_supervisor
def _run_start(arguments: Arguments, call: Call, config: Config, shared: Shared) -> Response:
    from agent_exec.commands.start import start_job

    (job_id,) = arguments.texts("JOB_ID")
    return start_job(
        call.store(),
        job_id,
        log_max_bytes=arguments.optional_number("--log-max"),
        default_log_max_bytes=config.log_max_bytes,
        **shared,
    )


@_beside_its_supervisor
def _run_restart(arguments: Arguments, call: Call, config: Config, shared: Shared) -> Response:
    from agent_exec.commands.restart import restart_job

    (job_id,) = arguments.texts("JOB_ID")
    return restart_job(
        call.store(),
        job_id,
        env=arguments.texts("--env"),
        signal=arguments.text("--signal") or "TERM",
        log_max_bytes=arguments.optional_number("--log-max"),
        default_log_max_bytes=config.log_max_bytes,
        **shared,
    )


def _log_max_bytes(arguments: Arguments, config: Config) -> int | None:
    """What is asked of each run to come; like the wrapper, config.toml's is asked for now."""
    given = arguments.optional_number("--log-max")
    return (config.log_max_bytes or None) if given is None else given
