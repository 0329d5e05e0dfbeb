"""The logs of several jobs beside each other, live; enter opens one of the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from agent_exec.store.listing import read_job
from agent_exec_tui.actions import BY_ID
from agent_exec_tui.handlers.logs import LogHandlers
from agent_exec_tui.keymap import bindings_of, help_binding, keys_of, shown_key
from agent_exec_tui.screens.helped import Helped
from agent_exec_tui.screens.log_screen import LogScreen
from agent_exec_tui.widgets.bars import FooterBar
from agent_exec_tui.widgets.log_tile import LogTile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from agent_exec_tui.hints import Hint
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.news import RowsNews
    from agent_exec_tui.screens.main import MainScreen

MAX_TILES = 4
_TILE_CELLS = 60
_TILE_ROWS = 4
_BARS = 2
_MOVES = tuple(action_id for action_id in BY_ID if action_id.startswith("move."))
_HINTED = ("log.follow", "log.search", "log.error_next", "log.stream", "log.wrap")


@dataclass
class FullLogsFound(Message):
    """The logs of both streams that lie elsewhere, by job id."""

    paths: dict[str, str]


def tile_grid(count: int, width: int, height: int) -> tuple[int, int]:
    """Say how many of *count* tiles a terminal has room for, and in how many columns."""
    columns = max(min(width // _TILE_CELLS, count), 1)
    if (count, columns) == (4, 3):
        columns = 2
    rows = max((height - _BARS) // _TILE_ROWS, 1)
    return min(count, columns * rows), columns


class TilesScreen(Helped, LogScreen[str | None], inherit_bindings=False):
    """Two to four logs; answers with the id of the job to open, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Go back one layer: selection, search, tiles", show=False),
        Binding("q", "leave", "Back to the list", show=False),
        Binding("ctrl+c", "interrupt", "Copy the selected text, else leave", show=False),
        Binding("enter", "open", "Open the job", show=False),
        Binding("tab", "app.focus_next", "Go to the next tile", show=False),
        Binding("shift+tab", "app.focus_previous", "Go to the tile before", show=False),
        Binding("ctrl+z", "app.suspend_process", "Suspend to the shell", show=False),
        help_binding(),
        *bindings_of(BY_ID[action_id] for action_id in _MOVES),
    ]
    AUTO_FOCUS: ClassVar[str | None] = "LogView"
    help_title = "Tiles"

    def __init__(self, main: MainScreen, rows: Sequence[JobRow]) -> None:
        super().__init__()
        self._main = main
        self._marked = len(rows)
        settings = main.settings
        self.tiles = [
            LogTile(row, main.store.root, is_ascii=settings.ascii,
                    with_severity=settings.shows_severity)
            for row in rows[:MAX_TILES]
        ]  # fmt: skip
        self._grid = Grid(*self.tiles, id="tiles")
        self._head = Static("", id="tiles-head", markup=False)
        self.footer = FooterBar(id="footer")
        self._handlers = self._all_handlers()

    def compose(self) -> ComposeResult:
        """What is shown, the logs, the keys."""
        yield self._head
        yield self._grid
        yield self.footer

    def on_mount(self) -> None:
        """Fit the tiles, and hear from now on what becomes of the jobs."""
        self.set_class(self._main.settings.ascii, "-ascii")
        self._main.reading.listener = self._rows_read
        self._arrange()
        self._find_full_logs()

    def on_unmount(self) -> None:
        """Hear no more."""
        self._main.reading.listener = None

    def on_resize(self) -> None:
        """Fit the tiles."""
        self._arrange()

    @property
    def tile(self) -> LogTile:
        """The tile with the focus."""
        return next((tile for tile in self.tiles if tile.has_focus_within), self.tiles[0])

    # News

    def _rows_read(self, news: RowsNews) -> None:
        changed = news.touched | news.grown | {row.job_id for row in news.rows}
        for tile in self.tiles:
            row = self._main.jobs.rows.get(tile.job_id)
            if row is not None and tile.job_id in changed:
                tile.show_job(row, self._main.store.root)

    def _find_full_logs(self) -> None:
        """Find out where jobs keep the log of both streams that have it elsewhere."""
        store, job_ids = self._main.store, [tile.job_id for tile in self.tiles]

        def read() -> None:
            found = {}
            for job_id in job_ids:
                record = read_job(store, job_id)
                supervision = record.supervision if record else None
                if supervision is not None and supervision.full_log_path:
                    found[job_id] = supervision.full_log_path
            self.post_message(FullLogsFound(found))

        self.run_worker(read, thread=True, exit_on_error=False)

    @on(FullLogsFound)
    def _full_logs_found(self, event: FullLogsFound) -> None:
        for tile in self.tiles:
            tile.set_full_log(tile.job_id, event.paths.get(tile.job_id))

    # Keys

    def action_do(self, action_id: str) -> None:
        """Do to the tile with the focus what a log pane does."""
        handler = self._handlers.get(action_id)
        if handler is None:
            self.say(f"{BY_ID[action_id].label}: enter opens the job, there it works",
                     severity="warning")  # fmt: skip
            return
        handler()

    def has_action(self, action_id: str) -> bool:
        """A tile does what a log pane does, for the most part."""
        return action_id in self._handlers or action_id == "app.help"

    def action_back(self) -> None:
        """One layer at a time: selection, search, the tiles."""
        if self.selections:
            self.clear_selection()
        elif not self.tile.clear_search():
            self.dismiss(None)

    def action_leave(self) -> None:
        """Back to the list."""
        self.dismiss(None)

    def action_interrupt(self) -> None:
        """Copy what is selected, else leave."""
        if not self.copy_selection():
            self.dismiss(None)

    def action_open(self) -> None:
        """Go to the job of the tile with the focus."""
        self.dismiss(self.tile.job_id)

    def _all_handlers(self) -> dict[str, Callable[[], None]]:
        shared = LogHandlers(self._main, lambda: self.tile).pane_handlers()
        return {
            **shared,
            "move.down": lambda: self.tile.view.move_rows(1),
            "move.up": lambda: self.tile.view.move_rows(-1),
            "move.top": lambda: self.tile.view.go_home(),
            "move.bottom": lambda: self.tile.view.go_end(),
            "move.half_down": lambda: self.tile.view.page(0.5),
            "move.half_up": lambda: self.tile.view.page(-0.5),
            "move.page_down": lambda: self.tile.view.page(1),
            "move.page_up": lambda: self.tile.view.page(-1),
            "log.stream": lambda: self.tile.cycle_stream(),
        }

    # Drawing

    def _arrange(self) -> None:
        width, height = self.app.size
        shown, columns = tile_grid(len(self.tiles), width, height)
        rows = -(-shown // columns)
        self._grid.styles.grid_size_columns = columns
        self._grid.styles.grid_size_rows = rows
        for number, tile in enumerate(self.tiles):
            tile.display = number < shown
            is_last = number == shown - 1
            tile.styles.column_span = columns * rows - shown + 1 if is_last else 1
        which = f"the first {shown} of " if shown < self._marked else ""
        self._head.update(Content(f" Logs of {which}{self._marked} marked jobs"))
        self.refresh_footer()

    def refresh_footer(self) -> None:
        """Draw the hints anew."""

        def hint(name: str) -> Hint:
            return shown_key(keys_of(BY_ID[name], self._main.keys)[0]), BY_ID[name].label

        own = [("enter", "open the job"), ("tab", "next"), ("esc", "back")]
        self.footer.show([*own, *map(hint, _HINTED), hint("app.help")])
