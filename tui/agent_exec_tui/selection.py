"""The job under the cursor: what the strip, the detail pane and the logs show of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from agent_exec.model.records import STDERR_LOG, STDOUT_LOG
from agent_exec.store.listing import read_job
from agent_exec.store.logs import tail_excerpt
from agent_exec.store.root import strangers
from agent_exec_tui.detail_text import detail_lines, revealable, strip_parts
from agent_exec_tui.feed import doubt_of
from agent_exec_tui.job_rows import clean
from agent_exec_tui.messages import ProgressRead, RecordRead

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.layout import Part
    from agent_exec_tui.screens.main import MainScreen

SETTLE_S = 0.05  # holding down j must not open a log for every row it passes
PROGRESS_S = 0.25  # at most so often is it looked for in what a job writes
ALONE_S = 0.15  # after a pause that no held key makes, the log is opened at once


class SelectedJob:
    """Follows the cursor; files are read in threads, and only once the cursor rests."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self.record: JobRecord | None = None
        self.evidence = self.progress = ""
        self.owner_uid: int | None = None
        self.revealed: frozenset[str] = frozenset()
        self._job_id: str | None = None
        self._progress_due: Timer | None = None
        self._progress_s = 0.0
        self._settling: Timer | None = None
        self._moved_s = 0.0
        self._explaining: set[str] = set()
        self._awaiting: Callable[[JobRecord], object] | None = None

    def show(self, row: JobRow | None) -> None:
        """Show a job, another one or the same as it is now."""
        job_id = row.job_id if row else None
        is_alone = False
        if job_id != self._job_id:
            before_s, self._moved_s = self._moved_s, time.monotonic()
            is_alone = self._moved_s - before_s > ALONE_S
            self._job_id = job_id
            self.record, self.evidence, self.progress = None, "", ""
            self.owner_uid = None
            self.revealed = frozenset()
            self._awaiting = None
        self._draw(row)
        if is_alone:
            self._main.call_after_refresh(self._settle)
        elif self._settling is None:
            self._settling = self._main.set_timer(SETTLE_S, self._settle)

    def once_read(self, then: Callable[[JobRecord], object]) -> None:
        """Go on with the selected job's record, once there is one; not if something else comes first."""
        if self.record is not None:
            then(self.record)
        else:
            self._awaiting = then

    def moved(self) -> None:
        """Something in the job's directory changed."""
        self.show(self._main.row)

    def logs_grew(self) -> None:
        """Output was added: nothing else is worth a look, however often that happens."""
        self._read_progress_soon()
        for log in self._main.logs.values():
            log.view.refresh_from_file()

    def tick(self) -> None:
        """A second went by."""
        row = self._main.row
        if row is not None and row.is_live:
            self._draw(row)

    def _read_progress_soon(self) -> None:
        """Look how far the job is: at once after a pause, else a few times a second."""
        if self._progress_due is None:
            wait_s = self._progress_s + PROGRESS_S - time.monotonic()
            self._progress_due = self._main.set_timer(max(wait_s, 0.01), self._look_for_progress)

    def _look_for_progress(self) -> None:
        self._progress_due, self._progress_s = None, time.monotonic()
        row = self._main.row
        if row is not None and row.is_live:
            self._read_progress(row.job_id)

    def progress_read(self, event: ProgressRead) -> None:
        """Take over how far the job says it is."""
        if event.job_id == self._job_id and event.progress != self.progress:
            self.progress = event.progress
            self._draw(self._main.row)

    def redraw(self) -> None:
        """Draw what is known, though nothing changed."""
        self._draw(self._main.row)

    def reveal(self) -> None:
        """Hide environment values, or ask which to show if there are several."""
        meta = self.record.meta if self.record else None
        keys = revealable(meta) if meta else []
        if self.revealed or len(keys) < 2:
            if not keys:
                self._main.say("there is no value to show; masked ones never are", timeout_s=2)
            self._reveal(frozenset() if self.revealed else frozenset(keys))
            return

        from agent_exec_tui.screens.menu import Choice, MenuDialog  # the first picture needs none

        job_id = self._job_id

        def chosen(answer: str | None) -> None:
            if answer is not None and job_id == self._job_id:
                self._reveal(frozenset(keys if answer == "all" else [keys[int(answer)]]))

        each = [
            Choice(str(number), str(number + 1) if number < 9 else "", clean(key))
            for number, key in enumerate(keys)
        ]
        menu = MenuDialog("Show which value?", [Choice("all", "a", "all of them"), *each])
        self._main.app.push_screen(menu, chosen)

    def _reveal(self, keys: frozenset[str]) -> None:
        self.revealed = keys
        self._draw(self._main.row)

    def explain(self, job_id: str) -> None:
        """Find out why a job failed, for its notice."""
        self._explaining.add(job_id)
        self._read(job_id)

    def record_read(self, event: RecordRead) -> None:
        """Take over what a thread read."""
        if event.job_id in self._explaining and event.record is not None:
            self._explaining.discard(event.job_id)
            supervision = event.record.supervision
            if supervision is not None and supervision.reason:
                self._main.notices.setdefault(event.job_id, f"failed: {clean(supervision.reason)}")
        if event.job_id == self._job_id:
            self.record, self.evidence = event.record, event.evidence
            self.progress, self.owner_uid = event.progress, event.owner_uid
            supervision = event.record.supervision if event.record else None
            for log in self._main.logs.values():
                log.set_full_log(event.job_id, supervision.full_log_path if supervision else None)
            self._draw(self._main.row)
            awaiting, self._awaiting = self._awaiting, None
            if awaiting is not None and self.record is not None and self._main.is_current:
                awaiting(self.record)

    def _settle(self) -> None:
        if self._settling is not None:
            self._settling.stop()
            self._settling = None
        row = self._main.row
        for log in self._main.logs.values():
            log.show_job(row, self._main.store.root)
        if row is not None:
            self._read(row.job_id)

    def _read(self, job_id: str) -> None:
        store, post = self._main.store, self._main.post_message

        def read() -> None:
            record = read_job(store, job_id)
            evidence = doubt_of(store, record)[1] if record else ""
            ours = record.supervision if record else None
            if not evidence and ours is not None and ours.still_capturing:
                from agent_exec_tui.held import held_text  # of few jobs, and not the first look

                evidence = held_text(store, job_id)
            state = record.state if record else None
            is_over = state is None or state.is_terminal
            progress = "" if is_over else _progress_of(os.path.join(store.root, job_id))
            owner_uid = strangers(store.root, (job_id,)).get(job_id)
            post(RecordRead(job_id, record, evidence, progress, owner_uid))

        self._main.run_worker(read, thread=True, group=f"read-{job_id}", exclusive=True,
                              exit_on_error=False)  # fmt: skip

    def _read_progress(self, job_id: str) -> None:
        path, post = os.path.join(self._main.store.root, job_id), self._main.post_message

        def read() -> None:
            post(ProgressRead(job_id, _progress_of(path)))

        self._main.run_worker(read, thread=True, group=f"progress-{job_id}", exclusive=True,
                              exit_on_error=False)  # fmt: skip

    def _draw(self, row: JobRow | None) -> None:
        main = self._main
        if row is None:
            main.strip.show("", "")
            main.detail.show([], "detail")
            return
        notice = main.notices.get(row.job_id, "")
        progress = self.progress if row.is_live else ""
        main.strip.show(*strip_parts(row), notice or self._hint(row), progress)
        if main.detail.display and self.record is not None:
            lines = detail_lines(
                self.record,
                row,
                root=main.store.root,
                now_s=main.clock(),
                revealed=self.revealed,
                notice=notice,
                evidence=self.evidence,
                owner_uid=self.owner_uid,
                usage=main.usage_watch.told(row),
                progress=progress,
                is_watched=row.job_id in main.table.watched and not row.kind.has_ended,
            )
            main.detail.show(lines, f"{row.short_id}  {row.word}")

    def _hint(self, row: JobRow) -> str:
        supervision = self.record.supervision if self.record else None
        if supervision is not None and supervision.reason:
            return clean(supervision.reason)
        if row.problem:
            return "every other job keeps working; this one is read again when it changes"
        return ""

    @property
    def path(self) -> str | None:
        """The directory of the selected job."""
        return os.path.join(self._main.store.root, self._job_id) if self._job_id else None

    @property
    def log(self) -> Part:
        """The log pane last looked at."""
        return self._main.panes.wish.stream


def _progress_of(path: str) -> str:
    """Say how far the running job in the directory *path* is, by what it wrote last."""
    from agent_exec_tui.progress import TAIL_BYTES, last_progress, progress_text

    for stream, name in (("stdout", STDOUT_LOG), ("stderr", STDERR_LOG)):
        tail = tail_excerpt(os.path.join(path, name), TAIL_BYTES)
        progress = last_progress(tail.text)
        if progress is not None:
            return progress_text(progress, stream)
    return ""
