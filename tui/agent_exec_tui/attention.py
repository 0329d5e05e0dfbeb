"""What happened while nobody looked: marks in the list, a toast, the bell, the desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.job_rows import RowKind

if TYPE_CHECKING:
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.screens.main import MainScreen

TOAST_S = 10.0


class Attention:
    """Decides what the end of a job is worth.

    Attributes:
        watched: jobs whose end somebody asked to be told.
    """

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self.watched: set[str] = set()

    def ended(self, row: JobRow) -> None:
        """Tell of a job that ended before our eyes."""
        main, wanted = self._main, self._main.settings.notify
        if row.job_id != main.table.cursor_id or not main.app.app_focus:
            main.table.unread.add(row.job_id)
        if row.kind is RowKind.FAILED:
            main.selected.explain(row.job_id)
        is_watched = row.job_id in self.watched
        self.watched.discard(row.job_id)
        ran_long = (row.elapsed_s or 0.0) >= wanted.min_seconds
        if not (is_watched or ran_long):
            return
        text = self._text(row)
        main.say(text, severity="information" if row.kind is RowKind.OK else "warning",
                 timeout_s=TOAST_S)  # fmt: skip
        # Whoever sits in front of it sees the toast; the others want to be called.
        if is_watched or not main.app.app_focus:
            if wanted.bell:
                main.app.bell()
            if wanted.desktop:
                self._tell_desktop(text)

    def _text(self, row: JobRow) -> str:
        how = row.word if row.exit_text == formatting.NOTHING else f"{row.word} {row.exit_text}"
        took = f" after {formatting.duration(row.elapsed_s)}" if row.elapsed_s is not None else ""
        return f"{row.short_id} {how}{took}: {formatting.shorten_middle(row.command, 60)}"

    def _tell_desktop(self, text: str) -> None:
        """OSC 9, which terminals show as a desktop notification or ignore."""
        driver = self._main.app._driver
        if driver is not None:
            driver.write(f"\x1b]9;{text.replace(';', ',')}\x07")
