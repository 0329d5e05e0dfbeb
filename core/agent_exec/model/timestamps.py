"""RFC 3339 as the records hold it, and durations such as ``30d``."""

from __future__ import annotations

from agent_exec.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

# As far back as the calendar goes: further than that, no clock of any system can count.
_LONGEST_S = 1900 * 365 * 86400
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_timestamp(text: str | None) -> datetime | None:
    """Read a timestamp of any RFC 3339 form; None where there is none to be read.

    An unreadable date must never pass for an old one, hence no exception and no epoch.
    """
    if not text:
        return None
    from datetime import UTC, datetime  # 2 ms that most verbs need not pay

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_duration_s(text: str) -> int:
    """Read ``30d``, ``24h``, ``60m``, ``3600s`` or bare seconds; never more than all of time.

    Raises:
        InternalError: anything else, in the peers' words.
    """
    stripped = text.strip()
    number, unit = (
        (stripped[:-1], stripped[-1:]) if stripped[-1:] in _SECONDS_PER_UNIT else (stripped, "s")
    )
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise InternalError(f"invalid duration: {text}; expected formats: 30d, 24h, 60m, 3600s")
    return min(int(number) * _SECONDS_PER_UNIT[unit], _LONGEST_S)
