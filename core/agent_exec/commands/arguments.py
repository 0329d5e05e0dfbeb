"""What no argument may be, checked before anything is made from it."""

from __future__ import annotations

from agent_exec.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_U64 = 2**64 - 1  # what the peers' records hold


def require_text(what: str, text: str) -> str:
    """Return *text* if a record and a process can carry it.

    Raises:
        InvalidArgumentError: it has a NUL, or bytes that are not UTF-8.
    """
    if "\0" in text:
        raise InvalidArgumentError(f"{what} must not have a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{what} must be UTF-8 text") from None
    return text


def require_texts(what: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Return *texts* if each of them passes ``require_text``."""
    return tuple(require_text(what, text) for text in texts)


def require_count(what: str, number: int) -> int:
    """Return *number* if the records' unsigned 64 bits hold it.

    Raises:
        InvalidArgumentError: it is negative or too large.
    """
    if not 0 <= number <= MAX_U64:
        raise InvalidArgumentError(f"{what} must be between 0 and {MAX_U64}, not {number}")
    return number
