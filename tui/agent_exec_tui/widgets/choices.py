"""Check boxes and radio buttons whose state shows without colour."""

from __future__ import annotations

from textual.widgets import Checkbox, RadioButton


class Tick(Checkbox):
    """``[x]`` or ``[ ]``."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    def watch_value(self) -> None:
        """Draw the state itself, not its colour."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class Pick(RadioButton):
    """``(•)`` or ``( )``."""

    BUTTON_LEFT = "("
    BUTTON_RIGHT = ")"

    def watch_value(self) -> None:
        """Draw the state itself, not its colour."""
        self.BUTTON_INNER = "•" if self.value else " "
        super().watch_value()
