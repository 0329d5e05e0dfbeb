"""A pane whose frame says something."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content


class Titled(Vertical):
    """A box with a title above and one below."""

    _titles = ("", "")

    def set_titles(self, title: str, subtitle: str) -> None:
        """Write both into the frame, never as markup.

        Textual draws the whole pane anew for each, even where it says what it said.
        """
        if (title, subtitle) != self._titles:
            self._titles = (title, subtitle)
            self.border_title, self.border_subtitle = Content(title), Content(subtitle)
