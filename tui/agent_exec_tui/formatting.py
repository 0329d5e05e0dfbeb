"""Numbers, times, commands and paths as people read them; pure."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = "–"
ELLIPSIS = "…"
_BYTE_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_SHORT_UNITS = "KMGTP"
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def duration(seconds: float | None) -> str:
    """Write a span in at most six characters: ``0.02s`` ``48s`` ``2m14s`` ``1h02m`` ``3d04h``."""
    if seconds is None:
        return NOTHING
    seconds = max(seconds, 0.0)
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    if seconds < 60:
        return f"{int(seconds)}s"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes}m{int(seconds) % 60:02}s"
    hours = minutes // 60
    if hours < 24:
        return f"{hours}h{minutes % 60:02}m"
    days = hours // 24
    return f"{days}d{hours % 24:02}h" if days < 100 else f"{days}d"


def ticking(seconds: float | None) -> str:
    """Like ``duration``, in whole seconds: for a span that still grows."""
    return duration(seconds) if seconds is None or seconds >= 10 else f"{int(max(seconds, 0))}s"


def age(seconds: float) -> str:
    """Write how long ago in at most five characters, coarsely: ``<1m`` ``14m`` ``3h`` ``9d``."""
    for limit, size_s, unit in ((60, 0, ""), (3600, 60, "m"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size_s)}{unit}" if size_s else "<1m"
    return f"{int(seconds // 86400)}d"


def clock_or_date(moment_s: float | None, now_s: float) -> str:
    """Write a moment as the clock here shows it, ``14:03:22``; on another day ``2026-03-01``."""
    return local_time(moment_s, now_s, elsewhen="%Y-%m-%d")


def local_time(moment_s: float | None, now_s: float, *, elsewhen: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Write a moment as the clock here shows it, ``14:03:22``; another day's by *elsewhen*."""
    if moment_s is None:
        return NOTHING
    form = "%H:%M:%S" if is_today(moment_s, now_s) else elsewhen
    try:
        return time.strftime(form, time.localtime(moment_s))
    except (OverflowError, ValueError, OSError):
        return NOTHING


def is_today(moment_s: float, now_s: float) -> bool:
    """Whether a moment lies on the same day here as *now_s*."""
    try:
        then, now = time.localtime(moment_s), time.localtime(now_s)
    except (OverflowError, ValueError, OSError):
        return False
    return (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)


def ago(seconds: float | None) -> str:
    """Write how long something is past: ``just now``, ``3m ago``, ``9d ago``."""
    if seconds is None:
        return NOTHING
    if seconds < 5:
        return "just now"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "m"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)}{unit} ago"
    return f"{int(seconds // 86400)}d ago"


def size(count: int | None) -> str:
    """Write a number of bytes: ``96 B``, ``4.1 KiB``, ``640 MiB``."""
    if count is None:
        return NOTHING
    if count < 1024:
        return f"{count} B"
    value, power = count / 1024, 0
    while value >= 1023.5 and power < len(_BYTE_UNITS) - 1:
        value, power = value / 1024, power + 1
    return (
        f"{value:.1f} {_BYTE_UNITS[power]}"
        if value < 99.95
        else f"{value:.0f} {_BYTE_UNITS[power]}"
    )


def read_size(text: str) -> int | None:
    """Read a number of bytes as people write it: ``96``, ``500M``, ``2 GiB``; None if it is none."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def short_size(count: int | None) -> str:
    """Write a number of bytes in at most four characters: ``96``, ``4.1K``, ``212M``."""
    if count is None:
        return ""
    if count < 1000:
        return str(count)
    value, power = count / 1024, 0
    while value >= 999.5 and power < len(_SHORT_UNITS) - 1:
        value, power = value / 1024, power + 1
    return (
        f"{value:.1f}{_SHORT_UNITS[power]}" if value < 9.95 else f"{value:.0f}{_SHORT_UNITS[power]}"
    )


def counted(number: int, noun: str) -> str:
    """Write ``1 job``, ``3 jobs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def signal_name(text: str | None) -> str | None:
    """Turn a recorded signal, a number as text or a name, into its short name."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        try:
            return signal.Signals(int(text)).name.removeprefix("SIG")
        except ValueError:
            return f"sig{text}"
    return text.removeprefix("SIG")


def shorten_middle(text: str, width: int, *, ellipsis: str = ELLIPSIS) -> str:
    """Cut *text* to *width* cells in the middle: a command's last words tell as much as its first."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room <= 0:
        return set_cell_size(text, max(width, 0))
    head = (room * 3 + 2) // 5
    return set_cell_size(text, head).rstrip() + ellipsis + _last_cells(text, room - head)


def shorten_end(text: str, width: int, *, ellipsis: str = ELLIPSIS) -> str:
    """Cut *text* to *width* cells at its end."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    return set_cell_size(text, max(room, 0)) + ellipsis if room >= 0 else ""


def _last_cells(text: str, width: int) -> str:
    taken = 0
    for index in range(len(text) - 1, -1, -1):
        taken += cell_len(text[index])
        if taken > width:
            return text[index + 1 :]
    return text


def short_path(path: str | None, home: str | None = None) -> str:
    """Write a path with ``~`` for the home directory."""
    if path is None:
        return NOTHING
    home = home or os.environ.get("HOME") or ""
    if home and home != "/" and (path == home or path.startswith(home + "/")):
        return "~" + path[len(home) :]
    return path


def command_text(command: Sequence[str]) -> str:
    """Write a command as one would type it; one word is a shell string already."""
    return command[0] if len(command) == 1 else shlex.join(command)
