"""JSON read without the standard ``json``, which compiles six patterns before it reads a byte.

Its scanner is the C one that ``json`` itself uses; what that does not take, ``json`` judges.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Scan = Callable[[str, int], tuple[object, int]]

_BLANKS = " \t\n\r"
_CONSTANTS = {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}


class _Rules:
    """What ``json.loads`` gives the scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_CONSTANTS.__getitem__)


def _refuse(_text: str, _start: int) -> tuple[object, int]:
    raise StopIteration


def _make_scan() -> Scan:
    try:
        from _json import make_scanner

        scan: Scan = make_scanner(_Rules)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):  # another interpreter, or another generation
        return _refuse
    return scan


_scan = _make_scan()
_is_alone = False


def forgo_json() -> None:
    """Never load the standard ``json`` in this process, and refuse what it would have judged.

    For supervisors: the interpreter's files may be others by then, or gone.
    """
    global _is_alone
    _is_alone = True


def loads(text: str) -> object:
    """Read *text* as ``json.loads`` does.

    Raises:
        ValueError: ``json.JSONDecodeError`` where it is no JSON; or a number is beyond measure.
        RecursionError: it is nested too deeply.
    """
    stripped = text.strip(_BLANKS)
    try:
        value, end = _scan(stripped, 0)
        if end == len(stripped):
            return value
    except (StopIteration, ValueError, SystemError):
        pass  # SystemError: it looks for the words of its error where ``json`` would have them
    if _is_alone:
        raise ValueError("not JSON")
    import json

    return json.loads(text)
