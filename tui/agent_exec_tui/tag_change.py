"""What it means for a job that a line of tags was changed; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.errors import InvalidTagError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.tags import changed, require_tag

if TYPE_CHECKING:
    from collections.abc import Sequence


def common_tags(tags: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """List the tags that all of these have, in the first one's order.

    What another program stored and is no tag stays out: it could not be typed back.
    """
    first, *others = tags
    return tuple(tag for tag in first if _is_tag(tag) and all(tag in other for other in others))


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChange:
    """The way from the line as it was shown to the line as it was left.

    Attributes:
        is_whole: whether the line shows all tags of the one job it is about.
    """

    shown: tuple[str, ...]
    typed: tuple[str, ...]
    is_whole: bool

    @property
    def added(self) -> tuple[str, ...]:
        """The tags that came into the line."""
        return tuple(tag for tag in self.typed if tag not in self.shown)

    @property
    def removed(self) -> tuple[str, ...]:
        """The tags that went out of it."""
        return tuple(tag for tag in self.shown if tag not in self.typed)

    def of(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        """Make the new tags of a job that has *tags* now."""
        if self.is_whole:
            return self.typed
        return changed(tags, added=self.added, removed=self.removed)


def _is_tag(text: str) -> bool:
    try:
        require_tag(text)
    except InvalidTagError:
        return False
    return True
