"""Jobs as lines of the table: a glyph, a word, a colour and what else is shown; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from agent_exec_tui import formatting
from agent_exec_tui.ansi import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec.model.filter_terms import JobFields

ID_CHARS = 8
COMMAND_CHARS = 2000  # more is never shown in a row; the detail pane reads the record itself


class RowKind(StrEnum):
    """What a row means; each has a glyph, a word and a colour of its own."""

    RUNNING = "running"
    PAUSED = "paused"
    ELSEWHERE = "elsewhere"
    CREATED = "created"
    OK = "ok"
    BAD = "bad"
    KILLED = "killed"
    FAILED = "failed"
    ORPHAN = "orphan"
    LOST = "lost"
    PROBLEM = "problem"

    @property
    def glyph(self) -> str:
        """The sign for terminals that have one."""
        return _GLYPHS[self][0]

    @property
    def letter(self) -> str:
        """The sign for terminals that have ASCII only."""
        return _GLYPHS[self][1]

    @property
    def has_ended(self) -> bool:
        """Whether the job is over."""
        return self in _ENDED


_GLYPHS = {
    RowKind.RUNNING: ("●", "R"),
    RowKind.PAUSED: ("‖", "P"),
    RowKind.ELSEWHERE: ("◌", "@"),
    RowKind.CREATED: ("○", "C"),
    RowKind.OK: ("✓", "K"),
    RowKind.BAD: ("✗", "E"),
    RowKind.KILLED: ("⊘", "T"),
    RowKind.FAILED: ("!", "F"),
    RowKind.ORPHAN: ("?", "?"),
    RowKind.LOST: ("?", "?"),
    RowKind.PROBLEM: ("~", "!"),
}
HELD_GLYPH, HELD_LETTER = "◍", "H"
"""What stands before a job that is over while processes still hold its output."""
RUNS = frozenset({RowKind.RUNNING, RowKind.PAUSED, RowKind.ELSEWHERE})
"""Jobs that run for all that is known."""
DOUBTFUL = frozenset({RowKind.ORPHAN, RowKind.LOST})
"""Jobs of which the record says more than can be true; an orphan's own process lives."""
_ENDED = frozenset({RowKind.OK, RowKind.BAD, RowKind.KILLED, RowKind.FAILED})


# Not frozen, though nobody changes one: 100,000 are made at the start, and frozen ones take
# three times as long to make.
@dataclass(slots=True, kw_only=True)
class JobRow:
    """One job as the table shows it; every text is free of control characters.

    Attributes:
        job_id: the directory's name, untouched: the key for every action.
        shown_id: the same, fit to be shown.
        word: the state in a word; for unreadable jobs what is wrong with them.
        status: the recorded word, None where it cannot be read.
        started_at: as recorded; with the id it names one run.
        created_s: seconds since 1970; of a job without readable times, its directory's.
        started_s: when the run began, None if it did not.
        written_s: when a running job last wrote something, None where that is not known.
        elapsed_s: how long the run took; None while it lasts.
        raw_cwd: untouched, to be compared with the current directory.
        problem: why the records cannot be read.
        is_held: it is over, and what it left behind still holds its output.
        fields: what filters look at, untouched.
        place: in the order that lists usually have, made once, for 100,000 are sorted often.
    """

    job_id: str
    shown_id: str
    kind: RowKind
    word: str
    status: str | None = None
    command: str = ""
    tags: tuple[str, ...] = ()
    raw_cwd: str | None = None
    exit_text: str = formatting.NOTHING
    exit_code: int | None = None
    started_at: str | None = None
    created_s: float = 0.0
    started_s: float | None = None
    finished_s: float | None = None
    written_s: float | None = None
    elapsed_s: float | None = None
    pid: int | None = None
    problem: str | None = None
    is_held: bool = False
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    full_bytes: int = 0
    fields: JobFields = field(compare=False, repr=False)
    place: tuple[float, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.place = (-self.created_s, self.job_id)

    @property
    def short_id(self) -> str:
        """The id as the table shows it."""
        return self.shown_id[:ID_CHARS]

    @property
    def output_bytes(self) -> int:
        """Bytes that the job wrote; the third log has the same once more."""
        return self.stdout_bytes + self.stderr_bytes

    @property
    def log_bytes(self) -> int:
        """Bytes in the three logs."""
        return self.stdout_bytes + self.stderr_bytes + self.full_bytes

    @property
    def is_live(self) -> bool:
        """Whether the row's elapsed time grows."""
        return self.kind in RUNS

    @property
    def may_have_processes(self) -> bool:
        """Whether there may be somebody whom a signal reaches."""
        return self.kind in RUNS or self.kind in DOUBTFUL or self.is_held

    def sign(self, *, is_ascii: bool = False) -> str:
        """What stands before it in lists."""
        if self.is_held:
            return HELD_LETTER if is_ascii else HELD_GLYPH
        return self.kind.letter if is_ascii else self.kind.glyph

    @property
    def quiet_since_s(self) -> float | None:
        """Since when a running job has written nothing, its start if it never did."""
        moments = [moment for moment in (self.started_s, self.written_s) if moment is not None]
        return max(moments, default=None) if self.kind is RowKind.RUNNING else None

    def elapsed_at(self, now_s: float) -> float | None:
        """How long the run has lasted, or lasted."""
        if self.elapsed_s is None and self.started_s is not None and self.is_live:
            return max(now_s - self.started_s, 0.0)
        return self.elapsed_s

    def elapsed_text(self, now_s: float) -> str:
        """The elapsed time as the table shows it."""
        elapsed_s = self.elapsed_at(now_s)
        return formatting.ticking(elapsed_s) if self.is_live else formatting.duration(elapsed_s)

    def is_same_run(self, other: JobRow | None) -> bool:
        """Whether *other* is the same job in the same state of the same run."""
        return (
            other is not None
            and other.job_id == self.job_id
            and other.started_at == self.started_at
            and other.status == self.status
        )


def shown_command(command: Sequence[str]) -> str:
    """Write a command fit for a row: of a very long one the head and the tail."""
    text = formatting.command_text(command)
    if len(text) > COMMAND_CHARS:
        head = COMMAND_CHARS * 3 // 5
        text = text[:head] + formatting.ELLIPSIS + text[head + 1 - COMMAND_CHARS :]
    return clean(text)


def clean(text: str) -> str:
    """Make any string fit for one line of the screen."""
    return text if text.isascii() and text.isprintable() else plain(text)
