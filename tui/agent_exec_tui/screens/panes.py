"""Which pane is where, has the focus, fills the screen: the main screen's window manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.model.lazy_dataclass import replace
from agent_exec_tui.actions import BY_ID
from agent_exec_tui.keymap import keys_of, shown_key
from agent_exec_tui.layout import PANES, Mode, Part, Wish, jobs_percent, mode_of, parts_for
from agent_exec_tui.situation import Pane

if TYPE_CHECKING:
    from textual.widget import Widget

    from agent_exec_tui.screens.main import MainScreen

SPLIT_STEP = 5
SPLIT_LIMITS = (20, 80)
_OTHER = {Part.STDOUT: Part.STDERR, Part.STDERR: Part.STDOUT}


class Panes:
    """Shows and hides what the layout says, and moves the focus."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self.wish = Wish()
        self.percent: int | None = None

    @property
    def mode(self) -> Mode:
        """The arrangement at the present size."""
        return mode_of(*self._main.app.size)

    @property
    def pane(self) -> Pane:
        """Whose keys are in force."""
        return {Part.JOBS: Pane.JOBS, Part.DETAIL: Pane.DETAIL}.get(self.wish.current, Pane.LOG)

    def widget_of(self, part: Part) -> Widget:
        """The widget of a pane that takes the focus."""
        main = self._main
        return {
            Part.JOBS: main.table,
            Part.STDOUT: main.logs[Part.STDOUT].view,
            Part.STDERR: main.logs[Part.STDERR].view,
            Part.DETAIL: main.detail,
        }[part]

    def part_of(self, widget: Widget | None) -> Part | None:
        """The pane a widget is in."""
        main = self._main
        roots: dict[Widget, Part] = {
            main.jobs_pane: Part.JOBS,
            main.logs[Part.STDOUT]: Part.STDOUT,
            main.logs[Part.STDERR]: Part.STDERR,
            main.detail: Part.DETAIL,
        }
        while widget is not None and widget is not main:
            if widget in roots:
                return roots[widget]
            parent = widget.parent
            widget = parent if hasattr(parent, "styles") else None  # type: ignore[assignment]
        return None

    def shown(self) -> frozenset[Part]:
        """What is on the screen."""
        return parts_for(*self._main.app.size, self.wish)

    def arrange(self) -> None:
        """Show what the size and the wishes ask for."""
        main = self._main
        size, mode, parts = main.app.size, self.mode, self.shown()
        had_detail = main.detail.display
        main.set_class(mode is Mode.TINY, "-tiny")
        main.set_class(self.wish.is_zoomed, "-zoomed")
        main.too_small.display = mode is Mode.TINY
        if mode is Mode.TINY:
            main.too_small.update(f"too small ({size.width}×{size.height}), need 40×10")
        for part, widget in (
            (Part.TABS, main.tabs),
            (Part.STRIP, main.strip),
            (Part.JOBS, main.jobs_pane),
            (Part.DETAIL, main.detail),
            (Part.STDOUT, main.logs[Part.STDOUT]),
            (Part.STDERR, main.logs[Part.STDERR]),
        ):
            widget.display = part in parts
        has_logs = bool(parts & {Part.STDOUT, Part.STDERR})
        main.logs_box.display = has_logs
        main.side.display = has_logs or Part.DETAIL in parts
        key = shown_key(keys_of(BY_ID["log.stream"], main.keys)[0])
        for part, frame in main.logs.items():
            frame.hidden_key = "" if _OTHER[part] in parts else key
        self._share(mode, parts, size.height)
        if main.detail.display and not had_detail:
            main.selected.redraw()  # what moved meanwhile was not drawn

    def _share(self, mode: Mode, parts: frozenset[Part], height: int) -> None:
        percent = jobs_percent(height, mode, self.percent)
        jobs, side = self._main.jobs_pane, self._main.side
        is_wide = mode is Mode.WIDE
        jobs.styles.width = f"{percent}fr" if is_wide else "1fr"
        side.styles.width = f"{100 - percent}fr" if is_wide else "1fr"
        jobs.styles.height = "1fr" if is_wide else f"{percent}fr"
        side.styles.height = "1fr" if is_wide else f"{100 - percent}fr"
        fills = Part.DETAIL in parts and not parts & {Part.STDOUT, Part.STDERR}
        self._main.detail.set_class(fills, "-fills")

    def grow_logs(self, percent: int) -> None:
        """Move the border between list and logs."""
        now = jobs_percent(self._main.app.size.height, self.mode, self.percent)
        low, high = SPLIT_LIMITS
        self.percent = min(max(now - percent, low), high)
        self.arrange()

    def go(self, part: Part) -> None:
        """Give a pane the focus, showing it if need be."""
        stream = part if part in (Part.STDOUT, Part.STDERR) else self.wish.stream
        self.wish = replace(self.wish, current=part, stream=stream)
        self.arrange()
        self._main.set_focus(self.widget_of(part), scroll_visible=False)
        self._main.pane_changed()

    def focused(self, part: Part) -> None:
        """Take note that a pane got the focus otherwise, by a click for one."""
        if part is not self.wish.current:
            stream = part if part in (Part.STDOUT, Part.STDERR) else self.wish.stream
            self.wish = replace(self.wish, current=part, stream=stream)
            self.arrange()
            self._main.pane_changed()

    def cycle(self, step: int) -> None:
        """Go to the next pane that this size shows, or could show."""
        shown = [part for part in PANES if part in self.shown()]
        panes = shown if len(shown) > 1 else list(PANES)
        if self.wish.current not in panes:
            self.go(panes[0])
            return
        self.go(panes[(panes.index(self.wish.current) + step) % len(panes)])

    def zoom(self, is_zoomed: bool | None = None) -> None:
        """Give one pane the whole screen, or not."""
        wanted = not self.wish.is_zoomed if is_zoomed is None else is_zoomed
        self.wish = replace(self.wish, is_zoomed=wanted)
        self.arrange()

    def toggle_detail(self) -> None:
        """Show or hide the full detail pane."""
        is_shown = Part.DETAIL in self.shown()
        self.wish = replace(self.wish, detail=not is_shown)
        if is_shown and self.wish.current is Part.DETAIL:
            self.go(Part.JOBS)
        elif not is_shown and Part.DETAIL not in self.shown():
            self.go(Part.DETAIL)  # where it is shown in place of the others only
        self.arrange()
        self._main.job_changed()

    def stream(self, part: Part) -> None:
        """Make *part* the log that is shown where there is room for one."""
        self.wish = replace(self.wish, stream=part)
        self.arrange()
