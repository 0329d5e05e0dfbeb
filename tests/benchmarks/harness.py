"""Measure two things in turn, in one run, and say which is faster by how much."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from support.peers import VERSIONS, peer_binary

ROUNDS = 7
QUICK_ROUNDS = 31  # of what takes milliseconds

Measurement = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        ours, other: in *unit*; *other* is None where there is no other side.
        bound: the most (or with *at_least*, the least) that *judged* may be.
        judge_ratio: whether the bound is about ours/other or about *ours* itself.
    """

    row: str
    what: str
    unit: str
    ours: float
    other: float | None = None
    other_name: str = ""
    bound: float | None = None
    at_least: bool = False
    judge_ratio: bool = True
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.other if self.other else None

    @property
    def judged(self) -> float | None:
        return self.ratio if self.judge_ratio else self.ours

    @property
    def is_met(self) -> bool | None:
        if self.bound is None or self.judged is None:
            return None
        return self.judged >= self.bound if self.at_least else self.judged <= self.bound

    def line(self) -> str:
        """The figure as the table shows it."""
        sign = ">=" if self.at_least else "<="
        columns = (
            f"{self.row:<17}",
            f"{self.what:<52}",
            f"{_number(self.ours)} {self.unit}".rjust(16),
            f"{_number(self.other)} {self.other_name}".rjust(22),
            (f"{self.ratio:.2f}x" if self.ratio is not None else "").rjust(8),
            (f"{sign} {self.bound:g}{'x' * self.judge_ratio}" if self.bound else "").rjust(9),
            {True: "ok", False: "MISSED", None: ""}[self.is_met].ljust(6),
            self.note,
        )
        return " ".join(columns).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass
class Run:
    """What one run of the suite measured.

    Attributes:
        rounds: how often each side is measured; the figures are medians.
        scale: how much of the data and the time of each row; below 1 is a trial run.
    """

    rounds: int = ROUNDS
    scale: float = 1.0
    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def quick_rounds(self) -> int:
        """Rounds for what takes milliseconds, where single ones scatter most."""
        return self.rounds if self.rounds < ROUNDS else max(self.rounds, QUICK_ROUNDS)

    def scaled(self, count: int) -> int:
        return max(1, int(count * self.scale))

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.line(), flush=True)

    def skip(self, row: str, reason: str) -> None:
        self.skipped.append(f"{row}: {reason}")
        print(f"{row:<17} not measured: {reason}", flush=True)

    def compare(
        self,
        row: str,
        what: str,
        ours: Measurement,
        other: Measurement | None,
        *,
        unit: str = "s",
        factor: float = 1.0,
        other_name: str,
        bound: float,
        rounds: int | None = None,
    ) -> None:
        """Measure both sides in turn and add the figure.

        Args:
            ours, other: give seconds; *other* is None where its program is missing.
            unit, factor: what the seconds are shown in, and how many of it a second is.
        """
        sides = (ours,) if other is None else (ours, other)
        medians = [each * factor for each in in_turn(rounds or self.rounds, *sides)]
        self.add(
            Figure(
                row=row,
                what=what,
                unit=unit,
                ours=medians[0],
                other=None if other is None else medians[1],
                other_name=f"{other_name} is missing" if other is None else other_name,
                bound=bound,
            )
        )

    def absolute(
        self, row: str, what: str, value: float, unit: str, bound: float | None, note: str = ""
    ) -> None:
        """Add a figure whose bound is about itself."""
        self.add(
            Figure(
                row=row, what=what, unit=unit, ours=value, bound=bound, judge_ratio=False, note=note
            )
        )


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def in_turn(rounds: int, *sides: Measurement) -> list[float]:
    """Medians of all sides, measured A B A B …, so that a noisy moment hits each of them."""
    samples: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, measured in zip(sides, samples, strict=True):
            measured.append(side())
    return [statistics.median(measured) for measured in samples]


def p95(samples: list[float]) -> float:
    """The smallest sample that 95 % of them do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def heading() -> str:
    """The machine and the versions that were compared."""
    peers = [f"agent-exec {each}{'' if peer_binary(each) else ' missing'}" for each in VERSIONS]
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return "\n".join(
        (
            f"{platform.platform()}, {os.cpu_count()} cores ({_processor()}), {memory_gib:.0f} GiB",
            f"load {os.getloadavg()[0]:.2f} at the start, {time.strftime('%Y-%m-%d %H:%M')}",
            ", ".join(
                (
                    f"CPython {platform.python_version()}",
                    *(f"{name} {version(name)}" for name in ("textual", "watchfiles", "pydantic")),
                    *peers,
                )
            ),
        )
    )


def _processor() -> str:
    if sys.platform != "linux":
        return platform.processor() or platform.machine()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def save(run: Run, path: Path) -> None:
    """Write what was measured as JSON."""
    rows = [
        {**asdict(figure), "ratio": figure.ratio, "is_met": figure.is_met} for figure in run.figures
    ]
    document = {
        "machine": heading().splitlines(),
        "rounds": run.rounds,
        "scale": run.scale,
        "rows": rows,
        "skipped": run.skipped,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
