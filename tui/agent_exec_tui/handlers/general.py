"""Panes, help, colours, the terminal and the way out."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from textual.command import CommandPalette

from agent_exec_tui import formatting
from agent_exec_tui.arrangement import Tab
from agent_exec_tui.drawing import draw_anew
from agent_exec_tui.handlers.work import work
from agent_exec_tui.help_pages import pane_page
from agent_exec_tui.layout import Part
from agent_exec_tui.screens.help import HelpDialog
from agent_exec_tui.screens.helped import Helped, own_page
from agent_exec_tui.screens.menu import Choice, MenuDialog, PromptDialog
from agent_exec_tui.settings import is_terminal_native, theme_names
from agent_exec_tui.situation import Pane

if TYPE_CHECKING:
    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.screens.main import MainScreen

_MOUSE_ON = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
_MOUSE_OFF = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"


class GeneralHandlers:
    """Handlers of the groups view and app."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._has_mouse = True

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        panes = self._main.panes
        return {
            "pane.jobs": lambda: panes.go(Part.JOBS),
            "pane.stdout": lambda: panes.go(Part.STDOUT),
            "pane.stderr": lambda: panes.go(Part.STDERR),
            "pane.detail": lambda: panes.go(Part.DETAIL),
            "pane.next": lambda: panes.cycle(1),
            "pane.previous": lambda: panes.cycle(-1),
            "pane.zoom": panes.zoom,
            "pane.detail_toggle": panes.toggle_detail,
            "detail.reveal": self._main.selected.reveal,
            "app.help": self._help,
            "app.palette": self._palette,
            "app.clean": self._clean,
            "app.undo": self._undo,
            "app.journal": self._journal,
            "app.messages": self._messages,
            "app.back": self._back,
            "app.refresh": self._refresh,
            "app.mouse": self._mouse,
            "app.suspend": lambda: self._main.app.action_suspend_process(),
            "app.interrupt": self._interrupt,
            "app.theme": self._theme,
            "app.root": self._root,
            "app.screenshot": self._screenshot,
            "app.quit": lambda: self._main.app.exit(),
        }

    def _palette(self) -> None:
        self._main.app.push_screen(CommandPalette())

    def _help(self) -> None:
        main = self._main
        over = main.app.screen
        pages = [pane_page(pane, main.situation(pane), main.keys) for pane in Pane]
        current = list(Pane).index(main.panes.pane)
        if isinstance(over, Helped):
            pages.insert(0, own_page(over, main.keys))
            current = 0
        main.app.push_screen(HelpDialog(pages, current))

    def _clean(self) -> None:
        from agent_exec_tui.screens.clean import CleanDialog

        main = self._main
        main.app.push_screen(CleanDialog(main), lambda _: main.list_changed())

    def _undo(self) -> None:
        work(self._main, "undo", self._main.session.undo)

    def _journal(self) -> None:
        from agent_exec_tui.screens.journal import JournalDialog

        self._main.app.push_screen(JournalDialog(self._main))

    def _messages(self) -> None:
        from agent_exec_tui.screens.message_history import MessagesDialog

        self._main.app.push_screen(MessagesDialog(self._main.session.told))

    def _back(self) -> None:
        """One layer at a time.

        In a log: selection, search, zoom, pane. In the list: selection, filter, marks, tab, zoom.
        """
        main = self._main
        panes, wish = main.panes, main.panes.wish
        if main.focused is main.filter_input:
            main.viewing.clear_filter()
        elif main.selections:
            main.clear_selection()
        elif self._pane_back(panes.pane):
            pass
        elif wish.is_zoomed:
            panes.zoom(is_zoomed=False)
        elif wish.current is not Part.JOBS:
            panes.go(Part.JOBS)

    def _pane_back(self, pane: Pane) -> bool:
        main = self._main
        if pane is Pane.LOG:
            return main.logs[main.panes.wish.stream].clear_search()
        if pane is not Pane.JOBS:
            return False
        if main.viewing.text:
            main.viewing.clear_filter()
        elif main.table.clear_marks():
            pass
        elif main.viewing.view.tab is not Tab.ALL:
            main.viewing.go_to_tab(Tab.ALL)
        else:
            return False
        return True

    def _refresh(self) -> None:
        self._main.reading.read_anew()
        draw_anew(self._main.app)

    def _mouse(self) -> None:
        self._has_mouse = not self._has_mouse
        driver = self._main.app._driver
        if driver is not None:
            driver.write(_MOUSE_ON if self._has_mouse else _MOUSE_OFF)
            driver.flush()
        key = "M takes it back" if not self._has_mouse else "M gives it to the terminal"
        self._main.say(f"mouse {'on' if self._has_mouse else 'off: select as ever'}; {key}")

    def _interrupt(self) -> None:
        main = self._main
        if main.copy_selection():
            main.clear_selection()
        else:
            main.app.exit()

    def _theme(self) -> None:
        main, settings, session = self._main, self._main.settings, self._main.session

        def chosen(answer: str | None) -> None:
            if not answer:
                return
            session.theme = answer
            # Textual settles once for all whether the terminal's own colours are used.
            is_at_once = not (settings.is_terminal_native or is_terminal_native(answer))
            if is_at_once:
                main.app.theme = answer
            if settings.theme_from:
                until = "until you leave" if is_at_once else "not now"
                source = formatting.short_path(settings.theme_from)
                main.say(f"{answer}: {until}; {source} chooses {settings.theme} at every start",
                         severity="warning")  # fmt: skip
            elif not is_at_once:
                main.say(f"{answer}: from the next start on")

        choices = [Choice(name, "", name) for name in theme_names()]
        current = settings.theme if settings.is_terminal_native else main.app.theme
        main.app.push_screen(MenuDialog("Theme", choices, current=current), chosen)

    def _root(self) -> None:
        main = self._main

        def typed(answer: str | None) -> None:
            if answer:
                main.reading.open(main.path_of(answer))

        def flaw(text: str) -> str | None:
            path = os.path.expanduser(text)
            return None if os.path.isdir(path) else f"{text or 'nothing'} is not a directory"

        value = formatting.short_path(main.store.root)
        main.app.push_screen(
            PromptDialog("Jobs root", does="look at it", value=value, check=flaw), typed
        )

    def _screenshot(self) -> None:
        main = self._main
        with contextlib.suppress(OSError):
            path = main.app.save_screenshot()
            main.say(f"saved {formatting.short_path(path)}")
            return
        main.say("the picture cannot be written here", severity="error")
