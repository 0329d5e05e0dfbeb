"""What is lost of a run's output and events, told while it runs and not only at its end."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document
    from agent_exec.supervisor.capture import Capture
    from agent_exec.supervisor.journal import Journal
    from agent_exec.supervisor.watching import OutputWatch

_TELL_EVERY_S = 5.0


class Losses:
    """Has the first loss noted at once, and what comes after it now and then.

    Attributes:
        due_at: when the next note is due, monotonic seconds; None while there is nothing new.
    """

    def __init__(self, capture: Capture, watch: OutputWatch, journal: Journal) -> None:
        self.due_at: float | None = None
        self._capture = capture
        self._watch = watch
        self._journal = journal
        self._noted: tuple[object, ...] = self._figures()
        self._next_s = 0.0

    def _figures(self) -> tuple[object, ...]:
        watch = self._watch
        return (self._capture.dropped_bytes, watch.dropped, watch.unrecorded, watch.problem)

    def look(self) -> None:
        """Find out whether there is anything new; cheap, as it is asked for each chunk."""
        if self.due_at is None and self._figures() != self._noted:
            self.due_at = self._next_s

    def tell(self) -> None:
        """Note it."""
        self.due_at = None
        self._next_s = time.monotonic() + _TELL_EVERY_S
        self._noted = self._figures()
        if self._journal.is_ours():
            self._journal.note(**self.facts())

    def facts(self) -> Document:
        """What supervision.json says about it; nothing where nothing was lost."""
        watch = self._watch
        facts = self._capture.losses()
        facts["dropped_matches"] = watch.dropped
        facts["unrecorded_matches"] = watch.unrecorded
        if watch.problem is not None:
            facts["reason"] = watch.problem
        return facts
