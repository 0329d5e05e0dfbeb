"""Tells when processes of running jobs end, which may change no file."""

from __future__ import annotations

import time

from agent_exec.errors import AgentExecError
from agent_exec.process.exit_watch import ExitWatch
from agent_exec.process.recognition import recognise
from agent_exec.store.listing import open_exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.snapshot import DashboardJob
    from agent_exec.store.jobs import JobStore

    Process = tuple[int, int | None]

# Well below the 1024 descriptors that most systems give a program.
MOST_DESCRIPTORS = 256
LOOK_EVERY_S = 5.0  # where there is no descriptor of a process


class ProcessWatch:
    """Supervisors and children of the jobs recorded as running; owns a descriptor of each."""

    def __init__(
        self,
        store: JobStore,
        *,
        most_descriptors: int = MOST_DESCRIPTORS,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._store = store
        self._room = most_descriptors
        self._look_every_s = look_every_s
        self._watches: dict[str, dict[Process, ExitWatch]] = {}
        self._without: set[str] = set()
        self._look_at_s = 0.0

    def job_ids(self) -> tuple[str, ...]:
        """The jobs that are followed; callable from any thread."""
        return tuple(self._watches)

    def follow(self, row: DashboardJob) -> None:
        """Follow what still lives of a job; one not recorded as running is forgotten."""
        if row.liveness is None:
            self.forget(row.job_id)
            return
        wanted = self._processes_of(row.job_id)
        watches = self._watches.setdefault(row.job_id, {})
        for process in [process for process in watches if process not in wanted]:
            self._drop(watches.pop(process))
        self._without.discard(row.job_id)
        for process in wanted - watches.keys():
            self._follow_process(row.job_id, process, watches)
        for process in [process for process, watch in watches.items() if watch.has_ended]:
            self._drop(watches.pop(process))

    def _follow_process(
        self, job_id: str, process: Process, watches: dict[Process, ExitWatch]
    ) -> None:
        if self._room > 0:
            watch = ExitWatch(*process)
            if watch.fd >= 0:
                self._room -= 1
                watches[process] = watch
                return
            if watch.has_ended:
                return
            watch.close()
        if not self._without:
            self._look_at_s = time.monotonic() + self._look_every_s
        self._without.add(job_id)

    def _processes_of(self, job_id: str) -> set[Process]:
        try:
            job = open_exact(self._store, job_id)
            if job is None:
                return set()
            with job:
                state, ours = job.read_state(), job.read_supervision()
                if ours is None or not ours.describes(state):
                    return {(state.pid, None)} if state.pid is not None else set()
                named = [each for each in (ours.supervisor, ours.child) if each is not None]
                seen = [recognise(each, job).stat for each in named]
        except (AgentExecError, OSError):
            return set()
        return {(stat.pid, stat.start_ticks) for stat in seen if stat is not None}

    def forget(self, job_id: str) -> None:
        """Follow a job no longer."""
        self._without.discard(job_id)
        for watch in self._watches.pop(job_id, {}).values():
            self._drop(watch)

    def _drop(self, watch: ExitWatch) -> None:
        watch.close()
        self._room += 1

    def descriptors(self) -> list[int]:
        """What becomes readable when a process ends."""
        every = (watch.fd for watches in self._watches.values() for watch in watches.values())
        return [fd for fd in every if fd >= 0]

    def next_look_s(self) -> float | None:
        """Seconds until ``ended`` has to be asked though nothing is readable; None is never."""
        return max(0.0, self._look_at_s - time.monotonic()) if self._without else None

    def ended(self) -> set[str]:
        """The jobs of which a process has ended, or which nothing tells about."""
        found = {
            job_id
            for job_id, watches in self._watches.items()
            if any(watch.has_ended for watch in watches.values())
        }
        if self._without and time.monotonic() >= self._look_at_s:
            found |= self._without
            self._look_at_s = time.monotonic() + self._look_every_s
        return found

    def close(self) -> None:
        """Give all descriptors back."""
        for job_id in self.job_ids():
            self.forget(job_id)
