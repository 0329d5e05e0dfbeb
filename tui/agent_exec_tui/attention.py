"""What happened while nobody looked: marks in the list, a toast, the bell, the desktop."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from agent_exec_tui import formatting
from agent_exec_tui.job_rows import RowKind
from agent_exec_tui.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec_tui.job_list import Change
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.screens.main import MainScreen

TOAST_S: Final = 10.0
# All toasts are laid out anew with each that comes or goes: hundreds take seconds a time.
_AT_ONCE: Final = 3
_GATHER_S: Final = 2.0
# As long as a signal that is sent from here waits for the end that it tells of itself, and more.
_EXPECTED_S: Final = 6.0


class Attention:
    """Decides what the end of a job is worth."""

    # Nobody is waked for it: ticks come anyway, and this is when one has to look.
    _silence_due_s = 0.0

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._expected: dict[str, float] = {}  # told of by who ends them; until, monotonic seconds
        self._gone_at: list[float] = []  # when the last toasts will be, monotonic seconds
        self._untold: list[JobRow] = []
        self._is_called = False

    def expect(self, job_ids: Iterable[str]) -> None:
        """Say nothing of what is being done to jobs from here: that is told anyway."""
        until_s = time.monotonic() + _EXPECTED_S
        self._expected.update(dict.fromkeys(job_ids, until_s))

    def is_expected(self, job_id: str) -> bool:
        """Whether something is being done to a job from here; asked once."""
        return self._expected.pop(job_id, 0.0) > time.monotonic()

    def toggle_watched(self, job_ids: set[str]) -> bool:
        """Tell of the end of these jobs, or no more if it was to be told of all; whether it is."""
        main = self._main
        main.table.watched ^= (
            job_ids if job_ids <= main.table.watched else job_ids - main.table.watched
        )
        main.table.refresh_jobs(job_ids)
        main.selected.redraw()
        main.refresh_bars()
        return job_ids <= main.table.watched

    def ended(self, row: JobRow) -> None:
        """Tell of a job that ended before our eyes."""
        main, wanted = self._main, self._main.settings.notify
        main.table.silent.discard(row.job_id)
        self._mark(row, Unseen.ENDED)
        if row.kind is RowKind.FAILED:
            main.selected.explain(row.job_id)
        is_watched = row.job_id in main.table.watched
        main.table.watched.discard(row.job_id)
        ran_long = (row.elapsed_s or 0.0) >= wanted.min_seconds
        is_expected = self.is_expected(row.job_id)
        if not is_watched and (is_expected or not ran_long):
            return
        # Whoever sits in front of it sees the toast; the others want to be called.
        self._is_called = self._is_called or is_watched or not main.app.app_focus
        self._untold.append(row)
        now_s = time.monotonic()
        self._gone_at = [moment_s for moment_s in self._gone_at if moment_s > now_s]
        if len(self._untold) > 1:
            return  # told with the first of them
        if len(self._gone_at) < _AT_ONCE:
            self._tell()
        else:
            main.set_timer(_GATHER_S, self._tell)

    def _tell(self) -> None:
        """One toast for all that has not been told yet."""
        rows, self._untold = self._untold, []
        is_called, self._is_called = self._is_called, False
        main, wanted = self._main, self._main.settings.notify
        text = self._text(rows[0]) if len(rows) == 1 else _summary(rows)
        is_ok = all(row.kind is RowKind.OK for row in rows)
        main.say(text, severity="information" if is_ok else "warning", timeout_s=TOAST_S)
        self._gone_at.append(time.monotonic() + TOAST_S)
        if is_called:
            if wanted.bell:
                main.app.bell()
            if wanted.desktop:
                self._tell_desktop(text)

    def changed(self, change: Change, removed: Iterable[str]) -> None:
        """Take note of what happened to the list."""
        table, wanted = self._main.table, self._main.settings.attention
        for row in change.begun:
            if table.unread.get(row.job_id) is Unseen.ENDED:
                del table.unread[row.job_id]
        for row in change.ended:  # after those: what was over at once is among both
            self.ended(row)
        for row in change.grew:
            table.silent.discard(row.job_id)
            if wanted.output:
                self._mark(row, Unseen.OUTPUT)
        for job_id in removed:
            table.silent.discard(job_id)
            table.unread.pop(job_id, None)
        if wanted.silent_s:
            for row in change.begun:
                if row.quiet_since_s is not None:
                    due_s = row.quiet_since_s + wanted.silent_s
                    self._silence_due_s = min(self._silence_due_s, due_s)

    def seen(self, job_id: str) -> None:
        """Somebody looks at a job."""
        if self._main.table.unread.pop(job_id, None) is not None:
            self._main.table.refresh_jobs({job_id})
            self._main.refresh_bars()

    def forget(self) -> None:
        """Other jobs are looked at from now on."""
        self._main.table.unread.clear()
        self._main.table.silent.clear()
        self._expected.clear()
        self._silence_due_s = 0.0

    def tick(self) -> None:
        """A second went by: who has been silent for too long?"""
        main, silent_s = self._main, self._main.settings.attention.silent_s
        now_s = main.clock()
        if not silent_s or not main.reading.is_loaded or now_s < self._silence_due_s:
            return
        self._silence_due_s = now_s + silent_s
        silent: set[str] = set()
        for row in main.jobs.rows.values():
            if row.quiet_since_s is None:
                continue
            if now_s - row.quiet_since_s >= silent_s:
                silent.add(row.job_id)
                if row.job_id not in main.table.silent:
                    self._mark(row, Unseen.SILENT)
            else:
                self._silence_due_s = min(self._silence_due_s, row.quiet_since_s + silent_s)
        changed, main.table.silent = silent ^ main.table.silent, silent
        if changed:
            main.table.refresh_jobs(changed)
            main.refresh_bars()

    def _mark(self, row: JobRow, news: Unseen) -> None:
        """Mark a job, unless somebody looks at it."""
        main = self._main
        if row.job_id != main.table.cursor_id or not main.app.app_focus:
            main.table.unread[row.job_id] = news

    def _text(self, row: JobRow) -> str:
        took = f" after {formatting.duration(row.elapsed_s)}" if row.elapsed_s is not None else ""
        return f"{row.short_id} {_end_of(row)}{took}: {formatting.shorten_middle(row.command, 60)}"

    def _tell_desktop(self, text: str) -> None:
        """OSC 9, which terminals show as a desktop notification or ignore."""
        driver = self._main.app._driver
        if driver is not None:
            driver.write(f"\x1b]9;{text.replace(';', ',')}\x07")


def _summary(rows: list[JobRow]) -> str:
    words = Counter(map(_end_of, rows))
    most = ", ".join(f"{count:,} {word}" for word, count in words.most_common(_AT_ONCE))
    return f"{len(rows):,} more jobs ended: {most}{', …' if len(words) > _AT_ONCE else ''}"


def _end_of(row: JobRow) -> str:
    return row.word if row.exit_text == formatting.NOTHING else f"{row.word} {row.exit_text}"
