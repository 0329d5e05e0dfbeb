"""What the threads of the cleaning dialog tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from agent_exec.commands.gc import GcProgress, GcReport
    from agent_exec_tui.clean_plan import Stock


@dataclass
class StockRead(Message):
    """Every job was looked at, or could not be."""

    stock: Stock
    took_s: float
    problem: str = ""


@dataclass
class Progressed(Message):
    """Some jobs are gone."""

    progress: GcProgress

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, Progressed)


@dataclass
class Cleaned(Message):
    """The removal is over."""

    report: GcReport | None
    problem: str = ""


@dataclass
class BroughtBack(Message):
    """So many jobs were brought back."""

    count: int
