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

EXIT_INTERRUPTED = 130  # what shells say of a program ended by Ctrl-C


def main() -> int:
    """Do what the command line asks for and say the exit status."""
    try:
        from agent_exec.cli.main import main as headless

        status = headless(sys.argv[1:], without_verb=open_dashboard)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if "agent_exec_tui.app" not in sys.modules:
        # The answer is out and nothing is held: taking the interpreter apart, a tenth of the
        # whole, is for nothing.
        os._exit(status)
    return status


def open_dashboard(options: Parsed) -> int:
    """Show the dashboard until it is left.

    Raises:
        VerbMissing, UsageError: it cannot be shown here, or not with these options.
    """
    from agent_exec.cli.grammar import UsageError
    from agent_exec.cli.parser import VerbMissing

    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        if len(sys.argv) == 1:
            raise VerbMissing
        raise UsageError(
            "the dashboard needs a terminal",
            tip="`agent-exec-tui --json` prints what it would show",
        )
    if options.yaml:
        raise UsageError("--yaml needs a command, or --json before it")
    flags = options.arguments
    if flags.given("--filter"):
        raise UsageError("--filter needs --json", tip="in the dashboard, the key / filters")
    from agent_exec_tui.app import run

    return run(root=options.root, theme=flags.text("--theme"), read_only=flags.flag("--read-only"))


if __name__ == "__main__":
    sys.exit(main())
