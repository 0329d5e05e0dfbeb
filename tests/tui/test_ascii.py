"""What terminals get that show ASCII only."""

from __future__ import annotations

import pytest
from textual.scrollbar import ScrollBarRender

from agent_exec_tui.ascii import to_ascii


@pytest.mark.parametrize(
    "signs",
    [
        "".join(ScrollBarRender.VERTICAL_BARS),
        "".join(ScrollBarRender.HORIZONTAL_BARS),
        "".join(map(chr, range(0x2580, 0x25A0))),
    ],
)
def test_scrollbars_and_other_blocks_are_drawn_not_asked_about(signs: str) -> None:
    drawn = to_ascii(signs)
    assert drawn.isascii()
    assert "?" not in drawn
    assert len(drawn) == len(signs)


def test_what_has_no_likeness_stays_as_wide_as_it_was() -> None:
    assert to_ascii("日 ok Ж") == "?  ok ?"
    assert to_ascii("e\u0301 → “é” ½ ①") == 'e > "e" ? 1'
