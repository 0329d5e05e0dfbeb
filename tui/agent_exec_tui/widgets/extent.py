"""How much a scrolling widget has to show, told to its scrollbar alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.scroll_view import ScrollView

if TYPE_CHECKING:
    from textual.geometry import Size


def set_extent(view: ScrollView, size: Size) -> None:
    """Set the virtual size.

    Setting it alone lays out and draws the whole screen anew, for each job that comes or goes and
    each log that is looked at; that is needed only where the scrollbar itself does.
    """
    needs_bar = size.height > view.container_size.height
    if view.styles.overflow_y == "auto" and needs_bar is not view.show_vertical_scrollbar:
        view.virtual_size = size
    elif size != view.virtual_size:
        view.set_reactive(ScrollView.virtual_size, size)
        view._scroll_update(size)
