"""The console script: command words are the headless program's, none opens the dashboard.

The dashboard's libraries, which take longer to load than most commands take in all, are
imported only once it is clear that it is wanted and can be shown.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.parser import Parsed
    from agent_exec_tui.running import Wish

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130  # what shells say of a program ended by Ctrl-C


def main() -> int:
    """Do what the command line asks for and say the exit status."""
    if sys.getfilesystemencoding() != "utf-8":
        from agent_exec.cli.encoding import start_again_in_utf8

        start_again_in_utf8()
    try:
        from agent_exec.cli.interrupt import leave_at_once

        leave_at_once()
        from agent_exec.cli.main import main as headless

        status = headless(sys.argv[1:], without_verb=without_verb)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if "agent_exec_tui.app" not in sys.modules:
        # The answer is out and nothing is held: taking the interpreter apart, a tenth of the
        # whole, is for nothing.
        os._exit(status)
    return status


def without_verb(options: Parsed) -> int:
    """Show the dashboard until it is left, or print how it looks.

    Raises:
        VerbMissing, UsageError: it cannot be shown here, or not with these options.
    """
    from agent_exec.cli.grammar import UsageError

    flags = options.arguments
    filter_text = flags.text("--filter")
    if filter_text is not None:
        from agent_exec.model.filter import compile_filter
        from agent_exec.model.filter_terms import FilterError

        try:
            compile_filter(filter_text, 0)
        except FilterError as error:
            raise UsageError(f"invalid value '{filter_text}' for '--filter <TEXT>': "
                             f"{error.problem}") from None  # fmt: skip
    size = flags.text("--screen")
    if size is None:
        _require_terminal(options)
    try:
        from agent_exec_tui.running import Wish, run

        wish = Wish(
            root=options.root,
            theme=flags.text("--theme"),
            read_only=flags.flag("--read-only"),
            filter_text=filter_text,
        )
        if size is not None:
            return _print_screen(options, wish, size)
        return run(wish, is_demo=flags.flag("--demo"))
    except (UsageError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 (never a traceback on a user)
        return _own_up(error, options.verbosity)


def _require_terminal(options: Parsed) -> None:
    from agent_exec.cli.grammar import UsageError
    from agent_exec.cli.parser import VerbMissing

    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        if len(sys.argv) == 1:
            raise VerbMissing
        raise UsageError(
            "the dashboard needs a terminal",
            tip="`agent-exec-tui --json` prints what it would show, `--screen 120x36` how",
        )
    if options.yaml:
        raise UsageError("--yaml needs a command, or --json before it")
    if options.arguments.flag("--demo") and options.root is not None:
        raise UsageError("the argument '--demo' brings a root of its own", tip="leave --root out")


def _print_screen(options: Parsed, wish: Wish, size: str) -> int:
    from agent_exec.cli.call import say, write_stdout
    from agent_exec.cli.dashboard_options import screen_size
    from agent_exec.cli.grammar import UsageError
    from agent_exec_tui.screen_print import keys_in, print_screen

    flags = options.arguments
    try:
        keys = keys_in(text) if (text := flags.text("--keys")) is not None else ()
    except ValueError as error:
        raise UsageError(f"invalid value for '--keys <KEYS>': {error}") from None
    picture = print_screen(wish, screen_size(size), keys, is_demo=flags.flag("--demo"))
    write_stdout((picture.svg if flags.text("--format") == "svg" else picture.text).encode())
    for problem in picture.problems:
        say(f"warning: {problem}")
    if not picture.is_complete:
        say("warning: not everything could be read in time")
    return 0


def _own_up(error: Exception, verbosity: int) -> int:
    from agent_exec.cli.call import say

    if verbosity > 1:
        import traceback

        say("".join(traceback.format_exception(error)))
    say(f"error: the dashboard failed: {type(error).__name__}: {error}")
    return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
