"""Drawing everything anew, for a terminal that shows something else by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App


def draw_anew(app: App[Any]) -> None:
    """Draw all that is on the screen, dialogs and what lies beneath them."""
    for screen in app.screen_stack:
        screen.refresh(layout=True, repaint=True)
    app.refresh(layout=True)
