"""Options and positionals that several groups of verbs share."""

from __future__ import annotations

from agent_exec.cli.grammar import Positional
from agent_exec.errors import InvalidTagError

JOB_ID = Positional("JOB_ID", "The job: its ID, or the beginning of it", hints="job")
SIGNAL = ("--signal", "SIGNAL")  # which signals there are is the command's business


def tag(text: str) -> str:
    """Read a tag to be stored."""
    from agent_exec.model.tags import require_tag

    try:
        return require_tag(text)
    except InvalidTagError as error:
        raise ValueError(str(error)) from None


def tag_pattern(text: str) -> str:
    """Read what selects tags: one itself, or ``ns.*``."""
    from agent_exec.model.tags import require_tag_pattern

    try:
        return require_tag_pattern(text)
    except InvalidTagError as error:
        raise ValueError(str(error)) from None
