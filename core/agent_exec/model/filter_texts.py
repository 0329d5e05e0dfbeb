"""How lists write what filters take: cut texts, values that are not there, signals."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CUT = "…"  # where a list leaves something out
NO_VALUE = "–"  # what a list shows where there is nothing


def in_order(parts: Sequence[str], text: str) -> bool:
    """Whether *text* has all these, one behind the other: what is left of a text that was cut."""
    place = 0
    for part in parts:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return True


def is_rest(part: str) -> bool:
    """Whether it is what a list shows for the tags that it has no room for: ``+2``."""
    return part.startswith("+") and part[1:].isdigit()


def signal_named(part: str) -> str:
    """The signal that a part of ``exit:`` names, as the list shows it; "" for none."""
    import signal

    name = part.upper().removeprefix("SIG")
    if name.isascii() and name.isdigit():
        return f"sig{name}" if part.lower().startswith("sig") else ""
    return name if f"SIG{name}" in signal.Signals.__members__ else ""


def short_signal(recorded: str | None) -> str:
    """A recorded signal, a number as text or a name, by its short name."""
    if not recorded:
        return ""
    if not (recorded.isascii() and recorded.isdigit()):
        return recorded.upper().removeprefix("SIG")
    import signal

    try:
        return signal.Signals(int(recorded)).name.removeprefix("SIG")
    except ValueError:
        return f"sig{recorded}"
