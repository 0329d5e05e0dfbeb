"""How far a job says it is: only from displays that mean nothing else; pure.

A percentage alone is no progress ("disk 93% full"), nor is a fraction ("3/4 inch"): what counts is
the form in which known programs print it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agent_exec_tui.ansi import sanitize_line

TAIL_BYTES: Final = 4096
"""So much of a log's end is worth looking at."""

_LINES: Final = 5  # below a display stand a few lines of other output, as compilers' warnings do
_LINE_CHARS: Final = 512
_QUOTED_CHARS: Final = 40

_NUMBER: Final = r"\d{1,3}(?:\.\d{1,3})?"
_FILLED: Final = "=#>*+█▉▊▋▌▍▎▏▓━╸╺"
_BAR: Final = rf"\[(?=[^\]]*[{_FILLED}])[ .\-░▒{_FILLED}]{{3,}}\]"
_SIZE: Final = r"\d{1,12}(?:\.\d{1,12})?"
_COUNT: Final = r"\d{1,12}"

# The groups are "percent", or "done" and "total". The order matters: the surest first.
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"\[\s*(?P<percent>{_NUMBER})\s?%\]",  # cmake, pytest, apt: [ 34%]
        rf"(?<![\d.])(?P<percent>{_NUMBER})%\|[^|]*\|(?:\s*\d+[^\s/]*/\d\S*)?",  # tqdm: 34%|███  |
        rf"(?<![\d.])(?P<percent>{_NUMBER})\s?%\s?{_BAR}",  # wget: 34%[===>   ]
        rf"{_BAR}\s*(?P<percent>{_NUMBER})\s?%",  # [####  ] 34%
        rf"{_BAR}\s+(?P<done>{_COUNT})/(?P<total>{_COUNT})",  # cargo: [===>   ] 34/120
        rf"(?:^|\s)(?P<done>{_COUNT})/(?P<total>{_COUNT})\s+(?:{_BAR}|━[━╸╺]+)",  # keras: 34/100 [===>..]
        rf"(?<![━╸╺])[━╸╺]{{4,}}\s+(?P<done>{_SIZE})/(?P<total>{_SIZE})\s?[kKMGT]?i?B\b",  # pip: ━━━ 1.2/3 MB
        rf"(?<![━╸╺])[━╸╺]{{4,}}\s+(?P<percent>{_NUMBER})%",  # rich: ━━━━━  34%
        r"^\s*[\d,.]+[KMGT]?\s+(?P<percent>\d{1,3})%\s+[\d.,]+[kKMGT]?B/s",  # rsync
        r":\s+(?P<percent>\d{1,3})% \(\d+/\d+\)",  # git: Receiving objects:  34% (41/120)
        rf"^#+\s*(?P<percent>{_NUMBER})%$",  # curl -#
        r"^\s*\d+K (?:\.{10} )+\s*(?P<percent>\d{1,3})%",  # wget, dots
        rf"^\[\s*(?P<done>{_COUNT})/\s*(?P<total>{_COUNT})\](?=\s|$)",  # ninja, yarn: [12/80]
        rf"^#\d+ \[[^\]]*?(?P<done>{_COUNT})/(?P<total>{_COUNT})\]",  # buildkit: #7 [ 3/10] RUN
        rf"\s\[(?P<done>{_COUNT})/(?P<total>{_COUNT})\]$",  # … [12/80]
        rf"(?i:\bprogress\b[ :=]{{1,3}}(?P<percent>{_NUMBER})\s?%)",  # Progress: 34%
    )
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a display says a job is: *percent*, 0 to 100, as *quoted*."""

    percent: int
    quoted: str


def find_progress(line: str) -> Progress | None:
    """Return the progress that one clean line shows; None where it shows none for sure."""
    line = line[-_LINE_CHARS:]
    if not ("%" in line or "/" in line):
        return None
    for form in _FORMS:
        for match in form.finditer(line):
            percent = _percent(match)
            if percent is not None:
                return Progress(percent, _quoted(match[0]))
    return None


def last_progress(tail: str) -> Progress | None:
    """Return the progress that the last few lines of a log's end show, the lowest first."""
    lines = [line for line in tail.split("\n") if line.strip()]
    for line in reversed(lines[-_LINES:]):
        found = find_progress(sanitize_line(line).text.strip())
        if found is not None:
            return found
    return None


def progress_text(progress: Progress, stream: str) -> str:
    """Say how far a job is and where that is from."""
    return f'{progress.percent} %  from {stream}: "{progress.quoted}"'


def _percent(match: re.Match[str]) -> int | None:
    groups = match.groupdict()
    if groups.get("percent") is not None:
        percent = float(groups["percent"])
    else:
        done, total = float(groups["done"]), float(groups["total"])
        if total <= 0 or done > total:
            return None
        percent = 100 * done / total
    return int(percent) if percent <= 100 else None


def _quoted(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _QUOTED_CHARS else f"{text[: _QUOTED_CHARS - 1]}…"
