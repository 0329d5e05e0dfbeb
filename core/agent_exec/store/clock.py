"""The wall clock in the records' form."""

from __future__ import annotations

import time

TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def timestamp_of(epoch_s: float) -> str:
    """Write seconds since 1970 as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return time.strftime(TIMESTAMP_FORMAT, time.gmtime(epoch_s))


def now_timestamp() -> str:
    """The present moment as records hold it: UTC, whole seconds."""
    return timestamp_of(time.time())
