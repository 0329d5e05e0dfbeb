"""The wall clock in the records' form."""

from __future__ import annotations

import time

_TIMESTAMP_FORMAT = "%04d-%02d-%02dT%02d:%02d:%02dZ"


def timestamp_of(epoch_s: float) -> str:
    """Write seconds since 1970 as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return _TIMESTAMP_FORMAT % time.gmtime(epoch_s)[:6]


def now_timestamp() -> str:
    """The present moment as records hold it: UTC, whole seconds."""
    return timestamp_of(time.time())
