"""Check boxes and radio buttons whose state shows without colour."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Checkbox, RadioButton


class Tick(Checkbox, inherit_bindings=False):
    """``[x]`` or ``[ ]``; enter is left to the dialog around it, which says what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_button", "Tick, or choose", show=False)
    ]

    @property
    def _button(self) -> Content:
        return Content("[x]" if self.value else "[ ]")


class Pick(RadioButton):
    """``(•)`` or ``( )``."""

    @property
    def _button(self) -> Content:
        return Content("(•)" if self.value else "( )")
