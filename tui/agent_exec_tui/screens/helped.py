"""A screen over the main one that tells its own keys when ``?`` is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from agent_exec_tui.help_pages import HelpPage, screen_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from textual.binding import BindingType
    from textual.dom import DOMNode

_OURS = __package__.partition(".")[0]


class Helped:
    """What the help has to know of a screen.

    Attributes:
        help_title: what its page of the help is called.
    """

    help_title: ClassVar[str] = "This dialog"

    def has_action(self, action_id: str) -> bool:
        """Whether an action that is bound here has a meaning here."""
        return True


def own_page(screen: Helped, overrides: Mapping[str, tuple[str, ...]]) -> HelpPage:
    """List the keys of a screen and of what is on it."""
    assert isinstance(screen, Screen)
    of_widgets = (binding for node in screen.query("*") for binding in _declared(node))
    return screen_page(
        screen.help_title, of_widgets, _declared(screen), overrides, screen.has_action
    )


def _declared(node: DOMNode) -> Iterator[BindingType]:
    """What our own classes bind: of Textual's, typing and pressing explain themselves."""
    for cls in type(node).__mro__:
        if cls.__module__.partition(".")[0] == _OURS:
            yield from cls.__dict__.get("BINDINGS", ())
