"""Tags: dot-separated words, and the patterns that select by them."""

from __future__ import annotations

from agent_exec.errors import InvalidTagError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_WILDCARD = ".*"


def _flaw_of_segments(tag: str) -> str | None:
    if not tag:
        return "tag must not be empty"
    for segment in tag.split("."):
        if not segment:
            return "tag segments must not be empty (no leading, trailing, or consecutive dots)"
        if not all(char.isascii() and (char.isalnum() or char == "-") for char in segment):
            return "tag segments may only contain alphanumeric characters and hyphens"
    return None


def require_tag(tag: str) -> str:
    """Return *tag* if it may be stored.

    Raises:
        InvalidTagError: in the peers' words, e.g. ``invalid tag "x y": …``.
    """
    flaw = (
        "stored tag may not end with '.*' (use exact tag names for run/tag set)"
        if tag.endswith(_WILDCARD)
        else _flaw_of_segments(tag)
    )
    if flaw:
        raise InvalidTagError(f"invalid tag {quoted(tag)}: {flaw}")
    return tag


def require_tag_pattern(pattern: str) -> str:
    """Return *pattern* if it can select tags: an exact tag, or ``ns.*``.

    Raises:
        InvalidTagError: it is neither.
    """
    flaw = _flaw_of_segments(pattern.removesuffix(_WILDCARD))
    if flaw:
        raise InvalidTagError(f"invalid tag pattern {quoted(pattern)}: {flaw}")
    return pattern


def quoted(text: str) -> str:
    """Put *text* in double quotes with controls escaped, as the peers' messages do."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in inner) + '"'


def unique(tags: Iterable[str]) -> tuple[str, ...]:
    """Drop repeated tags, keeping the first of each."""
    return tuple(dict.fromkeys(tags))


def changed(
    tags: Iterable[str], *, added: Iterable[str], removed: Collection[str]
) -> tuple[str, ...]:
    """Take some tags away and put others behind what stays."""
    return unique((*(tag for tag in tags if tag not in removed), *added))


def matches(pattern: str, tags: Iterable[str]) -> bool:
    """Tell whether any tag is *pattern*, or lies below ``ns`` for a pattern ``ns.*``."""
    if pattern.endswith(_WILDCARD):
        namespace = pattern.removesuffix(_WILDCARD)
        return any(tag == namespace or tag.startswith(namespace + ".") for tag in tags)
    return pattern in tags
