"""The headless program: words in, one document out, an exit status."""

from __future__ import annotations

import os
import sys

from agent_exec.cli.call import Call, OutputError, say, write_stdout
from agent_exec.cli.grammar import PROGRAM, UsageError
from agent_exec.cli.interrupt import EXIT_INTERRUPTED, leave_at_once, raise_again
from agent_exec.cli.parser import HelpWanted, VerbMissing, VersionWanted, parse
from agent_exec.errors import AgentExecError, InternalError
from agent_exec.store import story

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent_exec.cli.parser import Parsed

EXIT_ERROR = 1
EXIT_USAGE = 2
COMPLETING_SHELLS = frozenset({"bash", "zsh", "fish", "powershell"})
_NO_THREAD = "can't start new thread"  # CPython's only way to say so
EXIT_NO_READER = 141  # what they say of one ended by SIGPIPE


def main(
    words: Sequence[str] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    without_verb: Callable[[Parsed], int] | None = None,
) -> int:
    """Carry out one command line and say the exit status.

    0: done; 1: an error envelope was written; 2: the words make no sense. The job's own result
    never shows in it, but for ``wait --exit-status``.

    Args:
        words: what stands after the program's name; None takes them from the process.
        environ: the caller's environment.
        without_verb: what to do when there is no command word; without it, help on stderr.
    """
    leave_at_once()
    try:
        return _main(sys.argv[1:] if words is None else words, environ, without_verb)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_NO_READER
    except OutputError as error:
        say(f"error: {error}")
        return EXIT_ERROR
    finally:
        raise_again()


def _main(
    words: Sequence[str],
    environ: Mapping[str, str],
    without_verb: Callable[[Parsed], int] | None,
) -> int:
    shell = environ.get("COMPLETE", "")
    if shell in COMPLETING_SHELLS and _comes_from_a_script(words):
        from agent_exec.cli.completion import complete

        candidates, status = complete(shell, words, environ)
        write_stdout(candidates)
        return status
    try:
        try:
            parsed = parse(words)
            if parsed.verb is None and not parsed.json:
                raise_again()
                return _no_verb(words) if without_verb is None else without_verb(parsed)
            return _carry_out(parsed, environ)
        except HelpWanted as wanted:
            from agent_exec.cli.help import help_text

            write_stdout(help_text(wanted.verb).encode())
    except VersionWanted:
        write_stdout(version_line().encode() + b"\n")
    except VerbMissing as missing:
        from agent_exec.cli.help import help_text

        say(help_text(missing.family))
        return EXIT_USAGE
    except UsageError as error:
        from agent_exec.cli.help import usage_error_text

        say(usage_error_text(error))
        return EXIT_USAGE
    return 0


def _comes_from_a_script(words: Sequence[str]) -> bool:
    """Whether a completion script called; else ``COMPLETE`` is a variable of somebody else's."""
    before = list(words[:2])
    return before[:1] == ["--"] or (before[1:] == ["--"] and before[0].startswith("agent-exec"))


def _no_verb(words: Sequence[str]) -> int:
    if words:
        raise UsageError("a command is missing")
    raise VerbMissing


def version_line() -> str:
    """This program's version and that of the contract it keeps."""
    from agent_exec import __version__
    from agent_exec.model.job import CONTRACT_VERSION, SCHEMA_VERSION

    return (
        f"{PROGRAM} {__version__} (agent-exec contract {CONTRACT_VERSION}, schema {SCHEMA_VERSION})"
    )


def _carry_out(parsed: Parsed, environ: Mapping[str, str]) -> int:
    call = Call(root=parsed.root, yaml=parsed.yaml, verbosity=parsed.verbosity, environ=environ)
    story.before_telling(lambda: _show_story(parsed.verbosity))
    try:
        if parsed.verb is None:
            from agent_exec.cli.dashboard_json import answer_dashboard

            return answer_dashboard(parsed.arguments, call)
        return parsed.verb.run(parsed.arguments, call)
    except AgentExecError as error:
        call.fail(error)
    except (UsageError, BrokenPipeError, OutputError, HelpWanted):
        raise
    except OSError as error:
        call.fail(InternalError.from_os_error(error, error.filename or ""))
    except Exception as error:  # noqa: BLE001 (never a traceback on a user)
        if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
            call.fail(
                InternalError(f"{_NO_THREAD}: a limit of processes, or a sandbox, refuses it")
            )
        else:
            _tell_bug(call, error)
    return EXIT_ERROR


def _show_story(verbosity: int) -> None:
    from agent_exec.cli.log_output import configure

    configure(verbosity)


def _tell_bug(call: Call, error: Exception) -> None:
    """Own up to an error nobody foresaw, without showing a traceback to who did not ask."""
    if call.verbosity > 1:
        import traceback

        say("".join(traceback.format_exception(error)))
    advice = "" if call.verbosity > 1 else "; -vv shows where"
    name = type(error).__name__
    call.fail(InternalError(f"unexpected {name}: {error} (a bug of {PROGRAM}{advice})"))
