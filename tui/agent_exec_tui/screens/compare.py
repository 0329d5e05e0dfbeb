"""Two jobs side by side; enter goes to the first line in which their output differs."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from agent_exec.model import records
from agent_exec.store.listing import read_job
from agent_exec_tui.compared_streams import StreamPair, compare_files, stream_rows
from agent_exec_tui.comparison import Fact, Side, Verdict, definition_facts, outcome_facts
from agent_exec_tui.layout import Part
from agent_exec_tui.log_spot import LogSpot
from agent_exec_tui.screens.dialog import Dialog
from agent_exec_tui.side_by_side import Pair
from agent_exec_tui.widgets.pair_list import PairList

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.screens.main import MainScreen

PROGRESS_S = 0.1
HINTS = (("enter", "go to its log"), ("h l", "side"), (".", "env values"), ("esc", "close"))
STDIN = "stdin"
_FILES = {
    Part.STDOUT.value: records.STDOUT_LOG,
    Part.STDERR.value: records.STDERR_LOG,
    STDIN: records.STDIN_FILE,
}


@dataclass
class RecordsRead(Message):
    """Both jobs were read; None for one that is gone."""

    records: tuple[JobRecord | None, JobRecord | None]


@dataclass
class StreamCompared(Message):
    """The comparison of one stream has come on, or to its end."""

    stream: StreamPair


class CompareDialog(Dialog[LogSpot]):
    """Definition, outcome and output of two jobs; only what differs, or all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "toggle_all", "Show what is the same, too, or not", show=False),
        Binding("full_stop", "reveal", "Show or hide environment values", show=False),
        Binding("q,equals_sign", "leave", "Close", show=False),
    ]
    help_title = "Compare"
    hints_at_help = True

    def __init__(self, main: MainScreen, rows: tuple[JobRow, JobRow]) -> None:
        super().__init__()
        self.heading = "Compare"
        self._main = main
        self._rows = rows
        self._records: tuple[JobRecord | None, JobRecord | None] = (None, None)
        self._is_read = False
        self._streams: dict[str, StreamPair] = {}
        self._shows_all = False
        self._is_revealed = False
        self._stop = threading.Event()

    def compose_dialog(self) -> ComposeResult:
        """The list of pairs is all there is."""
        yield PairList(self._titles(), is_ascii=self._main.settings.ascii, id="pairs")

    def on_mount(self) -> None:
        """Read and compare, in a thread."""
        self._draw()
        self.run_worker(self._compare, thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        """Stop comparing."""
        self._stop.set()

    # In a thread

    def _compare(self) -> None:
        store, post = self._main.store, self.post_message
        left, right = (read_job(store, row.job_id) for row in self._rows)
        post(RecordsRead((left, right)))
        names = [Part.STDOUT.value, Part.STDERR.value]
        if any(record and record.meta and record.meta.stdin_file for record in (left, right)):
            names.append(STDIN)
        due = 0.0

        def tell(stream: StreamPair) -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + PROGRESS_S
                post(StreamCompared(stream))

        for name in names:
            paths = [os.path.join(store.root, row.job_id, _FILES[name]) for row in self._rows]
            post(StreamCompared(compare_files(name, (paths[0], paths[1]), self._stop.is_set, tell)))

    # News

    @on(RecordsRead)
    def _records_read(self, event: RecordsRead) -> None:
        self._records, self._is_read = event.records, True
        self._draw()

    @on(StreamCompared)
    def _stream_compared(self, event: StreamCompared) -> None:
        self._streams[event.stream.name] = event.stream
        self._draw()

    @on(PairList.Opened)
    def _opened(self, event: PairList.Opened) -> None:
        stream = self._streams.get(event.key)
        place = stream.places[event.side] if stream and event.key != STDIN else None
        if place is None:
            self._main.say("no line of a log to go to here", severity="warning", timeout_s=2)
            return
        self.dismiss(
            LogSpot(
                job_id=self._rows[event.side].job_id,
                part=Part(event.key),
                start=place[0],
                focus=place[1],
            )
        )

    # Keys

    def action_toggle_all(self) -> None:
        """Show what is the same, too, or not."""
        self._shows_all = not self._shows_all
        self._draw()

    def action_reveal(self) -> None:
        """Show or hide environment values."""
        self._is_revealed = not self._is_revealed
        self._draw()

    # Drawing

    def on_resize(self) -> None:
        """Fit the frame's words."""
        self._draw()

    @property
    def pairs(self) -> PairList:
        """The list."""
        return self.query_one("#pairs", PairList)

    def _sides(self) -> tuple[Side, Side]:
        left, right = zip(self._rows, self._records, strict=True)
        return Side(*left), Side(*right)

    def _titles(self) -> tuple[str, str]:
        left, right = (side.title(is_ascii=self._main.settings.ascii) for side in self._sides())
        return left, right

    def _draw(self) -> None:
        shown = ("all", "d differences only") if self._shows_all else ("differences only", "d all")
        self.frame([self.heading, *shown], HINTS)
        left, right = self._sides()
        outcome = outcome_facts(left, right, now_s=self._main.clock())
        definition: list[Fact] = []
        if self._is_read:
            definition = definition_facts(left, right, reveal=self._is_revealed)
        streams = [row for stream in self._streams.values() for row in stream_rows(stream)]
        pairs = [*self._pairs(outcome), *streams, *self._pairs(definition)]
        if not self._shows_all:
            pairs += _same_as_one([*outcome, *definition])
        suggested = next((s.name for s in self._streams.values() if s.difference), "")
        self.pairs.show(self._titles(), pairs, suggested=suggested)

    def _pairs(self, facts: list[Fact]) -> list[Pair]:
        return [
            Pair(
                key=f"{number}:{fact.label}",
                label=fact.label,
                verdict=fact.verdict,
                left=fact.left,
                right=fact.right,
                is_lit=fact.verdict is Verdict.DIFFERENT,
            )
            for number, fact in enumerate(facts)
            if self._shows_all or fact.verdict is not Verdict.SAME
        ]


def _same_as_one(facts: list[Fact]) -> list[Pair]:
    """Name on one line what is the same in both."""
    labels = dict.fromkeys(fact.label for fact in facts if fact.verdict is Verdict.SAME)
    if not labels:
        return []
    return [
        Pair(
            key="",
            label="same",
            verdict=Verdict.SAME,
            left=", ".join(labels),
            is_wide=True,
        )
    ]
