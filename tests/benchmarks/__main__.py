"""Measure this program against the real one, the system's tools and its own limits.

Absolute figures are the machine's; the ratios are what counts, and only on an idle machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / folder) for folder in ("core", "tui", "tests")]

from benchmarks import busy, cleaning, dashboard, listing, logs, memory, pump, start
from benchmarks.harness import ROUNDS, Run, heading, save
from support.compiled import compile_sources

MODULES = (pump, start, memory, listing, cleaning, logs, dashboard, busy)


def main() -> int:
    rows = {name: measure for module in MODULES for name, measure in module.ROWS.items()}
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {', '.join(rows)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--scale", type=float, default=1.0, help="of the data; 0.1 for a trial")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where test data goes")
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(rows)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")

    compile_sources()
    print(heading(), flush=True)
    if chosen.scale < 1 or chosen.rounds < ROUNDS:
        print("a trial run: too little is measured for its figures to count")
    run = Run(rounds=chosen.rounds, scale=chosen.scale)
    for name in chosen.rows or rows:
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=chosen.scratch) as scratch:
            rows[name](run, Path(scratch))
    if chosen.json:
        save(run, chosen.json)
    missed = [f"{figure.row} ({figure.what})" for figure in run.figures if figure.is_met is False]
    print(f"{len(run.figures)} figures, missed: {'; '.join(missed) or 'none'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
