"""The story on stderr: warnings, with -v what is done, with -vv how."""

from __future__ import annotations

import logging

from agent_exec.cli.call import say

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.levelname.lower()}: {record.getMessage()}")


def configure(verbosity: int) -> None:
    """Show this package's log on stderr from the level *verbosity* asks for."""
    logger = logging.getLogger("agent_exec")
    logger.handlers = [_StderrHandler()]
    logger.propagate = False
    logger.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
