"""What running jobs use, measured while they are on screen, and the last minutes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from agent_exec.store.listing import read_job
from agent_exec_tui import formatting
from agent_exec_tui.messages import UsageRead
from agent_exec_tui.process_stats import Identity, ProcessSampler, Sample
from agent_exec_tui.sparkline import sparkline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_exec.store.jobs import JobStore
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.screens.main import MainScreen

Usage = tuple[float, int]
"""Per cent of a core since the last look, and bytes of memory."""

EVERY_S: Final = 3.0
FIRST_S: Final = 1.0
TICK_SLACK_S: Final = 0.5  # ticks come about once a second: do not wait for one more
COST_SHARE: Final = 0.002
"""Of a core, at most: where there are thousands of processes, it is looked less often."""
SAMPLES: Final = 60
_Run = tuple[str, int | None, str | None]


class UsageWatch:
    """Measures the running jobs on screen every few seconds, in a thread."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self._sampler = ProcessSampler()
        self._identities: dict[_Run, Identity] = {}
        self._history: dict[_Run, tuple[float, ...]] = {}
        self._samples: dict[str, Sample] = {}
        self._due_s = 0.0
        self._is_busy = False

    def tick(self) -> None:
        """A second went by."""
        if self._is_busy or time.monotonic() < self._due_s:
            return
        rows = self._rows()
        if not rows:
            self._samples = {}
            self._main.table.usage = {}
            return
        self._is_busy = True
        store, post = self._main.store, self._main.post_message

        def measure() -> None:
            cost_s = 0.0
            try:
                usage, cost_s = self._measure(store, rows)
            finally:
                pause_s = EVERY_S if self._is_known() else FIRST_S
                self._due_s = time.monotonic() + max(pause_s, cost_s / COST_SHARE) - TICK_SLACK_S
                self._is_busy = False
            post(UsageRead(usage))

        self._main.run_worker(measure, thread=True, group="usage", exit_on_error=False)

    def _rows(self) -> list[JobRow]:
        """Those whose figures can be seen: in the columns, and in the detail pane."""
        main = self._main
        if not main.settings.shows_usage:
            return []
        found = {name: main.jobs.rows[name] for name in main.table.pids_to_measure()}
        row = main.row
        if row is not None and row.is_live and row.pid and main.detail.display:
            found[row.job_id] = row
        return list(found.values())

    # In a thread

    def _measure(self, store: JobStore, rows: Iterable[JobRow]) -> tuple[dict[str, Usage], float]:
        """What is used, and what finding that out costs each time, in seconds of a core."""
        known, self._identities = self._identities, {}
        for row in rows:
            run = _run_of(row)
            self._identities[run] = known.get(run) or identity_of(store, row)
        begin = time.thread_time()
        samples = self._sampler.sample({run[0]: who for run, who in self._identities.items()})
        cost_s = time.thread_time() - begin
        history: dict[_Run, tuple[float, ...]] = {}
        for run in self._identities:
            sample = samples.get(run[0])
            history[run] = self._history.get(run, ())
            if sample is not None and sample.cpu_percent is not None:
                history[run] = (*history[run], sample.cpu_percent)[-SAMPLES:]
        # Replaced, never changed: the screen reads them meanwhile.
        self._history, self._samples = history, samples
        usage = {
            name: (sample.cpu_percent, sample.memory_bytes)
            for name, sample in samples.items()
            if sample.cpu_percent is not None
        }
        return usage, cost_s

    def _is_known(self) -> bool:
        """Whether every job was looked at twice, which processor time takes."""
        return all(sample.cpu_percent is not None for sample in self._samples.values())

    # For the detail pane

    def told(self, row: JobRow) -> str:
        """Say what a running job uses now and used lately; "" where that is not known."""
        sample = self._samples.get(row.job_id)
        if sample is None or sample.cpu_percent is None or not row.is_live:
            return ""
        history = self._history.get(_run_of(row), ())
        most = max(history, default=0.0)
        is_ascii = self._main.settings.ascii
        parts = [
            (
                f"cpu {sparkline(history, top=max(most, 100.0), is_ascii=is_ascii)} "
                f"{sample.cpu_percent:.0f}%"
            ),
            f"memory {formatting.size(sample.memory_bytes)}",
            f"{sample.processes} {'process' if sample.processes == 1 else 'processes'}",
        ]
        if most >= 1:
            parts.insert(1, f"most {most:.0f}%")
        return " · ".join(parts)


def identity_of(store: JobStore, row: JobRow) -> Identity:
    """Find out which process a running job's records mean."""
    record = read_job(store, row.job_id)
    child = record.supervision.child if record and record.supervision else None
    if child is not None and child.pid == row.pid and child.start_ticks:
        return Identity(child.pid, child.start_ticks)
    return Identity(row.pid or 0, None, row.started_s)


def _run_of(row: JobRow) -> _Run:
    return row.job_id, row.pid, row.started_at
