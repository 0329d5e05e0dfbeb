"""Text made of what patterns stumble over: pieces of displays, words and controls, repeated."""

from __future__ import annotations

from hypothesis import strategies as st

_PIECES = (
    "[", "]", "(", ")", "%", "|", "━", "╸", "█", "#", "=", "/", ".", "-", ":", "_", " ", "\t",
    "1", "34", "12/80", "99999999", "K ", ".......... ", "Progress: ", "MB", "\r", "\x08", "\x00",
    "\x1b[31m", "\x1b[K", "\x1b[", "é", "e", "A", "x.", "0 ", "no ", "--", "error", "Error",
    "fail", "exit code ", "PASSED", "ok 1 ", "warning", "errors_count",
)  # fmt: skip


def hostile_text(length: int) -> st.SearchStrategy[str]:
    """Return a strategy of texts of *length* characters: a few pieces over and over."""
    units = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join)
    return units.map(lambda unit: (unit * length)[:length])
